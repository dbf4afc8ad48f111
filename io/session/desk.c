// SPDX-License-Identifier: Apache-2.0
/* Both ends of the rings; the side thread. */
#include "io/session/desk.h"

#include <poll.h>
#include <stdio.h>

#include "io/os/os.h"
#include "io/session/grpc_int.h"

enum {
    FIELDS_MAX = TC_MAX((int)TC_H2_FIELDS_MAX, (int)TC_HTTP_FIELDS_MAX),
    HEAD_BYTES_MAX = 64 * 1024, /* of a request, as it is packed below */
};

/* A record of either ring; its bytes follow. */
struct note {
    uint32_t twin;
    uint32_t gen;
    int64_t number; /* of FINISH and OVER the status, of DRAIN the time to reconnect in ms, of ARM
                       the time */
    uint32_t a_len; /* of two texts, the first one's bytes */
    uint8_t op;     /* enum tc_desk_op */
    bool is_packed; /* MESSAGE: so it has come */
    uint8_t unused[2];
};

/* What a twin begins with: the bytes of START, behind them path, host, and each field's name and
 * value; lens has the lengths of all of them in that order. */
struct start {
    const struct tc_grpc_method *method;
    void *ctx;
    int64_t timeout_ns;
    uint32_t field_cnt;
    uint8_t kind;
    bool accepts_gzip;
    uint32_t lens[2 + 2 * FIELDS_MAX];
};

static const struct tc_str none = { NULL, 0 };

bool tc_desk_is_needed(const struct tc_grpc_server *server)
{
    for (uint32_t i = 0; server && i < server->service_cnt; i++) {
        for (uint32_t m = 0; m < server->services[i]->method_cnt; m++) {
            if (server->services[i]->methods[m].is_side)
                return true;
        }
    }
    return false;
}

/* ---- rings ---- */

/* Puts a record into the ring; false: full. spare: what must stay free beside it. */
static bool put(struct tc_ring *ring, const struct note *note, struct tc_str a, struct tc_str b,
                uint64_t spare)
{
    if (a.len + b.len > UINT32_MAX / 8)
        return false;
    uint8_t *at = tc_ring_reserve(ring, (uint32_t)(sizeof(*note) + a.len + b.len), spare);
    if (!at)
        return false;
    memcpy(at, note, sizeof(*note));
    if (a.len > 0)
        memcpy(at + sizeof(*note), a.ptr, a.len);
    if (b.len > 0)
        memcpy(at + sizeof(*note) + a.len, b.ptr, b.len);
    tc_ring_commit(ring);
    return true;
}

/* What a message takes of the ask ring. */
static uint64_t message_cost(size_t len)
{
    return tc_ring_cost((uint32_t)(sizeof(struct note) + len));
}

/* The oldest record's two texts; NULL: none is there. */
static const struct note *get(struct tc_ring *ring, struct tc_str *a, struct tc_str *b)
{
    uint32_t len = 0;
    const struct note *note = tc_ring_peek(ring, &len);
    if (!note)
        return NULL;
    *a = (struct tc_str){ (const char *)(note + 1), note->a_len };
    *b = (struct tc_str){ a->ptr + a->len, len - sizeof(*note) - a->len };
    return note;
}

/* ---- the worker asks ---- */

static struct tc_desk_side *side_of(const struct tc_grpc_call *call)
{
    return tc_grpc_pool_of(call)->desk;
}

/* The word that a call is over fits at any time: its place is kept for each that is open, and one
 * for the place that is skipped at the ring's end. */
static bool ask(struct tc_grpc_call *call, enum tc_desk_op op, int64_t number, struct tc_str a,
                struct tc_str b)
{
    struct tc_desk_side *side = side_of(call);
    const struct tc_desk_asker *asker = tc_pool_at(&side->askers, call->twin);
    const struct note note = { .twin = call->twin,
                               .gen = asker->gen,
                               .number = number,
                               .a_len = (uint32_t)a.len,
                               .op = (uint8_t)op,
                               .is_packed = call->is_packed_in };
    uint64_t kept = op == TC_DESK_OVER ? 0 : side->askers.used_cnt + 1ull;
    if (!put(&side->ask, &note, a, b, kept * tc_ring_cost(sizeof(note))))
        return false;
    if (atomic_load(&side->desk->is_asleep))
        tc_os_bell_ring(side->desk->bell);
    return true;
}

