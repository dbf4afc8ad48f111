// SPDX-License-Identifier: Apache-2.0
/* io/session/grpc: a server for gRPC and gRPC-Web: services register methods, calls run on the
 * worker that has their connection.
 *
 *   stream of HTTP/2 ───┐                    ┌── on_start, on_message, on_half_close, on_end
 *   request of HTTP/1 ──┴── struct tc_grpc_call ── method of a service
 *   (gRPC-Web)          ┌──                  └── tc_grpc_send, tc_grpc_finish
 *                 struct tc_grpc_carrier
 *
 * The layer judges heads, puts messages together, inflates them, holds the message of a call that
 * has only one until the client has ended, keeps deadlines, and frames what the method sends. A
 * method gets a call as it comes and ends it once with tc_grpc_finish; whoever goes first, on_end
 * is its last word. Messages are bytes here: what they mean is the service's.
 *
 * Tables are static and shared by workers; a method may run on several threads at once, each with
 * calls of its own. */
#ifndef TC_IO_SESSION_GRPC_H
#define TC_IO_SESSION_GRPC_H

#include "io/net/net.h"
#include "io/session/block.h"
#include "proto/grpc/base64.h"
#include "proto/grpc/frame.h"
#include "proto/grpc/gzip.h"

enum {
    TC_GRPC_MESSAGE_MAX = 1 << 20, /* bytes of one request message, unless the server says other */
    TC_GRPC_BACKLOG_MAX = 1 << 20, /* bytes of answers that wait for the peer */
    TC_GRPC_WRITABLE = 64 * 1024,  /* on_writable: as few wait */
    TC_GRPC_METADATA_MAX = 8 * 1024, /* bytes of metadata that a method may send, each way */
    TC_GRPC_FIELDS_MAX = 46,         /* the same in fields */
    TC_GRPC_STATE_BYTES = 128,
    TC_GRPC_DETAIL_MAX = 1024, /* bytes of grpc-message before it is encoded */
};

struct tc_grpc_call;
struct tc_desk_side;

enum tc_grpc_shape {
    TC_GRPC_UNARY,
    TC_GRPC_CLIENT_STREAM,
    TC_GRPC_SERVER_STREAM,
    TC_GRPC_BIDI,
};

/* What a call begins with; good during on_start. */
struct tc_grpc_head {
    struct tc_str path;
    struct tc_str host;
    const struct tc_http1_field *fields; /* all but those of HTTP itself; lower case */
    uint32_t field_cnt;
    int64_t timeout_ns; /* -1: none */
};

/* All on the worker's thread, where none may block; or all on the side thread (is_side), where they
 * may: it has the calls of all workers, and the same functions for them but tc_grpc_join. Any but
 * on_message may be NULL. */
struct tc_grpc_method {
    const char *path; /* "/grpc.health.v1.Health/Check" */
    enum tc_grpc_shape shape;
    bool is_side;
    const char *request; /* full names of its messages */
    const char *response;
    void (*on_start)(struct tc_grpc_call *call, const struct tc_grpc_head *head);
    /* One message; of UNARY and SERVER_STREAM it is the only one, and the client has ended. */
    void (*on_message)(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len);
    /* CLIENT_STREAM, BIDI: the client has ended. */
    void (*on_half_close)(struct tc_grpc_call *call);
    /* At most TC_GRPC_WRITABLE bytes wait again, after there were more. */
    void (*on_writable)(struct tc_grpc_call *call);
    /* tc_grpc_arm. */
    void (*on_timer)(struct tc_grpc_call *call);
    /* A graceful stop begins: end what would not end by itself. */
    void (*on_drain)(struct tc_grpc_call *call, uint32_t reconnect_ms);
    /* It is over, by tc_grpc_finish, deadline or cancellation: give back what was taken. */
    void (*on_end)(struct tc_grpc_call *call);
};

struct tc_grpc_service {
    const char *name; /* "grpc.health.v1.Health" */
    const struct tc_grpc_method *methods;
    uint32_t method_cnt;
    void *ctx;
};

/* What is done with every call (authorization, metrics, logs, limits), in the order of the table.
 */
