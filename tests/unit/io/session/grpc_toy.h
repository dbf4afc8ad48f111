// SPDX-License-Identifier: Apache-2.0
/* A service whose messages are scripts, one step a line, and a log of what its methods are told:
 *   h NAME VALUE   add_header     t NAME VALUE  add_trailer     g  use_gzip     H  send_head
 *   s TEXT         send           p TEXT        send, packed    n COUNT  send so many bytes
 *   a MS           arm            f STATUS TEXT finish
 * A step that is refused is logged. */
#ifndef TC_TESTS_UNIT_IO_SESSION_GRPC_TOY_H
#define TC_TESTS_UNIT_IO_SESSION_GRPC_TOY_H

#include "tests/unit/io/session/grpc_wire.h"

enum { TOY_MESSAGE_MAX = 1 << 20 };

struct toy_state {
    uint32_t message_cnt;
};

static char toy_log[1 << 16];
static size_t toy_len;
static uint32_t toy_end_cnt;

__attribute__((format(printf, 1, 2))) static inline void toy_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(toy_log + toy_len, sizeof(toy_log) - toy_len, format, args);
    va_end(args);
    toy_len += (size_t)len;
    cr_assert_lt(toy_len, sizeof(toy_log));
}

/* The log since the last call. */
static inline const char *toy_take(void)
{
    static char text[sizeof(toy_log)];
    memcpy(text, toy_log, toy_len);
    text[toy_len] = 0;
    toy_len = 0;
    return text;
}

/* ---- scripts ---- */

static inline void toy_field(struct tc_grpc_call *call, char way, struct tc_str rest)
{
    const char *blank = memchr(rest.ptr, ' ', rest.len);
    struct tc_str name = { rest.ptr, blank ? (size_t)(blank - rest.ptr) : rest.len };
    struct tc_str value = TC_STR("");
    if (blank)
        value = (struct tc_str){ blank + 1, rest.len - name.len - 1 };
    bool is_taken =
        way == 'h' ? tc_grpc_add_header(call, name, value) : tc_grpc_add_trailer(call, name, value);
    if (!is_taken)
        toy_note("refused %c\n", way);
}

static inline uint32_t toy_number(struct tc_str text)
{
    uint32_t value = 0;
    for (size_t i = 0; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
        value = value * 10 + (uint32_t)(text.ptr[i] - '0');
    return value;
}

static inline void toy_finish(struct tc_grpc_call *call, struct tc_str rest)
{
    const char *blank = memchr(rest.ptr, ' ', rest.len);
    struct tc_str text = TC_STR("");
    if (blank)
        text = (struct tc_str){ blank + 1, rest.len - (size_t)(blank + 1 - rest.ptr) };
    uint32_t status = toy_number(rest) % TC_GRPC_STATUS_CNT;
    tc_grpc_finish(call, (enum tc_grpc_status)status, text);
}

static inline void toy_step(struct tc_grpc_call *call, char step, struct tc_str rest)
{
    static uint8_t many[2 << 20];
    switch (step) {
    case 'h':
    case 't':
        toy_field(call, step, rest);
        break;
    case 'g':
        tc_grpc_use_gzip(call);
        break;
    case 'H':
        tc_grpc_send_head(call);
        break;
    case 's':
    case 'p':
        tc_grpc_send(call, rest.ptr, (uint32_t)rest.len, step == 'p');
        break;
    case 'n':
        memset(many, 'n', sizeof(many));
        tc_grpc_send(call, many, TC_MIN(toy_number(rest), (uint32_t)sizeof(many)), false);
        break;
    case 'a':
        /* what is due already is done whenever the connection is looked at */
        tc_grpc_arm(call, tc_grpc_now_ns(call) + TC_MAX(toy_number(rest), 1u) * (int64_t)FX_MS);
        break;
    case 'f':
        toy_finish(call, rest);
        break;
    default:
        break;
    }
}

static inline void toy_do(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    const char *at = (const char *)bytes;
    const char *end = at + len;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end ? line_end : end;
        size_t n = (size_t)(line_end - at);
        struct tc_str rest = { n > 2 ? at + 2 : "", n > 2 ? n - 2 : 0 };
        if (n > 0)
            toy_step(call, *at, rest);
        at = line_end + (line_end < end);
    }
}

