// SPDX-License-Identifier: Apache-2.0
/* bench/micro_encode: what it costs on one core to write an update of 150 B, or a notice, as each
 * dialect sends it: once per room and turn, framing included. */
#include "bench/micro.h"
#include "io/session/session.h"

enum { VALUE_BYTES = 150, SYMBOLS = 16, COUNTED = 4096 };

static char value[VALUE_BYTES];
static struct tc_str rooms[SYMBOLS];
static uint8_t frame[2 * VALUE_BYTES + TC_UPDATE_OVERHEAD_MAX + TC_NOTICE_BYTES_MAX];

static void make_rooms(void)
{
    static const char *const names[SYMBOLS] = {
        "ticker-BTCUSDT", "ticker-ETHUSDT",  "ticker-SOLUSDT",  "ticker-XRPUSDT",
        "ticker-ADAUSDT", "ticker-DOGEUSDT", "ticker-DOTUSDT",  "ticker-LTCUSDT",
        "ticker-BNBUSDT", "ticker-AVAXUSDT", "ticker-TRXUSDT",  "ticker-LINKUSDT",
        "ticker-BCHUSDT", "ticker-UNIUSDT",  "ticker-ATOMUSDT", "ticker-XMRUSDT",
    };
    for (uint32_t i = 0; i < SYMBOLS; i++)
        rooms[i] = tc_str_from(names[i]);
}

static void update(void *ctx, uint64_t ops)
{
    const struct tc_dialect *dialect = *(const struct tc_dialect *const *)ctx;
    uint64_t sum = 0;
    struct tc_update u = {
        .event = TC_STR("ticker-update"),
        .ts_ms = 1723075200150,
        .payload = value,
        .len = VALUE_BYTES,
    };
    for (uint64_t i = 0; i < ops; i++) {
        u.room = rooms[i % SYMBOLS];
        u.prev = (int64_t)(18273640 + i);
        u.pos = u.prev + 7;
        u.ts_ms++;
        sum += dialect->update(&u, frame);
    }
    micro_keep(sum);
}

static void confirm(void *ctx, uint64_t ops)
{
    const struct tc_dialect *dialect = *(const struct tc_dialect *const *)ctx;
    uint64_t sum = 0;
    struct tc_notice n = {
        .kind = TC_NOTICE_CONFIRMED,
        .id = TC_STR("1"),
        .log = TC_STR("main/ticks/3@9f2c41d0"),
        .symbol = TC_STR("BTCUSDT"),
    };
    for (uint64_t i = 0; i < ops; i++) {
        n.room = rooms[i % SYMBOLS];
        n.pos = (int64_t)(18273640 + i);
        sum += dialect->notice(&n, frame);
    }
    micro_keep(sum);
}

static void bench(const char *name, enum tc_session_dialect dialect, bool is_notice, int goal_ns)
{
    const struct tc_dialect *ctx = tc_session_dialects[dialect];
    micro_run(&(struct micro_case){ name, is_notice ? confirm : update, &ctx, 1 << 18, COUNTED,
                                    goal_ns });
}

int main(int argc, char **argv)
{
    micro_start(argc, argv);
    micro_tick(value, VALUE_BYTES);
    make_rooms();
    bench("encode 150 B as ws-json", TC_SESSION_WS_JSON, false, 60);
    bench("encode 150 B as grpc", TC_SESSION_GRPC, false, 30);
    bench("encode 150 B as grpc-web", TC_SESSION_WEB, false, 0);
    bench("encode 150 B as grpc-web-text", TC_SESSION_WEB_TEXT, false, 0);
    bench("confirmation as ws-json", TC_SESSION_WS_JSON, true, 0);
    bench("confirmation as grpc", TC_SESSION_GRPC, true, 0);
    return micro_end();
}
