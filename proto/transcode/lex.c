// SPDX-License-Identifier: Apache-2.0
#include "proto/transcode/lex.h"

int tc_lex_word(struct tc_lex *lex, struct tc_str word)
{
    (void)tc_lex_peek(lex);
    struct tc_str rest = { lex->at, (size_t)(lex->end - lex->at) };
    if (!tc_str_starts(rest, word))
        return -TC_EINVAL;
    lex->at += word.len;
    return TC_OK;
}

/* One digit or more. */
static bool digits(struct tc_lex *lex)
{
    const char *from = lex->at;
    while (lex->at < lex->end && *lex->at >= '0' && *lex->at <= '9')
        lex->at++;
    return lex->at > from;
}

static bool is_next(const struct tc_lex *lex, char a, char b)
{
    return lex->at < lex->end && (*lex->at == a || *lex->at == b);
}

int tc_lex_number(struct tc_lex *lex, struct tc_str *out)
{
    (void)tc_lex_peek(lex);
    const char *from = lex->at;
    lex->at += is_next(lex, '-', '-');
    if (is_next(lex, '0', '0'))
        lex->at++;
    else if (!digits(lex))
        return -TC_EINVAL;
    if (is_next(lex, '.', '.')) {
        lex->at++;
        if (!digits(lex))
            return -TC_EINVAL;
    }
    if (is_next(lex, 'e', 'E')) {
        lex->at++;
        lex->at += is_next(lex, '+', '-');
        if (!digits(lex))
            return -TC_EINVAL;
    }
    *out = (struct tc_str){ from, (size_t)(lex->at - from) };
    return TC_OK;
}

/* Four hexadecimal digits; -1: they are not. */
static int32_t hex4(const char *at, const char *end)
{
    int32_t value = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static bool is_high(int32_t unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(int32_t unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

/* Checks the escape after a backslash at lex->at and takes it; halves of pairs come in pairs. */
static int escape(struct tc_lex *lex)
{
    if (lex->at == lex->end)
        return -TC_EINVAL;
    char c = *lex->at++;
    if (c != 'u')
        return c != 0 && strchr("\"\\/bfnrt", c) ? TC_OK : -TC_EINVAL;
    int32_t unit = hex4(lex->at, lex->end);
    if (unit < 0 || is_low(unit))
        return -TC_EINVAL;
    lex->at += 4;
    if (!is_high(unit))
        return TC_OK;
    if (lex->end - lex->at < 6 || lex->at[0] != '\\' || lex->at[1] != 'u' ||
        !is_low(hex4(lex->at + 2, lex->end)))
        return -TC_EINVAL;
    lex->at += 6;
    return TC_OK;
}

int tc_lex_string(struct tc_lex *lex, struct tc_lex_text *out)
{
    if (!tc_lex_take(lex, '"'))
        return -TC_EINVAL;
    const char *from = lex->at;
    out->has_escape = false;
    for (;;) {
        lex->at = tc_lex_plain(lex->at, lex->end);
        if (lex->at == lex->end)
            return -TC_EINVAL;
        char c = *lex->at++;
        if (TC_LIKELY(c == '"')) {
            out->raw = (struct tc_str){ from, (size_t)(lex->at - 1 - from) };
            return TC_OK;
        }
        if (c != '\\' || escape(lex) < 0)
            return -TC_EINVAL;
        out->has_escape = true;
    }
}

static size_t put_utf8(char *out, uint32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

size_t tc_lex_unescape(struct tc_lex_text text, char *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    const char *at = text.raw.ptr;
    const char *end = at + text.raw.len;
    size_t len = 0;
    if (TC_LIKELY(!text.has_escape)) {
        memcpy(out, at, text.raw.len);
        return text.raw.len;
    }
    while (at < end) {
        if (*at != '\\') {
            out[len++] = *at++;
            continue;
        }
        char c = at[1];
        at += 2;
        if (c != 'u') {
            out[len++] = to[strchr(from, c) - from];
            continue;
        }
        uint32_t point = (uint32_t)hex4(at, end);
        at += 4;
        if (is_high((int32_t)point)) {
            point = 0x10000 + ((point - 0xd800) << 10) + ((uint32_t)hex4(at + 2, end) - 0xdc00);
            at += 6;
        }
        len += put_utf8(out + len, point);
    }
    return len;
}

int tc_lex_member(struct tc_lex *lex, bool *is_first, struct tc_lex_text *name)
{
    if (tc_lex_take(lex, '}'))
        return 0;
    if (!*is_first && !tc_lex_take(lex, ','))
        return -TC_EINVAL;
    *is_first = false;
    int rc = tc_lex_string(lex, name);
    if (rc == TC_OK && !tc_lex_take(lex, ':'))
        rc = -TC_EINVAL;
    return rc < 0 ? rc : 1;
}

int tc_lex_element(struct tc_lex *lex, bool *is_first)
{
    if (tc_lex_take(lex, ']'))
        return 0;
    if (!*is_first && !tc_lex_take(lex, ','))
        return -TC_EINVAL;
    *is_first = false;
    return 1;
}

static int skip_container(struct tc_lex *lex, uint32_t depth_max)
{
    bool is_first = true;
    bool is_object = *lex->at++ == '{';
    int rc;
    if (depth_max == 0)
        return -TC_EDEPTH;
    for (;;) {
        struct tc_lex_text name;
        rc = is_object ? tc_lex_member(lex, &is_first, &name) : tc_lex_element(lex, &is_first);
        if (rc <= 0)
            return rc;
        rc = tc_lex_skip(lex, depth_max - 1);
        if (rc < 0)
            return rc;
    }
}

int tc_lex_skip(struct tc_lex *lex, uint32_t depth_max)
{
    struct tc_lex_text text;
    struct tc_str number;
    switch (tc_lex_peek(lex)) {
    case '{':
    case '[':
        return skip_container(lex, depth_max);
    case '"':
        return tc_lex_string(lex, &text);
    case 't':
        return tc_lex_word(lex, TC_STR("true"));
    case 'f':
        return tc_lex_word(lex, TC_STR("false"));
    case 'n':
        return tc_lex_word(lex, TC_STR("null"));
    default:
        return tc_lex_number(lex, &number);
    }
}
