// SPDX-License-Identifier: Apache-2.0
#include "core/obs/log.h"

#include <stdarg.h>
#include <stdio.h>

enum { TEXT_BYTES = TC_LOG_ENTRY_BYTES - 40 - TC_LOG_FIELDS_MAX * 19 };

/* A ring of entries with sequences (after Dmitry Vyukov's bounded queue): an entry at place p is
 * free for the writer of position n (n % cnt == p) when seq == n, and ready for the reader when
 * seq == n + 1. */
struct tc_log_entry {
    _Atomic uint64_t seq;
    int64_t mono_ns;
    int64_t wall_ns;
    const char *code;
    uint16_t msg_len; /* text starts with the message, texts of fields follow */
    uint8_t level;
    uint8_t field_cnt;
    uint32_t unused;
    const char *keys[TC_LOG_FIELDS_MAX];
    uint64_t values[TC_LOG_FIELDS_MAX]; /* of a text: its offset */
    uint16_t lens[TC_LOG_FIELDS_MAX];
    uint8_t types[TC_LOG_FIELDS_MAX];
    char text[TEXT_BYTES];
};
_Static_assert(sizeof(struct tc_log_entry) == TC_LOG_ENTRY_BYTES, "the documented size");
_Static_assert(TEXT_BYTES * 6 + TC_LOG_FIELDS_MAX * (TC_LOG_KEY_MAX + 26) +
                       (TC_LOG_AGENT_MAX + TC_LOG_CODE_MAX) * 6 + 400 <=
                   TC_LOG_LINE_MAX,
               "a line is whole, even if each byte of its text is escaped");

static const char *const level_texts[TC_LOG_LEVEL_CNT] = { "debug", "info", "warn", "error" };

int tc_log_ring_init(struct tc_log_ring *ring, struct tc_mem *mem, const char *agent,
                     uint32_t entry_cnt, enum tc_log_level level_min, tc_log_clock clock,
                     void *clock_ctx, struct tc_err *err)
{
    uint64_t cnt = tc_pow2_up(TC_MAX(entry_cnt, 2));
    memset(ring, 0, sizeof(*ring));
    ring->entries = tc_mem_take(mem, "log rings", sizeof(*ring->entries), cnt, err);
    if (!ring->entries)
        return -TC_ENOMEM;
    for (uint64_t i = 0; i < cnt; i++)
        atomic_init(&ring->entries[i].seq, i);
    ring->mask = cnt - 1;
    ring->clock = clock;
    ring->clock_ctx = clock_ctx;
    snprintf(ring->agent, sizeof(ring->agent), "%s", agent);
    atomic_init(&ring->level_min, (int)level_min);
    return TC_OK;
}

void tc_log_level_set(struct tc_log_ring *ring, enum tc_log_level level)
{
    atomic_store_explicit(&ring->level_min, (int)level, memory_order_relaxed);
}

