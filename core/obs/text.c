// SPDX-License-Identifier: Apache-2.0
#include "core/obs/text.h"

#include <stdio.h>

void tc_rfc3339(int64_t wall_ns, char dst[TC_RFC3339_BYTES])
{
    enum { DAY_S = 86400, ERA_DAYS = 146097 };
    int64_t s = TC_MAX(wall_ns, 0) / 1000000000; /* 2262 at most */
    int64_t ms = TC_MAX(wall_ns, 0) / 1000000 % 1000;
    /* Gregorian calendar from a day count: years begin on 1 March, so that the leap day is the
     * last; 719468 days lie between 0000-03-01 and 1970-01-01 */
    int64_t days = s / DAY_S + 719468;
    int64_t era = days / ERA_DAYS;
    int64_t doe = days % ERA_DAYS;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    unsigned day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    unsigned month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    unsigned year = (unsigned)(era * 400 + yoe + (month <= 2));
    unsigned sod = (unsigned)(s % DAY_S);
    snprintf(dst, TC_RFC3339_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year % 10000,
             month % 100, day % 100, sod / 3600 % 100, sod / 60 % 60, sod % 60,
             (unsigned)ms % 1000);
}

/* Bytes of the UTF-8 character at p (RFC 3629 section 4), 0 if there is none. */
static size_t utf8_len(const unsigned char *p, size_t left)
{
    size_t len = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (len == 0 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

size_t tc_text_escape(struct tc_str text, char *dst, size_t max, size_t *used)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *p = (const unsigned char *)text.ptr;
    size_t out = 0;
    size_t i = 0;
    while (i < text.len) {
        char esc[6] = { '\\', 'u', '0', '0', 0, 0 };
        const char *from = esc;
        size_t len = 2;
        size_t step = 1;
        unsigned char c = p[i];
        if (c == '"' || c == '\\') {
            esc[1] = (char)c;
        } else if (c == '\n' || c == '\r' || c == '\t') {
            esc[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
        } else if (c < 0x20 || c == 0x7f) {
            esc[4] = hex[c >> 4];
            esc[5] = hex[c & 15];
            len = 6;
        } else if (c < 0x80) {
            from = (const char *)&p[i];
            len = 1;
        } else if ((step = utf8_len(&p[i], text.len - i)) > 0) {
            from = (const char *)&p[i];
            len = step;
        } else {
            from = "\xef\xbf\xbd"; /* U+FFFD */
            len = 3;
            step = 1;
        }
        if (len > max - out)
            break;
        memcpy(dst + out, from, len);
        out += len;
        i += step;
    }
    if (used)
        *used = i;
    return out;
}
