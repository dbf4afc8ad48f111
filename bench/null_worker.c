// SPDX-License-Identifier: Apache-2.0
#include "bench/null_worker.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "bench/micro.h"
#include "core/base/fmt.h"
#include "core/conf/parse.h"
#include "core/topo/check_rules.h"
#include "proto/pb/wire.h"
#include "proto/ws/client.h"
#include "tools/tickcast/services.h"

enum { NO_FD = 1000000 }; /* of connections that no kernel knows */

/* ---- the reactor ---- */

struct tc_reactor {
    struct tc_reactor_event event; /* the next one, if has_event */
    bool has_event;
    uint32_t opened; /* slot of the last connection */
    int32_t results[TC_TURN_SENDS_MAX];
    uint32_t send_cnt;
};

struct tc_source { /* brings `due` records */
    const struct null_conf *conf;
    uint32_t due;
    uint32_t room; /* of the next record */
    int64_t pos;
    bool is_started;
    char value[NULL_PAYLOAD_BYTES];
};

struct null_worker {
    struct null_conf conf;
    struct tc_mem mem;
    struct tc_conf tc_conf;
    struct tc_rules rules;
    struct tc_reactor reactor;
    struct tc_source source;
    struct tc_source_env env;
    struct tc_ingest ingest;
    struct tc_metric_ingest ingest_metric;
    struct tc_metric_worker metric;
    struct tc_worker worker;
    _Atomic uint64_t sleeping;
    int64_t now_ns;
    uint32_t slots[NULL_CONNS_MAX];
    uint8_t input[NULL_INPUT_BYTES];
};

static struct null_worker the;

static int null_open(struct tc_reactor **out, const struct tc_reactor_conf *conf,
                     struct tc_err *err)
{
    (void)conf;
    (void)err;
    *out = &the.reactor;
    return TC_OK;
}

static void null_close(struct tc_reactor *r)
{
    (void)r;
}

static int null_tag(struct tc_reactor *r, int fd, uint32_t tag)
{
    (void)r;
    (void)fd;
    (void)tag;
    return TC_OK;
}

static void null_slot(struct tc_reactor *r, uint32_t slot)
{
    (void)r;
    (void)slot;
}

static int null_conn_open(struct tc_reactor *r, uint32_t slot, int fd)
{
    (void)fd;
    r->opened = slot;
    return TC_OK;
}

static int null_want_writable(struct tc_reactor *r, uint32_t slot)
{
    (void)r;
    (void)slot;
    micro_fail("a socket that is never full is waited for");
}

static void null_send(struct tc_reactor *r, uint32_t slot, const struct iovec *iov,
                      uint32_t iov_cnt)
{
    size_t len = 0;
    (void)slot;
    for (uint32_t i = 0; i < iov_cnt; i++)
        len += iov[i].iov_len;
    r->results[r->send_cnt++] = (int32_t)len;
}

static void null_send_file(struct tc_reactor *r, uint32_t slot, int fd, int64_t off, uint32_t len)
{
    (void)r;
    (void)slot;
    (void)fd;
    (void)off;
    (void)len;
    micro_fail("pages are shared without a kernel");
}

static uint32_t null_send_flush(struct tc_reactor *r, int32_t *results)
{
    uint32_t cnt = r->send_cnt;
    memcpy(results, r->results, sizeof(*results) * cnt);
    r->send_cnt = 0;
    return cnt;
}

static uint32_t null_poll(struct tc_reactor *r, int64_t timeout_ns, uint32_t event_max,
                          tc_reactor_event_fn fn, void *ctx)
{
    (void)timeout_ns;
    (void)event_max;
    if (!r->has_event)
        return 0;
    struct tc_reactor_event event = r->event;
    r->has_event = false;
    fn(ctx, &event);
    return 1;
}

static void null_stats(const struct tc_reactor *r, struct tc_reactor_stats *out)
{
    (void)r;
    memset(out, 0, sizeof(*out));
}

static const struct tc_reactor_ops null_ops = {
    .name = "null",
    .open = null_open,
    .close = null_close,
    .accept_start = null_tag,
    .accept_stop = null_slot,
    .watch = null_tag,
    .conn_open = null_conn_open,
    .conn_close = null_slot,
    .conn_shutdown = null_slot,
    .want_writable = null_want_writable,
    .send = null_send,
    .send_file = null_send_file,
    .send_flush = null_send_flush,
    .poll = null_poll,
    .stats = null_stats,
};

/* ---- the source ---- */

static int source_open(struct tc_source **out, const struct tc_source_env *env, struct tc_err *err)
{
    (void)err;
    *out = env->log_ctx;
    return TC_OK;
}