static void leave_asker(struct tc_grpc_call *call)
{
    struct tc_desk_side *side = side_of(call);
    struct tc_desk_asker *asker = tc_pool_at(&side->askers, call->twin);
    asker->gen++;
    tc_pool_release(&side->askers, call->twin);
    call->twin = TC_NONE;
}

static void too_busy(struct tc_grpc_call *call)
{
    tc_grpc_finish(call, TC_GRPC_RESOURCE_EXHAUSTED,
                   TC_STR("the server has too much to do for methods of this kind"));
}

static void ask_or_end(struct tc_grpc_call *call, enum tc_desk_op op, int64_t number,
                       struct tc_str a)
{
    if (!ask(call, op, number, a, none))
        too_busy(call);
}

/* Path, host and fields one behind the other; their lengths. false: more than fits. */
static bool pack_head(const struct tc_grpc_head *head, struct start *s, char *text, size_t *len)
{
    uint32_t cnt = 0;
    *len = 0;
    if (head->field_cnt > FIELDS_MAX)
        return false;
    for (uint32_t i = 0; i < 2 + 2 * head->field_cnt; i++) {
        const struct tc_http1_field *f = i < 2 ? NULL : &head->fields[i / 2 - 1];
        struct tc_str part = i == 0       ? head->path
                             : i == 1     ? head->host
                             : i % 2 == 0 ? f->name
                                          : f->value;
        if (part.len > HEAD_BYTES_MAX - *len)
            return false;
        if (part.len > 0)
            memcpy(text + *len, part.ptr, part.len);
        *len += part.len;
        s->lens[cnt++] = (uint32_t)part.len;
    }
    return true;
}

static void forward_start(struct tc_grpc_call *call, const struct tc_grpc_head *head)
{
    struct tc_desk_side *side = side_of(call);
    struct start s = { .method = call->method,
                       .ctx = call->ctx,
                       .timeout_ns = head->timeout_ns,
                       .field_cnt = head->field_cnt,
                       .kind = call->kind,
                       .accepts_gzip = call->accepts_gzip };
    char text[HEAD_BYTES_MAX];
    size_t len = 0;
    uint32_t twin = tc_pool_acquire(&side->askers);
    if (twin == TC_NONE) {
        too_busy(call);
        return;
    }
    struct tc_desk_asker *asker = tc_pool_at(&side->askers, twin);
    asker->gen++;
    asker->call = call->idx;
    asker->applied_bytes = 0;
    asker->asked_bytes = 0;
    atomic_store(&side->twins[twin].gone_bytes, 0);
    atomic_store(&side->twins[twin].heard_bytes, 0);
    call->twin = twin;
    if (!pack_head(head, &s, text, &len) ||
        !ask(call, TC_DESK_START, 0, (struct tc_str){ (const char *)&s, sizeof(s) },
             (struct tc_str){ text, len })) {
        leave_asker(call); /* the side thread has not heard of it, and no place was kept */
        too_busy(call);
    }
}

static void forward_message(struct tc_grpc_call *call, const uint8_t *bytes, uint32_t len)
{
    struct tc_desk_side *side = side_of(call);
    struct tc_desk_asker *asker = tc_pool_at(&side->askers, call->twin);
    uint64_t heard = atomic_load(&side->twins[call->twin].heard_bytes);
    /* a late word of the twin's last call may count for this one: never below none */
    uint64_t waiting = asker->asked_bytes - TC_MIN(heard, asker->asked_bytes);
    if (waiting + message_cost(len) > side->ask.cap / TC_DESK_SHARE) {
        too_busy(call);
        return;
    }
    asker->asked_bytes += message_cost(len);
    ask_or_end(call, TC_DESK_MESSAGE, 0, (struct tc_str){ (const char *)bytes, len });
}

static void forward_half_close(struct tc_grpc_call *call)
{
    ask_or_end(call, TC_DESK_HALF_CLOSE, 0, none);
}

static void forward_timer(struct tc_grpc_call *call)
{
    ask_or_end(call, TC_DESK_TIMER, 0, none);
}

static void forward_drain(struct tc_grpc_call *call, uint32_t reconnect_ms)
{
    ask_or_end(call, TC_DESK_DRAIN, reconnect_ms, none);
}

static void forward_end(struct tc_grpc_call *call)
{
    if (call->twin == TC_NONE)
        return;
    bool is_asked = ask(call, TC_DESK_OVER, call->status, none, none);
    TC_ASSERT(is_asked); /* its place was kept */
    leave_asker(call);
}

