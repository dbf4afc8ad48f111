// SPDX-License-Identifier: Apache-2.0
#include "io/source/kafka/kafka.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/mem/mem.h"
#include "io/os/os.h"
#include "io/source/kafka/parts.h"

/* ---- log ---- */

static bool has_log_token(struct tc_source *k, uint32_t *dropped)
{
    struct timespec ts;
    bool is_ok = true;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    pthread_mutex_lock(&k->mutex);
    if (ts.tv_sec != k->log_second) {
        *dropped = k->log_dropped_cnt;
        k->log_second = ts.tv_sec;
        k->log_cnt = 0;
        k->log_dropped_cnt = 0;
    }
    if (k->log_cnt < TC_KAFKA_LOGS_PER_S) {
        k->log_cnt++;
    } else {
        k->log_dropped_cnt++;
        is_ok = false;
    }
    pthread_mutex_unlock(&k->mutex);
    return is_ok;
}

void tc_kafka_log(struct tc_source *k, char level, const char *fmt, ...)
{
    char text[600];
    uint32_t dropped = 0;
    if (!k->env.log || atomic_load(&k->is_stopping) || !has_log_token(k, &dropped))
        return;
    int n = snprintf(text, sizeof(text), "source %s: ", k->env.conf->name);
    va_list ap;
    va_start(ap, fmt);
    int m = vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
    va_end(ap);
    if (dropped && m >= 0 && (size_t)(n + m) < sizeof(text))
        snprintf(text + n + m, sizeof(text) - (size_t)(n + m), " (%u lines left out)", dropped);
    k->env.log(k->env.log_ctx, level, text);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct tc_source *k = rd_kafka_opaque(rk);
    char l = 'e';
    if (level >= 7)
        l = 'd';
    else if (level >= 5)
        l = 'i';
    else if (level >= 3) /* its errors are mostly lost connections, which heal */
        l = 'w';
    if (k)
        tc_kafka_log(k, l, "librdkafka %s: %s", facility, text);
}

/* Side thread, from rd_kafka_poll. */
static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct tc_source *k = opaque;
    (void)rk;
    atomic_fetch_add(&k->error_cnt, 1);
    atomic_store(&k->is_kicked, true);
    tc_kafka_log(k, 'w', "%s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)err), reason);
}

/* ---- open ---- */

static int check_topics(const struct tc_conf_source *conf, struct tc_err *err)
{
    for (uint32_t i = 0; i < conf->rule_cnt; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(conf->rules[i].topic, conf->rules[j].topic) != 0)
                continue;
            int rc = tc_err_set(err, -TC_EINVAL, "kafka.topics: topic %s stands there twice",
                                conf->rules[i].topic);
            if (err) {
                err->line = conf->rules[i].line;
                err->col = conf->rules[i].col;
            }
            return rc;
        }
    }
    return TC_OK;
}

static int make_topics(struct tc_source *k, struct tc_err *err)
{
    const struct tc_conf_source *conf = k->env.conf;
    k->topics = tc_alloc(conf->rule_cnt * sizeof(*k->topics));
    for (uint32_t i = 0; i < conf->rule_cnt; i++) {
        struct tc_kafka_topic *t = &k->topics[i];
        /* the client's own topic settings: a bare new one would bring auto.offset.reset=latest */
        rd_kafka_topic_conf_t *tc = rd_kafka_default_topic_conf_dup(k->rk);
        /* found again at each record without a look-up by name */
        rd_kafka_topic_conf_set_opaque(tc, t);
        t->name = conf->rules[i].topic;
        t->rkt = rd_kafka_topic_new(k->rk, t->name, tc);
        if (!t->rkt) {
            rd_kafka_topic_conf_destroy(tc);
            return tc_err_set(err, -TC_EINVAL, "kafka.topics: topic %s: %s", t->name,
                              rd_kafka_err2str(rd_kafka_last_error()));
        }
    }
    return TC_OK;
}

/* NULL: *err says which setting is wrong. */
static rd_kafka_conf_t *make_settings(const struct tc_source_env *env, struct tc_err *err)
{
    rd_kafka_conf_t *rc = rd_kafka_conf_new();
    if (!check_topics(env->conf, err) && !tc_kafka_properties(rc, env, err))
        return rc;
    rd_kafka_conf_destroy(rc);
    return NULL;
}

static int kafka_check(const struct tc_source_env *env, struct tc_err *err)
{
    rd_kafka_conf_t *rc = make_settings(env, err);
    if (!rc)
        return -TC_EINVAL;
    rd_kafka_conf_destroy(rc);
    return TC_OK;
}

static int make_client(struct tc_source *k, struct tc_err *err)
{
    char text[256];
    rd_kafka_conf_t *rc = make_settings(&k->env, err);
    if (!rc)
        return -TC_EINVAL;
    rd_kafka_conf_set_opaque(rc, k);
    rd_kafka_conf_set_log_cb(rc, on_log);
    rd_kafka_conf_set_error_cb(rc, on_error);
    k->rk = rd_kafka_new(RD_KAFKA_CONSUMER, rc, text, sizeof(text));
    if (!k->rk) {
        rd_kafka_conf_destroy(rc);
        return tc_err_set(err, -TC_EINVAL, "kafka source %s: %s", k->env.conf->name, text);
    }
    uint64_t one = 1;
    k->queue = rd_kafka_queue_get_consumer(k->rk);
    k->main_queue = rd_kafka_queue_get_main(k->rk);
    rd_kafka_queue_io_event_enable(k->queue, k->wake_fd, &one, sizeof(one));
    rd_kafka_queue_io_event_enable(k->main_queue, k->side_fd, &one, sizeof(one));
    return make_topics(k, err);
}