static void push_record(struct tc_source *s, const struct tc_source_sink *sink, int64_t wall_ms)
{
    char key[1 + TC_FMT_U64_MAX] = "S";
    size_t len = 1 + tc_fmt_u64(key + 1, s->room);
    struct tc_record record = {
        .pos = s->pos++,
        .ts_ms = wall_ms,
        .topic = TC_STR("t"),
        .key = { key, len },
        .value = { s->value, sizeof(s->value) },
    };
    s->room = s->room + 1 == s->conf->room_cnt ? 0 : s->room + 1;
    sink->record(sink->ctx, &record);
}

static int source_poll(struct tc_source *s, const struct tc_source_sink *sink, uint32_t record_max,
                       int64_t now_ns, int64_t wall_ms)
{
    uint32_t cnt = TC_MIN(s->due, record_max);
    (void)now_ns;
    if (!s->is_started) {
        struct tc_log_info info = { "main/t/0@1", 0, 0, 0, TC_NONE };
        if (sink->log_open(sink->ctx, &info) != 0)
            micro_fail("no log");
        sink->ready(sink->ctx, TC_SOURCE_FINE, "");
        sink->progress(sink->ctx, 0, 0, 0, true);
        s->is_started = true;
        return 1;
    }
    if (cnt == 0)
        return 0;
    s->due -= cnt;
    for (uint32_t i = 0; i < cnt; i++)
        push_record(s, sink, wall_ms);
    sink->progress(sink->ctx, 0, s->pos, -1, false);
    return (int)cnt;
}

static int source_wake_fd(struct tc_source *s)
{
    (void)s;
    return -1;
}

static int64_t source_wake_at_ns(struct tc_source *s)
{
    return s->due || !s->is_started ? 0 : INT64_MAX;
}

static void source_stats(struct tc_source *s, struct tc_source_stats *out)
{
    (void)s;
    memset(out, 0, sizeof(*out));
}

static void source_close(struct tc_source *s)
{
    (void)s;
}

static const struct tc_source_ops source_ops = {
    .kind = "null",
    .open = source_open,
    .poll = source_poll,
    .wake_fd = source_wake_fd,
    .wake_at_ns = source_wake_at_ns,
    .stats = source_stats,
    .close = source_close,
};

/* ---- the worker ---- */

static const char yaml[] =
    "workers: { idle: spin }\n"
    "sources:\n"
    "  - name: main\n"
    "    kafka: { brokers: \"b:1\", topics: [ { topic: t, room: \"ticker-{key}\","
    " event: ticker-update } ] }\n";

static void clock_of(void *ctx, int64_t *mono_ns, int64_t *wall_ns)
{
    const struct null_worker *nw = ctx;
    *mono_ns = nw->now_ns;
    *wall_ns = nw->now_ns + 1723075200ll * 1000000000;
}

static void set_limits(struct null_worker *nw)
{
    const uint32_t hour_ms = 3600 * 1000;
    struct tc_conf_limits *l = &nw->tc_conf.limits;
    struct tc_conf_source *s = &nw->tc_conf.sources[0];
    l->rooms = nw->conf.room_cnt;
    l->connections = nw->conf.conn_cnt + 1;
    l->members = l->pending = nw->conf.conn_cnt * nw->conf.follow_cnt + NULL_FOLLOW_MAX;
    l->waiting_rooms = l->streams = nw->conf.conn_cnt + 1;
    l->cmd_rate = l->cmd_burst = 1000000;
    nw->tc_conf.timeouts.ping_ms = hour_ms; /* nobody here answers */
    nw->tc_conf.timeouts.idle_ms = 2 * hour_ms;
    nw->tc_conf.timeouts.stale_ms = 0;
    s->history_events = 32768;
    s->history_bytes = 16 << 20;
    s->last_value_bytes = 16 << 20;
}

static int open_ingest(struct null_worker *nw, struct tc_err *err)
{
    static const int bells[] = { -1 };
    nw->env.log_ctx = &nw->source;
    nw->ingest_metric.source = "main";
    struct tc_ingest_conf conf = {
        .conf = &nw->tc_conf,
        .rules = &nw->rules,
        .ops = &source_ops,
        .env = &nw->env,
        .sleeping = &nw->sleeping,
        .bells = bells,
        .worker_cnt = 1,
        .key = { 1, 2 },
        .metric = &nw->ingest_metric,
        .mem = &nw->mem,
    };
    int rc = tc_ingest_init(&nw->ingest, &conf, err);
    return rc == TC_OK ? tc_ingest_open(&nw->ingest, err) : rc;
}

