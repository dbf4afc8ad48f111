// SPDX-License-Identifier: Apache-2.0
/* io/session/command: what is done with a client's command, whatever dialect it came in. */
#ifndef TC_IO_SESSION_COMMAND_H
#define TC_IO_SESSION_COMMAND_H

#include "io/session/session.h"

/* Who sent it, and how it is answered. */
struct tc_commander {
    struct tc_net *net;
    uint32_t slot;    /* the connection: its rate counts */
    uint32_t conn;    /* what fan knows the subscriber as; nothing is planned for it */
    uint32_t dialect; /* enum tc_session_dialect */
    void *ctx;
    bool (*is_open)(const struct tc_commander *who); /* may go on: it has not ended meanwhile */
    void (*write)(const struct tc_commander *who, const void *bytes, size_t len);
    /* Too many in a row were refused for coming too fast. */
    void (*end)(const struct tc_commander *who);
};

/* Carries the command out, or says why not. rc: what parsing it returned; below 0 cmd has an error.
 */
void tc_command(const struct tc_commander *who, struct tc_cmd *cmd, int rc);

/* What a refusal by fan means to clients; -TC_ENOTSUP: the room is private. *message is static. */
enum tc_code tc_command_refusal(int rc, const char **message);

#endif
