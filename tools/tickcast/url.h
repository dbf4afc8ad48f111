// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/url: the address of a WebSocket endpoint, taken apart.
 *
 * Only ws:// (RFC 6455 section 3); wss:// is refused by name until TLS is built. Pure: no look-up.
 */
#ifndef TC_TOOLS_TICKCAST_URL_H
#define TC_TOOLS_TICKCAST_URL_H

#include "core/base/err.h"

enum { TC_URL_HOST_MAX = 253, TC_URL_PATH_MAX = 1024 };

struct tc_url {
    char host[TC_URL_HOST_MAX + 1]; /* without the brackets of IPv6 */
    char port[6];                   /* decimal, "80" if none was given */
    char path[TC_URL_PATH_MAX + 1]; /* with the query; "/ws" if none was given */
    bool is_ipv6;
};

/* Fills *out from text ("ws://127.0.0.1:8080/ws"). -TC_EINVAL with *err filled for anything else,
 * -TC_ENOTSUP for wss. */
int tc_url_parse(struct tc_url *out, const char *text, struct tc_err *err) TC_MUST_CHECK;

#endif
