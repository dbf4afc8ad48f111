// SPDX-License-Identifier: Apache-2.0
/* proto/transcode/lex: JSON text (RFC 8259) from left to right, one token at a call.
 *
 * A cursor that is walked by the types of a schema, so that nothing is built of the text and a
 * value is read once. The text was checked to be UTF-8 before. Every function skips white space
 * before its token, returns -TC_EINVAL where the text is not JSON or not what was asked for, and
 * must not be called again after an error. Any thread. */
#ifndef TC_PROTO_TRANSCODE_LEX_H
#define TC_PROTO_TRANSCODE_LEX_H

#include <endian.h>

#include "core/base/err.h"

struct tc_lex {
    const char *at;
    const char *end;
};

/* The inside of a string, still escaped. */
struct tc_lex_text {
    struct tc_str raw;
    bool has_escape;
};

/* The first byte from at on that a JSON string cannot hold as it is (a control character, a quote,
 * a backslash), or end. */
static inline const char *tc_lex_plain(const char *at, const char *end)
{
    const uint64_t ones = 0x0101010101010101ull;
    for (; end - at >= 8; at += 8) { /* a byte is 0 if (byte - 1) & ~byte has its highest bit set */
        uint64_t word;
        memcpy(&word, at, 8);
        word = le64toh(word);
        uint64_t quote = word ^ ones * '"';
        uint64_t backslash = word ^ ones * '\\';
        uint64_t hits = ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
                        ((word - ones * 0x20) & ~word);
        hits &= ones * 0x80;
        if (hits != 0)
            return at + __builtin_ctzll(hits) / 8;
    }
    while (at < end && (uint8_t)*at >= 0x20 && *at != '"' && *at != '\\')
        at++;
    return at;
}

/* The first character of the next token, which is not taken; 0 at the end. */
static inline char tc_lex_peek(struct tc_lex *lex)
{
    for (; lex->at < lex->end; lex->at++) {
        char c = *lex->at;
        if (TC_LIKELY(c > ' ' || (c != ' ' && c != '\n' && c != '\r' && c != '\t')))
            return c;
    }
    return 0;
}

/* Takes that character, or nothing; c is not NUL. */
static inline bool tc_lex_take(struct tc_lex *lex, char c)
{
    if (tc_lex_peek(lex) != c)
        return false;
    lex->at++;
    return true;
}

/* true, false, null. */
int tc_lex_word(struct tc_lex *lex, struct tc_str word) TC_MUST_CHECK;

/* A number, as it is written. */
int tc_lex_number(struct tc_lex *lex, struct tc_str *out) TC_MUST_CHECK;

int tc_lex_string(struct tc_lex *lex, struct tc_lex_text *out) TC_MUST_CHECK;

/* Writes the text to out, which has room for text.raw.len bytes; returns how many it is. */
size_t tc_lex_unescape(struct tc_lex_text text, char *out);

/* Members of an object whose '{' was taken: 1: *name is there and the value comes next; 0: '}' was
 * taken. *is_first is true before the first call. */
int tc_lex_member(struct tc_lex *lex, bool *is_first, struct tc_lex_text *name) TC_MUST_CHECK;

/* Elements of an array whose '[' was taken: 1: a value comes next; 0: ']' was taken. */
int tc_lex_element(struct tc_lex *lex, bool *is_first) TC_MUST_CHECK;

/* Any one value, with arrays and objects nested at most depth_max deep; else -TC_EDEPTH. */
int tc_lex_skip(struct tc_lex *lex, uint32_t depth_max) TC_MUST_CHECK;

#endif
