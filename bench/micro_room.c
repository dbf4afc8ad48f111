// SPDX-License-Identifier: Apache-2.0
/* bench/micro_room: what names of rooms cost on one core: a record's room in the directory, per
 * record; a client's subscriptions, with their ends, per room. */
#include <stdio.h>

#include "bench/micro.h"
#include "bench/null_worker.h"

enum { NAME_BYTES = 24, CLIENTS = 2000 };

/* ---- names as ingest looks them up ---- */

static char names[NULL_ROOMS_MAX][NAME_BYTES];

static struct tc_str name_of(uint32_t idx)
{
    return tc_str_from(names[idx]);
}

struct names {
    struct tc_dir dir;
    uint32_t cnt;
};

static void intern(void *ctx, uint64_t ops)
{
    struct names *n = ctx;
    for (uint64_t i = 0; i < ops; i++) {
        bool is_new;
        uint32_t idx = (uint32_t)i * 2654435769u % n->cnt;
        if (tc_dir_intern(&n->dir, name_of(idx), 0, &is_new) != idx)
            micro_fail("a room has another number");
    }
}

static void bench_intern(const char *name, uint32_t room_cnt)
{
    static const struct tc_hash_key key = { 1, 2 };
    struct tc_mem mem;
    struct tc_err err;
    struct names n = { .cnt = room_cnt };
    tc_mem_init(&mem, 0);
    if (tc_dir_init(&n.dir, room_cnt, &key, &mem, "bench", &err) < 0)
        micro_fail(err.text);
    for (uint32_t i = 0; i < room_cnt; i++) {
        bool is_new;
        (void)tc_dir_intern(&n.dir, name_of(i), 0, &is_new);
    }
    micro_run(&(struct micro_case){ name, intern, &n, 1 << 20, 1 << 14, 0 });
    tc_mem_fini(&mem);
}

/* ---- subscriptions ---- */

struct wishes {
    struct null_worker *nw;
    uint32_t room_cnt; /* that there are */
    uint32_t list;     /* rooms at once */
    uint32_t next;
};

/* Subscribes to a list, and leaves it before anything was sent. */
static void come_and_go(void *ctx, uint64_t ops)
{
    struct wishes *w = ctx;
    struct tc_fan *fan = null_worker_fan(w->nw);
    uint32_t conn = null_worker_slot(w->nw, 0);
    for (uint64_t i = 0; i < ops; i += w->list) {
        uint8_t reply[TC_NOTICE_BYTES_MAX];
        size_t reply_len;
        for (uint32_t r = 0; r < w->list; r++) {
            struct tc_fan_wish wish = { .room = name_of((w->next + r) % w->room_cnt),
                                        .is_snapshot = true };
            if (tc_fan_subscribe(fan, conn, &wish, null_worker_now_ns(w->nw), reply, &reply_len) !=
                0)
                micro_fail("a subscription is refused");
        }
        for (uint32_t r = 0; r < w->list; r++) {
            if (tc_fan_unsubscribe(fan, conn, name_of((w->next + r) % w->room_cnt), NULL, NULL) < 0)
                micro_fail("a subscription is not there");
        }
        w->next = (w->next + w->list) % w->room_cnt;
    }
}

static void bench_come_and_go(const char *name, uint32_t room_cnt, uint32_t list)
{
    if (!micro_wants(name))
        return;
    struct null_conf conf = { NULL_WS, 1, room_cnt, 0 };
    struct wishes w = { null_worker_open(&conf), room_cnt, list, 0 };
    micro_run(&(struct micro_case){ name, come_and_go, &w, 200000, 5000, 0 });
    null_worker_close(w.nw);
}

/* ---- the same as commands, answered ---- */

struct commands {
    struct null_worker *nw;
    size_t subscribe_len, unsubscribe_len;
    uint8_t subscribe[NULL_INPUT_BYTES];
    uint8_t unsubscribe[NULL_INPUT_BYTES];
};

static void say(void *ctx, uint64_t ops)
{
    struct commands *c = ctx;
    uint64_t from = null_worker_deliveries(c->nw);
    for (uint64_t i = 0; i < ops; i++) {
        null_worker_say(c->nw, 0, c->subscribe, c->subscribe_len);
        null_worker_say(c->nw, 0, c->unsubscribe, c->unsubscribe_len);
    }
    if (null_worker_deliveries(c->nw) - from != ops)
        micro_fail("snapshots are missing");
}

/* Client 0, whose room is the other one, joins and leaves the room of every second client. */
static void bench_say(const char *name)
{
    static struct commands c;
    static const char join[] = "{\"event\":\"subscribe\",\"id\":1,"
                               "\"data\":{\"rooms\":[\"ticker-S1\"],\"snapshot\":true}}";
    static const char part[] = "{\"event\":\"unsubscribe\",\"id\":2,"
                               "\"data\":{\"rooms\":[\"ticker-S1\"]}}";
    if (!micro_wants(name))
        return;
    struct null_conf conf = { NULL_WS, CLIENTS, 2, 1 };
    c.nw = null_worker_open(&conf);
    c.subscribe_len = null_worker_frame(c.subscribe, join, sizeof(join) - 1);
    c.unsubscribe_len = null_worker_frame(c.unsubscribe, part, sizeof(part) - 1);
    micro_run(&(struct micro_case){ name, say, &c, 20000, 500, 0 });
    null_worker_close(c.nw);
}

int main(int argc, char **argv)
{
    micro_start(argc, argv);
    for (uint32_t i = 0; i < NULL_ROOMS_MAX; i++)
        snprintf(names[i], NAME_BYTES, "ticker-S%u", i);
    bench_intern("look up a room of 1", 1);
    bench_intern("look up a room of 10000", NULL_ROOMS_MAX);
    bench_come_and_go("come and go, 1 room", 1, 1);
    bench_come_and_go("come and go, 1 of 10000 rooms", NULL_ROOMS_MAX, 1);
    bench_come_and_go("come and go, lists of 50 of 10000 rooms", NULL_ROOMS_MAX, 50);
    bench_say("subscribe, snapshot, unsubscribe, room of 1000");
    return micro_end();
}
