// SPDX-License-Identifier: Apache-2.0
#include "io/source/replay/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <zlib.h>

#include "core/mem/mem.h"

enum {
    CHUNK_BYTES = 64 * 1024,  /* read from the file at once */
    LINE_MAX_BYTES = 1 << 20, /* a longer line is skipped */
    BUFFER_BYTES = LINE_MAX_BYTES + CHUNK_BYTES,
};

struct tc_source { /* kind replay */
    struct tc_source_env env;
    gzFile file;
    char *buffer;
    size_t from; /* bytes from..to are unread */
    size_t to;
    size_t seen; /* of them, bytes without a line end */
    bool is_eof;
    bool is_skipping; /* inside a line that is too long */
    bool is_told;     /* caught up was told */
    bool is_started;
    int64_t start_ns;
    int64_t first_ns; /* first column of the first line; -1: none yet */
    int64_t line_ns;  /* of the line at hand */
    struct tc_str line;
    bool has_line;
    int64_t pos;
    int64_t wake_at_ns;
    uint32_t log;
    /* written by the polling thread */
    _Atomic uint64_t record_cnt;
    _Atomic uint64_t error_cnt;
};

/* NULL: *err says what is wrong. */
static gzFile open_file(const struct tc_conf_source *conf, struct tc_err *err)
{
    const struct tc_conf_replay *replay = &conf->replay;
    if (!replay->file || conf->rule_cnt != 1 || replay->speed < 0) {
        tc_err_set(err, -TC_EINVAL, "replay source %s: needs a file, one room, speed >= 0",
                   conf->name);
        return NULL;
    }
    errno = 0;
    gzFile file = gzopen(replay->file, "rb");
    if (file)
        return file;
    tc_err_set(err, -TC_EINVAL, "replay.file: %s: %s", replay->file,
               errno ? strerror(errno) : "out of memory");
    if (err) {
        err->line = replay->line;
        err->col = replay->col;
    }
    return NULL;
}

static int replay_check(const struct tc_source_env *env, struct tc_err *err)
{
    gzFile file = open_file(env->conf, err);
    if (!file)
        return -TC_EINVAL;
    gzclose(file);
    return TC_OK;
}

static int replay_open(struct tc_source **out, const struct tc_source_env *env, struct tc_err *err)
{
    gzFile file = open_file(env->conf, err);
    if (!file)
        return -TC_EINVAL;
    struct tc_source *r = tc_alloc(sizeof(*r));
    gzbuffer(file, CHUNK_BYTES);
    r->env = *env;
    r->file = file;
    r->buffer = tc_alloc(BUFFER_BYTES);
    r->first_ns = -1;
    *out = r;
    return TC_OK;
}

static void count_error(struct tc_source *r)
{
    atomic_fetch_add_explicit(&r->error_cnt, 1, memory_order_relaxed);
}

static void fill(struct tc_source *r)
{
    if (r->from > 0 && BUFFER_BYTES - r->to < CHUNK_BYTES) {
        memmove(r->buffer, r->buffer + r->from, r->to - r->from);
        r->to -= r->from;
        r->from = 0;
    }
    if (r->to - r->from >= LINE_MAX_BYTES) { /* throw the beginning of a monster away */
        if (!r->is_skipping)
            count_error(r);
        r->is_skipping = true;
        r->from = 0;
        r->to = 0;
        r->seen = 0;
    }
    int n = gzread(r->file, r->buffer + r->to, CHUNK_BYTES);
    if (n > 0)
        r->to += (size_t)n;
    if (n >= 0 && n == CHUNK_BYTES)
        return;
    int code = Z_OK;
    const char *text = gzerror(r->file, &code);
    r->is_eof = n < 0 || gzeof(r->file);
    if (n < 0 || code == Z_BUF_ERROR) {
        char line[256];
        count_error(r);
        snprintf(line, sizeof(line), "replay.file %.120s ends early: %.80s",
                 r->env.conf->replay.file, text);
        if (r->env.log)
            r->env.log(r->env.log_ctx, 'e', line);
    }
}

/* `<ns> <JSON>` in text: false if it is not that. */
static bool split(struct tc_str text, int64_t *ns, struct tc_str *json)
{
    uint64_t n = 0;
    size_t i = 0;
    while (i < text.len && i < 19 && text.ptr[i] >= '0' && text.ptr[i] <= '9')
        n = n * 10 + (uint64_t)(text.ptr[i++] - '0');
    if (i == 0 || i + 1 >= text.len || text.ptr[i] != ' ' || n > INT64_MAX)
        return false;
    *ns = (int64_t)n;
    *json = (struct tc_str){ text.ptr + i + 1, text.len - i - 1 };
    return true;
}

/* One line out of the buffer, or false: more bytes are wanted. */
static bool take_line(struct tc_source *r, struct tc_str *text)
{
    char *at = r->buffer + r->from;
    size_t len = r->to - r->from;
    char *end = len > r->seen ? memchr(at + r->seen, '\n', len - r->seen) : NULL;
    if (!end) {
        r->seen = len;
        if (!r->is_eof || len == 0)
            return false;
        end = at + len; /* the last line has no end */
    }
    *text = (struct tc_str){ at, (size_t)(end - at) };
    r->from = TC_MIN(r->from + text->len + 1, r->to);
    r->seen = 0;
    if (text->len > 0 && text->ptr[text->len - 1] == '\r')
        text->len--;
    return true;
}

