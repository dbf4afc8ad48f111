// SPDX-License-Identifier: Apache-2.0
#include "core/bus/bus.h"

#include <stdio.h>

/* Words of a descriptor. */
enum {
    W_ROOM, /* room | len << 32 | aux << 56 */
    W_LINK, /* prev_delta | next_delta << 32; the one word that is rewritten after publishing */
    W_POS,
    W_PREV,
    W_TIME, /* ts_ms << 16 | log */
    W_NS,
    W_PLACE, /* place | ord << 32 */
    W_SUM,   /* sum_bytes | kind << 32 */
};
_Static_assert(W_SUM + 1 == TC_BUS_DESC_WORDS, "a descriptor is one cache line");

/* Words of a slot: version (odd while written), seq, room | class << 32, the descriptor, payload.
 */
enum { S_VERSION, S_SEQ, S_ROOM, S_DESC, S_PAYLOAD = S_DESC + TC_BUS_DESC_WORDS };
_Static_assert((int)S_PAYLOAD < (int)TC_BUS_SLOT_WORDS_MIN, "the smallest slot holds a payload");
_Static_assert((uint64_t)TC_BUS_SLOT_WORDS_MIN << (TC_BUS_SLOT_CLASSES - 1) >
                   TC_EVENT_BYTES_MAX / 8 + S_PAYLOAD,
               "the largest slot class holds the largest payload");

enum { SLOT_TRIES = 16 };

static inline void put_word(_Atomic uint64_t *at, uint64_t word)
{
    atomic_store_explicit(at, word, memory_order_release);
}

static inline uint64_t get_word(const _Atomic uint64_t *at)
{
    return atomic_load_explicit(at, memory_order_acquire);
}

static inline uint64_t words_of(uint64_t bytes)
{
    return (bytes + 7) / 8;
}

static void put_bytes(_Atomic uint64_t *to, const void *from, uint32_t len)
{
    const unsigned char *p = from;
    uint64_t word = 0;
    uint32_t whole = len / 8;
    for (uint32_t i = 0; i < whole; i++) {
        memcpy(&word, p + (size_t)i * 8, 8);
        put_word(&to[i], word);
    }
    if (len % 8) {
        word = 0;
        memcpy(&word, p + (size_t)whole * 8, len % 8);
        put_word(&to[whole], word);
    }
}

static void get_bytes(void *to, const _Atomic uint64_t *from, uint32_t len)
{
    unsigned char *p = to;
    uint64_t cnt = words_of(len);
    for (uint64_t i = 0; i < cnt; i++) {
        uint64_t word = get_word(&from[i]);
        memcpy(p + i * 8, &word, 8);
    }
}

static inline _Atomic uint64_t *desc_of(const struct tc_bus *bus, uint64_t seq)
{
    return bus->desc + (seq & bus->desc_mask) * TC_BUS_DESC_WORDS;
}

static void decode(const uint64_t *w, uint64_t seq, struct tc_bus_event *e)
{
    uint32_t prev_delta = (uint32_t)w[W_LINK];
    uint32_t next_delta = (uint32_t)(w[W_LINK] >> 32);
    e->seq = seq;
    e->prev_seq = prev_delta ? seq - TC_MIN((uint64_t)prev_delta, seq - 1) : 0;
    e->next_seq = next_delta ? seq + next_delta : 0;
    e->pos = (int64_t)w[W_POS];
    e->prev = (int64_t)w[W_PREV];
    e->ts_ms = (int64_t)w[W_TIME] >> 16;
    e->log = (uint16_t)w[W_TIME];
    e->ingest_ns = (int64_t)w[W_NS];
    e->room = (uint32_t)w[W_ROOM];
    e->len = (uint32_t)(w[W_ROOM] >> 32) & 0xffffff;
    e->aux = (uint8_t)(w[W_ROOM] >> 56);
    e->place = (uint32_t)w[W_PLACE];
    e->ord = (uint32_t)(w[W_PLACE] >> 32);
    e->sum_bytes = (uint32_t)w[W_SUM];
    e->kind = (uint8_t)(w[W_SUM] >> 32);
    e->is_slot = false;
}

