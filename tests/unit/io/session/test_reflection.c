// SPDX-License-Identifier: Apache-2.0
/* Goal: reflection tells the services that there are and the files that define them, in both
 * versions alike; what it does not know it says it does not know. */
#include "proto/pb/schema.h"
#include "proto/pb/wire.h"
#include "proto/schema/schema.h"
#include "tests/unit/io/session/web_toy.h"

#define PATH(version) "/grpc.reflection." version ".ServerReflection/ServerReflectionInfo"

/* Numbers of reflection.proto. */
enum { FILE_NAME = 3, SYMBOL = 4, EXTENSION = 5, EXTENSIONS_OF = 6, SERVICES = 7 };

static const char *const paths[] = { PATH("v1"), PATH("v1alpha") };
static const struct tc_grpc_service *const services[] = { &tc_marketdata, &tc_health,
                                                          &tc_reflection, &tc_reflection_alpha };
static const struct tc_grpc_server server = { .services = services,
                                              .service_cnt = TC_ARRAY_CNT(services) };
static struct tc_pb_schema schema;
static struct tc_mem mem;

static void init(void)
{
    struct nx_options o = nx_defaults();
    struct tc_err err = { 0 };
    o.grpc = &server;
    nx_init(&nx, &o);
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_pb_schema_load(&schema, &tc_schema_set, 1, &mem, "test", &err), TC_OK, "%s",
                 err.text);
    nx.tc_sessions.schema = &schema;
}

static void fini(void)
{
    nx_fini(&nx);
    tc_mem_fini(&mem);
}

/* A question with one field; the question is kept, for the answer repeats it. */
static char question[512];
static size_t question_len;

static void put_question(uint32_t number, const char *text)
{
    struct tc_pb_out out = tc_pb_out(question, sizeof(question));
    tc_pb_put_bytes(&out, 1, TC_STR("host"));
    tc_pb_put_bytes(&out, number, tc_str_from(text));
    question_len = (size_t)(out.at - (uint8_t *)question);
    web_message(question, question_len);
}

/* The bytes of the answer that arrives, which is the only one; the call ends well. */
static struct tc_str ask(const char *path, uint32_t number, const char *text)
{
    static struct web_bytes answer;
    struct tc_str piece;
    size_t used = 0;
    web_accept();
    put_question(number, text);
    web_post(path, WEB_TYPE, "", 0);
    web_send_by(NX_RECV_BYTES);
    nx_run(&nx);
    struct nx_sock *s = &nx.reactor.socks[web.slot];
    s->got_off = (uint32_t)web_read_head(s->got);
    answer.len = 0;
    for (int rc = TC_HTTP1_BODY_PIECE; rc != TC_HTTP1_BODY_END; s->got_off += (uint32_t)used) {
        rc = tc_http1_body_feed(&web.body, s->got + s->got_off, s->got_len - s->got_off, &used,
                                &piece);
        cr_assert(rc == TC_HTTP1_BODY_PIECE || rc == TC_HTTP1_BODY_END);
        if (rc == TC_HTTP1_BODY_PIECE)
            web_put(&answer, piece.ptr, piece.len);
    }
    size_t len = (size_t)answer.bytes[2] << 16 | (size_t)answer.bytes[3] << 8 | answer.bytes[4];
    web_put(&answer, "", 1);
    cr_assert_str_eq((char *)answer.bytes + len + 2 * (size_t)TC_GRPC_PREFIX_BYTES,
                     "grpc-status: 0\r\n");
    nx_end(&nx, web.slot, 0);
    return (struct tc_str){ (const char *)answer.bytes + TC_GRPC_PREFIX_BYTES, len };
}

/* The one field of that number, of a message that may have others. */
static struct tc_str field_of(struct tc_str message, uint32_t number, uint64_t *value)
{
    struct tc_pb_in in = tc_pb_in(message);
    struct tc_pb_item item;
    struct tc_str found = { NULL, 0 };
    uint32_t cnt = 0;
    int rc;
    while ((rc = tc_pb_next(&in, &item)) == 1) {
        if (item.number != number)
            continue;
        found = item.bytes;
        *value = item.value;
        cnt++;
    }
    cr_assert(rc == 0 && cnt == 1, "field %u: %u", number, cnt);
    return found;
}

/* Answers repeat the question. */
static struct tc_str answer_of(const char *path, uint32_t number, const char *text, uint32_t kind)
{
    uint64_t value;
    struct tc_str message = ask(path, number, text);
    struct tc_str repeated = field_of(message, 2, &value);
    cr_assert_eq(repeated.len, question_len);
    cr_assert_eq(memcmp(repeated.ptr, question, question_len), 0);
    return field_of(message, kind, &value);
}

static void check_error(const char *path, uint32_t number, const char *text, uint64_t status,
                        const char *detail)
{
    uint64_t value = 0;
    struct tc_str error = answer_of(path, number, text, 7);
    (void)field_of(error, 1, &value);
    cr_expect_eq(value, status, "%s", text);
    struct tc_str said = field_of(error, 2, &value);
    cr_expect(tc_str_eq(said, tc_str_from(detail)), "%.*s", (int)said.len, said.ptr);
}

