// SPDX-License-Identifier: Apache-2.0
/* core/base/fmt: integers as decimal text, and text beside them, fast, without NUL and without
 * locale.
 *
 * Any thread. */
#ifndef TC_CORE_BASE_FMT_H
#define TC_CORE_BASE_FMT_H

#include "core/base/base.h"

enum { TC_FMT_U64_MAX = 20, TC_FMT_I64_MAX = 20 }; /* bytes of the longest result */

/* Writes value at out, which has TC_FMT_U64_MAX bytes, all of which it may use; returns how many
 * the text has. */
size_t tc_fmt_u64(char *out, uint64_t value);

/* The same with a sign where it is negative. */
size_t tc_fmt_i64(char *out, int64_t value);

/* The last len digits of value, leading zeros too; returns len. */
size_t tc_fmt_digits(char *out, uint64_t value, size_t len);

/* Copies text, which has no NUL here either; returns its length. */
static inline size_t tc_fmt_text(char *out, struct tc_str text)
{
    memcpy(out, text.ptr, text.len);
    return text.len;
}

/* Decimal digits only, no sign, no blank, no leading zero but "0" itself, at most max. False if
 * text is anything else. */
bool tc_fmt_parse_u64(struct tc_str text, uint64_t max, uint64_t *out);

#endif
