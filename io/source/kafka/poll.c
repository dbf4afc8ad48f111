// SPDX-License-Identifier: Apache-2.0
#include "io/source/kafka/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "core/mem/mem.h"

/* What one call of poll() hands around. */
struct turn {
    struct tc_source *k;
    const struct tc_source_sink *sink;
    int64_t now_ns;
    int64_t wall_ms;
};

static void kick_side(struct tc_source *k)
{
    uint64_t one = 1;
    atomic_store(&k->is_kicked, true);
    ssize_t n = write(k->side_fd, &one, sizeof(one));
    (void)n;
}

/* ---- assignment ---- */

static void drop_held(struct tc_source *k, const struct tc_kafka_topic *t, uint32_t partition)
{
    for (uint32_t i = k->batch_idx; i < k->batch_cnt; i++) {
        rd_kafka_message_t *m = k->batch[i];
        if (!m || m->partition != (int32_t)partition || m->rkt != t->rkt)
            continue;
        rd_kafka_message_destroy(m);
        k->batch[i] = NULL;
    }
}

/* Calls to assign are gathered and made once per turn; each is a short exchange with librdkafka's
 * main thread, without the network. */
static void flush_unassign(struct tc_source *k)
{
    if (k->to_unassign->cnt == 0)
        return;
    rd_kafka_error_t *error = rd_kafka_incremental_unassign(k->rk, k->to_unassign);
    if (error) {
        tc_kafka_log(k, 'e', "unassign: %s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
    rd_kafka_topic_partition_list_destroy(k->to_unassign);
    k->to_unassign = rd_kafka_topic_partition_list_new(8);
}

static void flush_assign(struct tc_source *k)
{
    flush_unassign(k);
    if (k->to_assign->cnt == 0)
        return;
    rd_kafka_error_t *error = rd_kafka_incremental_assign(k->rk, k->to_assign);
    if (error) {
        tc_kafka_log(k, 'e', "assign: %s", rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
    }
    rd_kafka_topic_partition_list_destroy(k->to_assign);
    k->to_assign = rd_kafka_topic_partition_list_new(8);
}

static void unassign(struct tc_source *k, const struct tc_kafka_topic *t, uint32_t partition)
{
    struct tc_kafka_log *log = &t->logs[partition];
    if (!log->is_assigned)
        return;
    log->is_assigned = false;
    rd_kafka_topic_partition_list_del(k->to_assign, t->name, (int32_t)partition);
    rd_kafka_topic_partition_list_add(k->to_unassign, t->name, (int32_t)partition);
}

static void assign(struct tc_source *k, const struct tc_kafka_topic *t, uint32_t partition)
{
    struct tc_kafka_log *log = &t->logs[partition];
    unassign(k, t, partition);
    log->is_assigned = true;
    log->is_asking = false;
    log->is_gone = false;
    rd_kafka_topic_partition_list_add(k->to_assign, t->name, (int32_t)partition)->offset =
        log->next_pos;
}

/* Our position is not in the log: the side thread finds out why. */
static void ask_side(struct tc_source *k, const struct tc_kafka_topic *t, struct tc_kafka_log *log)
{
    struct tc_kafka_ask ask = { .rule = (uint32_t)(t - k->topics),
                                .partition = (uint32_t)(log - t->logs),
                                .hash = log->hash,
                                .next_pos = log->next_pos };
    if (log->is_asking)
        return;
    log->is_asking = tc_kafka_ask_push(k, &ask); /* full: check_log tries again */
    unassign(k, t, ask.partition);
}

/* ---- stale and fresh ---- */

static void set_stale(const struct turn *turn, struct tc_kafka_log *log, int64_t since_ms)
{
    if (log->is_stale || log->log == TC_NONE)
        return;
    log->is_stale = true;
    turn->sink->stale(turn->sink->ctx, log->log, TC_MAX(since_ms, 1));
}

static void set_fresh(const struct turn *turn, struct tc_kafka_log *log)
{
    if (!log->is_stale)
        return;
    log->is_stale = false;
    turn->sink->stale(turn->sink->ctx, log->log, 0);
}

static void refresh_end(const struct turn *turn, const struct tc_kafka_topic *t,
                        struct tc_kafka_log *log, int64_t age_max_ns)
{
    int64_t low = -1;
    int64_t high = -1;
    if (turn->now_ns - log->end_at_ns > age_max_ns) {
        log->end_at_ns = turn->now_ns;
        if (!rd_kafka_get_watermark_offsets(turn->k->rk, t->name, (int32_t)(log - t->logs), &low,
                                            &high) &&
            high > log->end_pos)
            log->end_pos = high;
    }
    log->end_pos = TC_MAX(log->end_pos, log->next_pos);
}

static void check_log(const struct turn *turn, const struct tc_kafka_topic *t,
                      struct tc_kafka_log *log)
{
    struct tc_source *k = turn->k;
    int64_t stale_ms = k->env.stale_ms;
    if (log->log == TC_NONE)
        return;
    if (!log->is_assigned && !log->is_asking && !log->is_gone)
        ask_side(k, t, log);
    if (log->bad_ms) {
        int64_t since_ms = TC_MAX(log->bad_ms, log->moved_ms);
        if (turn->wall_ms - since_ms >= (stale_ms ? stale_ms : 5000))
            set_stale(turn, log, since_ms);
        return;
    }
    if (!log->is_assigned || stale_ms == 0 || k->hold_until_ms)
        return;
    /* the broker has more and does not hand it out: a transaction hangs */
    refresh_end(turn, t, log, 0);
    if (log->end_pos <= log->next_pos) {
        log->behind_ms = 0;
        set_fresh(turn, log);
    } else if (log->behind_ms == 0) {
        log->behind_ms = turn->wall_ms;
        log->behind_ns = turn->now_ns;
    } else if (turn->now_ns - log->behind_ns >= stale_ms * 1000000) {
        set_stale(turn, log, log->behind_ms);
    }
}

static void check_logs(const struct turn *turn)
{
    struct tc_source *k = turn->k;
    int64_t every_ms = TC_MAX(TC_MIN((int64_t)k->env.stale_ms / 8, 500), 50);
    k->check_at_ns = turn->now_ns + every_ms * 1000000;
    for (uint32_t i = 0; i < k->env.conf->rule_cnt; i++) {
        for (uint32_t p = 0; p < k->topics[i].log_cnt; p++)
            check_log(turn, &k->topics[i], &k->topics[i].logs[p]);
    }
}

/* ---- events of the side thread ---- */

static struct tc_kafka_log *log_at(struct tc_kafka_topic *t, uint32_t partition)
{
    if (partition >= t->log_cnt) {
        uint32_t cnt = partition + 1;
        t->logs = tc_realloc(t->logs, cnt * sizeof(*t->logs));
        for (uint32_t p = t->log_cnt; p < cnt; p++)
            t->logs[p] = (struct tc_kafka_log){ .log = TC_NONE, .end_pos = -1 };
        t->log_cnt = cnt;
    }
    return &t->logs[partition];
}

static void on_open(const struct turn *turn, const struct tc_kafka_event *e)
{
    struct tc_source *k = turn->k;
    struct tc_kafka_topic *t = &k->topics[e->rule];
    struct tc_kafka_log *log = log_at(t, e->partition);
    char name[TC_LOG_NAME_MAX + 1];
    snprintf(name, sizeof(name), "%s/%s/%u@%08x", k->env.conf->name, t->name, e->partition,
             e->hash);
    struct tc_log_info info = {
        .name = name,
        .rule = e->rule,
        .partition = e->partition,
        .start_pos = e->pos,
        .replaces = log->log,
    };
    drop_held(k, t, e->partition);
    unassign(k, t, e->partition);
    int idx = turn->sink->log_open(turn->sink->ctx, &info);
    if (idx < 0) {
        tc_kafka_log(k, 'e', "log %s is not read: %s (fewer partitions per source)", name,
                     tc_err_text(idx));
        return;
    }
    *log = (struct tc_kafka_log){
        .log = (uint32_t)idx,
        .hash = e->hash,
        .next_pos = e->pos,
        .end_pos = -1,
        .moved_ms = turn->wall_ms,
    };
    assign(k, t, e->partition);
}

static void on_resume(const struct turn *turn, const struct tc_kafka_event *e)
{
    struct tc_source *k = turn->k;
    struct tc_kafka_topic *t = &k->topics[e->rule];
    struct tc_kafka_log *log = log_at(t, e->partition);
    if (log->log == TC_NONE)
        return;
    if (e->pos > log->next_pos) {
        tc_kafka_log(k, 'w',
                     "topic %s partition %u: positions %" PRId64 " to %" PRId64
                     " were deleted before they were read (retention or DeleteRecords)",
                     t->name, e->partition, log->next_pos, e->pos - 1);
        drop_held(k, t, e->partition);
        turn->sink->lost(turn->sink->ctx, log->log, log->next_pos - 1, e->pos - 1,
                         TC_GAP_RETENTION);
        log->next_pos = e->pos;
    }
    log->hash = e->hash;
    log->bad_ms = 0;
    log->moved_ms = turn->wall_ms;
    log->behind_ms = 0;
    assign(k, t, e->partition);
}

static void on_health(const struct turn *turn, const struct tc_kafka_event *e)
{
    struct tc_kafka_log *log = log_at(&turn->k->topics[e->rule], e->partition);
    if (e->kind == TC_KAFKA_BAD || e->kind == TC_KAFKA_GONE) {
        if (!log->bad_ms)
            log->bad_ms = TC_MAX(e->at_ms, 1);
        /* it stays assigned: taken away while the topic is unknown, librdkafka 2.0 never lets go of
         * it and cannot be ended. What it may read of a new topic is dropped until OPEN. */
        if (e->kind == TC_KAFKA_GONE)
            log->is_gone = true;
        return;
    }
    if (log->bad_ms) { /* silence before it does not count */
        log->bad_ms = 0;
        log->behind_ms = 0;
        log->moved_ms = turn->wall_ms;
        set_fresh(turn, log);
    }
    log->end_pos = TC_MAX(log->end_pos, e->end);
}

static void on_state(const struct turn *turn, const struct tc_kafka_event *e)
{
    struct tc_source *k = turn->k;
    char text[sizeof(k->text)];
    pthread_mutex_lock(&k->mutex);
    memcpy(text, k->text, sizeof(text));
    pthread_mutex_unlock(&k->mutex);
    flush_assign(k); /* ready means: being read */
    turn->sink->ready(turn->sink->ctx, e->state, text);
}

static int take_events(const struct turn *turn)
{
    struct tc_kafka_event e;
    int cnt = 0;
    while (cnt < TC_KAFKA_RING_MAX && tc_kafka_event_pop(turn->k, &e)) {
        cnt++;
        switch (e.kind) {
        case TC_KAFKA_OPEN:
            on_open(turn, &e);
            break;
        case TC_KAFKA_RESUME:
            on_resume(turn, &e);
            break;
        case TC_KAFKA_GONE:
        case TC_KAFKA_FINE:
        case TC_KAFKA_BAD:
            on_health(turn, &e);
            break;
        case TC_KAFKA_STATE:
            on_state(turn, &e);
            break;
        }
    }
    flush_assign(turn->k);
    return cnt;
}

/* ---- records ---- */

static bool get_header(void *ctx, struct tc_str name, struct tc_str *out)
{
    const rd_kafka_message_t *m = ctx;
    rd_kafka_headers_t *headers = NULL;
    char z[TC_KAFKA_HEADER_NAME_MAX + 1];
    const void *value = NULL;
    size_t len = 0;
    if (name.len > TC_KAFKA_HEADER_NAME_MAX || rd_kafka_message_headers(m, &headers))
        return false;
    memcpy(z, name.ptr, name.len);
    z[name.len] = 0;
    if (rd_kafka_header_get_last(headers, z, &value, &len))
        return false;
    *out = (struct tc_str){ value ? value : "", value ? len : 0 };
    return true;
}

static void touch(struct tc_source *k, const struct tc_kafka_topic *t, struct tc_kafka_log *log)
{
    if (log->is_touched)
        return;
    TC_ASSERT(k->touched_cnt < TC_KAFKA_BATCH_MAX);
    log->is_touched = true;
    k->touched_rule[k->touched_cnt] = (uint32_t)(t - k->topics);
    k->touched[k->touched_cnt++] = log;
}

static void moved(const struct turn *turn, struct tc_kafka_log *log, int64_t next_pos)
{
    log->next_pos = next_pos;
    log->behind_ms = 0;
    log->moved_ms = turn->wall_ms;
    log->bad_ms = 0;
    set_fresh(turn, log);
}

static void on_record(const struct turn *turn, const rd_kafka_message_t *m,
                      struct tc_kafka_topic *t, struct tc_kafka_log *log)
{
    rd_kafka_timestamp_type_t type;
    int64_t ts_ms = rd_kafka_message_timestamp(m, &type);
    if (m->offset < log->next_pos)
        return; /* was handed on before: librdkafka began again a little earlier */
    struct tc_record record = {
        .rule = (uint32_t)(t - turn->k->topics),
        .log = log->log,
        .partition = (uint32_t)m->partition,
        .pos = m->offset,
        .ts_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : ts_ms,
        .topic = { t->name, strlen(t->name) },
        .key = { m->key, m->key ? m->key_len : 0 },
        .value = { m->payload, m->payload ? m->len : 0 },
        .header = get_header,
        .header_ctx = (void *)(uintptr_t)m,
    };
    uint64_t cnt = atomic_load_explicit(&turn->k->record_cnt, memory_order_relaxed);
    atomic_store_explicit(&turn->k->record_cnt, cnt + 1, memory_order_relaxed); /* one writer */
    moved(turn, log, m->offset + 1);
    turn->sink->record(turn->sink->ctx, &record);
    touch(turn->k, t, log);
}

static void on_eof(const struct turn *turn, const rd_kafka_message_t *m,
                   const struct tc_kafka_topic *t, struct tc_kafka_log *log)
{
    moved(turn, log, TC_MAX(log->next_pos, m->offset));
    refresh_end(turn, t, log, 0);
    turn->sink->progress(turn->sink->ctx, log->log, log->next_pos, log->end_pos, true);
}

static void on_problem(const struct turn *turn, const rd_kafka_message_t *m,
                       const struct tc_kafka_topic *t, struct tc_kafka_log *log)
{
    struct tc_source *k = turn->k;
    atomic_fetch_add_explicit(&k->error_cnt, 1, memory_order_relaxed);
    tc_kafka_log(k, 'w', "topic %s partition %d: %s", t ? t->name : "?", (int)m->partition,
                 rd_kafka_message_errstr(m));
    switch ((int)m->err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case TC_KAFKA_ERR_LOG_TRUNCATION:
        if (log)
            ask_side(k, t, log);
        break;
    default:
        kick_side(k);
        break;
    }
}

static void on_message(const struct turn *turn, const rd_kafka_message_t *m)
{
    struct tc_kafka_topic *t = m->rkt ? rd_kafka_topic_opaque(m->rkt) : NULL;
    struct tc_kafka_log *log = NULL;
    if (t && m->partition >= 0 && (uint32_t)m->partition < t->log_cnt)
        log = &t->logs[m->partition];
    bool is_ours = log && log->is_assigned && !log->is_gone && log->log != TC_NONE;
    if (m->err && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        on_problem(turn, m, t, is_ours ? log : NULL);
    else if (!is_ours)
        return; /* left over from before an unassign */
    else if (m->err)
        on_eof(turn, m, t, log);
    else
        on_record(turn, m, t, log);
}

/* Is the record to be held for delay_ms? Reading simply stops then: librdkafka's queue fills and it
 * stops to fetch. */
static bool is_held(const struct turn *turn, const rd_kafka_message_t *m)
{
    struct tc_source *k = turn->k;
    rd_kafka_timestamp_type_t type;
    if (k->env.conf->delay_ms == 0 || m->err)
        return false;
    int64_t ts_ms = rd_kafka_message_timestamp(m, &type);
    if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ts_ms < 0)
        return false;
    int64_t due_ms = ts_ms + (int64_t)k->env.conf->delay_ms;
    if (due_ms <= turn->wall_ms)
        return false;
    /* a time that lies ahead of us must not stop the feed for longer than the delay itself */
    k->hold_until_ms = TC_MIN(due_ms, turn->wall_ms + (int64_t)k->env.conf->delay_ms);
    return true;
}

/* Whether librdkafka or the side thread has rung since the last call. librdkafka rings before its
 * queue can be taken from, so the ring for what a quiet queue held is here by now. */
static bool hear(struct tc_source *k)
{
    uint64_t value;
    bool has_rung = read(k->wake_fd, &value, sizeof(value)) > 0;
    if (TC_UNLIKELY(k->is_unheard && !has_rung))
        atomic_fetch_add_explicit(&k->missed_wake_cnt, 1, memory_order_relaxed);
    k->is_unheard = false;
    k->is_quiet = k->is_quiet && !has_rung;
    return has_rung;
}

/* Takes what lies in the queue: asked for more than that librdkafka would wait, in the kernel even
 * with a timeout of 0, before it hands anything out. If there is nothing it is asked all the same:
 * only then does it ring again. */
static void take_batch(struct tc_source *k)
{
    size_t cnt = TC_MIN(TC_MAX(rd_kafka_queue_length(k->queue), 1u), (size_t)TC_KAFKA_BATCH_MAX);
    ssize_t n = rd_kafka_consume_batch_queue(k->queue, 0, k->batch, cnt);
    k->batch_idx = 0;
    k->batch_cnt = n > 0 ? (uint32_t)n : 0;
    k->is_unheard |= k->is_quiet && n > 0;
    k->is_quiet = n <= 0;
}

/* One look into the queue at most: what comes meanwhile is for the next turn, after these are
 * sent. */
static uint32_t read_records(const struct turn *turn, uint32_t record_max)
{
    struct tc_source *k = turn->k;
    uint32_t done = 0;
    k->hold_until_ms = 0;
    if (k->batch_idx == k->batch_cnt)
        take_batch(k);
    while (done < record_max && k->batch_idx < k->batch_cnt) {
        rd_kafka_message_t *m = k->batch[k->batch_idx];
        if (m && is_held(turn, m))
            break;
        k->batch_idx++;
        done++;
        if (!m)
            continue;
        on_message(turn, m);
        rd_kafka_message_destroy(m);
    }
    return done;
}

static void flush_progress(const struct turn *turn)
{
    struct tc_source *k = turn->k;
    for (uint32_t i = 0; i < k->touched_cnt; i++) {
        struct tc_kafka_log *log = k->touched[i];
        refresh_end(turn, &k->topics[k->touched_rule[i]], log, TC_KAFKA_END_MS * 1000000ll);
        log->is_touched = false;
        turn->sink->progress(turn->sink->ctx, log->log, log->next_pos, log->end_pos, false);
    }
    k->touched_cnt = 0;
}

/* The bell is edge-like: it rings when the queue stops to be empty. So it is cleared before the
 * look that finds nothing, and looking goes on until one does. The first look after a rest comes
 * before the clearing, and progress of what it found is told in the call after: its records go out
 * first.
 */
int tc_kafka_poll(struct tc_source *k, const struct tc_source_sink *sink, uint32_t record_max,
                  int64_t now_ns, int64_t wall_ms)
{
    struct turn turn = { .k = k, .sink = sink, .now_ns = now_ns, .wall_ms = wall_ms };
    int64_t next_ns = now_ns + TC_KAFKA_WAKE_MS * 1000000ll;
    bool was_resting = !k->is_more;
    if (!was_resting)
        (void)hear(k);
    flush_progress(&turn);
    int cnt = take_events(&turn);
    uint32_t done = read_records(&turn, TC_MIN(record_max, (uint32_t)TC_KAFKA_BATCH_MAX));
    flush_assign(k);
    if (now_ns >= k->check_at_ns)
        check_logs(&turn);
    if (k->hold_until_ms)
        next_ns = TC_MIN(next_ns, now_ns + (k->hold_until_ms - wall_ms) * 1000000);
    int all = cnt + (int)done;
    if (was_resting && all == 0)
        all = hear(k);
    k->is_more = all > 0;
    k->wake_at_ns = all ? now_ns : TC_MIN(next_ns, k->check_at_ns);
    return all;
}
