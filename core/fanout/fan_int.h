// SPDX-License-Identifier: Apache-2.0
/* core/fanout/fan_int: the tables of struct tc_fan, shared by the files of this folder only. */
#ifndef TC_CORE_FANOUT_FAN_INT_H
#define TC_CORE_FANOUT_FAN_INT_H

#include "core/fanout/fan.h"

enum tc_member_state { TC_MEMBER_HEAD, TC_MEMBER_BEHIND, TC_MEMBER_PARKED };

#define TC_FAN_NO_LOG UINT16_MAX

/* Where a member is: after the event at (log, pos). */
struct tc_place {
    uint64_t next_seq; /* first event not delivered; 0: not known, walk back from the newest */
    int64_t pos;       /* last position delivered, -1: none */
    uint32_t ord;      /* of the last event delivered: exact, holes are counted with it */
    uint32_t sum_bytes;
    uint32_t exempt_cnt; /* events that conflation must not skip */
    uint16_t log;        /* in which pos is counted, TC_FAN_NO_LOG: none */
    bool is_at_head;     /* has all up to the worker's cursor */
    bool is_walking;     /* next_seq is after the place, and events before it may be too */
    bool is_told_stale;  /* what the member last heard */
};

/* One subscription of one connection. */
struct tc_member {
    uint32_t conn;
    uint32_t room; /* index of a struct tc_fan_room */
    union {
        struct {
            uint32_t next; /* circular list: of the connection (BEHIND), or parked */
            uint32_t prev;
        };
        struct {
            uint32_t row; /* HEAD: where it sits */
            uint32_t seat;
        };
    };
    uint32_t conn_next; /* list of all members of the connection */
    uint32_t conn_prev;
    uint32_t sub; /* first subscription not yet confirmed, TC_NONE: none */
    uint8_t state;
    bool is_confirmed;
    struct tc_place place; /* not HEAD: a member at the head is where its room is */
};

enum { TC_ROW_SEATS = 7 };

/* Members at the head of one room and dialect. Each turn looks at all of them: a list through the
 * members themselves would cost a cache miss for each. Used seats come first. */
struct tc_row {
    uint32_t next; /* circular list of the room's rows; none is empty */
    uint32_t prev;
    struct {
        uint32_t conn; /* TC_NONE: free */
        uint32_t member;
    } seats[TC_ROW_SEATS];
};
_Static_assert(sizeof(struct tc_row) == 64, "a row is a cache line");

/* A subscription between its command and its confirmation. */
struct tc_sub {
    char id[TC_CMD_ID_MAX + 2];
    uint8_t id_len;
    bool has_id;
    bool is_snapshot;
    bool has_from;
    char log[TC_LOG_NAME_MAX];
    uint16_t log_len;
    int64_t pos;
    int64_t ts_ms;
    int64_t since_ns;  /* when it was asked */
    uint64_t need_seq; /* of a resume: the worker must have read all before it, 0: not known yet */
    uint32_t next;     /* further subscriptions of the same member: confirmed together */
};

/* A room with members on this worker. last_*: its newest event at the worker's cursor. */
struct tc_fan_room {
    uint32_t feed;                  /* TC_NONE: a waiting name */
    uint32_t id;                    /* in the feed's directory */
    uint32_t rule;                  /* index into rules->rules */
    uint32_t name_idx;              /* waiting: index of the name's storage */
    uint32_t head[TC_DIALECTS_MAX]; /* rows of members at the head, TC_NONE: none */
    uint32_t member_cnt;
    uint32_t all_next; /* list of all rooms */
    uint32_t all_prev;
    uint64_t last_seq; /* 0: none */
    uint64_t last_data_seq;
    int64_t last_pos; /* -1: none */
    int64_t last_data_pos;
    uint32_t last_ord;
    uint32_t last_sum;
    uint16_t last_log;
    bool is_stale;
    bool is_located;     /* last_* are right */
    bool has_event;      /* last_log and last_pos mean something */
    uint32_t turn_first; /* this turn's events, TC_NONE: not touched */
    uint32_t turn_last;
    uint32_t turn_cnt; /* turns with events */
};

