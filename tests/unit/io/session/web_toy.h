// SPDX-License-Identifier: Apache-2.0
/* A service whose methods do what the names of their paths say, for tests/unit/io/session:
 *
 *   Echo   one message, one answer
 *   Join   messages, one answer: all of them
 *   Split  one message, an answer for each of its bytes
 *   Chat   an answer for each message
 *   Early  refuses before any message, with metadata
 *   Wait   "head", "end" and "late" (in a second) say what it does; else it does nothing
 *   Flood  one message, "N": that many answers of WEB_FLOOD_BYTES, as fast as they are read
 *   Greedy the same, all at once */
#ifndef TC_TESTS_UNIT_IO_SESSION_WEB_TOY_H
#define TC_TESTS_UNIT_IO_SESSION_WEB_TOY_H

#include "io/session/marketdata.h"
#include "tests/unit/io/session/web_wire.h"

enum { WEB_FLOOD_BYTES = 16 * 1024 };

struct toy_state {
    uint32_t len;
    uint32_t left;
    char text[64];
};

static uint32_t toy_open_cnt; /* calls that have begun and not ended */
static uint32_t toy_writable_cnt;

static inline struct toy_state *toy_state(struct tc_grpc_call *call)
{
    return (struct toy_state *)(void *)call->state;
}

static inline void toy_start(struct tc_grpc_call *call, const struct tc_grpc_head *head)
{
    (void)call;
    (void)head;
    toy_open_cnt++;
}

static inline void toy_end(struct tc_grpc_call *call)
{
    (void)call;
    toy_open_cnt--;
}

static inline void toy_finish(struct tc_grpc_call *call)
{
    tc_grpc_finish(call, TC_GRPC_OK, TC_STR(""));
}

static inline void toy_echo(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    tc_grpc_send(call, bytes, len, false);
    toy_finish(call);
}

static inline void toy_join(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    struct toy_state *s = toy_state(call);
    cr_assert_leq(s->len + len, sizeof(s->text));
    memcpy(s->text + s->len, bytes, len);
    s->len += len;
}

static inline void toy_joined(struct tc_grpc_call *call)
{
    tc_grpc_send(call, toy_state(call)->text, toy_state(call)->len, false);
    toy_finish(call);
}

static inline void toy_split(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        tc_grpc_send(call, bytes + i, 1, false);
    toy_finish(call);
}

static inline void toy_chat(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    tc_grpc_send(call, bytes, len, false);
}

static inline void toy_early(struct tc_grpc_call *call, const struct tc_grpc_head *head)
{
    toy_start(call, head);
    cr_assert(tc_grpc_add_header(call, TC_STR("x-first"), TC_STR("1")));
    cr_assert(tc_grpc_add_trailer(call, TC_STR("x-last-bin"), TC_STR("\1\2")));
    tc_grpc_finish(call, TC_GRPC_ABORTED, TC_STR("not now"));
}

static inline void toy_wait(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    struct tc_str text = { (const char *)bytes, len };
    if (tc_str_eq(text, TC_STR("head")))
        tc_grpc_send_head(call);
    else if (tc_str_eq(text, TC_STR("end")))
        toy_finish(call);
    else if (tc_str_eq(text, TC_STR("late")))
        tc_grpc_arm(call, call->net->now_ns + 1000 * (int64_t)FX_MS);
}

static inline void toy_send_flood(struct tc_grpc_call *call)
{
    static const uint8_t bytes[WEB_FLOOD_BYTES];
    tc_grpc_send(call, bytes, sizeof(bytes), false);
}

static inline void toy_pour(struct tc_grpc_call *call)
{
    struct toy_state *s = toy_state(call);
    for (; s->left > 0 && !call->is_full && !call->is_done; s->left--)
        toy_send_flood(call);
    if (s->left == 0)
        toy_finish(call);
}

static inline void toy_writable(struct tc_grpc_call *call)
{
    toy_writable_cnt++;
    cr_assert_leq(tc_grpc_backlog(call), TC_GRPC_WRITABLE);
    toy_pour(call);
}

static inline uint32_t toy_number(const uint8_t *bytes, uint32_t len)
{
    char text[16];
    snprintf(text, sizeof(text), "%.*s", (int)len, (const char *)bytes);
    return (uint32_t)strtoul(text, NULL, 10);
}

static inline void toy_flood(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    toy_state(call)->left = toy_number(bytes, len);
    toy_pour(call);
}

static inline void toy_greedy(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = toy_number(bytes, len); i > 0; i--)
        toy_send_flood(call);
    toy_finish(call);
}

#define TOY(name, shape_) .path = "/toy.Service/" name, .shape = shape_, .on_end = toy_end
static const struct tc_grpc_method toy_methods[] = {
    { TOY("Echo", TC_GRPC_UNARY), .on_start = toy_start, .on_message = toy_echo },
    { TOY("Join", TC_GRPC_CLIENT_STREAM), .on_start = toy_start, .on_message = toy_join,
      .on_half_close = toy_joined },
    { TOY("Split", TC_GRPC_SERVER_STREAM), .on_start = toy_start, .on_message = toy_split },
    { TOY("Chat", TC_GRPC_BIDI), .on_start = toy_start, .on_message = toy_chat,
      .on_half_close = toy_finish },
    { TOY("Early", TC_GRPC_BIDI), .on_start = toy_early, .on_message = toy_chat },
    { TOY("Wait", TC_GRPC_BIDI), .on_start = toy_start, .on_message = toy_wait,
      .on_timer = toy_finish },
    { TOY("Flood", TC_GRPC_SERVER_STREAM), .on_start = toy_start, .on_message = toy_flood,
      .on_writable = toy_writable },
    { TOY("Greedy", TC_GRPC_SERVER_STREAM), .on_start = toy_start, .on_message = toy_greedy },
};
#undef TOY

static const struct tc_grpc_service toy_service = { "toy.Service", toy_methods,
                                                    TC_ARRAY_CNT(toy_methods), NULL };
static const struct tc_grpc_service *const toy_services[] = { &toy_service, &tc_marketdata };
static const struct tc_grpc_server toy_server = { .services = toy_services,
                                                  .service_cnt = TC_ARRAY_CNT(toy_services) };

/* With the toy and the market data's service; options NULL: the default ones. */
static inline void toy_init(const struct nx_options *options)
{
    struct nx_options o = options ? *options : nx_defaults();
    o.grpc = &toy_server;
    toy_open_cnt = toy_writable_cnt = 0;
    web_body.len = web_request.len = 0;
    nx_init(&nx, &o);
}

static inline void toy_fini(void)
{
    nx_fini(&nx);
    cr_assert_eq(toy_open_cnt, 0, "a method was not told of its end");
}

#endif
