// SPDX-License-Identifier: Apache-2.0
/* proto/transcode/base64: text as bytes, as proto3's JSON takes it (RFC 4648): more leniently than
 * gRPC does (proto/grpc/base64, which has the way out). Any thread. */
#ifndef TC_PROTO_TRANSCODE_BASE64_H
#define TC_PROTO_TRANSCODE_BASE64_H

#include "core/base/err.h"

/* Both alphabets (sections 4 and 5), padded or not; *len gets the bytes, fewer than text.len. out
 * may be where the text is. -TC_EINVAL: another character, or a length that cannot be. */
int tc_base64_decode(uint8_t *out, size_t *len, struct tc_str text) TC_MUST_CHECK;

#endif