struct tc_fan_conn {
    uint32_t members; /* list of all, TC_NONE: none */
    uint32_t member_cnt;
    uint32_t behind;   /* circular list of BEHIND members */
    uint32_t plan;     /* index of a struct tc_plan, TC_PLAN_NONE: nothing planned */
    uint32_t plan_len; /* bytes of its lanes */
    uint32_t plan_event_cnt;
    uint32_t touched_next; /* queue of touched, or of catch-up, connections */
    uint32_t catch_next;
    uint16_t plan_lane_cnt;
    uint8_t dialect;
    bool is_open;
    bool is_blocked;
    bool is_plain;    /* the plan's lanes are shared and without counted notices */
    bool is_touched;  /* in the queue of touched connections (maybe no longer planned) */
    bool is_catching; /* in the catch-up queue (maybe with nothing to do) */
};

/* What a frame does to its member once it was sent. */
struct tc_frame {
    uint32_t end_off;     /* of its bytes, from the lane's start */
    uint32_t event_cnt;   /* events in it: deliveries */
    uint32_t skipped_cnt; /* events that its conflated notice stands for */
    uint8_t notice;       /* enum tc_notice_kind + 1 of the notice that is counted, 0: none */
    uint8_t reason;       /* of a gap */
    bool is_confirm;      /* the member's subscriptions are done */
    struct tc_place place;
};

/* Bytes of one room in one dialect: for all members at the head, or for one that catches up. */
struct tc_lane {
    uint32_t start_off; /* in scratch */
    uint32_t len;
    uint32_t owner; /* shared: its fan room, otherwise its member */
    uint32_t frame_first;
    uint32_t frame_cnt;
    uint32_t event_cnt;     /* of all frames */
    uint32_t notice_cnt;    /* frames with a counted notice */
    struct tc_place before; /* shared: where members were */
    bool is_shared;
};

/* What is planned for a connection: a lane after another plan. Connections with the same lanes have
 * the same plan, so what it holds is found once for all of them:
 *
 *   none <── lane 0 <── lane 1 <── lane 4     conns 7, 8, 9
 *                 └──── lane 2                conn 3
 *
 * Lanes are planned one after the other, so the one child that a plan remembers is the only one
 * that a further connection can need. */
struct tc_plan {
    uint32_t parent;
    uint32_t child;      /* the plan with child_lane after this one */
    uint32_t joined_off; /* in scratch: its lanes copied together, 0: they are not */
    uint16_t child_lane; /* TC_PLAN_NO_LANE: none yet */
    uint16_t lane : 15;
    uint16_t is_shared : 1; /* more than one connection has had it */
};
_Static_assert(sizeof(struct tc_plan) == 16, "many are looked at in a turn");

#define TC_PLAN_NO_LANE UINT16_MAX
enum { TC_PLAN_NONE = 0 }; /* the plan without a lane */

/* One event of this turn. */
struct tc_turn_event {
    struct tc_bus_event event;
    uint32_t room;       /* fan room */
    uint32_t next;       /* of the same room */
    uint32_t member_cnt; /* members that it was planned for */
};

/* A room of this turn, and where its members were before. */
struct tc_turn_room {
    uint32_t room;
    struct tc_place before;
};

struct tc_fan_cursor {
    uint64_t seq; /* newest event taken */
    uint64_t state_gen;
    uint32_t dir_cnt;  /* names taken over */
    bool is_warm;      /* every log was read to its end once */
    uint32_t *room_of; /* by room id: index of the fan room, or TC_NONE */
};

