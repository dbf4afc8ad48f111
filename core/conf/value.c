// SPDX-License-Identifier: Apache-2.0
#include "core/conf/value.h"

#include <strings.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits at *at; moves *at behind them. At least one, saturating. */
static bool take_digits(const char **at, uint64_t *out)
{
    uint64_t n = 0;
    const char *p = *at;
    for (; is_digit(*p); p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
    }
    if (p == *at)
        return false;
    *at = p;
    *out = n;
    return true;
}

static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

bool tc_value_u64(const char *text, uint64_t *out)
{
    uint64_t n;
    if (!take_digits(&text, &n) || *text)
        return false;
    *out = n;
    return true;
}

struct unit {
    const char *name;
    uint64_t factor;
};

static bool factor_of(const struct unit *units, size_t cnt, const char *name, bool is_case,
                      uint64_t *out)
{
    for (size_t i = 0; i < cnt; i++) {
        if (is_case ? strcmp(units[i].name, name) == 0 : strcasecmp(units[i].name, name) == 0) {
            *out = units[i].factor;
            return true;
        }
    }
    return false;
}

bool tc_value_size(const char *text, uint64_t *out)
{
    static const struct unit units[] = {
        { "", 1 },         { "k", 1 << 10 },   { "kb", 1 << 10 },  { "kib", 1 << 10 },
        { "m", 1 << 20 },  { "mb", 1 << 20 },  { "mib", 1 << 20 }, { "g", 1 << 30 },
        { "gb", 1 << 30 }, { "gib", 1 << 30 },
    };
    uint64_t n;
    uint64_t factor;
    if (!take_digits(&text, &n) || !factor_of(units, TC_ARRAY_CNT(units), text, false, &factor))
        return false;
    *out = multiply(n, factor);
    return true;
}

