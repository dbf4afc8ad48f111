// SPDX-License-Identifier: Apache-2.0
/* io/session/cors: pages of other origins that call gRPC-Web (the Fetch standard's CORS protocol).
 */
#ifndef TC_IO_SESSION_CORS_H
#define TC_IO_SESSION_CORS_H

#include "io/net/net.h"
#include "proto/http1/http1.h"

enum {
    TC_CORS_FIELDS_MAX = 8,
    TC_CORS_REQUESTED_MAX = 1024, /* bytes of the names of fields that a page asks for */
};

/* Whether a page of that origin may call: it is in the setting origins, or the server's own. */
bool tc_cors_is_allowed(const struct tc_net *net, struct tc_str origin, struct tc_str host);

/* Fields of the answer to a call of an allowed origin; views of it. Returns how many. */
size_t tc_cors_fields(struct tc_str origin, struct tc_http1_field fields[TC_CORS_FIELDS_MAX]);

/* Fields of the answer 204 to the request OPTIONS that a browser makes before a call; views of the
 * arguments. requested: of Access-Control-Request-Headers. 0: it may not. */
size_t tc_cors_preflight(const struct tc_net *net, struct tc_str origin, struct tc_str host,
                         struct tc_str requested, struct tc_http1_field fields[TC_CORS_FIELDS_MAX]);

#endif
