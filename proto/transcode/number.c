// SPDX-License-Identifier: Apache-2.0
#include "proto/transcode/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/transcode/lex.h"

/* A number taken apart: digits * 10^exponent. */
struct parts {
    bool is_negative;
    uint64_t digits; /* without zeros at the end */
    int64_t exponent;
};

/* text is one whole number of JSON, with nothing around it. */
static bool is_number(struct tc_str text)
{
    struct tc_lex lex = { text.ptr, text.ptr + text.len };
    struct tc_str number;
    return text.len > 0 && text.len <= TC_NUMBER_MAX && tc_lex_number(&lex, &number) == TC_OK &&
           number.ptr == text.ptr && number.len == text.len;
}

/* Adds a digit; zeros are kept apart until another digit follows, so that 1000…0e-9 is small. */
static bool add_digit(struct parts *parts, unsigned digit, unsigned *zero_cnt)
{
    if (digit == 0) {
        *zero_cnt += parts->digits != 0;
        return true;
    }
    for (; *zero_cnt > 0; --*zero_cnt)
        if (__builtin_mul_overflow(parts->digits, 10, &parts->digits))
            return false;
    return !__builtin_mul_overflow(parts->digits, 10, &parts->digits) &&
           !__builtin_add_overflow(parts->digits, digit, &parts->digits);
}

/* False: no number, or more digits than an integer has. */
static bool take_apart(struct tc_str text, struct parts *parts)
{
    bool is_fraction = false;
    unsigned zero_cnt = 0;
    size_t i;
    *parts = (struct parts){ 0 };
    if (!is_number(text))
        return false;
    parts->is_negative = text.ptr[0] == '-';
    for (i = parts->is_negative; i < text.len && text.ptr[i] != 'e' && text.ptr[i] != 'E'; i++) {
        if (text.ptr[i] == '.') {
            is_fraction = true;
            continue;
        }
        if (!add_digit(parts, (unsigned)(text.ptr[i] - '0'), &zero_cnt))
            return false;
        parts->exponent -= is_fraction;
    }
    parts->exponent += zero_cnt;
    if (i == text.len)
        return true;
    i++;
    bool is_down = text.ptr[i] == '-';
    int64_t exponent = 0;
    for (i += is_down || text.ptr[i] == '+'; i < text.len; i++)
        exponent = TC_MIN(exponent * 10 + (text.ptr[i] - '0'), INT32_MAX);
    parts->exponent += is_down ? -exponent : exponent;
    return true;
}

static bool magnitude(struct tc_str text, bool *is_negative, uint64_t *out)
{
    struct parts parts;
    if (!take_apart(text, &parts))
        return false;
    *is_negative = parts.is_negative;
    *out = parts.digits;
    if (parts.digits == 0)
        return true;
    if (parts.exponent < 0)
        return false;
    for (; parts.exponent > 0; parts.exponent--)
        if (__builtin_mul_overflow(*out, 10, out))
            return false;
    return true;
}

int tc_number_i64(struct tc_str text, int64_t min, int64_t max, int64_t *out)
{
    uint64_t value;
    bool is_negative;
    if (!magnitude(text, &is_negative, &value) || value > (uint64_t)INT64_MAX + is_negative)
        return -TC_EINVAL;
    *out = is_negative ? (int64_t)(0 - value) : (int64_t)value;
    return *out < min || *out > max ? -TC_EINVAL : TC_OK;
}

int tc_number_u64(struct tc_str text, uint64_t max, uint64_t *out)
{
    bool is_negative;
    if (!magnitude(text, &is_negative, out) || *out > max || (is_negative && *out > 0))
        return -TC_EINVAL;
    return TC_OK;
}

/* The words of JSON strings that are not finite; false: it is none of them. */
static bool special(struct tc_str text, double *out)
{
    if (tc_str_eq(text, TC_STR("NaN")))
        *out = (double)NAN;
    else if (tc_str_eq(text, TC_STR("Infinity")))
        *out = (double)INFINITY;
    else if (tc_str_eq(text, TC_STR("-Infinity")))
        *out = -(double)INFINITY;
    else
        return false;
    return true;
}

/* The C library wants a NUL behind. */
static int copy(struct tc_str text, char out[TC_NUMBER_MAX + 1])
{
    if (text.len > TC_NUMBER_MAX)
        return -TC_ELIMIT;
    if (!is_number(text))
        return -TC_EINVAL;
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return TC_OK;
}

int tc_number_double(struct tc_str text, bool is_string, double *out)
{
    char z[TC_NUMBER_MAX + 1];
    if (is_string && special(text, out))
        return TC_OK;
    int rc = copy(text, z);
    if (rc < 0)
        return rc;
    *out = strtod(z, NULL);
    return isfinite(*out) ? TC_OK : -TC_EINVAL;
}

int tc_number_float(struct tc_str text, bool is_string, float *out)
{
    char z[TC_NUMBER_MAX + 1];
    double value;
    if (is_string && special(text, &value)) {
        *out = (float)value;
        return TC_OK;
    }
    int rc = copy(text, z);
    if (rc < 0)
        return rc;
    *out = strtof(z, NULL);
    return isfinite(*out) ? TC_OK : -TC_EINVAL;
}

static size_t put_special(char *out, bool is_nan, bool is_negative)
{
    struct tc_str word = is_nan        ? TC_STR("\"NaN\"")
                         : is_negative ? TC_STR("\"-Infinity\"")
                                       : TC_STR("\"Infinity\"");
    memcpy(out, word.ptr, word.len);
    return word.len;
}

/* With a point, since readers of JSON take "-0" as an integer. */
static size_t put_minus_zero(char *out)
{
    memcpy(out, "-0.0", 4);
    return 4;
}

size_t tc_number_put_double(char *out, double value)
{
    int len = 0;
    if (!isfinite(value))
        return put_special(out, isnan(value), value < 0);
    if (value == 0 && signbit(value))
        return put_minus_zero(out);
    /* 15 digits survive the way there and back, except in numbers near zero; 17 always suffice */
    for (int digits = isnormal(value) ? 15 : 1; digits <= 17; digits++) {
        len = snprintf(out, TC_NUMBER_OUT_MAX, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    return (size_t)len;
}

size_t tc_number_put_float(char *out, float value)
{
    int len = 0;
    if (!isfinite(value))
        return put_special(out, isnan(value), value < 0);
    if (value == 0 && signbit(value))
        return put_minus_zero(out);
    for (int digits = 6; digits <= 9; digits++) {
        len = snprintf(out, TC_NUMBER_OUT_MAX, "%.*g", digits, (double)value);
        if (strtof(out, NULL) == value)
            break;
    }
    return (size_t)len;
}
