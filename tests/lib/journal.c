// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/journal.h"

#include "tests/lib/base.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct tc_journal_seen {
    int64_t pos;
    int64_t ts;
    uint32_t room_log; /* room << 12 | log, plus 1 in a slot that is taken */
    uint32_t crc;
};

_Static_assert(TC_JOURNAL_LOGS_MAX <= 1 << 12, "a record keeps its log in 12 bits");
_Static_assert(TC_JOURNAL_ROOMS_MAX < 1 << 19, "and its room in 20");

void tc_journal_init(struct tc_journal *j, const char *path, uint64_t records_max)
{
    *j = (struct tc_journal){ .log_cnt = 1, .seen_max = 1024 };
    while (j->seen_max < records_max * 2)
        j->seen_max *= 2;
    j->rooms = tc_tb_take(TC_JOURNAL_ROOMS_MAX, sizeof *j->rooms);
    j->logs = tc_tb_take(TC_JOURNAL_LOGS_MAX, sizeof *j->logs);
    j->room_slots = tc_tb_take(2 * TC_JOURNAL_ROOMS_MAX, sizeof *j->room_slots);
    j->seen = tc_tb_take(j->seen_max, sizeof *j->seen);
    if (path) {
        j->file = fopen(path, "w");
        if (!j->file)
            tc_tb_die("%s: %s", path, strerror(errno));
    }
}

uint32_t tc_journal_room(struct tc_journal *j, struct tc_scan_text name)
{
    uint32_t at = tc_tb_hash(name.at, name.len) & (2 * TC_JOURNAL_ROOMS_MAX - 1);
    if (name.len > 131)
        tc_tb_die("a room name of %zu bytes", name.len);
    for (; j->room_slots[at]; at = (at + 1) & (2 * TC_JOURNAL_ROOMS_MAX - 1)) {
        const char *known = j->rooms[j->room_slots[at] - 1];
        if (strlen(known) == name.len && !memcmp(known, name.at, name.len))
            return j->room_slots[at] - 1;
    }
    if (j->room_cnt == TC_JOURNAL_ROOMS_MAX)
        tc_tb_die("more than %d rooms", TC_JOURNAL_ROOMS_MAX);
    memcpy(j->rooms[j->room_cnt], name.at, name.len);
    j->room_slots[at] = j->room_cnt + 1;
    if (j->file)
        fprintf(j->file, "R\t%u\t%s\n", j->room_cnt, j->rooms[j->room_cnt]);
    return j->room_cnt++;
}

uint32_t tc_journal_log(struct tc_journal *j, struct tc_scan_text name)
{
    if (!name.at)
        return 0;
    if (name.len >= TC_JOURNAL_NAME_MAX)
        tc_tb_die("a log name of %zu bytes", name.len);
    for (uint32_t i = 1; i < j->log_cnt; i++)
        if (strlen(j->logs[i]) == name.len && !memcmp(j->logs[i], name.at, name.len))
            return i;
    if (j->log_cnt == TC_JOURNAL_LOGS_MAX)
        tc_tb_die("more than %d logs", TC_JOURNAL_LOGS_MAX);
    memcpy(j->logs[j->log_cnt], name.at, name.len);
    if (j->file)
        fprintf(j->file, "L\t%u\t%s\n", j->log_cnt, j->logs[j->log_cnt]);
    return j->log_cnt++;
}

uint64_t tc_journal_mix(int64_t pos)
{
    uint64_t x = (uint64_t)pos + 0x9E3779B97F4A7C15U;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9U;
    x = (x ^ x >> 27) * 0x94D049BB133111EBU;
    return x ^ x >> 31;
}

bool tc_journal_record(struct tc_journal *j, uint32_t room, uint32_t log, int64_t pos, uint32_t crc,
                       int64_t ts)
{
    uint32_t room_log = (room << 12 | log) + 1;
    /* a room's records lie in order, so that those that come together share pages */
    uint64_t at = ((uint64_t)pos + tc_journal_mix(room_log)) & (j->seen_max - 1);
    for (; j->seen[at].room_log; at = (at + 1) & (j->seen_max - 1))
        if (j->seen[at].pos == pos && j->seen[at].room_log == room_log)
            return j->seen[at].crc == crc && j->seen[at].ts == ts;
    if (++j->seen_cnt * 2 > j->seen_max)
        tc_tb_die("more than %" PRIu64 " records in the journal", j->seen_max / 2);
    j->seen[at] = (struct tc_journal_seen){ pos, ts, room_log, crc };
    return true;
}

void tc_journal_fini(struct tc_journal *j)
{
    if (!j->file)
        return;
    for (uint64_t i = 0; i < j->seen_max; i++) {
        const struct tc_journal_seen *s = &j->seen[i];
        if (s->room_log)
            fprintf(j->file, "U\t%u\t%u\t%" PRId64 "\t%u\t%" PRId64 "\n", (s->room_log - 1) >> 12,
                    (s->room_log - 1) & 0xFFF, s->pos, s->crc, s->ts);
    }
    if (fclose(j->file))
        tc_tb_die("journal: %s", strerror(errno));
    j->file = NULL;
}
