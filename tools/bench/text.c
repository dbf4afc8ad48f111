// SPDX-License-Identifier: Apache-2.0
#include "tools/bench/text.h"

enum { DIGITS_MAX = 18 };

/* Behind `key`, looked for from *at on: at the hint first. False: it is not there. */
static bool skip_key(const char *text, size_t len, size_t *at, uint32_t *hint, struct tc_str key)
{
    size_t place = *hint;
    if (place < *at || place + key.len > len || memcmp(text + place, key.ptr, key.len) != 0) {
        const char *found = memmem(text + *at, len - *at, key.ptr, key.len);
        if (found == NULL)
            return false;
        place = (size_t)(found - text);
        *hint = (uint32_t)place;
    }
    *at = place + key.len;
    return true;
}

/* A number, or null, at *at, perhaps behind blanks; *at moves behind it. */
static int64_t take_number(const char *text, size_t len, size_t *at)
{
    size_t i = *at;
    int64_t value = 0;
    while (i < len && text[i] == ' ')
        i++;
    size_t begin = i;
    for (; i < len && (unsigned char)(text[i] - '0') < 10 && i - begin < DIGITS_MAX + 1; i++)
        value = value * 10 + (text[i] - '0');
    size_t digits = i - begin;
    if (digits == 0 && len - i >= 4 && memcmp(text + i, "null", 4) == 0) {
        *at = i + 4;
        return TC_LOAD_NULL;
    }
    *at = i;
    return digits > 0 && digits <= DIGITS_MAX ? value : TC_LOAD_ABSENT;
}

bool tc_load_find_update(struct tc_load_places *places, const char *text, size_t len, int64_t *pos,
                         int64_t *prev, size_t *end)
{
    size_t at = 0;
    if (!skip_key(text, len, &at, &places->pos, TC_STR("\"pos\":")))
        return false;
    *pos = take_number(text, len, &at);
    if (!skip_key(text, len, &at, &places->prev, TC_STR("\"prev\":")))
        return false;
    *prev = take_number(text, len, &at);
    *end = at;
    return *pos >= 0 && *prev >= TC_LOAD_NULL;
}

int64_t tc_load_find_time(struct tc_load_places *places, const char *payload, size_t len)
{
    size_t at = 0;
    if (!skip_key(payload, len, &at, &places->time, TC_STR("\"t_ns\":")))
        return TC_LOAD_ABSENT;
    return take_number(payload, len, &at);
}

int64_t tc_load_find_number(const char *text, size_t len, struct tc_str key)
{
    uint32_t hint = 0;
    size_t at = 0;
    return skip_key(text, len, &at, &hint, key) ? take_number(text, len, &at) : TC_LOAD_ABSENT;
}

struct tc_str tc_load_find_text(const char *text, size_t len, struct tc_str key)
{
    uint32_t hint = 0;
    size_t at = 0;
    if (!skip_key(text, len, &at, &hint, key))
        return (struct tc_str){ NULL, 0 };
    const char *end = memchr(text + at, '"', len - at);
    if (end == NULL)
        return (struct tc_str){ NULL, 0 };
    return (struct tc_str){ text + at, (size_t)(end - (text + at)) };
}