struct tc_grpc_hook {
    /* Other than OK: the call ends with it and *detail (static), and no method sees it. */
    enum tc_grpc_status (*on_start)(void *ctx, struct tc_grpc_call *call,
                                    const struct tc_grpc_head *head, const char **detail);
    void (*on_end)(void *ctx, struct tc_grpc_call *call, enum tc_grpc_status status);
    void *ctx;
};

struct tc_grpc_server {
    const struct tc_grpc_service *const *services;
    uint32_t service_cnt;
    const struct tc_grpc_hook *hooks;
    uint32_t hook_cnt;
    uint32_t message_max; /* 0: TC_GRPC_MESSAGE_MAX */
};

/* What a call comes on. */
struct tc_grpc_carrier {
    /* The head of the answer; is_last: nothing follows. */
    void (*respond)(struct tc_grpc_call *call, const struct tc_http1_field *fields, size_t cnt,
                    bool is_last);
    /* More of the body. false: no memory. */
    bool (*write)(struct tc_grpc_call *call, const void *bytes, size_t len);
    /* The end of the body, with trailers if cnt is not 0. */
    void (*finish)(struct tc_grpc_call *call, const struct tc_http1_field *fields, size_t cnt);
    /* The call cannot be ended properly. */
    void (*abort)(struct tc_grpc_call *call);
    /* Bytes of the body that wait. */
    size_t (*backlog)(const struct tc_grpc_call *call);
    /* The call has a nearer time (tc_grpc_due_ns). */
    void (*arm)(struct tc_grpc_call *call);
    /* The call becomes a subscriber: what fan knows it as, and in which dialect; until part. The
     * head has been sent. */
    uint32_t (*join)(struct tc_grpc_call *call, uint32_t *dialect);
    void (*part)(struct tc_grpc_call *call);
    /* Bytes of its dialect, framed. false: no memory. */
    bool (*write_framed)(struct tc_grpc_call *call, const void *bytes, size_t len);
};

struct tc_grpc_call {
    uint32_t link;   /* the pool's, while it is free: slot outlives an end that a method causes */
    uint32_t slot;   /* connection */
    uint32_t stream; /* the carrier's, TC_NONE: it has none */
    uint32_t idx;    /* in the pool of calls */
    struct tc_net *net; /* NULL on the side thread, as is the carrier */
    const struct tc_grpc_carrier *carrier;
    const struct tc_grpc_method *method; /* NULL: none was found */
    const struct tc_grpc_method *on;     /* whom the worker tells: it, or tc_desk_forward */
    struct tc_desk_side *desk;           /* the side thread's own call; NULL: a worker's */
    uint32_t twin;                       /* io/session/desk: TC_NONE: it has none */
    uint32_t gen;
    void *ctx;           /* of the service */
    int64_t deadline_ns; /* INT64_MAX: none */
    int64_t timer_ns;    /* INT64_MAX: none */
    struct tc_grpc_in in;
    struct tc_grpc_base64 text;
    struct tc_block part;    /* lent to in */
    struct tc_block held;    /* the only message */
    struct tc_block head;    /* metadata of the answer, packed */
    struct tc_block trailer; /* the same of its end */
    uint8_t kind;            /* enum tc_grpc_kind */
    uint8_t status;          /* enum tc_grpc_status, once it is done */
    uint32_t hook_cnt;       /* hooks that let it in: they hear of its end */
    bool has_message;        /* of a call that has only one */
    bool is_held_packed;     /* that one is compressed */
    bool is_packed_in;       /* so has come the message that on_message gets */
    bool accepts_gzip;
    bool is_gzip;      /* the answer says so in its head */
    bool is_head_sent; /* of the answer */
    bool is_half_closed;
    bool is_done;   /* no method has it any more */
    bool is_full;   /* more than TC_GRPC_WRITABLE waited */
    bool is_joined; /* a subscriber: */
    uint32_t conn;  /* what fan knows it as */
    uint32_t dialect;
    _Alignas(16) uint8_t state[TC_GRPC_STATE_BYTES]; /* the method's; zero at on_start */
};

/* ---- for methods; nothing once the call is done ---- */

/* Metadata of the answer: before the first message, and at its end. The name is valid (lower case)
 * and the value ASCII, or any bytes if the name ends in "-bin". false: it is not, or too much. */
