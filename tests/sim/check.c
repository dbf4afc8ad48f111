// SPDX-License-Identifier: Apache-2.0
/* What must hold for the whole: while it sleeps, after each turn, in time, and in the end. */
#include "core/fanout/fan_int.h"
#include "tests/sim/world.h"

bool w_client_is_done(const struct world *w, const struct w_client *c)
{
    if (c->state == W_NONE)
        return true;
    if (c->state != W_OPEN || c->close_code || c->rx_len || tc_sim_unread(&w->net, c->peer))
        return false;
    for (uint32_t i = 0; i < w->room_cnt; i++) {
        if (!w_view_is_done(w, &w->rooms[i], &c->views[i]))
            return false;
    }
    return true;
}

bool w_is_all_done(const struct world *w)
{
    for (uint32_t i = 0; i < w->feed_cnt; i++) {
        if (w->feeds[i].step_cnt)
            return false;
    }
    for (uint32_t i = 0; i < w->client_cnt; i++) {
        if (!w_client_is_done(w, &w->clients[i]))
            return false;
    }
    return true;
}

void w_check_in_time(struct world *w)
{
    if (w->now_ns <= w->settle_end_ns || w_is_all_done(w))
        return;
    for (uint32_t i = 0; i < w->client_cnt; i++) {
        struct w_client *c = &w->clients[i];
        W_CHECK(w, c->state == W_OPEN || c->state == W_NONE, "client %u: state %d in the end", i,
                (int)c->state);
        for (uint32_t r = 0; c->state == W_OPEN && r < w->room_cnt; r++)
            w_view_check_end(w, &w->rooms[r], &c->views[r]);
    }
    w_fail(w, "not everybody has everything in time");
}

void w_check_sleep(struct world *w)
{
    const struct tc_fan *fan = w->worker.fan;
    W_CHECK(w, atomic_load(&w->sleeping) <= 1, "another worker sleeps");
    W_CHECK(w, atomic_load(&w->sleeping) == 1, "it sleeps and has not said so");
    W_CHECK(w,
            !tc_fan_has_news(fan) && !tc_fan_has_touched(fan) && !tc_fan_has_catch_up(fan) &&
                w->worker.net.out_first == TC_NONE,
            "it sleeps with work to do");
    for (uint32_t i = 0; i < w->feed_cnt && w->is_fused; i++)
        W_CHECK(w, w->feeds[i].step_cnt == 0, "it sleeps while a source has records");
}

void w_check_bounds(struct world *w)
{
    const struct tc_net *net = &w->worker.net;
    W_CHECK(w, net->slab.used_bytes <= w->conf.limits.spill_bytes, "spill of %llu bytes",
            (unsigned long long)net->slab.used_bytes);
    for (uint32_t i = 0; i < net->slot_max; i++) {
        const struct tc_net_conn *c = &net->conns[i];
        W_CHECK(w, !c->is_open || c->out_len - c->out_off <= TC_NET_OUT_MAX, "out of %u bytes",
                c->out_len - c->out_off);
    }
    W_CHECK(w, net->conn_cnt <= net->slot_max, "%u connections", net->conn_cnt);
}

void w_check_nothing_left(struct world *w)
{
    const struct tc_fan *fan = w->worker.fan;
    const struct tc_fan_stats *s = tc_fan_stats(fan);
    const struct tc_sessions *sessions = &w->worker.sessions;
    const struct tc_metric_worker *m = &w->metric;
    uint64_t sum = 0;
    W_CHECK(w, w->worker.net.conn_cnt == 0 && tc_count_get(&m->connections) == 0,
            "%u connections are left", w->worker.net.conn_cnt);
    W_CHECK(w,
            !s->member_cnt && !s->room_cnt && !s->waiting_cnt && !s->behind_cnt && !s->parked_cnt,
            "left in fan-out: %u members, %u rooms, %u names, %u behind, %u parked", s->member_cnt,
            s->room_cnt, s->waiting_cnt, s->behind_cnt, s->parked_cnt);
    W_CHECK(w,
            !fan->members.used_cnt && !fan->rooms.used_cnt && !fan->subs.used_cnt &&
                !fan->names.used_cnt && !fan->member_map.cnt,
            "left in pools of fan-out: %u members, %u rooms, %u subscriptions, %u names",
            fan->members.used_cnt, fan->rooms.used_cnt, fan->subs.used_cnt, fan->names.used_cnt);
    for (uint32_t f = 0; f < w->feed_cnt; f++) {
        for (uint32_t i = 0; i < w->conf.limits.rooms; i++)
            W_CHECK(w, !atomic_load(&w->feeds[f].ingest.bus.interest[i]), "interest in room %u", i);
    }
    W_CHECK(w, w->worker.net.slab.used_bytes == 0, "spill of %llu bytes is left",
            (unsigned long long)w->worker.net.slab.used_bytes);
    W_CHECK(w, !sessions->heads.used_cnt && !sessions->messages.used_cnt,
            "left in sessions: %u heads, %u messages", sessions->heads.used_cnt,
            sessions->messages.used_cnt);
    W_CHECK(w, tc_wheel_next_ns(&w->worker.net.wheel) == INT64_MAX, "a timer is left");
    for (uint32_t i = 0; i < TC_CLOSE_CNT; i++)
        sum += tc_count_get(&m->closes[i]);
    uint64_t accepted = tc_count_get(&m->connections_accepted);
    W_CHECK(w, sum >= accepted && sum <= accepted + tc_count_get(&m->connections_refused),
            "%llu closes of %llu connections", (unsigned long long)sum,
            (unsigned long long)accepted);
    W_CHECK(w, !tc_count_get(&m->closes[TC_CLOSE_INTERNAL]), "closed for an internal reason");
    W_CHECK(w, w->is_crowd || !tc_count_get(&m->closes[TC_CLOSE_NO_CONTEXT]),
            "closed for want of a context");
    W_CHECK(w, !tc_count_get(&m->closes[TC_CLOSE_PROTOCOL]), "closed for a wrong frame");
    W_CHECK(w, w->is_tiny_spill || !tc_count_get(&m->closes[TC_CLOSE_SPILL]),
            "closed for want of spill");
}
