// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/proof.h"

#include "tests/lib/base.h"

#include <inttypes.h>
#include <string.h>

static void write_segment(struct tc_proof *c, struct tc_journal *j)
{
    if (j->file && c->base >= TC_SCAN_NULL && c->last > c->base)
        fprintf(j->file, "S\t%u\t%u\t%u\t%" PRId64 "\t%" PRId64 "\t%" PRIu64 "\t%" PRIu64 "\n",
                c->conn, c->room, c->log, c->base, c->last, c->cnt, c->hash);
    c->cnt = c->hash = 0;
}

/* Ends the segment and begins the next at base. */
static void rebase(struct tc_proof *c, struct tc_journal *j, int64_t base)
{
    write_segment(c, j);
    c->base = c->last = base;
}

static void write_hole(const struct tc_proof *c, struct tc_journal *j, const char *kind,
                       const struct tc_scan *s, int64_t extra)
{
    if (j->file)
        fprintf(j->file, "G\t%u\t%u\t%u\t%s%s%.*s\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\n",
                c->conn, c->room, c->log, kind, s->reason.at ? ":" : "", (int)s->reason.len,
                s->reason.at ? s->reason.at : "", s->from, s->to, extra);
}

void tc_proof_ask(struct tc_proof *c, bool wants_snapshot, bool is_resume)
{
    c->is_asked = true;
    c->is_member = false;
    c->is_resume = is_resume;
    c->wants_snapshot = wants_snapshot;
    c->had_hole = false;
    c->recover_cnt = 0;
    c->cnt = c->hash = 0;
    if (!is_resume) {
        c->last = c->base = TC_SCAN_NULL;
        c->last_ts = TC_SCAN_NONE;
        c->log = 0;
    } else {
        c->base = c->last;
    }
}

static const char *on_confirmed(struct tc_proof *c, struct tc_journal *j, const struct tc_scan *s)
{
    if (!c->is_asked)
        return "confirmation that was not asked for";
    c->is_asked = false;
    c->is_member = true;
    c->log = tc_journal_log(j, s->log);
    if (s->pos == TC_SCAN_NONE)
        return "confirmation without a position";
    if (!c->is_resume)
        c->base = c->last = s->pos;
    return NULL;
}

static const char *on_snapshot(struct tc_proof *c, struct tc_journal *j, struct tc_proof_sums *sums,
                               const struct tc_scan *s)
{
    sums->snapshots++;
    if (c->had_hole) {
        c->had_hole = false;
        if (s->pos < c->last)
            return "snapshot older than the hole it closes";
        /* What lies between the hole's end and the snapshot is proven as skipped by the checker. */
        if (j->file)
            fprintf(j->file, "G\t%u\t%u\t%u\tsnapshot\t%" PRId64 "\t%" PRId64 "\t0\n", c->conn,
                    c->room, c->log, c->last, s->pos);
        rebase(c, j, s->pos);
        c->last_ts = s->ts;
        return NULL;
    }
    if (!c->wants_snapshot)
        return "snapshot that was not asked for";
    c->wants_snapshot = false;
    if (c->update_cnt && c->cnt)
        return "snapshot after an update";
    if (c->last != s->pos)
        return "snapshot at another position than the confirmation";
    c->last_ts = s->ts;
    return NULL;
}

static const char *on_update(struct tc_proof *c, struct tc_journal *j, struct tc_proof_sums *sums,
                             const struct tc_scan *s, uint32_t crc)
{
    if (!c->is_member)
        return "update outside a subscription";
    if (s->pos < 0)
        return "update without a position";
    c->update_cnt++;
    sums->updates++;
    if (!tc_journal_record(j, c->room, c->log, s->pos, crc, s->ts))
        return "other bytes or time than another client got for this position";
    if (s->snapshot)
        return on_snapshot(c, j, sums, s);
    if (s->pos <= c->last)
        return s->pos == c->last ? "duplicate" : "out of order";
    if (s->prev == TC_SCAN_NULL && c->last != TC_SCAN_NULL) {
        sums->null_prev++;
    } else if (s->prev > c->last) {
        rebase(c, j, s->pos); /* told once for each hole */
        return "chain broken: prev is beyond the last position";
    }
    if (c->recover_cnt > 0 && s->pos <= c->recover_to)
        c->recover_cnt--;
    else if (c->recover_cnt > 0)
        return "fewer recovered events than announced";
    c->last = s->pos;
    c->last_ts = s->ts;
    c->cnt++;
    c->hash += tc_journal_mix(s->pos);
    return NULL;
}