enum {
    TC_FAN_LANES_MAX = 4096,
    TC_FAN_FRAMES_MAX = 16384,
    TC_FAN_TURN_EVENTS_MAX = TC_TURN_EVENTS_MAX,
    TC_FAN_SCAN_MAX = 16 * TC_TURN_EVENTS_MAX,
    TC_FAN_SCRATCH_MIN = 4 << 20,
    TC_FAN_STATES_MAX = 1024,                 /* stale and fresh notices per turn */
    TC_FAN_JOINED_MAX = 16384,                /* bytes of lanes copied together for one send */
    TC_FAN_SMALL_MAX = TC_FAN_JOINED_MAX / 4, /* bytes of a lane that is copied at all */
    TC_FAN_SUBS_MAX = 32,                     /* unconfirmed subscriptions of one member */
    TC_FAN_PARKED_NS = 20 * 1000 * 1000,      /* between two looks at parked members */
};
/* A frame of catch-up: confirmations, a few notices, one update. */
#define TC_FAN_FRAME_NOTICES (TC_FAN_SUBS_MAX + 4)
_Static_assert(TC_FAN_TURN_EVENTS_MAX *TC_DIALECTS_MAX <= TC_FAN_LANES_MAX,
               "a turn cannot need more lanes than there are: one per event and dialect at worst");
_Static_assert(TC_FAN_LANES_MAX <= 1 << 15, "a plan keeps a lane in 15 bits");
_Static_assert(TC_FAN_TURN_EVENTS_MAX *TC_DIALECTS_MAX <= TC_FAN_FRAMES_MAX, "nor more frames");

struct tc_fan {
    struct tc_fan_conf conf;
    struct tc_fan_feed feeds[TC_SOURCES_MAX];
    const struct tc_dialect *dialects[TC_DIALECTS_MAX];
    struct tc_fan_cursor cursors[TC_SOURCES_MAX];
    struct tc_fan_stats stats;
    uint64_t bit; /* this worker's, in interest words */
    int64_t now_ns;

    struct tc_pool members;
    struct tc_pool rows;
    struct tc_pool subs;
    struct tc_pool rooms;
    struct tc_pool names; /* of waiting rooms */
    struct tc_fan_conn *conns;
    struct tc_map name_map;   /* name -> fan room, or room id of a feed (see names.c) */
    struct tc_map member_map; /* (connection, fan room) -> member */
    uint32_t all_rooms;
    uint32_t parked; /* circular list of PARKED members */
    int64_t parked_at_ns;

    uint32_t touched_first, touched_last; /* connections with a plan */
    uint32_t catch_first, catch_last;     /* connections with members behind */
    uint32_t catch_cnt;
    uint32_t catch_left; /* to look at in this slice */
    bool is_state_dirty; /* rooms may have become stale or fresh */

    /* the turn */
    struct tc_turn_event *turn_events;
    uint32_t turn_event_cnt;
    struct tc_turn_room *turn_rooms;
    uint32_t turn_room_cnt;
    uint32_t dialect_member_cnt[TC_DIALECTS_MAX];
    struct tc_lane *lanes;
    uint32_t lane_cnt;
    struct tc_frame *frames;
    uint32_t frame_cnt;
    struct tc_plan *plans;
    uint32_t plan_cnt;
    uint32_t batch; /* times that planning began */
    uint16_t *path; /* lanes of one plan */
    uint8_t *scratch;
    uint32_t scratch_bytes;
    uint32_t scratch_used;
    uint8_t *payload;   /* one payload, copied out of the bus and checked */
    uint8_t *converted; /* the same in the form of another dialect */
    uint8_t *joined;    /* TC_TURN_SENDS_MAX buffers for small lanes sent together */
    uint32_t joined_idx;
    uint32_t hops; /* link hops left in this slice */
};

static inline struct tc_member *tc_fan_member(const struct tc_fan *fan, uint32_t idx)
{
    return tc_pool_at(&fan->members, idx);
}

static inline struct tc_fan_room *tc_fan_room(const struct tc_fan *fan, uint32_t idx)
{
    return tc_pool_at(&fan->rooms, idx);
}

static inline struct tc_row *tc_fan_row(const struct tc_fan *fan, uint32_t idx)
{
    return tc_pool_at(&fan->rows, idx);
}

static inline uint32_t tc_fan_row_used(const struct tc_row *row)
{
    uint32_t cnt = 0;
    while (cnt < TC_ROW_SEATS && row->seats[cnt].conn != TC_NONE)
        cnt++;
    return cnt;
}

/* names.c: names to rooms */

int tc_fan_names_init(struct tc_fan *fan, struct tc_err *err) TC_MUST_CHECK;
/* Takes over rooms that were born since; binds waiting names. Between loading the bus head and
 * reading up to it. false: there are more, the bus must not be read yet. */
