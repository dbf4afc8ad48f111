// SPDX-License-Identifier: Apache-2.0
/* io/session/grpc_web: requests of gRPC-Web over HTTP/1.1; for the files of this folder. */
#ifndef TC_IO_SESSION_GRPC_WEB_H
#define TC_IO_SESSION_GRPC_WEB_H

#include "io/session/session.h"

/* One request, from the end of its head to the end of its answer. */
struct tc_web {
    uint32_t link; /* the pool's, while it is free */
    uint32_t call;
    struct tc_http1_body body;
    bool is_persistent;  /* the connection may carry another request */
    bool is_body_done;   /* of the request */
    bool is_answer_done; /* it has been written */
    bool is_busy;        /* bytes are being fed: whoever does so looks at the end */
};

/* Whether the head of the request (complete, in http) is for gRPC-Web, or a browser's question
 * whether it may be: then it is answered, or the connection is of tc_session_grpc_web from now on.
 * Names of fields are made lower case. */
bool tc_web_try(struct tc_net *net, uint32_t slot, struct tc_http1 *http);

/* Whether path or content-type are gRPC's, though it is no request for gRPC-Web. */
bool tc_web_is_near(const struct tc_net *net, const struct tc_http1 *http);

#endif
