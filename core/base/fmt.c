// SPDX-License-Identifier: Apache-2.0
#include "core/base/fmt.h"

#include <endian.h>

enum { E4 = 10000, E8 = 100000000 };

/* The eight digits of value < E8, leading zeros too, as bytes 0 to 9, the first in the lowest: all
 * pieces are halved at once, so nothing waits for a division per digit. The divisions by 100 and
 * 10 are multiplications, exact for four and two digits, and no lane reaches into the next. */
static uint64_t eight_digits(uint32_t value)
{
    uint64_t x = value / E4 | (uint64_t)(value % E4) << 32;
    uint64_t hundreds = x * 10486 >> 20 & 0x0000007f0000007f;
    x = hundreds | (x - hundreds * 100) << 16;
    uint64_t tens = x * 103 >> 10 & 0x000f000f000f000f;
    return tens | (x - tens * 10) << 8;
}

/* digits with the first at out; all eight bytes of out are written. */
static void store(char *out, uint64_t digits)
{
    uint64_t text = htole64(digits);
    memcpy(out, &text, sizeof(text));
}

#define ZEROS 0x3030303030303030

/* Without leading zeros; returns how many. */
static size_t put_first(char *out, uint32_t value)
{
    uint64_t digits = eight_digits(value);
    unsigned skip = (unsigned)__builtin_ctzll(digits | 1ull << 56) / 8; /* the last one stays */
    store(out, (digits | ZEROS) >> skip * 8);
    return 8 - skip;
}

static size_t put_next(char *out, uint32_t value)
{
    store(out, eight_digits(value) | ZEROS);
    return 8;
}

size_t tc_fmt_u64(char *out, uint64_t value)
{
    if (value < E8)
        return put_first(out, (uint32_t)value);
    uint64_t high = value / E8;
    size_t len;
    if (high < E8) {
        len = put_first(out, (uint32_t)high);
    } else {
        len = put_first(out, (uint32_t)(high / E8));
        len += put_next(out + len, (uint32_t)(high % E8));
    }
    return len + put_next(out + len, (uint32_t)(value % E8));
}

size_t tc_fmt_digits(char *out, uint64_t value, size_t len)
{
    for (size_t i = len; i > 0; i--) {
        out[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return len;
}

size_t tc_fmt_i64(char *out, int64_t value)
{
    if (value >= 0)
        return tc_fmt_u64(out, (uint64_t)value);
    out[0] = '-';
    return 1 + tc_fmt_u64(out + 1, 0 - (uint64_t)value);
}

bool tc_fmt_parse_u64(struct tc_str text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > TC_FMT_U64_MAX || (text.len > 1 && text.ptr[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    if (value > max)
        return false;
    *out = value;
    return true;
}
