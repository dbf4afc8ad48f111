// SPDX-License-Identifier: Apache-2.0
#include "core/bus/log.h"

#include <stdio.h>

int tc_logs_init(struct tc_logs *logs, uint32_t max, struct tc_mem *mem, const char *holder,
                 struct tc_err *err)
{
    char name[TC_MEM_NAME_MAX];
    memset(logs, 0, sizeof(*logs));
    snprintf(name, sizeof(name), "%s: logs", holder);
    logs->max = max;
    logs->logs = tc_mem_take(mem, name, sizeof(*logs->logs), max, err);
    return logs->logs ? TC_OK : -TC_ENOMEM;
}

int tc_logs_add(struct tc_logs *logs, struct tc_str name, uint32_t rule, uint32_t partition,
                int64_t start_pos, uint32_t replaces)
{
    uint32_t cnt = atomic_load_explicit(&logs->cnt, memory_order_relaxed);
    TC_ASSERT(name.len < TC_LOG_NAME_MAX);
    if (cnt == logs->max)
        return -TC_ELIMIT;
    struct tc_log *log = &logs->logs[cnt];
    memcpy(log->name, name.ptr, name.len);
    log->name_len = (uint32_t)name.len;
    log->rule = rule;
    log->partition = partition;
    log->replaces = replaces;
    log->start_pos = start_pos;
    atomic_store_explicit(&log->next_pos, start_pos, memory_order_relaxed);
    atomic_store_explicit(&log->end_pos, -1, memory_order_relaxed);
    atomic_store_explicit(&logs->cnt, cnt + 1, memory_order_release);
    return (int)cnt;
}

bool tc_logs_is_warm(const struct tc_logs *logs)
{
    if (!atomic_load_explicit(&logs->is_known, memory_order_acquire))
        return false;
    uint32_t cnt = atomic_load_explicit(&logs->cnt, memory_order_acquire);
    for (uint32_t i = 0; i < cnt; i++) {
        if (!atomic_load_explicit(&logs->logs[i].is_caught_up, memory_order_acquire))
            return false;
    }
    return true;
}

uint32_t tc_logs_find(const struct tc_logs *logs, struct tc_str name)
{
    uint32_t cnt = atomic_load_explicit(&logs->cnt, memory_order_acquire);
    for (uint32_t i = cnt; i-- > 0;) {
        const struct tc_log *log = &logs->logs[i];
        if (tc_str_eq(name, (struct tc_str){ log->name, log->name_len }))
            return i;
    }
    return TC_NONE;
}
