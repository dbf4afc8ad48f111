// SPDX-License-Identifier: Apache-2.0
/* core/obs/text: the two notations that logs and other JSON of ours need. Pure functions. */
#ifndef TC_CORE_OBS_TEXT_H
#define TC_CORE_OBS_TEXT_H

#include "core/base/base.h"

enum { TC_RFC3339_BYTES = 25 };

/* wall_ns since 1970 as "2024-08-08T00:00:00.123Z" with NUL (RFC 3339 section 5.6). A time before
 * 1970 is shown as 1970. */
void tc_rfc3339(int64_t wall_ns, char dst[TC_RFC3339_BYTES]);

/* Writes text as the inside of a JSON string to dst (RFC 8259 section 7): control characters, quote
 * and backslash escaped, bytes that are no UTF-8 as U+FFFD. Stops before what does not fit in max;
 * *used (may be NULL) gets the bytes of text that were written. Returns bytes written (no NUL). */
size_t tc_text_escape(struct tc_str text, char *dst, size_t max, size_t *used);

#endif
