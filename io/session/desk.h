// SPDX-License-Identifier: Apache-2.0
/* io/session/desk: the side thread, for methods that may block (is_side).
 *
 *   worker's call ──ask ring──> twin ── on_start, on_message, … of the method
 *        ^                        └──── tc_grpc_send, tc_grpc_finish, …
 *        └───────answer ring──────────────┘
 *
 * A worker judges the head, asks the hooks, keeps the deadline and frames the answer as for any
 * call; what it would tell the method it writes to a ring, and the side thread tells the method, by
 * a twin of the call. What the method sends comes back by another ring and is applied to the call.
 * So both keep their memory to themselves. A twin that has been left (deadline, cancellation) goes
 * on until its method returns; what it still says is dropped, by its generation.
 *
 * Nothing is lost: the word that a call is over always has its place in the ring; a message that
 * does not fit, or is more than its call's share, ends the call with RESOURCE_EXHAUSTED; the side
 * thread waits when answers do not fit.
 *
 * Threads: [w] the worker of that side, [s] the side thread, [m] main. One thread serves all
 * workers: a method that blocks keeps the others of its kind waiting. */
#ifndef TC_IO_SESSION_DESK_H
#define TC_IO_SESSION_DESK_H

#include "core/flow/ring.h"
#include "io/os/thread.h"
#include "io/session/grpc.h"

enum {
    TC_DESK_CALLS_MAX = 1024, /* of one worker at once; then RESOURCE_EXHAUSTED */
    TC_DESK_TURN_MAX = 64,    /* answers that a worker applies in one turn */
    TC_DESK_SHARE = 4,        /* of the ask ring, what one call may fill: a part of so many */
};

/* A call as the side thread has it. */
struct tc_desk_twin {
    struct tc_grpc_call call; /* [s]; net and carrier are NULL */
    uint64_t sent_bytes;      /* [s] */
    /* of them, those that do not wait for the peer any more */
    _Atomic uint64_t gone_bytes; /* [w] writes */
    /* gen of the call that wants it, 0: none; [s] sets, [w] clears */
    _Atomic uint32_t wants_writable;
    _Atomic uint64_t heard_bytes; /* of the messages asked, in the ring, [s] adds, [w] clears */
};

/* A call of a side method as its worker has it, under the index of its twin. */
struct tc_desk_asker {
    uint32_t link; /* the pool's, while it is free: gen lives on */
    uint32_t gen;  /* odd while it is in use; what carries another one is of a call that is over */
    uint32_t call;
    uint64_t applied_bytes;
    uint64_t asked_bytes;
};

struct tc_desk_side {
    struct tc_desk *desk;
    struct tc_grpc_pool *pool; /* [w] where its calls are */
    uint32_t worker;
    int bell;              /* the worker's */
    struct tc_pool askers; /* [w] struct tc_desk_asker */
    struct tc_ring ask;    /* [w] to [s] */
    struct tc_ring answer; /* [s] to [w] */
    _Atomic bool is_full;  /* the side thread waits for room in answer */
    struct tc_desk_twin *twins;
};

struct tc_desk {
    struct tc_desk_side *sides; /* one per worker */
    uint32_t side_cnt;
    int bell;
    _Atomic uint64_t *sleeping; /* workers, see core/bus */
    _Atomic bool is_asleep;
    _Atomic bool is_stopping;
    struct tc_thread thread;
};

struct tc_desk_conf {
    const struct tc_grpc_server *server;
    uint32_t worker_cnt;
    uint32_t call_max; /* of one worker; TC_DESK_CALLS_MAX at most */
    const int *bells;  /* by worker */
    _Atomic uint64_t *sleeping;
    struct tc_mem *mem;
};

/* Whether a service has a method that wants it. */
bool tc_desk_is_needed(const struct tc_grpc_server *server);

/* [m] Memory and bell. -TC_ENOMEM, -TC_EIO. */
int tc_desk_init(struct tc_desk *desk, const struct tc_desk_conf *conf,
                 struct tc_err *err) TC_MUST_CHECK;

/* [m] The thread; ends it once workers have ended, when what they have asked is done. */
int tc_desk_start(struct tc_desk *desk, struct tc_err *err) TC_MUST_CHECK;
void tc_desk_stop(struct tc_desk *desk);

/* [s] Tells methods what their calls got, as much as is there. Returns how much, 0: nothing. */
uint32_t tc_desk_work(struct tc_desk *desk);

/* ---- the worker's end; side NULL: none is needed ---- */

/* What a call's method is for the worker: it asks the side thread. */
extern const struct tc_grpc_method tc_desk_forward;

/* Applies answers, at most TC_DESK_TURN_MAX. Returns how many. */
uint32_t tc_desk_take(struct tc_desk_side *side);

static inline bool tc_desk_has_answers(const struct tc_desk_side *side)
{
    return side && !tc_ring_is_empty(&side->answer);
}

/* Bytes of the call's answer may have gone to the peer. */
void tc_desk_drained(struct tc_grpc_call *call);

/* ---- the twin's end: what functions of io/session/grpc do with it ---- */

enum tc_desk_op {
    /* asked */
    TC_DESK_START,
    TC_DESK_MESSAGE,
    TC_DESK_HALF_CLOSE,
    TC_DESK_WRITABLE,
    TC_DESK_TIMER,
    TC_DESK_DRAIN,
    TC_DESK_OVER,
    /* answered */
    TC_DESK_HEADER,
    TC_DESK_TRAILER,
    TC_DESK_HEAD,
    TC_DESK_GZIP,
    TC_DESK_SEND,
    TC_DESK_SEND_PACKED,
    TC_DESK_FINISH,
    TC_DESK_ARM,
};

/* number: of ARM the time. b is put behind a. Waits for room. */
void tc_desk_answer(struct tc_grpc_call *twin, enum tc_desk_op op, int64_t number, struct tc_str a,
                    struct tc_str b);

size_t tc_desk_backlog(const struct tc_grpc_call *twin);
void tc_desk_finish(struct tc_grpc_call *twin, enum tc_grpc_status status, struct tc_str detail);

#endif
