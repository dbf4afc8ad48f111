// SPDX-License-Identifier: Apache-2.0
/* io/session/route: what ordinary HTTP gets at a path, whatever its version. */
#ifndef TC_IO_SESSION_ROUTE_H
#define TC_IO_SESSION_ROUTE_H

#include "io/net/net.h"
#include "proto/http1/http1.h"

/* A page, or, with code, an error whose body is made of code and detail. All static. */
struct tc_reply {
    int status;
    const char *type; /* media type; NULL: of an error */
    const char *csp;  /* Content-Security-Policy; NULL: none */
    const char *allow;
    uint32_t retry_after_s; /* 0: no Retry-After */
    const void *body;
    size_t len;
    const char *code;   /* NULL: no error */
    const char *detail; /* of an error */
};

/* The answer to a request without a body. The path is canonical. */
void tc_route(const struct tc_net *net, enum tc_http1_method method, struct tc_str path,
              struct tc_reply *reply);

/* The answer that stands for a reason to end the connection. */
void tc_route_close(enum tc_close reason, struct tc_reply *reply);

/* The answer to what is no call of gRPC though the path or the content-type is gRPC's. */
void tc_route_grpc(enum tc_http1_method method, struct tc_reply *reply);

/* A reply as header fields (without the status) and a body. */
enum { TC_REPLY_FIELDS_MAX = 8 };
struct tc_reply_text {
    char len[24];
    char retry[16];
    char problem[TC_HTTP1_ANSWER_MAX];
    const void *body; /* of the reply, or problem */
    size_t body_len;
};

/* Fills text, which the fields point into. Returns how many fields. */
size_t tc_reply_fields(const struct tc_reply *reply, struct tc_reply_text *text,
                       struct tc_http1_field fields[TC_REPLY_FIELDS_MAX]);

/* Whether no proxy could understand the path differently: it begins with "/", has no empty, "." or
 * ".." segment but an empty last one, and no percent-encoded character that needed none (RFC 3986
 * section 6.2.2). "*" is canonical for OPTIONS. */
bool tc_route_is_canonical(struct tc_str path);

#endif
