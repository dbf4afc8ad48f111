// SPDX-License-Identifier: Apache-2.0
/* bench/micro_command: what it costs on one core to understand a client's command (proto/json/cmd),
 * per command. */
#include <stdio.h>

#include "bench/micro.h"
#include "proto/json/cmd.h"

enum { LIST = 50, TEXT_BYTES = 4096 };

static struct tc_json_pool pool;
static struct tc_cmd_room rooms[TC_CMD_ROOMS_MAX];

static void parse(void *ctx, uint64_t ops)
{
    const char *text = ctx;
    size_t len = strlen(text);
    uint64_t sum = 0;
    for (uint64_t i = 0; i < ops; i++) {
        struct tc_cmd cmd;
        if (tc_cmd_parse(&pool, text, len, rooms, TC_CMD_ROOMS_MAX, &cmd) < 0)
            micro_fail("a command is refused");
        sum += cmd.room_cnt;
    }
    micro_keep(sum);
}

static void bench(const char *name, char *text, uint64_t timed_ops)
{
    micro_run(&(struct micro_case){ name, parse, text, timed_ops, 1000, 0 });
}

int main(int argc, char **argv)
{
    struct tc_mem mem;
    struct tc_err err;
    char ping[] = "{\"event\":\"ping\",\"id\":7}";
    char one[] = "{\"event\":\"subscribe\",\"id\":7,"
                 "\"data\":{\"rooms\":[\"ticker-BTCUSDT\"],\"snapshot\":true}}";
    char shorthand[] = "{\"event\":\"subscribe-ticker\",\"data\":\"BTCUSDT\",\"id\":7}";
    char list[TEXT_BYTES] = "{\"event\":\"subscribe\",\"id\":7,\"data\":{\"rooms\":";
    size_t len = strlen(list);
    micro_start(argc, argv);
    tc_mem_init(&mem, 0);
    if (tc_json_pool_init(&pool, TC_CMD_BYTES_MAX, &mem, "bench", &err) < 0)
        micro_fail(err.text);
    for (uint32_t i = 0; i < LIST; i++)
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%c\"ticker-SYM%03uUSDT\"",
                                i ? ',' : '[', i);
    snprintf(list + len, sizeof(list) - len, "],\"snapshot\":true}}");
    bench("parse ping", ping, 1 << 18);
    bench("parse subscribe of one room", one, 1 << 18);
    bench("parse subscribe-ticker", shorthand, 1 << 18);
    bench("parse subscribe of 50 rooms", list, 1 << 14);
    tc_mem_fini(&mem);
    return micro_end();
}
