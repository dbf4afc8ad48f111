// SPDX-License-Identifier: Apache-2.0
/* proto/schema: the program's own message types (the .proto files beside this one).
 *
 * tc_schema_set is the FileDescriptorSet that protoc makes of them at build time, with all that
 * they import and google/protobuf's well-known types; proto/pb/schema loads it. Messages that our
 * own services read have generated code too: <jts/marketdata/v1/request.pb-c.h>,
 * <grpc/health/v1/health.pb-c.h>, <grpc/reflection/v1/reflection.pb-c.h> and the one of v1alpha.
 * That code has no bound on depth and takes any bytes as text: tc_pb_check comes first. */
#ifndef TC_PROTO_SCHEMA_SCHEMA_H
#define TC_PROTO_SCHEMA_SCHEMA_H

#include "core/base/base.h"

extern const struct tc_str tc_schema_set;

#endif