static int open_worker(struct null_worker *nw, struct tc_err *err)
{
    static struct tc_ingest *const fused[] = { &the.ingest };
    static const struct tc_metric_worker *const peers[] = { &the.metric };
    static struct tc_fan_feed feed;
    feed = (struct tc_fan_feed){ &nw->ingest.bus, &nw->ingest.dir, &nw->ingest.logs };
    struct tc_worker_conf conf = {
        .conf = &nw->tc_conf,
        .rules = &nw->rules,
        .feeds = &feed,
        .feed_cnt = 1,
        .fused = fused,
        .fused_cnt = 1,
        .ops = &null_ops,
        .pages = { .min = UINT32_MAX },
        .bell = -1,
        .sleeping = &nw->sleeping,
        .grpc = &tc_services,
        .key = { 3, 4 },
        .clock = clock_of,
        .clock_ctx = nw,
        .metric = &nw->metric,
        .peers = peers,
        .peer_cnt = 1,
        .mem = &nw->mem,
    };
    int rc = tc_worker_open(&nw->worker, &conf, err);
    return rc == TC_OK ? tc_worker_listen(&nw->worker, (int[]){ NO_FD, -1 }) : rc;
}

static void settle(struct null_worker *nw)
{
    while (tc_worker_turn(&nw->worker, false) > 0)
        ;
}

void null_worker_round(struct null_worker *nw, uint32_t burst)
{
    nw->source.due = burst;
    nw->now_ns += 1000000;
    settle(nw);
}

static void push_event(struct null_worker *nw, const struct tc_reactor_event *event)
{
    nw->reactor.event = *event;
    nw->reactor.has_event = true;
    settle(nw);
}

void null_worker_say(struct null_worker *nw, uint32_t idx, const void *bytes, size_t len)
{
    TC_ASSERT(len <= sizeof(nw->input));
    memcpy(nw->input, bytes, len); /* the session may change them in place */
    push_event(nw, &(struct tc_reactor_event){ .kind = TC_REACTOR_RECV,
                                               .slot = nw->slots[idx],
                                               .res = (int)len,
                                               .data = nw->input });
}

/* ---- clients ---- */

size_t null_worker_frame(uint8_t *out, const char *text, size_t len)
{
    static const uint8_t mask[4] = { 1, 2, 3, 4 };
    size_t head = tc_ws_client_header(out, TC_WS_TEXT, len, mask);
    TC_ASSERT(head + len <= NULL_INPUT_BYTES);
    memcpy(out + head, text, len);
    tc_ws_mask(out + head, len, mask, 0);
    return head + len;
}

static void upgrade(struct null_worker *nw, uint32_t idx)
{
    static const uint8_t nonce[TC_WS_NONCE_BYTES];
    char request[1024];
    size_t len =
        tc_ws_client_request(request, sizeof(request), "127.0.0.1:8080", "/ws", NULL, nonce);
    null_worker_say(nw, idx, request, len);
}

static void subscribe_ws(struct null_worker *nw, uint32_t idx)
{
    char text[4096];
    uint8_t frame[NULL_INPUT_BYTES];
    size_t len =
        (size_t)snprintf(text, sizeof(text), "{\"event\":\"subscribe\",\"data\":{\"rooms\":");
    for (uint32_t i = 0; i < nw->conf.follow_cnt; i++) {
        uint32_t room = (idx * nw->conf.follow_cnt + i) % nw->conf.room_cnt;
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%c\"ticker-S%u\"", i ? ',' : '[',
                                room);
    }
    len += (size_t)snprintf(text + len, sizeof(text) - len, "]}}");
    TC_ASSERT(len < sizeof(text));
    upgrade(nw, idx);
    null_worker_say(nw, idx, frame, null_worker_frame(frame, text, len));
}

static nghttp2_ssize read_request(nghttp2_session *session, int32_t stream, uint8_t *buf,
                                  size_t cap, uint32_t *flags, nghttp2_data_source *source,
                                  void *ctx)
{
    const struct tc_str *body = source->ptr;
    (void)session;
    (void)stream;
    (void)ctx;
    TC_ASSERT(body->len <= cap);
    memcpy(buf, body->ptr, body->len);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (nghttp2_ssize)body->len;
}

/* Prefix (5 bytes) and a SubscribeRequest of one room; returns its bytes. */
static size_t make_request(uint8_t *bytes, size_t cap, const char *room)
{
    struct tc_pb_out out = tc_pb_out(bytes, cap);
    const uint8_t prefix[] = { 0, 0, 0, 0, (uint8_t)(2 + strlen(room)) };
    tc_pb_put(&out, prefix, sizeof(prefix));
    tc_pb_put_bytes(&out, 1, tc_str_from(room));
    TC_ASSERT(!out.is_full);
    return (size_t)(out.at - bytes);
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){ (uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value),
                         NGHTTP2_NV_FLAG_NONE };
}

