// SPDX-License-Identifier: Apache-2.0
/* proto/h2/h2_int: what h2.c and head.c share; private to this folder. */
#ifndef TC_PROTO_H2_H2_INT_H
#define TC_PROTO_H2_H2_INT_H

#include "proto/h2/h2.h"

/* ---- h2.c ---- */

/* The peer has gone too far: GOAWAY, and nothing more is read. */
void tc_h2_fail(struct tc_h2 *h2, enum tc_h2_fault fault, uint32_t code);

/* Pays for a reset, whoever began it. */
void tc_h2_pay_reset(struct tc_h2 *h2);

/* ---- body.c ---- */

/* The head of an answer is out, and a body follows. */
void tc_h2_body_begin(struct tc_h2 *h2, uint32_t stream);

/* The stream is gone. */
void tc_h2_body_drop(struct tc_h2 *h2, uint32_t stream);

/* WINDOW_UPDATE of the connection, of a stream; SETTINGS_INITIAL_WINDOW_SIZE. */
void tc_h2_window_conn(struct tc_h2 *h2, uint32_t step);
void tc_h2_window_stream(struct tc_h2 *h2, int32_t id, uint32_t stream, uint32_t step);
void tc_h2_window_begin(struct tc_h2 *h2, uint32_t bytes);

/* DATA into what is left of the emit under way. */
void tc_h2_body_emit(struct tc_h2 *h2);

/* ---- head.c: callbacks of nghttp2 for header blocks ---- */

int tc_h2_on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *ctx);
int tc_h2_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                    void *ctx);
int tc_h2_on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame,
                            const uint8_t *name, size_t name_len, const uint8_t *value,
                            size_t value_len, uint8_t flags, void *ctx);

/* The block of a request is complete: gives it to the caller or refuses it. */
void tc_h2_head_end(struct tc_h2 *h2, int32_t id);

/* Gives back the head that comes, if there is one. */
void tc_h2_head_drop(struct tc_h2 *h2);

#endif