bool tc_value_span_ms(const char *text, uint64_t unit_ms, int64_t *out_ms)
{
    static const struct unit units[] = {
        { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
    };
    uint64_t n;
    uint64_t factor = unit_ms;
    bool is_back = *text == '-';
    text += is_back;
    if (!take_digits(&text, &n))
        return false;
    if (*text ? !factor_of(units, TC_ARRAY_CNT(units), text, true, &factor) : unit_ms == 0)
        return false;
    n = TC_MIN(multiply(n, factor), (uint64_t)INT64_MAX);
    *out_ms = is_back ? -(int64_t)n : (int64_t)n;
    return true;
}

bool tc_value_float(const char *text, double *out)
{
    size_t len = strlen(text);
    const char *point = strchr(text, '.');
    if (len == 0 || len > 32 || text[strspn(text, "0123456789.")] || !is_digit(text[0]) ||
        !is_digit(text[len - 1]) || (point && strchr(point + 1, '.')))
        return false;
    /* by hand: strtod reads the point of the locale */
    double n = 0;
    double unit = 1;
    for (const char *p = text; *p; p++) {
        if (p == point)
            continue;
        n = n * 10 + (*p - '0');
        unit *= point && p > point ? 10 : 1;
    }
    *out = n / unit;
    return true;
}

/* ---- times ---- */

/* Exactly cnt digits at *at, then the character after (0: none wanted). */
static bool take_field(const char **at, int cnt, char after, int *out)
{
    int n = 0;
    for (int i = 0; i < cnt; i++, (*at)++) {
        if (!is_digit(**at))
            return false;
        n = n * 10 + (**at - '0');
    }
    if (after && *(*at)++ != after)
        return false;
    *out = n;
    return true;
}

static int days_of_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

static int64_t days_since_epoch(int year, int month, int day)
{
    int64_t before = year - 1;
    int64_t days = before * 365 + before / 4 - before / 100 + before / 400 - 719162;
    for (int m = 1; m < month; m++)
        days += days_of_month(year, m);
    return days + day - 1;
}

/* "Z", "+02:00", "-05:30" up to the end. */
static bool take_zone(const char *at, int *out_min)
{
    int hour;
    int minute;
    if (strcmp(at, "Z") == 0 || strcmp(at, "z") == 0) {
        *out_min = 0;
        return true;
    }
    int sign = *at == '+' ? 1 : -1;
    if (*at != '+' && *at != '-')
        return false;
    at++;
    if (!take_field(&at, 2, ':', &hour) || !take_field(&at, 2, 0, &minute) || *at || hour > 23 ||
        minute > 59)
        return false;
    *out_min = sign * (hour * 60 + minute);
    return true;
}

bool tc_value_time_ms(const char *text, int64_t *out_ms)
{
    int year, month, day, hour, minute, second, zone_min;
    int milli = 0;
    if (!take_field(&text, 4, '-', &year) || !take_field(&text, 2, '-', &month) ||
        !take_field(&text, 2, 0, &day) || (*text != 'T' && *text != 't' && *text != ' '))
        return false;
    text++;
    if (!take_field(&text, 2, ':', &hour) || !take_field(&text, 2, ':', &minute) ||
        !take_field(&text, 2, 0, &second))
        return false;
    if (*text == '.') {
        int scale = 100;
        if (!is_digit(*++text))
            return false;
        for (; is_digit(*text); text++, scale /= 10)
            milli += (*text - '0') * scale;
    }
    if (!take_zone(text, &zone_min) || year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > days_of_month(year, month) || hour > 23 || minute > 59 || second > 60)
        return false;
    int64_t minutes = (days_since_epoch(year, month, day) * 24 + hour) * 60 + minute - zone_min;
    *out_ms = (minutes * 60 + second) * 1000 + milli;
    return true;
}

bool tc_value_start(const char *text, struct tc_conf_start *out)
{
    int64_t ms;
    if (strcmp(text, "latest") == 0) {
        *out = (struct tc_conf_start){ TC_START_LATEST, 0 };
    } else if (strcmp(text, "earliest") == 0) {
        *out = (struct tc_conf_start){ TC_START_EARLIEST, 0 };
    } else if (text[0] == '-' && tc_value_span_ms(text, 0, &ms)) {
        *out = (struct tc_conf_start){ TC_START_SPAN, -ms };
    } else if (tc_value_time_ms(text, &ms)) {
        *out = (struct tc_conf_start){ TC_START_TIME, ms };
    } else {
        return false;
    }
    return true;
}

/* ---- addresses, text ---- */

static bool is_all(const char *text, size_t len, const char *set)
{
    for (size_t i = 0; i < len; i++) {
        if (!strchr(set, text[i]))
            return false;
    }
    return len > 0;
}

const char *tc_value_address_fault(const char *text)
{
    static const char hex[] = "0123456789abcdefABCDEF:.";
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    uint64_t port;
    const char *colon = strrchr(text, ':');
    if (!colon)
        return "has no port: write host:port, like 127.0.0.1:8080";
    size_t host_len = (size_t)(colon - text);
    if (host_len == 0)
        return "has no host: write 0.0.0.0:PORT for all addresses, 127.0.0.1:PORT for this machine";
    if (text[0] == '[') {
        const char *scope = memchr(text, '%', host_len);
        size_t len = scope ? (size_t)(scope - text) : host_len - 1;
        if (host_len < 4 || text[host_len - 1] != ']' || !is_all(text + 1, len - 1, hex) ||
            (scope && !is_all(scope + 1, (size_t)(text + host_len - 2 - scope), name)))
            return "is not an IPv6 address with a port: write it like [::1]:8080";
    } else if (memchr(text, ':', host_len)) {
        return "has several colons: put an IPv6 address in brackets, like [::1]:8080";
    } else if (!is_all(text, host_len, name)) {
        return "has a host with illegal characters: write host:port, like 127.0.0.1:8080";
    }
    if (!tc_value_u64(colon + 1, &port) || port > 65535)
        return "has a port that is not a number from 0 to 65535";
    return NULL;
}

bool tc_value_is_utf8(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        uint32_t c = *p;
        int more = c < 0x80 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        uint32_t least = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
        if (c >= 0xf8 || (c >= 0x80 && c < 0xc0))
            return false;
        p++;
        if (more == 0)
            continue;
        c &= 0x3fu >> more;
        for (int i = 0; i < more; i++, p++) {
            if ((*p & 0xc0) != 0x80)
                return false;
            c = c << 6 | (*p & 0x3f);
        }
        if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
    }
    return true;
}