bool tc_fan_names_sync(struct tc_fan *fan, uint32_t feed);
/* The fan room of that name, made if need be: its index in *out. Errors as tc_fan_subscribe. */
int tc_fan_room_open(struct tc_fan *fan, struct tc_str name, uint32_t *out) TC_MUST_CHECK;
/* The fan room of that name if it has members, TC_NONE otherwise. */
/* The payload as the form wants it: itself, or in fan->converted. */
struct tc_str tc_fan_convert(struct tc_fan *fan, const struct tc_rule *rule, enum tc_form to,
                             struct tc_str payload);
uint32_t tc_fan_room_find(const struct tc_fan *fan, struct tc_str name);
/* Whether a directory has the name, and where. */
bool tc_fan_name_find(const struct tc_fan *fan, struct tc_str name, uint32_t *feed, uint32_t *id);
/* Whether the name fits a template. */
bool tc_fan_name_fits(const struct tc_fan *fan, struct tc_str name);
/* Frees the room if it has no member left. */
void tc_fan_room_release(struct tc_fan *fan, uint32_t room);
struct tc_str tc_fan_room_name(const struct tc_fan *fan, const struct tc_fan_room *room);
/* Brings last_* to the room's newest event at the worker's cursor. false: not possible yet. */
bool tc_fan_room_locate(struct tc_fan *fan, struct tc_fan_room *room);
/* Whether the feed's logs were all read to their ends once: true stays true. */
bool tc_fan_is_warm(struct tc_fan *fan, const struct tc_fan_feed *feed);
/* Whether the log was made anew: its positions mean nothing any more. */
bool tc_fan_is_replaced(const struct tc_logs *logs, uint32_t log);
/* Since when the room's log is stale (wall ms), 0: fresh. */
int64_t tc_fan_room_stale_ms(const struct tc_fan *fan, const struct tc_fan_room *room);

/* member.c: lists */

void tc_fan_list_add(struct tc_fan *fan, uint32_t *list, uint32_t member);
void tc_fan_list_remove(struct tc_fan *fan, uint32_t *list, uint32_t member);
/* Takes the member out of the list of its state. */
void tc_fan_member_detach(struct tc_fan *fan, uint32_t member);
void tc_fan_member_to_head(struct tc_fan *fan, uint32_t member);
void tc_fan_member_to_behind(struct tc_fan *fan, uint32_t member);
/* All members at the head of room in dialect fall behind, to place. */
void tc_fan_room_to_behind(struct tc_fan *fan, struct tc_fan_room *room, uint32_t dialect,
                           const struct tc_place *place);
void tc_fan_member_park(struct tc_fan *fan, uint32_t member);
/* The member of (connection, room), TC_NONE: there is none. */
uint32_t tc_fan_member_find(const struct tc_fan *fan, uint32_t conn, uint32_t room);
/* Queues the connection for catch-up if it can and needs to. */
void tc_fan_conn_queue(struct tc_fan *fan, uint32_t conn);
void tc_fan_subs_free(struct tc_fan *fan, struct tc_member *member);

/* encode.c: frames into scratch */

/* Whether a frame of catch-up with an update of that many payload bytes fits. */
bool tc_fan_has_scratch(const struct tc_fan *fan, uint32_t payload_len);
/* Copies the event's payload into fan->payload. 0 or -TC_ELAPPED. */
int tc_fan_stage(struct tc_fan *fan, const struct tc_fan_room *room,
                 const struct tc_bus_event *event) TC_MUST_CHECK;
/* Writes the staged event as its kind wants it. */
void tc_fan_write_event(struct tc_fan *fan, const struct tc_fan_room *room, uint32_t dialect,
                        const struct tc_bus_event *event, bool is_snapshot);
/* Fills in the room's name. */
void tc_fan_write_notice(struct tc_fan *fan, const struct tc_fan_room *room, uint32_t dialect,
                         struct tc_notice *notice);
