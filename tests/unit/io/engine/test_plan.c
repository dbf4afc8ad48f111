// SPDX-License-Identifier: Apache-2.0
/* Goal: from the configuration and the number of cores to threads, as docs promise, and a text that
 * shows each of them. */
#include "io/engine/plan.h"

#include <criterion/criterion.h>

#include "io/os/os.h"

static char text[4096];

static struct tc_conf conf_with(uint32_t source_cnt, enum tc_conf_topology topology)
{
    static const char *const names[] = { "main", "side", "third" };
    struct tc_conf conf = { .source_cnt = source_cnt, .topology = topology };
    for (uint32_t i = 0; i < source_cnt; i++) {
        conf.sources[i].name = names[i];
        conf.sources[i].history_events = 100 + i;
        conf.sources[i].history_bytes = 2000 + i;
        conf.sources[i].last_value_bytes = 30000 + i;
    }
    return conf;
}

static const char *printed(const struct tc_plan *plan, const struct tc_conf *conf)
{
    FILE *out = fmemopen(text, sizeof(text), "w");
    cr_assert_not_null(out);
    tc_plan_print(plan, conf, out);
    fclose(out);
    return text;
}

Test(plan, from_cores)
{
    /* Goal: auto is fused on one or two cores and leaves half of them; otherwise each source has a
     * core of its own and workers the rest, but at least one. */
    static const struct {
        enum tc_conf_topology topology;
        uint32_t cpus;
        uint32_t sources;
        bool is_fused;
        uint32_t workers;
    } rows[] = {
        { TC_TOPOLOGY_AUTO, 1, 1, true, 1 },      { TC_TOPOLOGY_AUTO, 2, 1, true, 1 },
        { TC_TOPOLOGY_AUTO, 2, 3, true, 1 },      { TC_TOPOLOGY_AUTO, 4, 1, false, 3 },
        { TC_TOPOLOGY_AUTO, 4, 3, false, 1 },     { TC_TOPOLOGY_AUTO, 8, 1, false, 7 },
        { TC_TOPOLOGY_AUTO, 8, 2, false, 6 },     { TC_TOPOLOGY_FUSED, 1, 1, true, 1 },
        { TC_TOPOLOGY_FUSED, 4, 1, true, 2 },     { TC_TOPOLOGY_FUSED, 8, 2, true, 4 },
        { TC_TOPOLOGY_SEPARATE, 1, 1, false, 1 }, { TC_TOPOLOGY_SEPARATE, 2, 1, false, 1 },
        { TC_TOPOLOGY_SEPARATE, 2, 3, false, 1 }, { TC_TOPOLOGY_SEPARATE, 256, 1, false, 64 },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        struct tc_conf conf = conf_with(rows[i].sources, rows[i].topology);
        struct tc_plan plan;
        tc_plan_make(&plan, &conf, rows[i].cpus);
        cr_expect_eq(plan.is_fused, rows[i].is_fused, "row %zu", i);
        cr_expect_eq(plan.worker_cnt, rows[i].workers, "row %zu: %u", i, plan.worker_cnt);
        cr_expect_eq(plan.source_cnt, rows[i].sources, "row %zu", i);
        cr_expect(plan.worker_cpus[0] == -1 && plan.ingest_cpus[0] == -1, "row %zu", i);
        for (uint32_t s = 0; s < plan.source_cnt; s++)
            cr_expect_lt(plan.ingest_workers[s], plan.worker_cnt, "row %zu", i);
    }
}

Test(plan, configured)
{
    /* Goal: a configured count wins over the cores, a list of cores is the count without one, and a
     * thread beyond its list is not bound. */
    struct tc_plan plan;
    struct tc_conf conf = conf_with(2, TC_TOPOLOGY_SEPARATE);
    conf.worker_cpus[0] = 4;
    conf.worker_cpus[1] = 6;
    conf.worker_cpu_cnt = 2;
    conf.ingest_cpus[0] = 7;
    conf.ingest_cpu_cnt = 1;
    tc_plan_make(&plan, &conf, 16);
    cr_assert_eq(plan.worker_cnt, 2);
    cr_expect(plan.worker_cpus[0] == 4 && plan.worker_cpus[1] == 6);
    cr_expect(plan.ingest_cpus[0] == 7 && plan.ingest_cpus[1] == -1);
    conf.worker_cnt = 3;
    tc_plan_make(&plan, &conf, 16);
    cr_assert_eq(plan.worker_cnt, 3);
    cr_expect(plan.worker_cpus[1] == 6 && plan.worker_cpus[2] == -1);
}

