// SPDX-License-Identifier: Apache-2.0
/* core/conf/value: from the text of a setting to its value.
 *
 * Each function returns true and fills *out, or returns false and leaves *out alone; none knows
 * ranges. Texts end with NUL and are taken whole: no blanks around, no sign where none is named. */
#ifndef TC_CORE_CONF_VALUE_H
#define TC_CORE_CONF_VALUE_H

#include "core/conf/conf.h"

/* Decimal digits. Values beyond 64 bits become UINT64_MAX, so that a range check refuses them. */
bool tc_value_u64(const char *text, uint64_t *out) TC_MUST_CHECK;

/* The same with an optional k, m or g (KiB, MiB, GiB; either case, "KiB" and "kb" too). */
bool tc_value_size(const char *text, uint64_t *out) TC_MUST_CHECK;

/* "250ms", "10s", "-5m", "1h", "2d"; a bare number counts unit_ms each (0: a bare number is
 * refused). */
bool tc_value_span_ms(const char *text, uint64_t unit_ms, int64_t *out_ms) TC_MUST_CHECK;

/* "0", "2.5": digits with at most one point. */
bool tc_value_float(const char *text, double *out) TC_MUST_CHECK;

/* RFC 3339 section 5.6 date-time, "2024-08-08T12:00:00Z", as ms since the epoch (years 1970-9999).
 */
bool tc_value_time_ms(const char *text, int64_t *out_ms) TC_MUST_CHECK;

/* latest, earliest, a time, or a span back ("-10m"). */
bool tc_value_start(const char *text, struct tc_conf_start *out) TC_MUST_CHECK;

/* "host:port", "[::1]:8080": NULL if good, otherwise what is wrong with it and how to mend it. */
const char *tc_value_address_fault(const char *text);

/* Well-formed UTF-8 (RFC 3629). */
bool tc_value_is_utf8(const char *text);

/* ASCII letters; other bytes stay. */
static inline char tc_value_upper(char c)
{
    if (c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    return c;
}

static inline char tc_value_lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c;
}

#endif