void tc_fan_write_gap(struct tc_fan *fan, const struct tc_fan_room *room, uint32_t dialect,
                      uint32_t log, int64_t from, int64_t to, enum tc_gap_reason reason);
/* The worker's view of stale, as a notice. */
void tc_fan_write_state(struct tc_fan *fan, const struct tc_fan_room *room, uint32_t dialect);
struct tc_lane *tc_fan_lane_open(struct tc_fan *fan);
/* Ends the frame that was just written into lane; place: where it brings its member. */
struct tc_frame *tc_fan_frame_end(struct tc_fan *fan, struct tc_lane *lane,
                                  const struct tc_place *place);
/* Takes the lane back: nothing of it was planned. */
void tc_fan_lane_drop(struct tc_fan *fan, struct tc_lane *lane);

/* Fills log, pos and symbol of a confirmation; log TC_FAN_NO_LOG: null. */
void tc_fan_confirm_fill(const struct tc_fan *fan, const struct tc_fan_room *room, int64_t pos,
                         uint32_t log, struct tc_notice *notice);

/* plan.c: who gets what */

static inline void tc_fan_unplan(struct tc_fan_conn *c)
{
    c->plan = TC_PLAN_NONE;
    c->plan_len = c->plan_event_cnt = c->plan_lane_cnt = 0;
    c->is_plain = true;
}

/* Forgets all plans: no connection has one. */
void tc_fan_plan_begin(struct tc_fan *fan);
/* Plans the lane of a member behind. */
void tc_fan_plan_own(struct tc_fan *fan, uint32_t conn, const struct tc_lane *lane);
/* Everybody at the head of room in dialect gets the lane; who cannot take bytes falls behind.
 * Returns how many got it. */
uint32_t tc_fan_plan_shared(struct tc_fan *fan, const struct tc_fan_room *room, uint32_t dialect,
                            const struct tc_lane *lane);

/* unit.c and resume.c: what a member behind gets next */

enum tc_unit_result {
    TC_UNIT_MADE,  /* one frame was written */
    TC_UNIT_NONE,  /* the member has all there is */
    TC_UNIT_WAIT,  /* cannot be answered yet: park it */
    TC_UNIT_AGAIN, /* not in this slice: hops or scratch are used up, or the worker must read first
                    */
};
enum tc_unit_result tc_fan_unit(struct tc_fan *fan, uint32_t member, struct tc_lane *lane);

/* The answer to the member's pending subscriptions, as one frame. */
enum tc_unit_result tc_fan_answer(struct tc_fan *fan, uint32_t member, struct tc_lane *lane);

enum tc_walk_result {
    TC_WALK_HEAD,  /* no event of the room is after the place */
    TC_WALK_READY, /* place->next_seq is the first event after it, *event a copy */
    TC_WALK_HOLE,  /* events after the place have left the ring; *event: the oldest that has not, if
                      place->next_seq is set */
    TC_WALK_AGAIN, /* no hops left, or overtaken meanwhile: *place says where to go on */
};
/* Walks back from the room's newest event to the first one after the place. *known (may be NULL):
 * the event at or before the place that ended the walk, seq 0 if there was none. */
enum tc_walk_result tc_fan_walk(struct tc_fan *fan, const struct tc_fan_room *room,
                                struct tc_place *place, struct tc_bus_event *event,
                                struct tc_bus_event *known);
/* Whether the room has a newer value than the worker has read: the one before it may be gone. */
bool tc_fan_is_superseded(const struct tc_fan *fan, const struct tc_fan_room *room);
/* The place after event, with the rest of *from. */
struct tc_place tc_fan_place_after(const struct tc_fan *fan, const struct tc_fan_room *room,
                                   const struct tc_place *from, const struct tc_bus_event *event);
/* The place of the room's newest event: at the head. */
struct tc_place tc_fan_place_newest(const struct tc_fan_room *room);

static inline const struct tc_fan_feed *tc_fan_feed_of(const struct tc_fan *fan,
                                                       const struct tc_fan_room *room)
{
    uint32_t feed = room->feed;
    if (feed == TC_NONE)
        feed = fan->conf.rules->rules[room->rule].source;
    return &fan->feeds[feed];
}

#endif
