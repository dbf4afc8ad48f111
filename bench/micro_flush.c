// SPDX-License-Identifier: Apache-2.0
/* bench/micro_flush: what a worker does for a delivery besides the kernel's part, in ns or
 * instructions per delivery: a record is mapped, published, read, encoded, planned, gathered, given
 * to a socket that takes all, and settled. k: updates for a connection in one send. */
#include "bench/micro.h"
#include "bench/null_worker.h"

struct load {
    const char *name;
    struct null_conf conf;
    uint32_t burst;    /* records of a round */
    uint32_t per_conn; /* of those, updates for each connection */
    uint64_t timed_ops;
    uint64_t counted_ops;
};

struct running {
    struct null_worker *nw;
    const struct load *load;
};

static void run(void *ctx, uint64_t ops)
{
    const struct running *r = ctx;
    const struct null_conf *conf = &r->load->conf;
    uint64_t round = conf->conn_cnt ? (uint64_t)conf->conn_cnt * r->load->per_conn : r->load->burst;
    uint64_t from = null_worker_deliveries(r->nw);
    TC_ASSERT(ops % round == 0);
    for (uint64_t i = 0; i < ops; i += round)
        null_worker_round(r->nw, r->load->burst);
    if (null_worker_deliveries(r->nw) - from != (conf->conn_cnt ? ops : 0))
        micro_fail("deliveries are missing");
}

int main(int argc, char **argv)
{
    static const struct load loads[] = {
        { "ws, k=1", { NULL_WS, 1000, 1, 1 }, 1, 1, 200000, 20000 },
        { "ws, k=10", { NULL_WS, 1000, 1, 1 }, 10, 10, 2000000, 50000 },
        { "ws, k=100", { NULL_WS, 1000, 1, 1 }, 100, 100, 10000000, 400000 },
        { "ws, one connection, k=1", { NULL_WS, 1, 1, 1 }, 1, 1, 20000, 2000 },
        { "ws, 50 rooms a connection, k=50", { NULL_WS, 1000, 50, 50 }, 50, 50, 2000000, 100000 },
        { "ws, 50 of 1000 rooms, 50 alike", { NULL_WS, 1000, 1000, 50 }, 1000, 50, 500000, 100000 },
        { "ws, 50 of 1009 rooms, none alike",
          { NULL_WS, 1000, 1009, 50 },
          1009,
          50,
          500000,
          100000 },
        { "ws, 1000 rooms, one each", { NULL_WS, 1000, 1000, 1 }, 1000, 1, 20000, 4000 },
        { "ws, 10000 rooms, one each", { NULL_WS, 10000, 10000, 1 }, 10000, 1, 20000, 10000 },
        { "grpc, k=1", { NULL_GRPC, 1000, 1, 1 }, 1, 1, 100000, 10000 },
        { "grpc, k=10", { NULL_GRPC, 1000, 1, 1 }, 10, 10, 1000000, 50000 },
        { "no subscriber, 10000 rooms", { NULL_WS, 0, 10000, 1 }, 200, 0, 40000, 4000 },
    };
    micro_start(argc, argv);
    for (size_t i = 0; i < TC_ARRAY_CNT(loads); i++) {
        const struct load *l = &loads[i];
        if (!micro_wants(l->name))
            continue;
        struct running r = { null_worker_open(&l->conf), l };
        struct micro_case c = { l->name, run, &r, l->timed_ops, l->counted_ops, 0 };
        micro_run(&c);
        null_worker_close(r.nw);
    }
    return micro_end();
}
