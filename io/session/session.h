// SPDX-License-Identifier: Apache-2.0
/* io/session: the dialects' halves of connections, one file each, and the table that names them.
 *
 * A connection begins as HTTP/1 (row 0), or as HTTP/2 if TLS has agreed on it, and may become
 * another by an upgrade or by HTTP/2's preface. What a session needs only while a head or message
 * is incomplete is borrowed from pools of the worker (struct tc_sessions), so an idle connection
 * costs nothing here but what nghttp2 takes for one with HTTP/2.
 *
 * A new dialect is a codec in proto/, a file here and a row in table.c. One thread per struct. */
#ifndef TC_IO_SESSION_SESSION_H
#define TC_IO_SESSION_SESSION_H

#include "core/conf/conf.h"
#include "io/net/net.h"
#include "io/session/grpc.h"
#include "proto/h2/h2.h"
#include "proto/json/cmd.h"
#include "proto/pb/schema.h"
#include "proto/ws/frame.h"
#include "proto/ws/handshake.h"

/* Rows of tc_session_table. */
enum tc_session_kind {
    TC_SESSION_HTTP,
    TC_SESSION_WS,
    TC_SESSION_H2,
    TC_SESSION_GRPC_WEB,
    TC_SESSION_CNT
};

/* Rows of tc_session_dialects: wire formats of events. */
enum tc_session_dialect {
    TC_SESSION_WS_JSON,
    TC_SESSION_GRPC, /* and grpc-web over HTTP/2 */
    TC_SESSION_GRPC_TEXT,
    TC_SESSION_WEB, /* over HTTP/1.1 */
    TC_SESSION_WEB_TEXT,
    TC_SESSION_DIALECT_CNT
};

enum {
    TC_SESSION_HEADS_MAX = 512,    /* incomplete HTTP heads at once, per worker; then 503 */
    TC_SESSION_MESSAGES_MAX = 256, /* incomplete WebSocket messages at once; then 1013 */
    TC_SESSION_H2_HEADS_MAX = 256, /* incomplete HTTP/2 heads at once; then REFUSED_STREAM */
    TC_SESSION_GZIP_LEVEL = 1,     /* of gRPC's messages: speed before size */
    TC_SESSION_REFUSED_MAX = 64,   /* commands refused in a row for coming too fast; then 1008 */
};

/* struct tc_net_conn's preface_len: the connection does not begin with HTTP/2's preface. */
enum { TC_HTTP_NO_PREFACE = UINT8_MAX };

/* A page built into the program. */
struct tc_page {
    const char *mime;
    const void *bytes;
    size_t len;
};

/* The page at path: false if there is none. Any worker's thread. */
typedef bool (*tc_page_fn)(struct tc_str path, struct tc_page *out);

/* A WebSocket message on its way in. */
struct tc_ws_ctx {
    uint32_t link; /* the pool's, while it is free: `in` lives on */
    struct tc_ws_in in;
    uint8_t buffer[TC_WS_MESSAGE_MAX];
};

struct tc_sessions {
    const struct tc_conf *conf;
    tc_page_fn page; /* may be NULL */
    struct tc_bucket_rate command_rate;
    struct tc_bucket_rate control_rate;
    struct tc_pool heads;    /* struct tc_http1 */
    struct tc_pool messages; /* struct tc_ws_ctx */
    struct tc_h2_class h2;   /* ctx: the struct tc_net, once a connection is open */
    struct tc_pool h2_conns; /* struct tc_h2_conn */
    struct tc_pool webs;     /* struct tc_web: requests of gRPC-Web over HTTP/1.1 */
    struct tc_pool streams;  /* struct tc_stream: of HTTP/2 connections */
    struct tc_grpc_pool grpc;
    const struct tc_pb_schema *schema;              /* what reflection tells; NULL: nothing */
    struct tc_fan_piece pieces[TC_REACTOR_IOV_MAX]; /* gathered for the stream under way */
    uint32_t piece_cnt;
    struct tc_json_pool json;
    struct tc_cmd_room *rooms; /* TC_CMD_ROOMS_MAX */
};

extern const struct tc_net_session tc_session_http;
extern const struct tc_net_session tc_session_ws;
extern const struct tc_net_session tc_session_h2;
extern const struct tc_net_session tc_session_grpc_web;
extern const struct tc_net_session *const tc_session_table[TC_SESSION_CNT];
extern const struct tc_dialect *const tc_session_dialects[TC_SESSION_DIALECT_CNT];
extern const struct tc_words *const tc_session_words[TC_SESSION_DIALECT_CNT];

/* Takes the pools of one worker. conf and grpc (NULL: no services) outlive them. -TC_ENOMEM,
 * -TC_EIO with *err. */
int tc_sessions_init(struct tc_sessions *sessions, const struct tc_conf *conf, tc_page_fn page,
                     const struct tc_grpc_server *grpc, struct tc_mem *mem, const char *holder,
                     struct tc_err *err) TC_MUST_CHECK;

/* Before the first turn: where its calls of side methods go; NULL: nowhere, it has none. */
void tc_sessions_use_desk(struct tc_sessions *sessions, struct tc_desk_side *desk);
void tc_sessions_fini(struct tc_sessions *sessions);

static inline struct tc_sessions *tc_sessions_of(const struct tc_net *net)
{
    return net->conf.session_ctx;
}

#endif
