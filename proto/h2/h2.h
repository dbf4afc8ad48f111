// SPDX-License-Identifier: Apache-2.0
/* proto/h2: HTTP/2 (RFC 9113) for servers, as bytes in and bytes out, by nghttp2.
 *
 *   socket ──> tc_h2_feed ──> ops->on_request, on_data, on_end, on_close
 *   socket <── tc_h2_emit <── answers, and ops->peek, take for the bytes of bodies
 *
 * nghttp2 frames, compresses heads, keeps the peer's windows and judges most of what it may send.
 * What it leaves to its user is done here: how many fields a head may have and how long it may be,
 * how often a peer may reset or make us reset, how many frames that bring nothing it may send, and
 * stream numbers that go back. Whoever goes beyond is told GOAWAY ENHANCE_YOUR_CALM.
 *
 * DATA that we send does not pass through nghttp2 (body.c): its bytes go from ops->take to the
 * caller's buffer, and the windows that the peer opens for it are kept here.
 *
 * struct tc_h2_class is what the connections of one worker share: pools, budget, callbacks. One
 * thread. Memory: nghttp2 takes its own from the purse of the class; the rest is taken at init.
 *
 * Not for: routes, gRPC, TLS, push, priorities (they are not offered), the clock. */
#ifndef TC_PROTO_H2_H2_H
#define TC_PROTO_H2_H2_H

#include <nghttp2/nghttp2.h>

#include "core/flow/bucket.h"
#include "core/mem/budget.h"
#include "core/mem/mem.h"
#include "proto/http1/http1.h"

enum {
    TC_H2_STREAMS_MAX = 100, /* of one connection at once */
    TC_H2_FIELDS_MAX = 100,  /* of one head, cookie crumbs counted one by one */
    TC_H2_HEAD_MAX =
        TC_HTTP_HEAD_MAX, /* bytes of one head, RFC 9113 section 10.5.1: 32 more each */
    TC_H2_FIELD_BYTES = 32,
    TC_H2_CONTINUATIONS_MAX = 8,
    TC_H2_RESETS_PER_S = 33, /* by either side; */
    TC_H2_RESETS_MAX = 200,  /* at once */
    TC_H2_EMPTY_PER_S = 100, /* frames that bring nothing; */
    TC_H2_EMPTY_MAX = 1000,  /* at once. PINGs and windows are free for DATA that we sent: */
    TC_H2_EARNED_PER_DATA = 3,
    TC_H2_EARNED_MAX = 3000,
    TC_H2_EMIT_MIN = 64,      /* room that tc_h2_emit wants at least */
    TC_H2_CONN_BYTES = 32768, /* about what nghttp2 takes for one connection */
    TC_H2_PREFACE_LEN = 24,
    TC_H2_FRAME_HEAD = 9,
    TC_H2_FRAME_HEAD_MAX = 13,  /* with a number that is behind it */
    TC_H2_WINDOW_STEP_MIN = 16, /* bytes; a window that grows by less is not earned */
    TC_H2_WINDOW_BEGIN = 65535, /* RFC 9113 section 6.9.2 */
    TC_H2_DATA_MAX = 16384,     /* bytes of one DATA frame: what any peer takes (section 4.2) */
};

/* What every connection begins with (RFC 9113 section 3.4). */
extern const char tc_h2_preface[TC_H2_PREFACE_LEN + 1];

struct tc_h2;

/* The head of a request; views into bytes[]. Good during ops->on_request. */
struct tc_h2_head {
    uint32_t link; /* the pool's, while it is free */
    uint32_t field_cnt;
    uint32_t used;
    enum tc_http1_method method;
    struct tc_str target; /* :path as sent */
    struct tc_str path;   /* up to the "?" */
    struct tc_str query;  /* after it; empty if none */
    struct tc_str host;   /* :authority, or Host without one */
    struct tc_str scheme;
    struct tc_http1_field
        fields[TC_H2_FIELDS_MAX]; /* lower case; without the pseudo-header fields */
    char bytes[TC_H2_HEAD_MAX];
};

/* What a body's reader says besides how many bytes there are. */
enum tc_h2_more {
    TC_H2_MORE,     /* ask again */
    TC_H2_WAIT,     /* until tc_h2_resume */
    TC_H2_END,      /* that was all */
    TC_H2_TRAILERS, /* that was all of the body; tc_h2_trailers has been called */
};