static const char *on_hole(struct tc_proof *c, struct tc_journal *j, struct tc_proof_sums *sums,
                           const struct tc_scan *s)
{
    if (s->kind == TC_SCAN_CONFLATED) {
        sums->conflated++;
        sums->skipped += (uint64_t)(s->skipped > 0 ? s->skipped : 0);
        if (s->from != c->last || s->to <= s->from || s->skipped < 1)
            return "conflated: not from the last position, or nothing skipped";
        write_hole(c, j, "conflated", s, s->skipped);
        rebase(c, j, s->to);
    } else if (s->kind == TC_SCAN_GAP) {
        sums->gaps++;
        bool is_new = s->reason.len == 9 && !memcmp(s->reason.at, "recreated", 9);
        if (!is_new && s->to < c->last)
            return "gap that ends before the last position";
        write_hole(c, j, "gap", s, c->last);
        rebase(c, j, is_new ? TC_SCAN_NULL : s->to);
        if (s->log.at)
            c->log = tc_journal_log(j, s->log);
    } else {
        sums->cannot_recover++;
        if (!c->is_resume || s->from != c->last)
            return "cannot-recover for another position than was asked";
        write_hole(c, j, "cannot-recover", s, c->last);
        bool is_new = s->reason.len == 9 && !memcmp(s->reason.at, "recreated", 9);
        rebase(c, j, is_new || s->to < 0 ? TC_SCAN_NULL : s->to);
        c->had_hole = true;
    }
    c->last_ts = TC_SCAN_NONE;
    return NULL;
}

const char *tc_proof_feed(struct tc_proof *c, struct tc_journal *j, struct tc_proof_sums *sums,
                          const struct tc_scan *s, uint32_t crc)
{
    if (s->kind == TC_SCAN_UPDATE)
        return on_update(c, j, sums, s, crc);
    if (s->kind == TC_SCAN_CONFIRMED) {
        sums->confirmed++;
        return on_confirmed(c, j, s);
    }
    if (s->kind == TC_SCAN_UNSUBSCRIBED) {
        tc_proof_close(c, j, false);
        return NULL;
    }
    if (!c->is_member)
        return "notice outside a subscription";
    switch (s->kind) {
    case TC_SCAN_CONFLATED:
    case TC_SCAN_GAP:
    case TC_SCAN_CANNOT_RECOVER:
        return on_hole(c, j, sums, s);
    case TC_SCAN_RECOVERED:
        sums->recovered++;
        sums->recovered_events += (uint64_t)(s->count > 0 ? s->count : 0);
        if (!c->is_resume || s->from != c->last || s->count < 0)
            return "recovered from another position than was asked";
        c->recover_to = s->to;
        c->recover_cnt = s->count;
        return NULL;
    case TC_SCAN_MOVED:
        sums->moved++;
        rebase(c, j, TC_SCAN_NULL);
        c->log = tc_journal_log(j, s->log);
        return NULL;
    case TC_SCAN_STALE:
        sums->stale++;
        return NULL;
    case TC_SCAN_FRESH:
        sums->fresh++;
        return NULL;
    default:
        return NULL;
    }
}

void tc_proof_close(struct tc_proof *c, struct tc_journal *j, bool is_final)
{
    write_segment(c, j);
    if (is_final && j->file && c->is_member)
        fprintf(j->file, "E\t%u\t%u\t%u\t%" PRId64 "\n", c->conn, c->room, c->log, c->last);
    c->base = c->last;
    c->is_member = false;
}