/* ---- methods ---- */

static inline const char *toy_name(const struct tc_grpc_call *call)
{
    return strrchr(call->method->path, '/') + 1;
}

static inline void toy_on_start(struct tc_grpc_call *call, const struct tc_grpc_head *head)
{
    toy_note("start %s", toy_name(call));
    for (uint32_t i = 0; i < head->field_cnt; i++) {
        const struct tc_http1_field *f = &head->fields[i];
        if (f->name.len > 2 && memcmp(f->name.ptr, "x-", 2) == 0)
            toy_note(" %.*s=%.*s", (int)f->name.len, f->name.ptr, (int)f->value.len, f->value.ptr);
    }
    if (head->timeout_ns >= 0)
        toy_note(" timeout=%lld", (long long)head->timeout_ns);
    toy_note("\n");
}

static inline void toy_on_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    struct toy_state *state = (struct toy_state *)call->state;
    state->message_cnt++;
    toy_note("message %u\n", len);
    toy_do(call, bytes, len);
}

static inline void toy_on_half_close(struct tc_grpc_call *call)
{
    const struct toy_state *state = (const struct toy_state *)call->state;
    char text[32];
    toy_note("half\n");
    int len = snprintf(text, sizeof(text), "%u messages", state->message_cnt);
    tc_grpc_send(call, text, (uint32_t)len, false);
    tc_grpc_finish(call, TC_GRPC_OK, TC_STR(""));
}

static inline void toy_on_writable(struct tc_grpc_call *call)
{
    cr_assert_leq(tc_grpc_backlog(call), (size_t)TC_GRPC_WRITABLE);
    toy_note("writable\n");
}

static inline void toy_on_timer(struct tc_grpc_call *call)
{
    toy_note("timer\n");
    tc_grpc_send(call, "tick", 4, false);
}

static inline void toy_on_drain(struct tc_grpc_call *call, uint32_t reconnect_ms)
{
    (void)reconnect_ms;
    toy_note("drain\n");
    tc_grpc_finish(call, TC_GRPC_UNAVAILABLE, TC_STR("drained"));
}

static inline void toy_on_end(struct tc_grpc_call *call)
{
    toy_end_cnt++;
    toy_note("end %s\n", tc_grpc_status_name((enum tc_grpc_status)call->status));
}

#define TOY_METHOD(name, kind)                                                                     \
    { .path = "/toy.Toy/" name,                                                                    \
      .shape = kind,                                                                               \
      .request = "toy.Script",                                                                     \
      .response = "toy.Text",                                                                      \
      .on_start = toy_on_start,                                                                    \
      .on_message = toy_on_message,                                                                \
      .on_half_close = toy_on_half_close,                                                          \
      .on_writable = toy_on_writable,                                                              \
      .on_timer = toy_on_timer,                                                                    \
      .on_drain = toy_on_drain,                                                                    \
      .on_end = toy_on_end }

static const struct tc_grpc_method toy_methods[] = {
    TOY_METHOD("Unary", TC_GRPC_UNARY),
    TOY_METHOD("ClientStream", TC_GRPC_CLIENT_STREAM),
    TOY_METHOD("ServerStream", TC_GRPC_SERVER_STREAM),
    TOY_METHOD("Bidi", TC_GRPC_BIDI),
    { .path = "/toy.Toy/Bare", .shape = TC_GRPC_BIDI, .on_message = toy_on_message },
};
static const struct tc_grpc_service toy_service = { "toy.Toy", toy_methods,
                                                    TC_ARRAY_CNT(toy_methods), NULL };
static const struct tc_grpc_service *const toy_services[] = { &toy_service };

static const struct tc_grpc_server toy_server = {
    .services = toy_services,
    .service_cnt = 1,
    .message_max = TOY_MESSAGE_MAX,
};

static inline void toy_init(const struct tc_grpc_server *server)
{
    struct nx_options options = nx_defaults();
    options.grpc = server;
    nx_init(&nx, &options);
}

#define TOY_ASK(w, method, more, script)                                                           \
    gw_ask(w, "/toy.Toy/" method, more, script, sizeof(script) - 1)

#endif