enum tc_h2_body_state {
    TC_H2_BODY_NONE,    /* the head is not out yet, or nothing follows it any more */
    TC_H2_BODY_WAITS,   /* until tc_h2_resume */
    TC_H2_BODY_LISTED,  /* it will be asked by the next emit */
    TC_H2_BODY_BLOCKED, /* until a window opens */
};

/* The body of an answer, in the stream that the caller has for it. id is the caller's to set, all
 * else is zero to begin with. */
struct tc_h2_body {
    int32_t id;    /* RFC 9113 section 5.1.1 */
    uint32_t next; /* circular list; void unless it is in it */
    uint32_t prev;
    uint8_t state;  /* enum tc_h2_body_state */
    int64_t credit; /* what the window is beyond the one that every stream begins with */
};

/* What is done with requests. Streams are known by the number that on_request returned. None may
 * close the connection. */
struct tc_h2_ops {
    /* The head of stream id is complete. Returns the number that the other calls get, TC_NONE: it
     * has been refused (tc_h2_reset). */
    uint32_t (*on_request)(struct tc_h2 *h2, int32_t id, const struct tc_h2_head *head);
    /* Bytes of its body; they count against the windows until tc_h2_consume. */
    void (*on_data)(struct tc_h2 *h2, uint32_t stream, const uint8_t *bytes, size_t len);
    /* The request is complete. */
    void (*on_end)(struct tc_h2 *h2, uint32_t stream);
    /* The stream is gone: code is of RFC 9113 section 7. */
    void (*on_close)(struct tc_h2 *h2, uint32_t stream, uint32_t code);
    /* The stream's body; the connection's streams, one by one: the first for TC_NONE. */
    struct tc_h2_body *(*body)(struct tc_h2 *h2, uint32_t stream);
    uint32_t (*next)(struct tc_h2 *h2, uint32_t stream);
    /* How many bytes of its body there are to be sent now, at most max: 0 while windows are shut.
     */
    size_t (*peek)(struct tc_h2 *h2, uint32_t stream, size_t max, enum tc_h2_more *more);
    /* Writes the next len of them, which peek has told. */
    void (*take)(struct tc_h2 *h2, uint32_t stream, uint8_t *dst, size_t len);
};

struct tc_h2_class {
    const struct tc_h2_ops *ops;
    void *ctx; /* of the user of ops */
    struct tc_purse purse;
    struct tc_pool heads;
    nghttp2_mem mem;
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    struct tc_bucket_rate reset_rate;
    struct tc_bucket_rate empty_rate;
    int64_t now_ns; /* of the call under way */
    uint8_t *dst;   /* of the emit under way */
    size_t cap;
    size_t len;
};

/* Why a connection must end. */
enum tc_h2_fault { TC_H2_FINE, TC_H2_PROTOCOL, TC_H2_CALM, TC_H2_NO_MEMORY };

/* One connection. */
struct tc_h2 {
    struct tc_h2_class *class;
    uint32_t tag;       /* the caller's: which connection it is */
    uint32_t head;      /* in the pool: the head that comes, TC_NONE: none */
    uint32_t field_cnt; /* of the header block that comes */
    uint32_t field_bytes;
    uint32_t stream_cnt; /* that the caller knows */
    int32_t last_id;     /* highest stream that the peer has opened */
    uint64_t opened;     /* bit n: stream last_id - 2n was opened, */
    uint64_t cut;        /* and ended by us before the peer had ended it */
    nghttp2_session *session;
    const uint8_t *rest; /* of a frame that did not fit into the last emit */
    size_t rest_len;
    int64_t window;        /* of the connection, for DATA that we send */
    uint32_t window_begin; /* of every stream: the peer's SETTINGS_INITIAL_WINDOW_SIZE */
    uint32_t asked;        /* streams whose bodies are to be asked, TC_NONE: none */
    bool has_frames;       /* nghttp2 may have something to send */
    bool is_in_block;      /* a header block goes on: only CONTINUATION may come */
    struct tc_bucket resets;
    struct tc_bucket empties;
    uint32_t earned;     /* frames that may bring nothing for DATA that we sent */
    uint32_t frame_left; /* bytes of the frame that comes */
    uint8_t frame_head[TC_H2_FRAME_HEAD_MAX]; /* of the next one, as far as it has come */
    uint8_t frame_head_len;
    uint8_t preface_left;
    bool has_settings;  /* the peer's first frame has come */
    uint32_t frame_cnt; /* whole frames that have come */
    uint8_t fault;      /* enum tc_h2_fault */
    bool is_over;       /* GOAWAY has been emitted: send what is left and close */
};