/* All windows are as large as can be: they are not opened again. */
static void submit_call(nghttp2_session *session, struct tc_str *body)
{
    const nghttp2_settings_entry entry = { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, INT32_MAX };
    const nghttp2_nv fields[] = {
        field(":method", "POST"),
        field(":scheme", "http"),
        field(":path", "/jts.marketdata.v1.MarketDataService/Subscribe"),
        field(":authority", "127.0.0.1:8080"),
        field("content-type", "application/grpc"),
        field("te", "trailers"),
    };
    const nghttp2_data_provider2 data = { .source.ptr = body, .read_callback = read_request };
    if (nghttp2_submit_settings(session, 0, &entry, 1) != 0 ||
        nghttp2_session_set_local_window_size(session, 0, 0, INT32_MAX) != 0 ||
        nghttp2_submit_request2(session, NULL, fields, TC_ARRAY_CNT(fields), &data, NULL) < 0)
        micro_fail("nghttp2 refuses the call");
}

static void subscribe_grpc(struct null_worker *nw, uint32_t idx)
{
    char room[32];
    uint8_t request[64];
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *session;
    const uint8_t *bytes;
    snprintf(room, sizeof(room), "ticker-S%u", idx % nw->conf.room_cnt);
    struct tc_str body = { (const char *)request, make_request(request, sizeof(request), room) };
    if (nghttp2_session_callbacks_new(&callbacks) != 0 ||
        nghttp2_session_client_new(&session, callbacks, NULL) != 0)
        micro_fail("no memory");
    submit_call(session, &body);
    for (nghttp2_ssize n; (n = nghttp2_session_mem_send2(session, &bytes)) > 0;)
        null_worker_say(nw, idx, bytes, (size_t)n);
    nghttp2_session_del(session);
    nghttp2_session_callbacks_del(callbacks);
}

static void connect_all(struct null_worker *nw)
{
    uint32_t member_cnt = nw->conf.conn_cnt * nw->conf.follow_cnt;
    for (uint32_t i = 0; i < nw->conf.conn_cnt; i++) {
        push_event(nw, &(struct tc_reactor_event){
                           .kind = TC_REACTOR_ACCEPT, .slot = TC_NET_PLAIN, .res = NO_FD });
        nw->slots[i] = nw->reactor.opened;
        if (nw->conf.dialect == NULL_GRPC)
            subscribe_grpc(nw, i);
        else if (nw->conf.follow_cnt)
            subscribe_ws(nw, i);
        else
            upgrade(nw, i);
    }
    const struct tc_fan_stats *s = tc_fan_stats(nw->worker.fan);
    if (s->member_cnt != member_cnt || s->behind_cnt || s->parked_cnt)
        micro_fail("not all clients are subscribed");
}

/* ---- the whole ---- */

struct null_worker *null_worker_open(const struct null_conf *conf)
{
    struct null_worker *nw = &the;
    struct tc_err err = { 0 };
    TC_ASSERT(conf->conn_cnt <= NULL_CONNS_MAX && conf->follow_cnt <= NULL_FOLLOW_MAX);
    TC_ASSERT(conf->room_cnt > 0 && (conf->dialect == NULL_WS || conf->follow_cnt == 1));
    memset(nw, 0, sizeof(*nw));
    nw->conf = *conf;
    nw->now_ns = 1000000000;
    nw->source = (struct tc_source){ .conf = &nw->conf };
    micro_tick(nw->source.value, sizeof(nw->source.value));
    tc_mem_init(&nw->mem, 0);
    int rc = tc_conf_parse(&nw->tc_conf, tc_str_from(yaml), NULL, &err);
    if (rc == TC_OK)
        rc = tc_check_rules(&nw->tc_conf, &nw->rules, &err);
    if (rc == TC_OK) {
        set_limits(nw);
        rc = open_ingest(nw, &err);
    }
    if (rc == TC_OK)
        rc = open_worker(nw, &err);
    if (rc < 0)
        micro_fail(err.text);
    settle(nw);
    null_worker_round(nw, conf->room_cnt);
    connect_all(nw);
    return nw;
}

void null_worker_close(struct null_worker *nw)
{
    tc_worker_close(&nw->worker);
    tc_ingest_fini(&nw->ingest);
    tc_conf_fini(&nw->tc_conf);
    tc_mem_fini(&nw->mem);
}

uint64_t null_worker_deliveries(const struct null_worker *nw)
{
    return tc_fan_stats(nw->worker.fan)->delivery_cnt;
}

struct tc_fan *null_worker_fan(struct null_worker *nw)
{
    return nw->worker.fan;
}

uint32_t null_worker_slot(const struct null_worker *nw, uint32_t idx)
{
    return nw->slots[idx];
}

int64_t null_worker_now_ns(const struct null_worker *nw)
{
    return nw->now_ns;
}