/* on_writable is tc_desk_drained's: what the method knows of is its twin's backlog */
const struct tc_grpc_method tc_desk_forward = {
    .on_start = forward_start,
    .on_message = forward_message,
    .on_half_close = forward_half_close,
    .on_timer = forward_timer,
    .on_drain = forward_drain,
    .on_end = forward_end,
};

/* ---- the worker is answered ---- */

void tc_desk_drained(struct tc_grpc_call *call)
{
    struct tc_desk_side *side = side_of(call);
    if (call->twin == TC_NONE)
        return;
    const struct tc_desk_asker *asker = tc_pool_at(&side->askers, call->twin);
    struct tc_desk_twin *twin = &side->twins[call->twin];
    size_t backlog = tc_grpc_backlog(call);
    /* a backlog counts what frames a message as well */
    atomic_store(&twin->gone_bytes,
                 asker->applied_bytes - TC_MIN(asker->applied_bytes, (uint64_t)backlog));
    uint32_t gen = asker->gen;
    if (backlog <= TC_GRPC_WRITABLE &&
        atomic_compare_exchange_strong(&twin->wants_writable, &gen, 0))
        ask_or_end(call, TC_DESK_WRITABLE, 0, none);
}

static void send(struct tc_grpc_call *call, struct tc_desk_asker *asker, struct tc_str bytes,
                 bool is_packed)
{
    uint32_t gen = asker->gen;
    asker->applied_bytes += bytes.len;
    tc_grpc_send(call, bytes.ptr, (uint32_t)bytes.len, is_packed);
    if (asker->gen == gen) /* it is not over */
        tc_desk_drained(call);
}

static void apply(struct tc_desk_side *side, const struct note *note, struct tc_str a,
                  struct tc_str b)
{
    struct tc_desk_asker *asker = tc_pool_at(&side->askers, note->twin);
    if (asker->gen != note->gen)
        return;
    struct tc_grpc_call *call = tc_pool_at(&side->pool->calls, asker->call);
    bool is_taken = true;
    switch ((enum tc_desk_op)note->op) {
    case TC_DESK_HEADER:
        is_taken = tc_grpc_add_header(call, a, b);
        break;
    case TC_DESK_TRAILER:
        is_taken = tc_grpc_add_trailer(call, a, b);
        break;
    case TC_DESK_HEAD:
        tc_grpc_send_head(call);
        break;
    case TC_DESK_GZIP:
        tc_grpc_use_gzip(call);
        break;
    case TC_DESK_SEND:
    case TC_DESK_SEND_PACKED:
        send(call, asker, a, note->op == TC_DESK_SEND_PACKED);
        break;
    case TC_DESK_FINISH:
        tc_grpc_finish(call, (enum tc_grpc_status)note->number, a);
        break;
    default:
        TC_ASSERT(note->op == TC_DESK_ARM);
        tc_grpc_arm(call, note->number);
        break;
    }
    if (!is_taken) /* it is valid, or the twin had been told */
        tc_grpc_finish(call, TC_GRPC_RESOURCE_EXHAUSTED,
                       TC_STR("the answer's metadata is too large"));
}

uint32_t tc_desk_take(struct tc_desk_side *side)
{
    uint32_t cnt = 0;
    struct tc_str a;
    struct tc_str b;
    const struct note *note;
    while (side && cnt < TC_DESK_TURN_MAX && (note = get(&side->answer, &a, &b))) {
        apply(side, note, a, b);
        tc_ring_pop(&side->answer);
        cnt++;
    }
    if (cnt > 0 && atomic_load(&side->is_full))
        tc_os_bell_ring(side->desk->bell);
    return cnt;
}

/* ---- the side thread answers ---- */

static struct tc_desk_twin *twin_of(const struct tc_grpc_call *call)
{
    return &call->desk->twins[call->twin];
}

static void sleep_on(struct tc_desk *desk)
{
    struct pollfd p = { .fd = desk->bell, .events = POLLIN };
    (void)poll(&p, 1, -1);
    (void)tc_os_bell_clear(desk->bell);
}

static void wake_worker(struct tc_desk_side *side)
{
    uint64_t bit = 1ull << side->worker;
    _Atomic uint64_t *sleeping = side->desk->sleeping;
    if ((atomic_load(sleeping) & bit) && (atomic_fetch_and(sleeping, ~bit) & bit))
        tc_os_bell_ring(side->bell);
}