/* Makes r->line the next good line. false: end of file, or the poll has read its chunk. */
static bool next_line(struct tc_source *r, uint32_t *chunks_left)
{
    while (!r->has_line) {
        struct tc_str text;
        if (!take_line(r, &text)) {
            if (r->is_eof || *chunks_left == 0)
                return false;
            --*chunks_left;
            fill(r);
            continue;
        }
        if (r->is_skipping) {
            r->is_skipping = false;
            continue;
        }
        if (text.len == 0)
            continue;
        if (split(text, &r->line_ns, &r->line))
            r->has_line = true;
        else
            count_error(r);
    }
    return true;
}

static bool start(struct tc_source *r, const struct tc_source_sink *sink, int64_t now_ns)
{
    char name[TC_LOG_NAME_MAX + 1];
    snprintf(name, sizeof(name), "%s/replay/0@%08" PRIx32, r->env.conf->name,
             (uint32_t)(r->env.boot_id ^ (r->env.boot_id >> 32)));
    struct tc_log_info info = { .name = name, .replaces = TC_NONE };
    int log = sink->log_open(sink->ctx, &info);
    r->is_started = true;
    r->is_told = log < 0;
    r->is_eof = log < 0;
    r->start_ns = now_ns;
    if (log < 0)
        return false;
    r->log = (uint32_t)log;
    sink->ready(sink->ctx, TC_SOURCE_FINE, "");
    sink->progress(sink->ctx, r->log, 0, -1, true); /* a recording is live from its first line */
    return true;
}

/* Monotonic time at which the line at hand is to be handed on. */
static int64_t due_ns(const struct tc_source *r)
{
    double speed = r->env.conf->replay.speed;
    int64_t delay_ns = (int64_t)r->env.conf->delay_ms * 1000000;
    int64_t after_ns = r->line_ns - r->first_ns;
    if (speed <= 0 || after_ns <= 0)
        return r->start_ns + delay_ns;
    return r->start_ns + delay_ns + (int64_t)((double)after_ns / speed);
}

static void send_line(struct tc_source *r, const struct tc_source_sink *sink, int64_t wall_ms)
{
    struct tc_record record = {
        .log = r->log,
        .pos = r->pos++,
        .ts_ms = wall_ms,
        .topic = TC_STR("replay"),
        .value = r->line,
    };
    r->has_line = false;
    sink->record(sink->ctx, &record);
}

static int replay_poll(struct tc_source *r, const struct tc_source_sink *sink, uint32_t record_max,
                       int64_t now_ns, int64_t wall_ms)
{
    uint32_t chunks_left = 1;
    int done = 0;
    r->wake_at_ns = INT64_MAX;
    if (!r->is_started && !start(r, sink, now_ns))
        return 0;
    while ((uint32_t)done < record_max && next_line(r, &chunks_left)) {
        if (r->first_ns < 0) {
            r->first_ns = r->line_ns;
            r->start_ns = now_ns;
        }
        int64_t at_ns = due_ns(r);
        if (at_ns > now_ns) {
            r->wake_at_ns = at_ns;
            break;
        }
        send_line(r, sink, wall_ms);
        done++;
    }
    bool is_end = r->is_eof && !r->has_line && r->from == r->to;
    if (done) {
        atomic_store_explicit(&r->record_cnt, (uint64_t)r->pos, memory_order_relaxed);
        sink->progress(sink->ctx, r->log, r->pos, is_end ? r->pos : -1, false);
    }
    if (is_end && !r->is_told) {
        r->is_told = true;
        sink->progress(sink->ctx, r->log, r->pos, r->pos, true);
        return done + 1;
    }
    if (!is_end && !r->has_line)
        r->wake_at_ns = now_ns; /* more to read */
    return done + (chunks_left == 0 && !is_end ? 1 : 0);
}

static int replay_wake_fd(struct tc_source *r)
{
    (void)r;
    return -1;
}

static int64_t replay_wake_at_ns(struct tc_source *r)
{
    return r->wake_at_ns;
}

static void replay_stats(struct tc_source *r, struct tc_source_stats *out)
{
    memset(out, 0, sizeof(*out));
    out->record_cnt = atomic_load_explicit(&r->record_cnt, memory_order_relaxed);
    out->error_cnt = atomic_load_explicit(&r->error_cnt, memory_order_relaxed);
}

static void replay_close(struct tc_source *r)
{
    gzclose(r->file);
    tc_free(r->buffer);
    tc_free(r);
}

const struct tc_source_ops tc_source_replay = {
    .kind = "replay",
    .check = replay_check,
    .open = replay_open,
    .poll = replay_poll,
    .wake_fd = replay_wake_fd,
    .wake_at_ns = replay_wake_at_ns,
    .stats = replay_stats,
    .close = replay_close,
};