Test(plan, fused_shares)
{
    /* Goal: fused sources are dealt to the workers in turn and have no core of their own. */
    struct tc_plan plan;
    struct tc_conf conf = conf_with(3, TC_TOPOLOGY_FUSED);
    conf.worker_cnt = 2;
    conf.ingest_cpus[0] = 1;
    conf.ingest_cpu_cnt = 1;
    tc_plan_make(&plan, &conf, 2);
    cr_assert(plan.ingest_workers[0] == 0 && plan.ingest_workers[1] == 1 &&
              plan.ingest_workers[2] == 0);
    cr_assert_eq(plan.ingest_cpus[0], -1);
    cr_assert(strstr(printed(&plan, &conf), "worker 0, ingest main, ingest third\n"), "%s", text);
    cr_assert(strstr(text, "worker 1, ingest side\n"), "%s", text);
    cr_assert(strstr(text, "topology: fused (2 cores may be used)\n"), "%s", text);
    cr_assert_not(strstr(text, "ingest-"), "%s", text);
}

Test(plan, print)
{
    /* Goal: each thread stands in the table with its core, and each bus with its sizes. */
    static const char *const parts[] = {
        "topology: separate (8 cores may be used)\n",
        "  worker-0     3     worker 0\n",
        "  worker-1     any   worker 1\n",
        "  ingest-0     any   ingest main\n",
        "  ingest-1     any   ingest side\n",
        "  admin        any   admin\n",
        "  log          any   log writer\n",
        "bus main: ingest main -> all workers, 100 events, 2000 payload bytes, 30000 bytes of last "
        "values\n",
        "bus side: ingest side -> all workers, 101 events, 2001 payload bytes, 30001 bytes of last "
        "values\n",
    };
    struct tc_plan plan;
    struct tc_conf conf = conf_with(2, TC_TOPOLOGY_SEPARATE);
    conf.worker_cnt = 2;
    conf.worker_cpus[0] = 3;
    conf.worker_cpu_cnt = 1;
    tc_plan_make(&plan, &conf, 8);
    printed(&plan, &conf);
    for (size_t i = 0; i < TC_ARRAY_CNT(parts); i++)
        cr_expect(strstr(text, parts[i]), "%s\nis not in\n%s", parts[i], text);
}

Test(plan, check)
{
    /* Goal: a core that does not exist is refused with the setting's name; no core is never wrong.
     */
    struct tc_plan plan;
    struct tc_err err = { 0 };
    struct tc_conf conf = conf_with(1, TC_TOPOLOGY_SEPARATE);
    conf.worker_cnt = 2;
    tc_plan_make(&plan, &conf, 8);
    cr_assert_eq(tc_plan_check(&plan, &err), TC_OK);
    uint32_t cpu = 0; /* one that is ours */
    while (tc_os_cpu_check(cpu, NULL) < 0)
        cpu++;
    plan.worker_cpus[1] = plan.ingest_cpus[0] = (int)cpu;
    cr_assert_eq(tc_plan_check(&plan, &err), TC_OK);
    plan.worker_cpus[1] = 4095;
    cr_assert_eq(tc_plan_check(&plan, &err), -TC_EIO);
    cr_expect(strncmp(err.text, "workers.cpus: cpu 4095", 22) == 0, "%s", err.text);
    plan.worker_cpus[1] = -1;
    plan.ingest_cpus[0] = 4095;
    cr_assert_eq(tc_plan_check(&plan, &err), -TC_EIO);
    cr_expect(strncmp(err.text, "ingest.cpus: cpu 4095", 21) == 0, "%s", err.text);
}

Test(plan, pinned_cores)
{
    /* Goal: the cores that our threads are bound to, in a process of any size. */
    uint32_t cores[TC_WORKERS_MAX + TC_SOURCES_MAX];
    struct tc_plan plan = { .cpu_cnt = 4, .worker_cnt = 2, .source_cnt = 2 };
    plan.worker_cpus[0] = 3;
    plan.worker_cpus[1] = -1;
    plan.ingest_cpus[0] = 1;
    plan.ingest_cpus[1] = -1;
    cr_assert_eq(tc_plan_pinned(&plan, cores), 2);
    cr_assert(cores[0] == 3 && cores[1] == 1);
    plan.cpu_cnt = 1;
    cr_assert_eq(tc_plan_pinned(&plan, cores), 2);
}

Test(plan, print_memory)
{
    /* Goal: a line per holder, their sum, and what a connection costs. */
    static struct tc_mem mem;
    struct tc_err err;
    char *out_text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&out_text, &len);
    tc_mem_init(&mem, 0);
    cr_assert(out && tc_mem_take(&mem, "one", 100, 3, &err) &&
              tc_mem_take(&mem, "two", 7, 1, &err));
    tc_plan_print_memory(&mem, out);
    fclose(out);
    cr_assert(strstr(out_text, " 300  one\n") && strstr(out_text, " 7  two\n"), "%s", out_text);
    cr_assert(strstr(out_text, " 307  all;") && strstr(out_text, "per idle connection: "));
    free(out_text);
    tc_mem_fini(&mem);
}
