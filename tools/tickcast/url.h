// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/url: the address of an engine, taken apart.
 *
 *   ws://host:port/path   wss://   WebSocket (RFC 6455 section 3)
 *   http://host:port      https:// gRPC
 *
 * Pure: no look-up. */
#ifndef TC_TOOLS_TICKCAST_URL_H
#define TC_TOOLS_TICKCAST_URL_H

#include "core/base/err.h"

enum { TC_URL_HOST_MAX = 253, TC_URL_PATH_MAX = 1024 };

enum tc_url_kind { TC_URL_WS, TC_URL_GRPC };

struct tc_url {
    char host[TC_URL_HOST_MAX + 1]; /* without the brackets of IPv6 */
    char port[6];                   /* decimal; "80", or with TLS "443", if none was given */
    char path[TC_URL_PATH_MAX + 1]; /* WS: with the query, "/ws" if none was given; GRPC: "/" */
    bool is_ipv6;
    bool is_tls;
};

/* Fills *out from text ("ws://127.0.0.1:8080/ws", "http://127.0.0.1:8080"), which must be of that
 * kind. -TC_EINVAL with *err filled for anything else. */
int tc_url_parse(struct tc_url *out, enum tc_url_kind kind, const char *text,
                 struct tc_err *err) TC_MUST_CHECK;

#endif
