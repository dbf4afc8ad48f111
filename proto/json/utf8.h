// SPDX-License-Identifier: Apache-2.0
/* proto/json/utf8: is it UTF-8 (RFC 3629), in pieces of any size.
 *
 * Overlong forms, surrogates and code points above U+10FFFF are refused at the first byte that
 * makes them certain, as RFC 6455 section 8.1 lets a WebSocket endpoint do. */
#ifndef TC_PROTO_JSON_UTF8_H
#define TC_PROTO_JSON_UTF8_H

#include "core/base/base.h"

/* Zeroed: at a border of characters. */
struct tc_utf8 {
    uint8_t left; /* continuation bytes that must follow */
    uint8_t low;  /* bounds of the next one, when left > 0 */
    uint8_t high;
};

/* False at the first bad byte; the state is void then. */
bool tc_utf8_feed(struct tc_utf8 *state, const void *bytes, size_t len) TC_MUST_CHECK;

/* Whether text may end here. */
static inline bool tc_utf8_is_whole(const struct tc_utf8 *state)
{
    return state->left == 0;
}

/* All of it at once. */
bool tc_utf8_check(const void *bytes, size_t len) TC_MUST_CHECK;

#endif
