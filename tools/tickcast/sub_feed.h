// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/sub_feed: what `tickcast sub` makes of the server's messages.
 *
 * Commands out, messages in, lines to a stream; no socket and no clock, so that it can be tested
 * with texts. One thread. */
#ifndef TC_TOOLS_TICKCAST_SUB_FEED_H
#define TC_TOOLS_TICKCAST_SUB_FEED_H

#include <stdio.h>

#include "core/base/err.h"
#include "tools/tickcast/chain.h"

enum {
    TC_SUB_ROOMS_MAX = TC_CMD_ROOMS_MAX, /* the server's own limit for one connection */
    TC_SUB_COMMAND_MAX = 32 * 1024,      /* bytes of one command; a server takes 64 KiB */
};

struct tc_sub_room {
    char name[TC_ROOM_NAME_MAX + 1];
    struct tc_chain chain;
    bool is_refused;
};

struct tc_sub_stats {
    uint64_t update_cnt; /* snapshots included */
    uint64_t snapshot_cnt;
    uint64_t proved_cnt;    /* updates that follow on the one before */
    uint64_t hole_cnt;      /* undeclared: prev > last */
    uint64_t again_cnt;     /* pos <= last */
    uint64_t gap_cnt;       /* declared */
    uint64_t conflated_cnt; /* updates said to be skipped */
    uint64_t recovered_cnt;
    uint64_t cannot_recover_cnt;
    uint64_t error_cnt; /* error events */
    uint64_t junk_cnt;  /* messages that are not of the protocol */
    uint64_t reconnect_cnt;
};

struct tc_sub {
    FILE *out;  /* lines */
    FILE *note; /* notices of text mode */
    bool is_json;
    bool is_quiet; /* no updates, only notices */
    bool is_colour;
    bool has_snapshot;  /* ask for snapshots */
    uint64_t count_max; /* updates, 0: no end */
    struct tc_sub_room *rooms;
    uint32_t room_cnt;
    uint32_t refused_cnt;         /* rooms that the server has not confirmed since */
    uint32_t command_refused_cnt; /* error events about no single room */
    int64_t reconnect_ms;         /* of a `draining`; -1: none */
    struct tc_sub_stats stats;
};

/* Rooms from names (legal, checked here). -TC_EINVAL or -TC_ELIMIT with *err filled. */
int tc_sub_init(struct tc_sub *sub, char *const *names, uint32_t name_cnt,
                struct tc_err *err) TC_MUST_CHECK;
void tc_sub_fini(struct tc_sub *sub);

/* The next `subscribe` command of a fresh connection, that the caller frees with tc_free; *next_idx
 * starts at 0 and moves on. NULL: all rooms are in. Each room that has a place in a log resumes
 * there. As JSON text, and as a StreamRequest of gRPC. */
char *tc_sub_command(struct tc_sub *sub, uint32_t *next_idx, size_t *len_out) TC_MUST_CHECK;
char *tc_sub_command_pb(struct tc_sub *sub, uint32_t *next_idx, size_t *len_out) TC_MUST_CHECK;

/* One message. True: go on; false: count_max is reached. */
bool tc_sub_on_message(struct tc_sub *sub, const char *text, size_t len);

/* The last lines: what was seen and what was proved. */
void tc_sub_summary(const struct tc_sub *sub);

/* Says on note what the server refused, in JSON mode too. False: nothing. */
bool tc_sub_tell_refused(const struct tc_sub *sub);

/* Holes or repeated positions were seen. */
static inline bool tc_sub_is_broken(const struct tc_sub *sub)
{
    return sub->stats.hole_cnt + sub->stats.again_cnt > 0;
}

#endif