void tc_desk_answer(struct tc_grpc_call *call, enum tc_desk_op op, int64_t number, struct tc_str a,
                    struct tc_str b)
{
    struct tc_desk_side *side = call->desk;
    const struct note note = { .twin = call->twin,
                               .gen = call->gen,
                               .number = number,
                               .a_len = (uint32_t)a.len,
                               .op = (uint8_t)op };
    bool is_send = op == TC_DESK_SEND || op == TC_DESK_SEND_PACKED;
    if (is_send && tc_desk_backlog(call) + a.len > TC_GRPC_WRITABLE)
        atomic_store(&twin_of(call)->wants_writable, call->gen);
    bool is_put = put(&side->answer, &note, a, b, 0);
    while (!is_put && !atomic_load(&side->desk->is_stopping)) { /* then nobody takes it */
        atomic_store(&side->is_full, true);
        is_put = put(&side->answer, &note, a, b, 0);
        if (!is_put)
            sleep_on(side->desk);
    }
    atomic_store(&side->is_full, false);
    wake_worker(side);
    if (is_send)
        twin_of(call)->sent_bytes += a.len;
}

size_t tc_desk_backlog(const struct tc_grpc_call *call)
{
    struct tc_desk_twin *twin = twin_of(call);
    size_t backlog = twin->sent_bytes - atomic_load(&twin->gone_bytes);
    if (backlog <= TC_GRPC_WRITABLE)
        return backlog;
    /* said first, looked at again then: the worker does it the other way round */
    atomic_store(&twin->wants_writable, call->gen);
    return twin->sent_bytes - atomic_load(&twin->gone_bytes);
}

/* ---- the side thread is asked ---- */

static void start(struct tc_desk_side *side, const struct note *note, struct tc_str bytes,
                  struct tc_str text)
{
    struct tc_http1_field fields[FIELDS_MAX];
    struct tc_desk_twin *twin = &side->twins[note->twin];
    struct tc_grpc_call *call = &twin->call;
    struct start s;
    TC_ASSERT(bytes.len == sizeof(s));
    memcpy(&s, bytes.ptr, sizeof(s));
    const char *at = text.ptr;
    struct tc_str parts[2];
    for (uint32_t i = 0; i < 2 + 2 * s.field_cnt; i++) {
        struct tc_str part = { at, s.lens[i] };
        at += part.len;
        if (i < 2)
            parts[i] = part;
        else if (i % 2 == 0)
            fields[i / 2 - 1].name = part;
        else
            fields[i / 2 - 1].value = part;
    }
    memset(call, 0, sizeof(*call));
    twin->sent_bytes = 0;
    call->desk = side;
    call->twin = note->twin;
    call->gen = note->gen;
    call->method = s.method;
    call->ctx = s.ctx;
    call->kind = s.kind;
    call->accepts_gzip = s.accepts_gzip;
    const struct tc_grpc_head head = { .path = parts[0],
                                       .host = parts[1],
                                       .fields = fields,
                                       .field_cnt = s.field_cnt,
                                       .timeout_ns = s.timeout_ns };
    if (s.method->on_start)
        s.method->on_start(call, &head);
}

/* The method's part is over. */
static void leave(struct tc_grpc_call *call)
{
    call->is_done = true;
    if (call->method->on_end)
        call->method->on_end(call);
}

void tc_desk_finish(struct tc_grpc_call *call, enum tc_grpc_status status, struct tc_str detail)
{
    detail.len = TC_MIN(detail.len, (size_t)TC_GRPC_DETAIL_MAX);
    tc_desk_answer(call, TC_DESK_FINISH, (int64_t)status, detail, none);
    call->status = (uint8_t)status;
    leave(call);
}

/* What the worker tells of a call whose method has not ended it. */
static void tell(struct tc_grpc_call *call, const struct note *note, struct tc_str a)
{
    const struct tc_grpc_method *m = call->method;
    switch ((enum tc_desk_op)note->op) {
    case TC_DESK_MESSAGE:
        call->is_packed_in = note->is_packed;
        call->is_half_closed |= m->shape == TC_GRPC_UNARY || m->shape == TC_GRPC_SERVER_STREAM;
        m->on_message(call, (const uint8_t *)a.ptr, (uint32_t)a.len);
        break;
    case TC_DESK_HALF_CLOSE:
        call->is_half_closed = true;
        if (m->on_half_close)
            m->on_half_close(call);
        break;
    case TC_DESK_WRITABLE:
        /* the method may have sent more since: it is asked for again then */
        if (m->on_writable && tc_desk_backlog(call) <= TC_GRPC_WRITABLE)
            m->on_writable(call);
        break;
    case TC_DESK_TIMER:
        if (m->on_timer)
            m->on_timer(call);
        break;
    case TC_DESK_DRAIN:
        if (m->on_drain)
            m->on_drain(call, (uint32_t)note->number);
        break;
    default:
        TC_ASSERT(note->op == TC_DESK_OVER);
        call->status = (uint8_t)note->number;
        leave(call);
        break;
    }
}