/* heads: how many heads may be incomplete at once. memory_bytes: of nghttp2, for all connections.
 * -TC_ENOMEM, -TC_EIO (the library is older than what is safe) with *err. */
int tc_h2_class_init(struct tc_h2_class *class, const struct tc_h2_ops *ops, void *ctx,
                     uint32_t heads, uint64_t memory_bytes, struct tc_mem *mem, const char *holder,
                     struct tc_err *err) TC_MUST_CHECK;
void tc_h2_class_fini(struct tc_h2_class *class);

/* A connection that waits for the preface. -TC_ENOMEM. */
int tc_h2_open(struct tc_h2 *h2, struct tc_h2_class *class, uint32_t tag) TC_MUST_CHECK;

/* Streams that are left end without on_close. */
void tc_h2_close(struct tc_h2 *h2);

/* Bytes of the peer. Afterwards there may be something to emit, a GOAWAY as well (h2->fault, now or
 * when it has been emitted). */
void tc_h2_feed(struct tc_h2 *h2, const uint8_t *bytes, size_t len, int64_t now_ns);

/* Whether the peer has begun something that it must go on with: its preface, a frame, a head. */
static inline bool tc_h2_is_inside(const struct tc_h2 *h2)
{
    return h2->preface_left > 0 || !h2->has_settings || h2->head != TC_NONE || h2->frame_left > 0 ||
           h2->frame_head_len > 0;
}

/* Writes what is to be sent, at most cap (>= TC_H2_EMIT_MIN) bytes: whole frames but for the end of
 * dst. Returns how many; 0: nothing for now. */
size_t tc_h2_emit(struct tc_h2 *h2, uint8_t *dst, size_t cap, int64_t now_ns);

/* Whether tc_h2_emit may have something. */
static inline bool tc_h2_has_output(const struct tc_h2 *h2)
{
    return h2->rest_len > 0 || (h2->has_frames && !h2->is_over) ||
           (h2->asked != TC_NONE && h2->fault == TC_H2_FINE);
}

/* Answers stream id: a final head, and a body by peek and take unless is_last. The fields are
 * copied. false: the stream cannot be answered any more. */
bool tc_h2_respond(struct tc_h2 *h2, int32_t id, int status, const struct tc_http1_field *fields,
                   size_t cnt, bool is_last);

/* The trailers of a body whose peek is about to return TC_H2_TRAILERS. */
bool tc_h2_trailers(struct tc_h2 *h2, int32_t id, const struct tc_http1_field *fields, size_t cnt);

/* There are bytes for peek again, or an end. */
void tc_h2_resume(struct tc_h2 *h2, uint32_t stream);

/* So many bytes of the body have been dealt with: the peer may send as many more. */
void tc_h2_consume(struct tc_h2 *h2, int32_t id, size_t len);

/* Ends the stream with a code of RFC 9113 section 7; counted as one of the peer's resets unless it
 * is NGHTTP2_NO_ERROR, NGHTTP2_CANCEL or NGHTTP2_REFUSED_STREAM. */
void tc_h2_reset(struct tc_h2 *h2, int32_t id, uint32_t code);

/* A graceful end in two steps (RFC 9113 section 6.8): no stream will be refused yet; then none
 * above those that have come is served. */
void tc_h2_goaway_soon(struct tc_h2 *h2);
void tc_h2_goaway(struct tc_h2 *h2);

/* An end now: GOAWAY with that code, which makes h2->fault when it is emitted. */
void tc_h2_terminate(struct tc_h2 *h2, uint32_t code);

/* A PING, to hear from the peer. */
void tc_h2_ping(struct tc_h2 *h2);

/* The first field of that name (lower case); ptr NULL: none. */
struct tc_str tc_h2_field(const struct tc_h2_head *head, const char *name);

#endif
