// SPDX-License-Identifier: Apache-2.0
/* proto/transcode/moment: the text of google.protobuf.Timestamp and Duration. Any thread. */
#ifndef TC_PROTO_TRANSCODE_MOMENT_H
#define TC_PROTO_TRANSCODE_MOMENT_H

#include "core/base/err.h"

struct tc_moment {
    int64_t s;  /* of a timestamp: since 1970 */
    int32_t ns; /* of a timestamp: 0 to 999,999,999; of a duration: of the same sign as s */
};

enum { TC_MOMENT_MAX = 40 }; /* bytes of the longest text, either way */

/* RFC 3339 in UTC: "2024-08-08T00:00:00.150Z" with no, 3, 6 or 9 digits of the second. Years 1 to
 * 9999. Returns bytes, or -TC_EINVAL out of range. out has TC_MOMENT_MAX bytes. */
int tc_moment_put_timestamp(char *out, struct tc_moment moment) TC_MUST_CHECK;

/* The same with any number of digits up to 9 and any offset from UTC; no leap seconds. */
int tc_moment_timestamp(struct tc_str text, struct tc_moment *out) TC_MUST_CHECK;

/* "-1.500s", within 315,576,000,000 s. */
int tc_moment_put_duration(char *out, struct tc_moment moment) TC_MUST_CHECK;
int tc_moment_duration(struct tc_str text, struct tc_moment *out) TC_MUST_CHECK;

#endif