bool tc_grpc_add_header(struct tc_grpc_call *call, struct tc_str name, struct tc_str value);
bool tc_grpc_add_trailer(struct tc_grpc_call *call, struct tc_str name, struct tc_str value);

/* Messages may be compressed, if the client takes it: before the head is sent. */
void tc_grpc_use_gzip(struct tc_grpc_call *call);

/* The head goes now, and not with the first message. */
void tc_grpc_send_head(struct tc_grpc_call *call);

/* One message, copied. is_packed: compressed, if tc_grpc_use_gzip could be. When the client does
 * not read or there is no memory the call ends with RESOURCE_EXHAUSTED. */
void tc_grpc_send(struct tc_grpc_call *call, const void *bytes, uint32_t len, bool is_packed);

/* The call becomes a subscriber, see the carrier; its head is sent. One whose body is base64
 * cannot, and ends with UNIMPLEMENTED. A subscriber gets messages only from fan and by
 * tc_grpc_send_framed: bytes of its dialect. It stops being one when it is done. */
void tc_grpc_join(struct tc_grpc_call *call);
void tc_grpc_send_framed(struct tc_grpc_call *call, const void *bytes, size_t len);

/* Ends it. detail: UTF-8 of at most TC_GRPC_DETAIL_MAX bytes, the rest is cut off. */
void tc_grpc_finish(struct tc_grpc_call *call, enum tc_grpc_status status, struct tc_str detail);

/* on_timer at that time; INT64_MAX: not. One per call. */
void tc_grpc_arm(struct tc_grpc_call *call, int64_t at_ns);

/* Bytes of messages that wait for the peer. */
size_t tc_grpc_backlog(const struct tc_grpc_call *call);

/* Monotonic: what tc_grpc_arm counts by. */
int64_t tc_grpc_now_ns(const struct tc_grpc_call *call);

/* ---- for carriers ---- */

/* A request whose content-type is of that kind. The carrier is ready to answer. */
struct tc_grpc_start {
    const struct tc_grpc_carrier *carrier;
    uint32_t slot;
    uint32_t stream;
    enum tc_grpc_kind kind;
    bool is_proto;
    struct tc_grpc_head head; /* timeout_ns is set by the call below */
};

/* A call for it, TC_NONE: none is free. Nothing has been sent yet. */
uint32_t tc_grpc_open(struct tc_net *net, const struct tc_grpc_start *start) TC_MUST_CHECK;

/* Judges the head and starts the method, or ends the call at once. */
void tc_grpc_begin(struct tc_grpc_call *call, const struct tc_grpc_start *start);

/* Bytes of the request's body; passed over once the call is done. */
void tc_grpc_data(struct tc_grpc_call *call, const uint8_t *bytes, size_t len);

/* The request is complete. */
void tc_grpc_half_close(struct tc_grpc_call *call);

/* The carrier has got bytes of the answer rid of. */
void tc_grpc_drained(struct tc_grpc_call *call);

/* When tc_grpc_on_time is wanted. */
static inline int64_t tc_grpc_due_ns(const struct tc_grpc_call *call)
{
    return call->is_done ? INT64_MAX : TC_MIN(call->deadline_ns, call->timer_ns);
}
void tc_grpc_on_time(struct tc_grpc_call *call);

void tc_grpc_drain(struct tc_grpc_call *call, uint32_t reconnect_ms);

/* The carrier is gone: cancels the call unless it is done, and frees it. */
void tc_grpc_close(struct tc_grpc_call *call);

/* The method at that path; NULL: none. *service gets its service. */
const struct tc_grpc_method *tc_grpc_method_find(const struct tc_grpc_server *server,
                                                 struct tc_str path,
                                                 const struct tc_grpc_service **service);

/* ---- what a worker's calls share: in struct tc_sessions ---- */

struct tc_grpc_pool {
    const struct tc_grpc_server *server; /* NULL: no services */
    struct tc_desk_side *desk;           /* NULL: no method is on the side thread */
    struct tc_pool calls;                /* struct tc_grpc_call */
    struct tc_grpc_gzip gzip;
    uint8_t *scratch; /* message_max: an inflated request; or for the method to write its answer */
    uint8_t *packed;  /* message_max: of deflate */
    uint32_t message_max;
};

#endif