int tc_bus_init(struct tc_bus *bus, const struct tc_bus_conf *conf, _Atomic uint64_t *sleeping,
                struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    uint64_t events = tc_pow2_up(TC_MAX(conf->event_cnt, 8u));
    memset(bus, 0, sizeof(*bus));
    TC_ASSERT(conf->payload_max <= TC_EVENT_BYTES_MAX && events <= 1ull << 31);
    bus->desc_mask = events - 1;
    bus->payload_words = words_of(conf->payload_bytes);
    bus->slot_words = words_of(conf->last_value_bytes);
    bus->payload_max = conf->payload_max;
    bus->room_max = conf->room_max;
    bus->evict_cnt = (uint32_t)TC_MIN(TC_MAX(events / 256, 1ull), 64ull);
    bus->sleeping = sleeping;
    bus->next_seq = 1;
    bus->tail_seq = 1;
    bus->slot_fresh = TC_BUS_SLOT_WORDS_MIN; /* place 0 means none */
    atomic_init(&bus->mark, 1);
    if (bus->payload_words >= UINT32_MAX || bus->slot_words >= UINT32_MAX ||
        bus->payload_words < 2 * words_of(conf->payload_max))
        return tc_err_set(err, -TC_EINVAL,
                          "%s: history.bytes must hold at least two events of limits.event_bytes "
                          "and be below 32 GiB",
                          conf->holder);
    snprintf(name, sizeof(name), "%s: bus", conf->holder);
    bus->desc = tc_mem_take(conf->mem, name, 8 * TC_BUS_DESC_WORDS, events, err);
    bus->payload = bus->desc ? tc_mem_take(conf->mem, name, 8, bus->payload_words, err) : NULL;
    snprintf(name, sizeof(name), "%s: last values", conf->holder);
    bus->slots = bus->payload ? tc_mem_take(conf->mem, name, 8, bus->slot_words + 1, err) : NULL;
    snprintf(name, sizeof(name), "%s: rooms", conf->holder);
    bus->rooms =
        bus->slots ? tc_mem_take(conf->mem, name, sizeof(*bus->rooms), conf->room_max, err) : NULL;
    bus->interest = bus->rooms ? tc_mem_take(conf->mem, name, 8, conf->room_max, err) : NULL;
    return bus->interest ? TC_OK : -TC_ENOMEM;
}

/* ---- last values ---- */

static uint32_t slot_class(uint32_t len)
{
    uint64_t words = S_PAYLOAD + words_of(len);
    uint32_t c = 0;
    while (((uint64_t)TC_BUS_SLOT_WORDS_MIN << c) < words)
        c++;
    return c;
}

/* A slot of that class: its place, or 0 if the budget is spent. */
static uint64_t slot_take(struct tc_bus *bus, uint32_t class)
{
    uint64_t place = bus->slot_free[class];
    uint64_t words = (uint64_t)TC_BUS_SLOT_WORDS_MIN << class;
    if (place) {
        bus->slot_free[class] = get_word(&bus->slots[place + S_SEQ]);
        return place;
    }
    if (bus->slot_fresh + words > bus->slot_words)
        return 0;
    place = bus->slot_fresh;
    bus->slot_fresh += words;
    return place;
}

/* The list runs through S_SEQ; the version moves on, so that a reader of the old value notices. */
static void slot_give(struct tc_bus *bus, uint64_t place)
{
    _Atomic uint64_t *s = bus->slots + place;
    uint32_t class = (uint32_t)(get_word(&s[S_ROOM]) >> 32);
    put_word(&s[S_VERSION], get_word(&s[S_VERSION]) + 1);
    put_word(&s[S_SEQ], bus->slot_free[class]);
    put_word(&s[S_VERSION], get_word(&s[S_VERSION]) + 1);
    bus->slot_free[class] = place;
}

/* seq is about to leave the ring and is its room's newest value: keep it. */
static void slot_keep(struct tc_bus *bus, struct tc_bus_room *room, const struct tc_bus_event *e)
{
    uint64_t place = atomic_load_explicit(&room->slot, memory_order_relaxed);
    uint32_t class = slot_class(e->len);
    if (place && (uint32_t)(get_word(&bus->slots[place + S_ROOM]) >> 32) != class) {
        atomic_store_explicit(&room->slot, 0, memory_order_release);
        slot_give(bus, place);
        place = 0;
    }
    if (!place)
        place = slot_take(bus, class);
    if (!place) {
        bus->slot_drop_cnt++;
        return;
    }
    _Atomic uint64_t *s = bus->slots + place;
    const _Atomic uint64_t *d = desc_of(bus, e->seq);
    uint64_t version = get_word(&s[S_VERSION]);
    put_word(&s[S_VERSION], version + 1);
    put_word(&s[S_SEQ], e->seq);
    put_word(&s[S_ROOM], e->room | (uint64_t)class << 32);
    for (int i = 0; i < TC_BUS_DESC_WORDS; i++)
        put_word(&s[S_DESC + i], get_word(&d[i]));
    for (uint64_t i = 0; i < words_of(e->len); i++)
        put_word(&s[S_PAYLOAD + i], get_word(&bus->payload[e->place + i]));
    put_word(&s[S_VERSION], version + 2);
    atomic_store_explicit(&room->slot, (uint32_t)place, memory_order_release);
}

