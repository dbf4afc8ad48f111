// SPDX-License-Identifier: Apache-2.0
#include "io/engine/plan.h"

#include <inttypes.h>

#include "io/net/net.h"
#include "io/os/os.h"

enum { FUSED_CPUS_MAX = 2 }; /* auto: with so few cores a hand-over costs more than it wins */

static int pinned(const uint32_t *cpus, uint32_t cnt, uint32_t i)
{
    return i < cnt ? (int)cpus[i] : -1;
}

static uint32_t worker_cnt(const struct tc_plan *plan, const struct tc_conf *conf)
{
    if (conf->worker_cnt)
        return conf->worker_cnt;
    if (conf->worker_cpu_cnt)
        return conf->worker_cpu_cnt;
    uint32_t taken = plan->is_fused ? 0 : plan->source_cnt;
    uint32_t left = plan->cpu_cnt > taken ? plan->cpu_cnt - taken : 1;
    /* on a small machine the kernel and the clients need the other core */
    if (plan->is_fused)
        left = TC_MAX(left / 2, 1u);
    return TC_MIN(left, (uint32_t)TC_WORKERS_MAX);
}

void tc_plan_make(struct tc_plan *plan, const struct tc_conf *conf, uint32_t cpu_cnt)
{
    memset(plan, 0, sizeof(*plan));
    plan->cpu_cnt = cpu_cnt;
    plan->source_cnt = conf->source_cnt;
    plan->is_fused = conf->topology == TC_TOPOLOGY_FUSED ||
                     (conf->topology == TC_TOPOLOGY_AUTO && cpu_cnt <= FUSED_CPUS_MAX);
    plan->worker_cnt = worker_cnt(plan, conf);
    for (uint32_t i = 0; i < plan->worker_cnt; i++)
        plan->worker_cpus[i] = pinned(conf->worker_cpus, conf->worker_cpu_cnt, i);
    for (uint32_t i = 0; i < plan->source_cnt; i++) {
        plan->ingest_workers[i] = i % plan->worker_cnt;
        plan->ingest_cpus[i] =
            plan->is_fused ? -1 : pinned(conf->ingest_cpus, conf->ingest_cpu_cnt, i);
    }
}

static int check_cpu(int cpu, const char *key, struct tc_err *err)
{
    struct tc_err why;
    if (cpu < 0 || tc_os_cpu_check((uint32_t)cpu, &why) == TC_OK)
        return TC_OK;
    return tc_err_set(err, -TC_EIO, "%s: %s", key, why.text);
}

int tc_plan_check(const struct tc_plan *plan, struct tc_err *err)
{
    int rc = TC_OK;
    for (uint32_t i = 0; rc == TC_OK && i < plan->worker_cnt; i++)
        rc = check_cpu(plan->worker_cpus[i], "workers.cpus", err);
    for (uint32_t i = 0; rc == TC_OK && i < plan->source_cnt; i++)
        rc = check_cpu(plan->ingest_cpus[i], "ingest.cpus", err);
    return rc;
}

static void print_thread(FILE *out, const char *kind, uint32_t idx, int cpu)
{
    char name[32];
    char core[16] = "any";
    snprintf(name, sizeof(name), "%s-%" PRIu32, kind, idx);
    if (cpu >= 0)
        snprintf(core, sizeof(core), "%d", cpu);
    fprintf(out, "  %-12s %-5s ", name, core);
}

uint32_t tc_plan_pinned(const struct tc_plan *plan, uint32_t *cores)
{
    uint32_t cnt = 0;
    for (uint32_t i = 0; i < plan->worker_cnt; i++) {
        if (plan->worker_cpus[i] >= 0)
            cores[cnt++] = (uint32_t)plan->worker_cpus[i];
    }
    for (uint32_t i = 0; i < plan->source_cnt; i++) {
        if (plan->ingest_cpus[i] >= 0)
            cores[cnt++] = (uint32_t)plan->ingest_cpus[i];
    }
    return cnt;
}

void tc_plan_print(const struct tc_plan *plan, const struct tc_conf *conf, FILE *out)
{
    fprintf(out, "topology: %s (%" PRIu32 " cores may be used)\n",
            plan->is_fused ? "fused" : "separate", plan->cpu_cnt);
    fprintf(out, "  %-12s %-5s %s\n", "thread", "core", "agents");
    for (uint32_t w = 0; w < plan->worker_cnt; w++) {
        print_thread(out, "worker", w, plan->worker_cpus[w]);
        fprintf(out, "worker %" PRIu32, w);
        for (uint32_t i = 0; plan->is_fused && i < plan->source_cnt; i++) {
            if (plan->ingest_workers[i] == w)
                fprintf(out, ", ingest %s", conf->sources[i].name);
        }
        fputc('\n', out);
    }
    for (uint32_t i = 0; !plan->is_fused && i < plan->source_cnt; i++) {
        print_thread(out, "ingest", i, plan->ingest_cpus[i]);
        fprintf(out, "ingest %s\n", conf->sources[i].name);
    }
    fprintf(out, "  %-12s %-5s %s\n", "admin", "any", "admin");
    fprintf(out, "  %-12s %-5s %s\n", "log", "any", "log writer");
    fprintf(out, "links:\n");
    for (uint32_t i = 0; i < plan->source_cnt; i++) {
        const struct tc_conf_source *s = &conf->sources[i];
        fprintf(out,
                "  bus %s: ingest %s -> all workers, %" PRIu32 " events, %" PRIu64
                " payload bytes, %" PRIu64 " bytes of last values\n",
                s->name, s->name, s->history_events, s->history_bytes, s->last_value_bytes);
    }
    fprintf(out, "  doorbells: every ingest -> each worker that sleeps\n");
}

void tc_plan_print_memory(const struct tc_mem *mem, FILE *out)
{
    fprintf(out, "memory in bytes, by holder:\n");
    for (uint32_t i = 0; i < mem->holder_cnt; i++) {
        const struct tc_mem_holder *h = &mem->holders[i];
        fprintf(out, "  %14" PRIu64 "  %s\n", h->bytes, h->name);
    }
    fprintf(out, "  %14" PRIu64 "  all; pages are used when they are touched\n", mem->total_bytes);
    fprintf(out,
            "per idle connection: %zu (connection), %zu (fan-out), %zu (timer); per "
            "subscription: %zu\n",
            sizeof(struct tc_net_conn) + sizeof(uint32_t), tc_fan_conn_bytes(),
            sizeof(struct tc_wheel_timer), tc_fan_member_bytes());
}
