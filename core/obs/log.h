// SPDX-License-Identifier: Apache-2.0
/* core/obs/log: a bounded, lossy ring of log entries; a writer thread makes JSON lines of it.
 *
 *   agent ──tc_log()──> [entry][entry][entry] ──tc_log_next_line()──> {"ts":…,"level":…,…}\n
 *
 * An entry is 512 bytes: its message is cut at what fits, never split inside a UTF-8 character. A
 * full ring drops the new entry and counts it; nobody ever waits. tc_log() neither locks, allocates
 * nor calls the system (its clock is handed in); it formats, so it is for things that happen
 * rarely.
 *
 * Threads: each agent has a ring of its own, but any thread may write to any ring (an entry is
 * reserved by compare-and-swap): a source's library threads share their agent's. One reader.
 *
 * Codes are stable short words ("port-in-use"), static strings, as are the keys of fields. Secrets
 * are the caller's care. */
#ifndef TC_CORE_OBS_LOG_H
#define TC_CORE_OBS_LOG_H

#include <stdatomic.h>

#include "core/base/err.h"
#include "core/mem/mem.h"
#include "core/obs/text.h"

enum tc_log_level { TC_LOG_DEBUG, TC_LOG_INFO, TC_LOG_WARN, TC_LOG_ERROR, TC_LOG_LEVEL_CNT };

enum tc_log_type { TC_LOG_INT, TC_LOG_UINT, TC_LOG_BOOL, TC_LOG_TEXT };

enum {
    TC_LOG_FIELDS_MAX = 8,
    TC_LOG_ENTRY_BYTES = 512,
    TC_LOG_AGENT_MAX = 32,
    TC_LOG_KEY_MAX = 32,    /* bytes of a field's key that are printed */
    TC_LOG_CODE_MAX = 64,   /* bytes of a code that are printed */
    TC_LOG_LINE_MAX = 4096, /* bytes of a JSON line, newline included: one write to a pipe */
};

/* A field as the caller gives it. Use the TC_LOG_… macros below. */
struct tc_log_field {
    const char *key; /* static */
    enum tc_log_type type;
    union {
        int64_t i64;
        uint64_t u64;
        struct tc_str text; /* copied */
    };
};

#define TC_LOG_I(key_, value)                                                                      \
    ((struct tc_log_field){ .key = key_, .type = TC_LOG_INT, .i64 = (value) })
#define TC_LOG_U(key_, value)                                                                      \
    ((struct tc_log_field){ .key = key_, .type = TC_LOG_UINT, .u64 = (value) })
#define TC_LOG_B(key_, value)                                                                      \
    ((struct tc_log_field){ .key = key_, .type = TC_LOG_BOOL, .u64 = (value) })
#define TC_LOG_S(key_, value)                                                                      \
    ((struct tc_log_field){ .key = key_, .type = TC_LOG_TEXT, .text = (value) })
#define TC_LOG_Z(key_, value) TC_LOG_S(key_, tc_str_from(value))

/* Monotonic and wall time in ns for an entry. Any thread that writes; must not block. */
typedef void (*tc_log_clock)(void *ctx, int64_t *mono_ns, int64_t *wall_ns);

struct tc_log_entry;

struct tc_log_ring {
    /* written at init */
    struct tc_log_entry *entries;
    uint64_t mask;
    tc_log_clock clock;
    void *clock_ctx;
    char agent[TC_LOG_AGENT_MAX];
    /* any thread */
    _Atomic int level_min;
    /* the threads that log */
    TC_LINE_ALIGNED _Atomic uint64_t head;
    _Atomic uint64_t dropped_cnt;
    /* the reader */
    TC_LINE_ALIGNED _Atomic uint64_t tail;
    uint64_t told_cnt; /* of dropped_cnt, already told in a line */
};

/* entry_cnt is rounded up to a power of two, >= 2; agent ("worker 0") is copied. -TC_ENOMEM. */
int tc_log_ring_init(struct tc_log_ring *ring, struct tc_mem *mem, const char *agent,
                     uint32_t entry_cnt, enum tc_log_level level_min, tc_log_clock clock,
                     void *clock_ctx, struct tc_err *err) TC_MUST_CHECK;

/* Entries below level are not written. Any thread, any time. */
void tc_log_level_set(struct tc_log_ring *ring, enum tc_log_level level);

static inline bool tc_log_is_on(const struct tc_log_ring *ring, enum tc_log_level level)
{
    return ring && (int)level >= atomic_load_explicit(&ring->level_min, memory_order_relaxed);
}

/* Writes one entry, or drops and counts it. ring NULL: nothing (tests). */
void tc_log(struct tc_log_ring *ring, enum tc_log_level level, const char *code, const char *fmt,
            ...) TC_PRINTF(4, 5);

/* The same with fields; those beyond TC_LOG_FIELDS_MAX are left out, texts are cut at what fits. */
void tc_log_with(struct tc_log_ring *ring, enum tc_log_level level, const char *code,
                 const struct tc_log_field *fields, uint32_t field_cnt, const char *fmt, ...)
    TC_PRINTF(6, 7);

/* Reader: takes the oldest entry and writes its JSON line with '\n' to dst (>= TC_LOG_LINE_MAX
 * bytes): {"ts":"2024-08-08T00:00:00.123Z","mono_ns":…,"level":"info","agent":…,"code":…,"msg":…,
 * fields…}. Returns its bytes, 0 if the ring is empty. Entries that were dropped are told in a line
 * of their own, code "log-dropped", once the ring is empty. */
size_t tc_log_next_line(struct tc_log_ring *ring, char *dst) TC_MUST_CHECK;

static inline uint64_t tc_log_dropped_cnt(const struct tc_log_ring *ring)
{
    return atomic_load_explicit(&ring->dropped_cnt, memory_order_relaxed);
}

/* "debug" "info" "warn" "error"; and back: -TC_EINVAL for another text. */
const char *tc_log_level_text(enum tc_log_level level);
int tc_log_level_parse(struct tc_str text) TC_MUST_CHECK;

#endif
