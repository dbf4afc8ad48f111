// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/sub_wire: how `tickcast sub` reaches an engine: WebSocket or gRPC, behind one
 * table. What comes in goes to tc_sub_on_message. One thread. */
#ifndef TC_TOOLS_TICKCAST_SUB_WIRE_H
#define TC_TOOLS_TICKCAST_SUB_WIRE_H

#include "tools/tickcast/link.h"
#include "tools/tickcast/sub_feed.h"

struct tc_sub_wire {
    enum tc_url_kind kind;
    const char *url; /* of an engine with its defaults on this machine */

    /* All of them wait, and return -TC_EAGAIN when the link is told to stop. -TC_EIO, -TC_EINVAL:
     * no connection, or no engine; *err says which. */
    int (*open)(void **conn, const struct tc_link_to *to, struct tc_err *err);

    /* Sends the commands for all rooms. */
    int (*subscribe)(void *conn, struct tc_sub *sub, struct tc_err *err);

    /* Asks for a sign of life. */
    int (*ping)(void *conn, struct tc_err *err);

    /* Waits at most timeout_ms. > 0: something arrived, 0: nothing did; -TC_ECLOSED, -TC_EIO:
     * connect again; -TC_ENOTSUP: the engine will not have it, however often it is asked. */
    int (*read)(void *conn, int timeout_ms, struct tc_sub *sub, struct tc_err *err);

    void (*close)(void *conn);
};

extern const struct tc_sub_wire tc_sub_ws;
extern const struct tc_sub_wire tc_sub_grpc;

#endif
