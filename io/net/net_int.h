// SPDX-License-Identifier: Apache-2.0
/* io/net/net_int: what net.c and send.c share; private to this folder. */
#ifndef TC_IO_NET_NET_INT_H
#define TC_IO_NET_NET_INT_H

#include "io/net/net.h"

/* send.c */

/* Sends what is planned for one connection now, and settles it. */
void tc_net_flush_planned(struct tc_net *net, uint32_t slot);

/* Appends to out as it is. false: there is no memory, and the connection has ended. */
bool tc_net_out_append(struct tc_net *net, uint32_t slot, const void *bytes, size_t len);

/* tls.c */

int tc_net_tls_init(struct tc_net *net, struct tc_tls_ctx *ctx, struct tc_err *err) TC_MUST_CHECK;

void tc_net_tls_fini(struct tc_net *net);

/* The connection begins with a handshake. false: no memory for it. */
bool tc_net_tls_open(struct tc_net *net, uint32_t slot);
void tc_net_tls_close(struct tc_net *net, uint32_t slot);

/* Bytes of the socket. */
void tc_net_tls_recv(struct tc_net *net, uint32_t slot, const uint8_t *bytes, uint32_t len);

/* Encrypts to out. false: the connection has ended. */
bool tc_net_tls_append(struct tc_net *net, uint32_t slot, const void *bytes, size_t len);

/* Our last word to out. */
void tc_net_tls_goodbye(struct tc_net *net, uint32_t slot);

/* Encrypts the next TC_TLS_RECORD_MAX bytes at most of the pieces to one record, *out, which is
 * good until the batch ends: the first of them, or after tc_net_tls_go_on those behind the last
 * record's. false: it cannot be. */
bool tc_net_tls_seal(struct tc_net *net, uint32_t slot, const struct tc_fan_piece *pieces,
                     uint32_t cnt, struct iovec *out);

/* What the record of slot in this batch has of the pieces. */
struct tc_net_sealed {
    const uint8_t *record;
    uint32_t plain_end; /* its end in the pieces; the records before it have the rest */
    bool is_last;       /* nothing of them comes behind it */
};
struct tc_net_sealed tc_net_tls_sealed(const struct tc_net *net, uint32_t slot);

/* The record was taken whole: the same pieces are sealed again for the one behind it. */
void tc_net_tls_go_on(struct tc_net *net, uint32_t slot);

/* Bytes of records in this batch; with TC_NET_BATCH_BYTES of them no more may be added. */
size_t tc_net_tls_batch_len(const struct tc_net *net);

void tc_net_tls_batch_end(struct tc_net *net);

/* net.c */

/* The row of the session that the connection is of. */
static inline const struct tc_net_session *tc_net_session_of(const struct tc_net *net,
                                                             const struct tc_net_conn *c)
{
    return net->conf.sessions[c->session];
}

/* The connection makes its bytes when they are sent. */
static inline bool tc_net_is_producer(const struct tc_net *net, const struct tc_net_conn *c)
{
    return !c->is_finishing && !c->is_handshaking && tc_net_session_of(net, c)->produce;
}

/* Gives the block of out back. */
void tc_net_out_free(struct tc_net *net, struct tc_net_conn *c);

#endif
