// SPDX-License-Identifier: Apache-2.0
#include "proto/json/utf8.h"

/* What must follow a first byte (Unicode, table of well-formed byte sequences). False: it cannot be
 * a first byte. */
static bool begin(struct tc_utf8 *state, uint8_t byte)
{
    state->low = 0x80;
    state->high = 0xbf;
    if (byte >= 0xc2 && byte <= 0xdf) {
        state->left = 1;
    } else if (byte >= 0xe0 && byte <= 0xef) {
        state->left = 2;
        if (byte == 0xe0)
            state->low = 0xa0; /* below: overlong */
        else if (byte == 0xed)
            state->high = 0x9f; /* above: surrogates */
    } else if (byte >= 0xf0 && byte <= 0xf4) {
        state->left = 3;
        if (byte == 0xf0)
            state->low = 0x90;
        else if (byte == 0xf4)
            state->high = 0x8f; /* above: past U+10FFFF */
    } else {
        return false;
    }
    return true;
}

bool tc_utf8_feed(struct tc_utf8 *state, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    const uint8_t *end = at + len;
    while (at < end) {
        if (state->left > 0) {
            if (*at < state->low || *at > state->high)
                return false;
            state->left--;
            state->low = 0x80;
            state->high = 0xbf;
            at++;
            continue;
        }
        uint64_t word;
        while (end - at >= 8) { /* text is mostly ASCII: eight at once */
            memcpy(&word, at, 8);
            if (word & 0x8080808080808080ull)
                break;
            at += 8;
        }
        while (at < end && *at < 0x80)
            at++;
        if (at < end && !begin(state, *at++))
            return false;
    }
    return true;
}

bool tc_utf8_check(const void *bytes, size_t len)
{
    struct tc_utf8 state = { 0 };
    return tc_utf8_feed(&state, bytes, len) && tc_utf8_is_whole(&state);
}
