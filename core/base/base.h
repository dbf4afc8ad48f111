// SPDX-License-Identifier: Apache-2.0
/* core/base: what every other folder stands on: attributes, the assertion, byte strings.
 *
 * Not for: anything that allocates, reads a clock or touches a descriptor. */
#ifndef TC_CORE_BASE_BASE_H
#define TC_CORE_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TC_MUST_CHECK __attribute__((warn_unused_result))
#define TC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define TC_NORETURN __attribute__((noreturn))
#define TC_LIKELY(x) __builtin_expect(!!(x), 1)
#define TC_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* One cache line: fields of different writing threads never share one. */
#define TC_LINE_BYTES 64
#define TC_LINE_ALIGNED __attribute__((aligned(TC_LINE_BYTES)))

#define TC_ARRAY_CNT(a) (sizeof(a) / sizeof((a)[0]))
#define TC_MIN(a, b) ((a) < (b) ? (a) : (b))
#define TC_MAX(a, b) ((a) > (b) ? (a) : (b))

/* "No entry" in every table that is indexed by uint32_t. */
#define TC_NONE UINT32_MAX

/* A wrong program ends here, in every build: the place and the condition go to stderr, then abort.
 */
#define TC_ASSERT(cond)                                                                            \
    do {                                                                                           \
        if (TC_UNLIKELY(!(cond)))                                                                  \
            tc_assert_fail(#cond, __FILE__, __LINE__);                                             \
    } while (0)

TC_NORETURN void tc_assert_fail(const char *cond, const char *file, int line);

/* A view of bytes that somebody else owns; not ended by NUL. ptr may be NULL only if len is 0. */
struct tc_str {
    const char *ptr;
    size_t len;
};

#define TC_STR(literal) ((struct tc_str){ (literal), sizeof(literal) - 1 })

static inline struct tc_str tc_str_from(const char *z)
{
    return (struct tc_str){ z, z ? strlen(z) : 0 };
}

static inline bool tc_str_eq(struct tc_str a, struct tc_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool tc_str_starts(struct tc_str s, struct tc_str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

/* n rounded up to a power of two; 1 for 0. n <= 2^63. */
static inline uint64_t tc_pow2_up(uint64_t n)
{
    return n <= 1 ? 1 : 1ull << (64 - __builtin_clzll(n - 1));
}

#endif
