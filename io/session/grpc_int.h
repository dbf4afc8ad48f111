// SPDX-License-Identifier: Apache-2.0
/* io/session/grpc_int: what grpc.c and grpc_out.c share. */
#ifndef TC_IO_SESSION_GRPC_INT_H
#define TC_IO_SESSION_GRPC_INT_H

#include "io/session/grpc.h"
#include "io/session/session.h"

static inline struct tc_grpc_pool *tc_grpc_pool_of(const struct tc_grpc_call *call)
{
    return &tc_sessions_of(call->net)->grpc;
}

/* The method's part is over: it and the hooks are told. */
void tc_grpc_leave(struct tc_grpc_call *call, enum tc_grpc_status status);

#endif
