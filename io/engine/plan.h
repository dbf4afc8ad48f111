// SPDX-License-Identifier: Apache-2.0
/* io/engine/plan: the topology as data: which thread runs which agents on which core.
 *
 *   separate   worker 0 … n-1 and one ingest per source, a thread each
 *   fused      worker threads only; ingest i is run by worker i mod n
 *
 * Control path. */
#ifndef TC_IO_ENGINE_PLAN_H
#define TC_IO_ENGINE_PLAN_H

#include <stdio.h>

#include "core/base/err.h"
#include "core/conf/conf.h"
#include "core/mem/mem.h"

struct tc_plan {
    bool is_fused;
    uint32_t cpu_cnt; /* cores that the process may use */
    uint32_t worker_cnt;
    uint32_t source_cnt;
    int worker_cpus[TC_WORKERS_MAX];         /* -1: not pinned */
    int ingest_cpus[TC_SOURCES_MAX];         /* separate; -1: not pinned */
    uint32_t ingest_workers[TC_SOURCES_MAX]; /* fused: who runs it */
};

/* auto: fused on up to two cores. Workers: as configured, or one per configured core, or what
 * sources leave of the cores. */
void tc_plan_make(struct tc_plan *plan, const struct tc_conf *conf, uint32_t cpu_cnt);

/* Whether all cores exist and may be used. -TC_EIO with *err, which names the setting. */
int tc_plan_check(const struct tc_plan *plan, struct tc_err *err) TC_MUST_CHECK;

/* The cores that our threads are bound to, which others shall leave alone if there are more: into
 * cores, which has TC_WORKERS_MAX + TC_SOURCES_MAX places. Returns how many; one may be there
 * twice.
 */
uint32_t tc_plan_pinned(const struct tc_plan *plan, uint32_t *cores);

/* Threads, agents, cores, links and sizes, as a table. */
void tc_plan_print(const struct tc_plan *plan, const struct tc_conf *conf, FILE *out);

/* What was taken, a line per holder, and what a connection costs. */
void tc_plan_print_memory(const struct tc_mem *mem, FILE *out);

#endif