/* Reads words [0, S_PAYLOAD) of the room's slot, and the payload if dst is given. */
static int slot_read(const struct tc_bus *bus, uint32_t room, uint64_t seq, uint64_t *words,
                     void *dst, uint32_t len)
{
    for (int i = 0; i < SLOT_TRIES; i++) {
        uint64_t place = atomic_load_explicit(&bus->rooms[room].slot, memory_order_acquire);
        if (!place)
            return -TC_ELAPPED;
        const _Atomic uint64_t *s = bus->slots + place;
        uint64_t version = get_word(&s[S_VERSION]);
        if (version & 1)
            continue;
        for (int w = 0; w < S_PAYLOAD; w++)
            words[w] = get_word(&s[w]);
        bool is_mine = words[S_SEQ] == seq && (uint32_t)words[S_ROOM] == room;
        if (is_mine && dst)
            get_bytes(dst, s + S_PAYLOAD, len);
        if (get_word(&s[S_VERSION]) != version)
            continue;
        return is_mine ? TC_OK : -TC_ELAPPED;
    }
    return -TC_ELAPPED;
}

/* ---- writer ---- */

static void evict_one(struct tc_bus *bus)
{
    struct tc_bus_event e;
    uint64_t w[TC_BUS_DESC_WORDS];
    const _Atomic uint64_t *d = desc_of(bus, bus->tail_seq);
    for (int i = 0; i < TC_BUS_DESC_WORDS; i++)
        w[i] = atomic_load_explicit(&d[i], memory_order_relaxed);
    decode(w, bus->tail_seq, &e);
    struct tc_bus_room *room = &bus->rooms[e.room];
    if (atomic_load_explicit(&room->last_data_seq, memory_order_relaxed) == e.seq)
        slot_keep(bus, room, &e);
    /* the tail's payload ends where the next event's begins */
    uint64_t tail_place = bus->payload_tail % bus->payload_words;
    uint64_t end = e.place + words_of(e.len);
    bus->payload_tail +=
        end >= tail_place ? end - tail_place : end + bus->payload_words - tail_place;
    bus->tail_seq++;
    if (bus->tail_seq == bus->next_seq)
        bus->payload_tail = bus->payload_head;
    bus->evict_total++;
}

static bool has_space(const struct tc_bus *bus, uint64_t words)
{
    return bus->next_seq - bus->tail_seq <= bus->desc_mask &&
           bus->payload_head + words - bus->payload_tail <= bus->payload_words;
}

/* Makes room for one event and returns the place of its payload. */
static uint64_t reclaim(struct tc_bus *bus, uint64_t words)
{
    uint64_t place = bus->payload_head % bus->payload_words;
    if (place + words > bus->payload_words) { /* payloads do not wrap: skip the rest */
        bus->payload_head += bus->payload_words - place;
        place = 0;
    }
    if (!has_space(bus, words)) {
        for (uint32_t i = 0; i < bus->evict_cnt && bus->tail_seq < bus->next_seq; i++)
            evict_one(bus);
        while (!has_space(bus, words)) {
            TC_ASSERT(bus->tail_seq < bus->next_seq);
            evict_one(bus);
        }
        /* before anything is overwritten; the release stores that follow carry it */
        atomic_store_explicit(&bus->mark, bus->tail_seq, memory_order_release);
    }
    return place;
}

/* The newest event is complete: let the room's event before it lead there, if it is in the ring. */
static void link_forward(struct tc_bus *bus, uint64_t last_seq, uint64_t delta)
{
    if (last_seq && last_seq >= bus->tail_seq) {
        _Atomic uint64_t *link = desc_of(bus, last_seq) + W_LINK;
        put_word(link, (uint32_t)atomic_load_explicit(link, memory_order_relaxed) | delta << 32);
    }
}