/* Anything but the side thread. */
static void free_all(struct tc_source *k)
{
    for (uint32_t i = 0; k->topics && i < k->env.conf->rule_cnt; i++) {
        tc_free(k->topics[i].logs);
        tc_free(k->topics[i].parts);
    }
    tc_free(k->topics);
    rd_kafka_topic_partition_list_destroy(k->to_assign);
    rd_kafka_topic_partition_list_destroy(k->to_unassign);
    if (k->wake_fd >= 0)
        close(k->wake_fd);
    if (k->side_fd >= 0)
        close(k->side_fd);
    pthread_mutex_destroy(&k->mutex);
    tc_free(k->block);
}

/* May take as long as a connection attempt or a name look-up: on the side thread at the end. */
void tc_kafka_end_client(struct tc_source *k)
{
    for (uint32_t i = 0; k->topics && i < k->env.conf->rule_cnt; i++) {
        if (k->topics[i].rkt)
            rd_kafka_topic_destroy(k->topics[i].rkt);
    }
    if (k->queue)
        rd_kafka_queue_destroy(k->queue);
    if (k->main_queue)
        rd_kafka_queue_destroy(k->main_queue);
    if (k->rk)
        rd_kafka_destroy_flags(k->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

static struct tc_source *make_source(const struct tc_source_env *env)
{
    void *block = tc_alloc(sizeof(struct tc_source) + TC_LINE_BYTES);
    uintptr_t at = ((uintptr_t)block + TC_LINE_BYTES - 1) & ~(uintptr_t)(TC_LINE_BYTES - 1);
    struct tc_source *k = (struct tc_source *)at;
    k->block = block;
    k->env = *env;
    k->to_assign = rd_kafka_topic_partition_list_new(8);
    k->to_unassign = rd_kafka_topic_partition_list_new(8);
    pthread_mutex_init(&k->mutex, NULL);
    k->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    k->side_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return k;
}

static int kafka_open(struct tc_source **out, const struct tc_source_env *env, struct tc_err *err)
{
    cpu_set_t before;
    int code = TC_OK;
    struct tc_source *k = make_source(env);
    if (k->wake_fd < 0 || k->side_fd < 0)
        code = tc_err_set(err, -TC_EIO, "kafka source %s: no eventfd: %s (raise LimitNOFILE)",
                          env->conf->name, strerror(errno));
    tc_os_cpus_leave(env->cpu_avoid, env->cpu_avoid_cnt, &before);
    if (!code)
        code = make_client(k, err);
    if (!code && pthread_create(&k->side, NULL, tc_kafka_side_main, k) != 0)
        code = tc_err_set(err, -TC_EIO, "kafka source %s: no thread: %s", env->conf->name,
                          strerror(errno));
    tc_os_cpus_return(&before);
    if (code) {
        tc_kafka_end_client(k);
        free_all(k);
        return code;
    }
    *out = k;
    return TC_OK;
}

/* ---- the other operations ---- */

static int kafka_wake_fd(struct tc_source *k)
{
    return k->wake_fd;
}

static int64_t kafka_wake_at_ns(struct tc_source *k)
{
    return k->wake_at_ns;
}

static void kafka_stats(struct tc_source *k, struct tc_source_stats *out)
{
    memset(out, 0, sizeof(*out));
    out->record_cnt = atomic_load_explicit(&k->record_cnt, memory_order_relaxed);
    out->error_cnt = atomic_load_explicit(&k->error_cnt, memory_order_relaxed);
    out->reconnect_cnt = atomic_load_explicit(&k->reconnect_cnt, memory_order_relaxed);
    out->missed_wake_cnt = atomic_load_explicit(&k->missed_wake_cnt, memory_order_relaxed);
    out->state = (enum tc_source_state)atomic_load_explicit(&k->state, memory_order_relaxed);
    pthread_mutex_lock(&k->mutex);
    memcpy(out->text, k->text, sizeof(out->text));
    pthread_mutex_unlock(&k->mutex);
}

static void kafka_close(struct tc_source *k)
{
    uint64_t one = 1;
    struct timespec until;
    while (k->batch_idx < k->batch_cnt) {
        if (k->batch[k->batch_idx])
            rd_kafka_message_destroy(k->batch[k->batch_idx]);
        k->batch_idx++;
    }
    atomic_store(&k->is_stopping, true);
    ssize_t n = write(k->side_fd, &one, sizeof(one));
    (void)n;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += TC_KAFKA_CLOSE_MS / 1000;
    if (pthread_timedjoin_np(k->side, NULL, &until) == 0) {
        free_all(k);
        return;
    }
    /* librdkafka hangs in a name look-up or the like. What it still uses is left to the end of the
     * process, which is near. */
    pthread_detach(k->side);
}

const struct tc_source_ops tc_source_kafka = {
    .kind = "kafka",
    .heap_bytes = tc_kafka_heap_bytes,
    .check = kafka_check,
    .open = kafka_open,
    .poll = tc_kafka_poll,
    .wake_fd = kafka_wake_fd,
    .wake_at_ns = kafka_wake_at_ns,
    .stats = kafka_stats,
    .close = kafka_close,
};