/* The length of text without a UTF-8 character that was cut at its end. */
static size_t whole_chars(const char *text, size_t len)
{
    size_t back = 0;
    while (back < 3 && back < len && ((unsigned char)text[len - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back == len)
        return len;
    unsigned char lead = (unsigned char)text[len - 1 - back];
    size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    return want > back + 1 ? len - back - 1 : len;
}

/* A free entry, reserved for the caller, and its position; NULL: full, counted. */
static struct tc_log_entry *reserve(struct tc_log_ring *ring, uint64_t *pos)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    for (;;) {
        struct tc_log_entry *entry = &ring->entries[head & ring->mask];
        uint64_t seq = atomic_load_explicit(&entry->seq, memory_order_acquire);
        if (seq == head) {
            if (atomic_compare_exchange_weak_explicit(&ring->head, &head, head + 1,
                                                      memory_order_relaxed, memory_order_relaxed)) {
                *pos = head;
                return entry;
            }
        } else if (seq < head) {
            atomic_fetch_add_explicit(&ring->dropped_cnt, 1, memory_order_relaxed);
            return NULL;
        } else {
            head = atomic_load_explicit(&ring->head, memory_order_relaxed);
        }
    }
}

static void fill_fields(struct tc_log_entry *entry, const struct tc_log_field *fields,
                        uint32_t field_cnt)
{
    size_t used = entry->msg_len;
    entry->field_cnt = (uint8_t)TC_MIN(field_cnt, TC_LOG_FIELDS_MAX);
    for (uint32_t i = 0; i < entry->field_cnt; i++) {
        const struct tc_log_field *field = &fields[i];
        entry->keys[i] = field->key;
        entry->types[i] = (uint8_t)field->type;
        if (field->type != TC_LOG_TEXT) {
            entry->values[i] = field->u64;
            continue;
        }
        size_t len = TC_MIN(field->text.len, sizeof(entry->text) - used);
        if (len)
            memcpy(entry->text + used, field->text.ptr, len);
        if (len < field->text.len)
            len = whole_chars(entry->text + used, len);
        entry->values[i] = used;
        entry->lens[i] = (uint16_t)len;
        used += len;
    }
}

static void TC_PRINTF(6, 0)
    write_entry(struct tc_log_ring *ring, enum tc_log_level level, const char *code,
                const struct tc_log_field *fields, uint32_t field_cnt, const char *fmt, va_list ap)
{
    uint64_t pos = 0;
    struct tc_log_entry *entry = reserve(ring, &pos);
    if (!entry)
        return;
    entry->mono_ns = 0;
    entry->wall_ns = 0;
    if (ring->clock)
        ring->clock(ring->clock_ctx, &entry->mono_ns, &entry->wall_ns);
    entry->level = (uint8_t)level;
    entry->code = code;
    int len = vsnprintf(entry->text, sizeof(entry->text), fmt, ap);
    size_t msg_len = len < 0 ? 0 : (size_t)len;
    if (msg_len >= sizeof(entry->text))
        msg_len = whole_chars(entry->text, sizeof(entry->text) - 1);
    entry->msg_len = (uint16_t)msg_len;
    fill_fields(entry, fields, field_cnt);
    atomic_store_explicit(&entry->seq, pos + 1, memory_order_release);
}

void tc_log(struct tc_log_ring *ring, enum tc_log_level level, const char *code, const char *fmt,
            ...)
{
    if (!tc_log_is_on(ring, level))
        return;
    va_list ap;
    va_start(ap, fmt);
    write_entry(ring, level, code, NULL, 0, fmt, ap);
    va_end(ap);
}

void tc_log_with(struct tc_log_ring *ring, enum tc_log_level level, const char *code,
                 const struct tc_log_field *fields, uint32_t field_cnt, const char *fmt, ...)
{
    if (!tc_log_is_on(ring, level))
        return;
    va_list ap;
    va_start(ap, fmt);
    write_entry(ring, level, code, fields, field_cnt, fmt, ap);
    va_end(ap);
}

/* ---- the reader's side ---- */

/* A line being made; what does not fit is left out, room for the closing `}` and newline is kept.
 */
struct line {
    char *dst;
    size_t len;
};

enum { LINE_ROOM = TC_LOG_LINE_MAX - 3 };

static void TC_PRINTF(2, 3) put(struct line *line, const char *fmt, ...)
{
    va_list ap;
    size_t room = LINE_ROOM - line->len;
    va_start(ap, fmt);
    int len = vsnprintf(line->dst + line->len, room + 1, fmt, ap);
    va_end(ap);
    if (len > 0)
        line->len += TC_MIN((size_t)len, room);
}

/* "key":"text" with a comma before it; nothing if it cannot be closed. */
static void put_text(struct line *line, const char *key, struct tc_str text)
{
    size_t start = line->len;
    struct tc_str name = { key, strnlen(key, TC_LOG_KEY_MAX) };
    char *dst = line->dst;
    if (LINE_ROOM - start < TC_LOG_KEY_MAX * 6 + 8)
        return;
    dst[line->len++] = ',';
    dst[line->len++] = '"';
    line->len += tc_text_escape(name, dst + line->len, TC_LOG_KEY_MAX * 6, NULL);
    dst[line->len++] = '"';
    dst[line->len++] = ':';
    dst[line->len++] = '"';
    line->len += tc_text_escape(text, dst + line->len, LINE_ROOM - 1 - line->len, NULL);
    dst[line->len++] = '"';
}

/* "key":value with a comma before it. */
static void put_value(struct line *line, const char *key, const char *value)
{
    struct tc_str name = { key, strnlen(key, TC_LOG_KEY_MAX) };
    char *dst = line->dst;
    if (LINE_ROOM - line->len < TC_LOG_KEY_MAX * 6 + 32)
        return;
    dst[line->len++] = ',';
    dst[line->len++] = '"';
    line->len += tc_text_escape(name, dst + line->len, TC_LOG_KEY_MAX * 6, NULL);
    dst[line->len++] = '"';
    dst[line->len++] = ':';
    put(line, "%s", value);
}

static void put_head(struct line *line, const struct tc_log_ring *ring,
                     const struct tc_log_entry *entry)
{
    char ts[TC_RFC3339_BYTES];
    struct tc_str code = { entry->code, strnlen(entry->code, TC_LOG_CODE_MAX) };
    tc_rfc3339(entry->wall_ns, ts);
    put(line, "{\"ts\":\"%s\",\"mono_ns\":%lld,\"level\":\"%s\"", ts, (long long)entry->mono_ns,
        level_texts[entry->level]);
    put_text(line, "agent", tc_str_from(ring->agent));
    put_text(line, "code", code);
}

static size_t end_line(struct line *line)
{
    line->dst[line->len++] = '}';
    line->dst[line->len++] = '\n';
    return line->len;
}

static void put_field(struct line *line, const struct tc_log_entry *entry, uint32_t i)
{
    char number[32];
    switch ((enum tc_log_type)entry->types[i]) {
    case TC_LOG_TEXT:
        put_text(line, entry->keys[i],
                 (struct tc_str){ entry->text + entry->values[i], entry->lens[i] });
        return;
    case TC_LOG_INT:
        snprintf(number, sizeof(number), "%lld", (long long)entry->values[i]);
        break;
    case TC_LOG_UINT:
        snprintf(number, sizeof(number), "%llu", (unsigned long long)entry->values[i]);
        break;
    case TC_LOG_BOOL:
        snprintf(number, sizeof(number), "%s", entry->values[i] ? "true" : "false");
        break;
    }
    put_value(line, entry->keys[i], number);
}

/* The line that tells of drops, 0 if there is nothing new to tell. */
static size_t drop_line(struct tc_log_ring *ring, char *dst)
{
    uint64_t dropped_cnt = tc_log_dropped_cnt(ring);
    struct line line = { dst, 0 };
    char number[32];
    if (dropped_cnt == ring->told_cnt)
        return 0;
    struct tc_log_entry entry = { .level = TC_LOG_WARN, .code = "log-dropped" };
    if (ring->clock)
        ring->clock(ring->clock_ctx, &entry.mono_ns, &entry.wall_ns);
    put_head(&line, ring, &entry);
    put_text(&line, "msg", TC_STR("log entries were dropped because the ring was full"));
    snprintf(number, sizeof(number), "%llu", (unsigned long long)(dropped_cnt - ring->told_cnt));
    put_value(&line, "dropped", number);
    ring->told_cnt = dropped_cnt;
    return end_line(&line);
}

size_t tc_log_next_line(struct tc_log_ring *ring, char *dst)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    struct tc_log_entry *entry = &ring->entries[tail & ring->mask];
    struct line line = { dst, 0 };
    if (atomic_load_explicit(&entry->seq, memory_order_acquire) != tail + 1)
        return drop_line(ring, dst);
    put_head(&line, ring, entry);
    put_text(&line, "msg", (struct tc_str){ entry->text, entry->msg_len });
    for (uint32_t i = 0; i < entry->field_cnt; i++)
        put_field(&line, entry, i);
    atomic_store_explicit(&entry->seq, tail + ring->mask + 1, memory_order_release);
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_relaxed);
    return end_line(&line);
}

const char *tc_log_level_text(enum tc_log_level level)
{
    return (unsigned)level < TC_LOG_LEVEL_CNT ? level_texts[level] : "unknown";
}

int tc_log_level_parse(struct tc_str text)
{
    for (int i = 0; i < TC_LOG_LEVEL_CNT; i++) {
        if (tc_str_eq(text, tc_str_from(level_texts[i])))
            return i;
    }
    return -TC_EINVAL;
}
