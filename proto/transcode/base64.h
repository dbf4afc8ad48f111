// SPDX-License-Identifier: Apache-2.0
/* proto/transcode/base64: bytes as text (RFC 4648). Any thread. */
#ifndef TC_PROTO_TRANSCODE_BASE64_H
#define TC_PROTO_TRANSCODE_BASE64_H

#include "core/base/err.h"

/* Bytes of the text of len bytes, with padding. */
static inline size_t tc_base64_bytes(size_t len)
{
    return (len + 2) / 3 * 4;
}

/* Writes tc_base64_bytes(bytes.len) characters of the standard alphabet (section 4), padded. */
void tc_base64_encode(char *out, struct tc_str bytes);

/* Both alphabets (sections 4 and 5), padded or not; *len gets the bytes, fewer than text.len. out
 * may be where the text is. -TC_EINVAL: another character, or a length that cannot be. */
int tc_base64_decode(uint8_t *out, size_t *len, struct tc_str text) TC_MUST_CHECK;

#endif
