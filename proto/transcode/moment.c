// SPDX-License-Identifier: Apache-2.0
#include "proto/transcode/moment.h"

#include "core/base/fmt.h"

#define SECOND_MIN (-62135596800ll) /* 0001-01-01T00:00:00Z */
#define SECOND_MAX 253402300799ll   /* 9999-12-31T23:59:59Z */
#define DURATION_MAX 315576000000ll /* about 10,000 years */

enum { NS_PER_S = 1000000000, DAY_S = 86400 };

/* Days from 0000-03-01 to 1970-01-01. Years that begin in March have their leap day at the end. */
enum { EPOCH_DAYS = 719468, ERA_YEARS = 400, ERA_DAYS = 146097 };

/* year >= 0. */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year + ERA_YEARS) / ERA_YEARS - 1;
    int64_t in_era = year - era * ERA_YEARS;
    int64_t in_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * ERA_DAYS + in_era * 365 + in_era / 4 - in_era / 100 + in_year - EPOCH_DAYS;
}

/* days >= -EPOCH_DAYS. */
static void date_of(int64_t days, unsigned *year, unsigned *month, unsigned *day)
{
    days += EPOCH_DAYS;
    int64_t era = days / ERA_DAYS;
    int64_t in_era = days - era * ERA_DAYS;
    int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * in_year + 2) / 153;
    *day = (unsigned)(in_year - (153 * m + 2) / 5 + 1);
    *month = (unsigned)(m < 10 ? m + 3 : m - 9);
    *year = (unsigned)(y + era * ERA_YEARS + (*month <= 2));
}

static char *put_digits(char *out, unsigned value, size_t len)
{
    return out + tc_fmt_digits(out, value, len);
}

/* Nothing, or a dot and 3, 6 or 9 digits. */
static char *put_fraction(char *out, unsigned ns)
{
    if (ns == 0)
        return out;
    *out++ = '.';
    if (ns % 1000000 == 0)
        return put_digits(out, ns / 1000000, 3);
    if (ns % 1000 == 0)
        return put_digits(out, ns / 1000, 6);
    return put_digits(out, ns, 9);
}

int tc_moment_put_timestamp(char *out, struct tc_moment moment)
{
    unsigned year, month, day;
    char *at = out;
    if (moment.s < SECOND_MIN || moment.s > SECOND_MAX || moment.ns < 0 || moment.ns >= NS_PER_S)
        return -TC_EINVAL;
    int64_t days = (moment.s - SECOND_MIN) / DAY_S + SECOND_MIN / DAY_S;
    unsigned second = (unsigned)(moment.s - days * DAY_S);
    date_of(days, &year, &month, &day);
    at = put_digits(at, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, day, 2);
    *at++ = 'T';
    at = put_digits(at, second / 3600, 2);
    *at++ = ':';
    at = put_digits(at, second / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, second % 60, 2);
    at = put_fraction(at, (unsigned)moment.ns);
    *at++ = 'Z';
    return (int)(at - out);
}

/* Exactly len digits at the front of *text; false: they are not there. */
static bool take_digits(struct tc_str *text, unsigned len, unsigned *out)
{
    *out = 0;
    if (text->len < len)
        return false;
    for (unsigned i = 0; i < len; i++) {
        if (text->ptr[i] < '0' || text->ptr[i] > '9')
            return false;
        *out = *out * 10 + (unsigned)(text->ptr[i] - '0');
    }
    text->ptr += len;
    text->len -= len;
    return true;
}

static bool take(struct tc_str *text, char c)
{
    if (text->len == 0 || text->ptr[0] != c)
        return false;
    text->ptr++;
    text->len--;
    return true;
}

/* A dot and 1 to 9 digits, if there is a dot. */
static bool take_fraction(struct tc_str *text, int32_t *ns)
{
    unsigned digit;
    int32_t unit = NS_PER_S;
    *ns = 0;
    if (!take(text, '.'))
        return true;
    while (unit > 1 && take_digits(text, 1, &digit)) {
        unit /= 10;
        *ns += (int32_t)digit * unit;
    }
    return unit < NS_PER_S;
}

/* "Z", "+05:30"; what has to be taken from the local time. */
static bool take_offset(struct tc_str *text, int64_t *offset_s)
{
    unsigned hour, minute;
    *offset_s = 0;
    if (take(text, 'Z'))
        return true;
    bool is_behind = text->len > 0 && text->ptr[0] == '-';
    if (!take(text, '+') && !take(text, '-'))
        return false;
    if (!take_digits(text, 2, &hour) || !take(text, ':') || !take_digits(text, 2, &minute) ||
        hour > 23 || minute > 59)
        return false;
    *offset_s = (int64_t)(hour * 3600 + minute * 60) * (is_behind ? -1 : 1);
    return true;
}

static bool is_day(unsigned year, unsigned month, unsigned day)
{
    static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (unsigned)(month == 2 && is_leap);
}

int tc_moment_timestamp(struct tc_str text, struct tc_moment *out)
{
    unsigned year, month, day, hour, minute, second;
    int64_t offset_s;
    if (!take_digits(&text, 4, &year) || !take(&text, '-') || !take_digits(&text, 2, &month) ||
        !take(&text, '-') || !take_digits(&text, 2, &day) || !take(&text, 'T') ||
        !take_digits(&text, 2, &hour) || !take(&text, ':') || !take_digits(&text, 2, &minute) ||
        !take(&text, ':') || !take_digits(&text, 2, &second) || !take_fraction(&text, &out->ns) ||
        !take_offset(&text, &offset_s) || text.len > 0)
        return -TC_EINVAL;
    if (year == 0 || !is_day(year, month, day) || hour > 23 || minute > 59 || second > 59)
        return -TC_EINVAL;
    out->s = days_of(year, month, day) * DAY_S + (int64_t)(hour * 3600 + minute * 60 + second) -
             offset_s;
    return out->s < SECOND_MIN || out->s > SECOND_MAX ? -TC_EINVAL : TC_OK;
}

int tc_moment_put_duration(char *out, struct tc_moment moment)
{
    char *at = out;
    if (moment.s < -DURATION_MAX || moment.s > DURATION_MAX || moment.ns <= -NS_PER_S ||
        moment.ns >= NS_PER_S || (moment.s > 0 && moment.ns < 0) || (moment.s < 0 && moment.ns > 0))
        return -TC_EINVAL;
    if (moment.s < 0 || moment.ns < 0)
        *at++ = '-';
    at += tc_fmt_u64(at, (uint64_t)(moment.s < 0 ? -moment.s : moment.s));
    at = put_fraction(at, (unsigned)(moment.ns < 0 ? -moment.ns : moment.ns));
    *at++ = 's';
    return (int)(at - out);
}

int tc_moment_duration(struct tc_str text, struct tc_moment *out)
{
    unsigned digit;
    bool is_negative = take(&text, '-');
    const char *from = text.ptr;
    out->s = 0;
    while (take_digits(&text, 1, &digit)) {
        out->s = out->s * 10 + digit;
        if (out->s > DURATION_MAX)
            return -TC_EINVAL;
    }
    if (text.ptr == from || !take_fraction(&text, &out->ns) || !take(&text, 's') || text.len > 0)
        return -TC_EINVAL;
    if (is_negative) {
        out->s = -out->s;
        out->ns = -out->ns;
    }
    return TC_OK;
}