uint64_t tc_bus_publish(struct tc_bus *bus, const struct tc_bus_put *put)
{
    TC_ASSERT(put->room < bus->room_max && put->len <= bus->payload_max);
    struct tc_bus_room *room = &bus->rooms[put->room];
    uint64_t words = words_of(put->len);
    uint64_t place = reclaim(bus, words);
    uint64_t seq = bus->next_seq;
    bool is_data = tc_bus_kind_is_data(put->kind);
    uint64_t last_seq = atomic_load_explicit(&room->last_seq, memory_order_relaxed);
    uint64_t delta = last_seq ? TC_MIN(seq - last_seq, (uint64_t)UINT32_MAX) : 0;
    int64_t prev = last_seq ? atomic_load_explicit(&room->last_pos, memory_order_relaxed) : -1;
    if (put->kind == TC_BUS_GAP)
        prev = put->gap_from;
    if (put->kind == TC_BUS_MOVED)
        prev = -1;
    uint32_t ord = atomic_load_explicit(&room->ord, memory_order_relaxed) + is_data;
    uint32_t sum_bytes = atomic_load_explicit(&room->sum_bytes, memory_order_relaxed) + put->len;
    put_bytes(&bus->payload[place], put->payload, put->len);
    _Atomic uint64_t *d = desc_of(bus, seq);
    put_word(&d[W_ROOM], put->room | (uint64_t)put->len << 32 | (uint64_t)put->aux << 56);
    put_word(&d[W_LINK], delta);
    put_word(&d[W_POS], (uint64_t)put->pos);
    put_word(&d[W_PREV], (uint64_t)prev);
    put_word(&d[W_TIME], (uint64_t)put->ts_ms << 16 | put->log);
    put_word(&d[W_NS], (uint64_t)put->ingest_ns);
    put_word(&d[W_PLACE], place | (uint64_t)ord << 32);
    put_word(&d[W_SUM], sum_bytes | (uint64_t)put->kind << 32);
    link_forward(bus, last_seq, delta);
    atomic_store_explicit(&room->last_seq, seq, memory_order_release);
    atomic_store_explicit(&room->log, put->log, memory_order_release);
    atomic_store_explicit(&room->last_pos, put->pos, memory_order_release);
    atomic_store_explicit(&room->ord, ord, memory_order_release);
    atomic_store_explicit(&room->sum_bytes, sum_bytes, memory_order_release);
    if (is_data)
        atomic_store_explicit(&room->last_data_seq, seq, memory_order_release);
    bus->payload_head += words;
    bus->next_seq++;
    return seq;
}

uint64_t tc_bus_commit(struct tc_bus *bus, bool is_state_change)
{
    uint64_t from = atomic_load_explicit(&bus->head, memory_order_relaxed) + 1;
    uint64_t to = bus->next_seq - 1;
    if (is_state_change)
        atomic_fetch_add(&bus->state_gen, 1);
    /* Publish first, then look who sleeps; a worker says that it sleeps first, then looks at head.
     * One of the two sees the other (both are sequentially consistent). */
    atomic_exchange(&bus->head, to);
    uint64_t sleeping = atomic_load(bus->sleeping);
    if (!sleeping)
        return 0;
    /* a batch larger than the ring has lost the rooms of its beginning: wake all */
    uint64_t wanted = is_state_change || from < bus->tail_seq ? UINT64_MAX : 0;
    for (uint64_t seq = from; seq <= to && (sleeping & ~wanted); seq++)
        wanted |= atomic_load(&bus->interest[tc_bus_peek_room(bus, seq)]);
    if (!(wanted & sleeping))
        return 0;
    return atomic_fetch_and(bus->sleeping, ~wanted) & wanted;
}

/* ---- readers ---- */

int tc_bus_read(const struct tc_bus *bus, uint64_t seq, struct tc_bus_event *event)
{
    uint64_t w[TC_BUS_DESC_WORDS];
    const _Atomic uint64_t *d = desc_of(bus, seq);
    for (int i = 0; i < TC_BUS_DESC_WORDS; i++)
        w[i] = get_word(&d[i]);
    if (TC_UNLIKELY(!tc_bus_is_intact(bus, seq)))
        return -TC_ELAPPED;
    decode(w, seq, event);
    return TC_OK;
}

int tc_bus_copy(const struct tc_bus *bus, const struct tc_bus_event *event, void *dst)
{
    if (event->is_slot) {
        uint64_t words[S_PAYLOAD];
        return slot_read(bus, event->room, event->seq, words, dst, event->len);
    }
    get_bytes(dst, &bus->payload[event->place], event->len);
    return TC_LIKELY(tc_bus_is_intact(bus, event->seq)) ? TC_OK : -TC_ELAPPED;
}

static int newest_in_slot(const struct tc_bus *bus, uint32_t room, uint64_t seq,
                          struct tc_bus_event *event)
{
    uint64_t words[S_PAYLOAD];
    int rc = slot_read(bus, room, seq, words, NULL, 0);
    if (rc < 0)
        return rc;
    decode(words + S_DESC, seq, event);
    event->is_slot = true;
    return TC_OK;
}

int tc_bus_newest(const struct tc_bus *bus, uint32_t room, uint64_t before, uint32_t *hops,
                  struct tc_bus_event *event)
{
    const struct tc_bus_room *r = &bus->rooms[room];
    uint64_t seq = atomic_load_explicit(&r->last_data_seq, memory_order_acquire);
    if (!seq)
        return -TC_ENOTFOUND;
    for (;;) {
        int rc = tc_bus_read(bus, seq, event);
        if (rc < 0)
            return seq <= before ? newest_in_slot(bus, room, seq, event) : rc;
        if (seq <= before && tc_bus_kind_is_data(event->kind))
            return TC_OK;
        if (!event->prev_seq)
            return -TC_ENOTFOUND;
        if (!*hops)
            return -TC_EAGAIN;
        --*hops;
        seq = event->prev_seq;
    }
}