Test(reflection, services)
{
    /* Goal: all services, by name, in their order. */
    init();
    for (size_t p = 0; p < TC_ARRAY_CNT(paths); p++) {
        struct tc_str list = answer_of(paths[p], SERVICES, "*", 6);
        struct tc_pb_in in = tc_pb_in(list);
        struct tc_pb_item item;
        uint64_t value;
        for (size_t i = 0; i < TC_ARRAY_CNT(services); i++) {
            cr_assert_eq(tc_pb_next(&in, &item), 1);
            cr_assert_eq(item.number, 1);
            struct tc_str name = field_of(item.bytes, 1, &value);
            cr_assert(tc_str_eq(name, tc_str_from(services[i]->name)));
        }
        cr_assert_eq(tc_pb_next(&in, &item), 0);
    }
    fini();
}

Test(reflection, files)
{
    /* Goal: each file by its name, and by the services, methods, messages that it defines. */
    static const struct {
        uint32_t number;
        const char *text;
        const char *file;
    } rows[] = {
        { FILE_NAME, "jts/marketdata/v1/tick.proto", "jts/marketdata/v1/tick.proto" },
        { FILE_NAME, "google/protobuf/any.proto", "google/protobuf/any.proto" },
        { SYMBOL, "jts.marketdata.v1.MarketDataService", "jts/marketdata/v1/marketdata.proto" },
        { SYMBOL, "jts.marketdata.v1.MarketDataService.Subscribe",
          "jts/marketdata/v1/marketdata.proto" },
        { SYMBOL, "jts.marketdata.v1.Event", "jts/marketdata/v1/event.proto" },
        { SYMBOL, "grpc.health.v1.Health", "grpc/health/v1/health.proto" },
        { SYMBOL, "grpc.reflection.v1.ServerReflection", "grpc/reflection/v1/reflection.proto" },
        { SYMBOL, "grpc.reflection.v1alpha.ServerReflection",
          "grpc/reflection/v1alpha/reflection.proto" },
    };
    init();
    for (size_t i = 0; i < 2 * TC_ARRAY_CNT(rows); i++) {
        uint64_t value;
        size_t r = i / 2;
        struct tc_str files = answer_of(paths[i % 2], rows[r].number, rows[r].text, 4);
        struct tc_str file = field_of(files, 1, &value);
        struct tc_str name = field_of(file, 1, &value);
        cr_assert(tc_str_eq(name, tc_str_from(rows[r].file)), "%s", rows[r].text);
        const struct tc_pb_file *want = tc_pb_file(&schema, tc_str_from(rows[r].file));
        cr_assert(want && tc_str_eq(file, want->bytes), "%s", rows[r].text);
    }
    fini();
}

Test(reflection, what_is_not_known)
{
    /* Goal: unknown names and extensions are NOT_FOUND, no question is INVALID_ARGUMENT; the call
     * goes on all the same. */
    init();
    for (size_t p = 0; p < TC_ARRAY_CNT(paths); p++) {
        static const char nothing[] = "this server knows nothing of that name";
        check_error(paths[p], FILE_NAME, "jts/none.proto", TC_GRPC_NOT_FOUND, nothing);
        check_error(paths[p], SYMBOL, "jts.None", TC_GRPC_NOT_FOUND, nothing);
        check_error(paths[p], SYMBOL, "", TC_GRPC_NOT_FOUND, nothing);
        check_error(paths[p], EXTENSION, "\x0a\x01x", TC_GRPC_NOT_FOUND,
                    "this server knows no extensions");
        check_error(paths[p], EXTENSIONS_OF, "jts.marketdata.v1.Tick", TC_GRPC_NOT_FOUND,
                    "this server knows no extensions");
        check_error(paths[p], 99, "x", TC_GRPC_INVALID_ARGUMENT, "nothing is asked for");
    }
    nx.tc_sessions.schema = NULL;
    check_error(paths[0], SYMBOL, "jts.marketdata.v1.Event", TC_GRPC_INVALID_ARGUMENT,
                "nothing is asked for");
    fini();
}

Test(reflection, conversation)
{
    /* Goal: questions of one call are answered in order; one that is malformed ends it. */
    init();
    web_accept();
    put_question(SYMBOL, "jts.None");
    put_question(FILE_NAME, "jts/none.proto");
    web_message("\x0a\xff", 2);
    put_question(SERVICES, "");
    web_post(paths[0], WEB_TYPE, "", 0);
    const char *got = web_run();
    const char *second = strstr(got, "jts/none.proto");
    cr_assert(second && strstr(got, "jts.None") < second, "%s", got);
    cr_assert_not_null(strstr(second, "T grpc-status: 3; grpc-message: the message is not "
                                      "well-formed protobuf of its type; \nend\n"),
                       "%s", got);
    fini();
}

Test(reflection, drain)
{
    /* Goal: a stop ends an open conversation with UNAVAILABLE. */
    init();
    web_accept();
    put_question(SERVICES, "");
    web_post(paths[0], WEB_TYPE, "", 1000);
    web_request.len -= sizeof(TC_HTTP1_LAST_CHUNK) - 1;
    cr_assert(web_line_is(web_run(), "200 keep\nM "));
    tc_net_drain(&nx.net, 0, nx.net.slot_max, 0);
    nx_run(&nx);
    cr_assert_str_eq(web_take(), "T grpc-status: 14; grpc-message: the server restarts; \nend\n");
    web_check_finished(TC_CLOSE_ANSWERED);
    fini();
}
