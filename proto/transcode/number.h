// SPDX-License-Identifier: Apache-2.0
/* proto/transcode/number: numbers of JSON as those of protobuf, and back.
 *
 * Text follows the grammar of JSON's numbers, in a JSON string too. The C library is asked for
 * fractions in the "C" locale, which the program never leaves. Any thread. */
#ifndef TC_PROTO_TRANSCODE_NUMBER_H
#define TC_PROTO_TRANSCODE_NUMBER_H

#include "core/base/err.h"

enum {
    TC_NUMBER_MAX = 512,    /* bytes of a number as text; any double has a shorter form */
    TC_NUMBER_OUT_MAX = 32, /* bytes of a number that is written */
};

/* A whole number, exactly; "1.50e2" is one. -TC_EINVAL: it is none, or outside the range. */
int tc_number_i64(struct tc_str text, int64_t min, int64_t max, int64_t *out) TC_MUST_CHECK;
int tc_number_u64(struct tc_str text, uint64_t max, uint64_t *out) TC_MUST_CHECK;

/* The nearest double or float, and the words NaN, Infinity, -Infinity if is_string. -TC_EINVAL: no
 * number, or too large for the type; -TC_ELIMIT: longer than TC_NUMBER_MAX. */
int tc_number_double(struct tc_str text, bool is_string, double *out) TC_MUST_CHECK;
int tc_number_float(struct tc_str text, bool is_string, float *out) TC_MUST_CHECK;

/* The shortest text that reads back as value (a float's has 6 digits to choose from at least, as
 * others write it); a JSON string where value is not finite. out has
 * TC_NUMBER_OUT_MAX bytes. Returns its bytes. */
size_t tc_number_put_double(char *out, double value);
size_t tc_number_put_float(char *out, float value);

#endif
