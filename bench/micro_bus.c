// SPDX-License-Identifier: Apache-2.0
/* bench/micro_bus: what the bus costs on one core, in ns per event.
 *
 * Publishing includes the room head, links, eviction and the commit of each batch; records are
 * mapped already. */
#include "bench/micro.h"
#include "core/bus/bus.h"

enum { EVENTS = 1 << 20, BATCH = 64 };

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
    if (tc_bus_init(&bus, &conf, &sleeping, &err) < 0) {
        fprintf(stderr, "micro-bus: %s\n", err.text);
        exit(5);
    }
}

static double publish(uint32_t room_cnt, uint32_t len, int64_t *pos)
{
    int64_t from = micro_now_ns();
    for (uint32_t i = 0; i < EVENTS; i++) {
        struct tc_bus_put put = {
            /* scattered as symbols are: a multiplicative hash, not a walk */
            .room = (uint32_t)(((uint64_t)(i * 2654435769u) * room_cnt) >> 32),
            .kind = TC_BUS_UPDATE,
            .pos = (*pos)++,
            .ts_ms = 1723075200150,
            .ingest_ns = from,
            .payload = payload,
            .len = len,
        };
        tc_bus_publish(&bus, &put);
        if (i % BATCH == BATCH - 1)
            (void)tc_bus_commit(&bus, false);
    }
    return (double)(micro_now_ns() - from) / (double)EVENTS;
}

static void bench_publish(const char *name, uint32_t room_cnt, uint32_t len, int goal_ns)
{
    struct tc_mem mem;
    double runs[MICRO_RUNS];
    int64_t pos = 1;
    open_bus(&mem, room_cnt);
    publish(room_cnt, len, &pos); /* touches the pages */
    for (int i = 0; i < MICRO_RUNS; i++)
        runs[i] = publish(room_cnt, len, &pos);
    micro_report(name, runs, goal_ns);
    tc_mem_fini(&mem);
}

static void bench_read(void)
{
    struct tc_mem mem;
    double skips[MICRO_RUNS];
    double reads[MICRO_RUNS];
    static char copy[1024];
    int64_t pos = 1;
    uint64_t sum = 0;
    open_bus(&mem, 1000);
    publish(1000, 150, &pos);
    uint64_t head = tc_bus_head(&bus);
    enum { CNT = 50000 }; /* fewer than the ring holds */
    for (int i = 0; i < MICRO_RUNS; i++) {
        int64_t from = micro_now_ns();
        for (uint64_t seq = head - CNT + 1; seq <= head; seq++)
            sum += tc_bus_peek_room(&bus, seq) == 7;
        skips[i] = (double)(micro_now_ns() - from) / (double)CNT;
        from = micro_now_ns();
        for (uint64_t seq = head - CNT + 1; seq <= head; seq++) {
            struct tc_bus_event event;
            if (tc_bus_read(&bus, seq, &event) < 0 || tc_bus_copy(&bus, &event, copy) < 0)
                exit(5);
            sum += (uint64_t)copy[0];
        }
        reads[i] = (double)(micro_now_ns() - from) / (double)CNT;
    }
    if (sum == 1)
        fprintf(stderr, "unlikely\n");
    micro_report("bus skip an event", skips, 0);
    micro_report("bus read and copy 150 B", reads, 0);
    tc_mem_fini(&mem);
}

int main(void)
{
    memset(payload, 'x', sizeof(payload));
    bench_publish("bus publish 150 B, 1 room", 1, 150, 150);
    bench_publish("bus publish 150 B, 1000 rooms", 1000, 150, 150);
    bench_publish("bus publish 256 B, 10000 rooms", 10000, 256, 150);
    bench_read();
    return 0;
}
