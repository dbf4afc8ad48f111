// SPDX-License-Identifier: Apache-2.0
/* proto/grpc/request: commands of the gRPC dialect (proto/schema/jts/marketdata/v1/request.proto),
 * read from the wire into the same struct as those of the JSON dialect. Nothing is copied or
 * allocated. Any thread. */
#ifndef TC_PROTO_GRPC_REQUEST_H
#define TC_PROTO_GRPC_REQUEST_H

#include "proto/json/cmd.h"

/* A SubscribeRequest, and a StreamRequest with its one command. Views stay valid as long as bytes.
 * rooms has TC_CMD_ROOMS_MAX items. TC_OK; 1: cmd->code and cmd->message say what is wrong with the
 * command, and cmd->id is set; -TC_EINVAL: it is no such message (malformed, or text that is not
 * UTF-8): *detail (static) says why. */
int tc_grpc_subscribe_read(const uint8_t *bytes, size_t len, struct tc_cmd_room *rooms,
                           struct tc_cmd *cmd, const char **detail) TC_MUST_CHECK;
int tc_grpc_command_read(const uint8_t *bytes, size_t len, struct tc_cmd_room *rooms,
                         struct tc_cmd *cmd, const char **detail) TC_MUST_CHECK;

/* Of a GetSnapshotRequest; TC_OK or -TC_EINVAL. */
int tc_grpc_snapshot_read(const uint8_t *bytes, size_t len, struct tc_str *room,
                          const char **detail) TC_MUST_CHECK;

struct tc_grpc_page {
    struct tc_str prefix;
    struct tc_str token;
    uint64_t size;
};

/* Of a ListRoomsRequest; TC_OK or -TC_EINVAL. */
int tc_grpc_page_read(const uint8_t *bytes, size_t len, struct tc_grpc_page *page,
                      const char **detail) TC_MUST_CHECK;

#endif