uint32_t tc_desk_work(struct tc_desk *desk)
{
    uint32_t cnt = 0;
    struct tc_str a;
    struct tc_str b;
    for (uint32_t i = 0; i < desk->side_cnt; i++) {
        struct tc_desk_side *side = &desk->sides[i];
        const struct note *note = get(&side->ask, &a, &b);
        if (!note)
            continue;
        struct tc_grpc_call *call = &side->twins[note->twin].call;
        if (note->op == TC_DESK_START)
            start(side, note, a, b);
        else if (call->desk && call->gen == note->gen && !call->is_done)
            tell(call, note, a);
        if (note->op == TC_DESK_MESSAGE)
            atomic_fetch_add(&side->twins[note->twin].heard_bytes, message_cost(a.len));
        tc_ring_pop(&side->ask);
        cnt++;
    }
    return cnt;
}

static void run(void *arg)
{
    struct tc_desk *desk = arg;
    for (;;) {
        if (tc_desk_work(desk) > 0)
            continue;
        if (atomic_load(&desk->is_stopping))
            break;
        /* said first, looked at once more then: who asks does it the other way round */
        atomic_store(&desk->is_asleep, true);
        bool has_more = atomic_load(&desk->is_stopping);
        for (uint32_t i = 0; i < desk->side_cnt; i++)
            has_more |= !tc_ring_is_empty(&desk->sides[i].ask);
        if (!has_more)
            sleep_on(desk);
        atomic_store(&desk->is_asleep, false);
    }
}

/* ---- begin and end ---- */

static int init_side(struct tc_desk *desk, uint32_t i, const struct tc_desk_conf *conf,
                     struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    struct tc_desk_side *side = &desk->sides[i];
    uint32_t calls = TC_MIN(conf->call_max, (uint32_t)TC_DESK_CALLS_MAX);
    uint32_t note_bytes = sizeof(struct note);
    uint32_t message_max =
        conf->server->message_max ? conf->server->message_max : (uint32_t)TC_GRPC_MESSAGE_MAX;
    uint32_t start_max = (uint32_t)sizeof(struct start) + HEAD_BYTES_MAX;
    uint32_t kept = (calls + 1) * (uint32_t)tc_ring_cost(note_bytes);
    snprintf(name, sizeof(name), "worker %u: side thread", i);
    side->desk = desk;
    side->worker = i;
    side->bell = conf->bells[i];
    int rc = tc_pool_init(&side->askers, conf->mem, name, sizeof(struct tc_desk_asker), calls, err);
    if (rc == TC_OK)
        rc = tc_ring_init(&side->ask, conf->mem, name,
                          note_bytes + TC_DESK_SHARE * TC_MAX(message_max, start_max), kept, err);
    if (rc == TC_OK)
        rc = tc_ring_init(&side->answer, conf->mem, name, note_bytes + TC_GRPC_BACKLOG_MAX, 0, err);
    if (rc < 0)
        return rc;
    side->twins = tc_mem_take(conf->mem, name, sizeof(*side->twins), calls, err);
    return side->twins ? TC_OK : -TC_ENOMEM;
}

int tc_desk_init(struct tc_desk *desk, const struct tc_desk_conf *conf, struct tc_err *err)
{
    memset(desk, 0, sizeof(*desk));
    desk->sleeping = conf->sleeping;
    desk->side_cnt = conf->worker_cnt;
    desk->bell = tc_os_bell_open(err);
    if (desk->bell < 0)
        return -TC_EIO;
    desk->sides =
        tc_mem_take(conf->mem, "side thread", sizeof(*desk->sides), conf->worker_cnt, err);
    int rc = desk->sides ? TC_OK : -TC_ENOMEM;
    for (uint32_t i = 0; rc == TC_OK && i < conf->worker_cnt; i++)
        rc = init_side(desk, i, conf, err);
    return rc;
}

int tc_desk_start(struct tc_desk *desk, struct tc_err *err)
{
    return tc_thread_start(&desk->thread, "side", -1, run, desk, err);
}

void tc_desk_stop(struct tc_desk *desk)
{
    atomic_store(&desk->is_stopping, true);
    if (desk->bell >= 0)
        tc_os_bell_ring(desk->bell);
    tc_thread_join(&desk->thread);
    tc_os_close(desk->bell);
    desk->bell = -1;
}
