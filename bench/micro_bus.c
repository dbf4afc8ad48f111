// SPDX-License-Identifier: Apache-2.0
/* bench/micro_bus: what the bus costs on one core, per event.
 *
 * Publishing includes the room head, links, eviction and the commit of each batch; records are
 * mapped already. */
#include "bench/micro.h"
#include "core/bus/bus.h"

enum { BATCH = 64 };

static struct tc_bus bus;
static _Atomic uint64_t sleeping;
static char payload[1024];

static void open_bus(struct tc_mem *mem, uint32_t room_cnt)
{
    struct tc_bus_conf conf = {
        .event_cnt = 1 << 16,
        .payload_bytes = 1 << 24,
        .payload_max = 65536,
        .last_value_bytes = 1 << 24,
        .room_max = room_cnt + 1,
        .mem = mem,
        .holder = "bench",
    };
    struct tc_err err;
    tc_mem_init(mem, 0);
    if (tc_bus_init(&bus, &conf, &sleeping, &err) < 0)
        micro_fail(err.text);
}

struct load {
    const char *name;
    uint32_t room_cnt;
    uint32_t len;
    int64_t pos;
};

static void publish(void *ctx, uint64_t ops)
{
    struct load *l = ctx;
    for (uint64_t i = 0; i < ops; i++) {
        struct tc_bus_put put = {
            /* scattered as symbols are: a multiplicative hash, not a walk */
            .room = (uint32_t)(((uint64_t)((uint32_t)i * 2654435769u) * l->room_cnt) >> 32),
            .kind = TC_BUS_UPDATE,
            .pos = l->pos++,
            .ts_ms = 1723075200150,
            .ingest_ns = 1000,
            .payload = payload,
            .len = l->len,
        };
        tc_bus_publish(&bus, &put);
        if (i % BATCH == BATCH - 1)
            (void)tc_bus_commit(&bus, false);
    }
}

static void bench_publish(struct load l)
{
    struct tc_mem mem;
    if (!micro_wants(l.name))
        return;
    open_bus(&mem, l.room_cnt);
    /* counted too: more events than the ring holds, so that each one evicts */
    micro_run(&(struct micro_case){ l.name, publish, &l, 1 << 20, 1 << 17, 150 });
    tc_mem_fini(&mem);
}

static uint64_t oldest; /* of READABLE events that the ring holds */
enum { READABLE = 1 << 15 };

static void skip(void *ctx, uint64_t ops)
{
    uint64_t sum = 0;
    (void)ctx;
    for (uint64_t i = 0; i < ops; i++)
        sum += tc_bus_peek_room(&bus, oldest + i % READABLE) == 7;
    micro_keep(sum);
}

static void read_and_copy(void *ctx, uint64_t ops)
{
    char copy[1024];
    uint64_t sum = 0;
    (void)ctx;
    for (uint64_t i = 0; i < ops; i++) {
        struct tc_bus_event event;
        if (tc_bus_read(&bus, oldest + i % READABLE, &event) < 0 ||
            tc_bus_copy(&bus, &event, copy) < 0)
            micro_fail("an event has left the ring");
        sum += (uint64_t)copy[0];
    }
    micro_keep(sum);
}

static void bench_read(void)
{
    struct tc_mem mem;
    struct load l = { "", 1000, 150, 1 };
    open_bus(&mem, l.room_cnt);
    publish(&l, 1 << 17);
    oldest = tc_bus_head(&bus) - READABLE + 1;
    micro_run(&(struct micro_case){ "bus skip an event", skip, NULL, 1 << 22, 1 << 15, 0 });
    micro_run(&(struct micro_case){ "bus read and copy 150 B", read_and_copy, NULL, 1 << 20,
                                    1 << 15, 0 });
    tc_mem_fini(&mem);
}

int main(int argc, char **argv)
{
    micro_start(argc, argv);
    memset(payload, 'x', sizeof(payload));
    bench_publish((struct load){ "bus publish 150 B, 1 room", 1, 150, 1 });
    bench_publish((struct load){ "bus publish 150 B, 1000 rooms", 1000, 150, 1 });
    bench_publish((struct load){ "bus publish 256 B, 10000 rooms", 10000, 256, 1 });
    bench_read();
    return micro_end();
}
