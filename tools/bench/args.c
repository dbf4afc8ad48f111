// SPDX-License-Identifier: Apache-2.0
#include <netdb.h>
#include <stddef.h>
#include <stdio.h>

#include "core/base/fmt.h"
#include "core/conf/suggest.h"
#include "tools/bench/conf.h"

/* Options with a number, those with a text, and those with neither. */
struct row {
    const char *name;
    size_t offset;
    uint64_t min, max;
};

#define AT(field) offsetof(struct tc_load_conf, field)
static const struct row numbers[] = {
    { "--conns", AT(conn_cnt), 1, TC_LOAD_CONNS_MAX },
    { "--rooms", AT(room_cnt), 1, TC_LOAD_ROOMS_MAX },
    { "--follow", AT(follow_cnt), 1, TC_LOAD_FOLLOW_MAX },
    { "--procs", AT(proc_cnt), 1, TC_LOAD_PROCS_MAX },
    { "--slow", AT(slow_cnt), 0, TC_LOAD_CONNS_MAX },
    { "--churn", AT(churn_per_s), 0, TC_LOAD_CHURN_MAX },
    { "--streams", AT(streams), 0, TC_LOAD_STREAMS_MAX },
    { "--warm-ms", AT(warm_ms), 0, TC_LOAD_SPAN_MS_MAX },
    { "--window-ms", AT(window_ms), 1, TC_LOAD_SPAN_MS_MAX },
    { "--windows", AT(window_cnt), 1, 1000000 },
    { "--rate", AT(rate), 1, 10000000 },
    { "--burst", AT(burst), 1, 10000 },
    { "--payload", AT(payload), 1, 60000 },
};
static const struct row texts[] = {
    { "--connect", AT(connect), 0, 0 },
    { "--path", AT(path), 0, 0 },
    { "--room", AT(room_prefix), 0, 0 },
};
static const struct row flags[] = {
    { "--tls", AT(is_tls), 0, 0 },       { "--idle", AT(is_idle), 0, 0 },
    { "--spread", AT(is_spread), 0, 0 }, { "--saturate", AT(is_saturated), 0, 0 },
    { "--hold", AT(is_held), 0, 0 },     { "--json", AT(is_json), 0, 0 },
    { "--help", AT(is_help), 0, 0 },     { "-h", AT(is_help), 0, 0 },
};
#undef AT

static const struct row *find(const struct row *rows, size_t cnt, const char *word)
{
    for (size_t i = 0; i < cnt; i++)
        if (strcmp(rows[i].name, word) == 0)
            return &rows[i];
    return NULL;
}

static int no_such_option(const char *word, struct tc_err *err)
{
    struct tc_suggest suggest = tc_suggest_for(tc_str_from(word));
    for (size_t i = 0; i < TC_ARRAY_CNT(numbers); i++)
        tc_suggest_try(&suggest, tc_str_from(numbers[i].name));
    for (size_t i = 0; i < TC_ARRAY_CNT(texts); i++)
        tc_suggest_try(&suggest, tc_str_from(texts[i].name));
    for (size_t i = 0; i < TC_ARRAY_CNT(flags); i++)
        tc_suggest_try(&suggest, tc_str_from(flags[i].name));
    tc_suggest_try(&suggest, TC_STR("--dialect"));
    tc_suggest_try(&suggest, TC_STR("--pid"));
    return tc_err_set(
        err, -TC_EINVAL, "no option %s%s%s%s", word, suggest.best.len > 0 ? ", did you mean " : "",
        suggest.best.len > 0 ? suggest.best.ptr : "", suggest.best.len > 0 ? "?" : "");
}

static int take_dialect(struct tc_load_conf *conf, const char *name, struct tc_err *err)
{
    char names[256] = "";
    size_t len = 0;
    for (const struct tc_load_dialect *const *d = conf->dialects; *d != NULL; d++) {
        if (strcmp((*d)->name, name) == 0) {
            conf->dialect = *d;
            return TC_OK;
        }
        len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", len > 0 ? ", " : "",
                                (*d)->name);
        TC_ASSERT(len < sizeof(names));
    }
    return tc_err_set(err, -TC_EINVAL, "no dialect %s: there are %s", name, names);
}

static int take_pids(struct tc_load_conf *conf, const char *text, struct tc_err *err)
{
    for (;;) {
        const char *comma = strchrnul(text, ',');
        uint64_t pid = 0;
        if (!tc_fmt_parse_u64((struct tc_str){ text, (size_t)(comma - text) }, INT32_MAX, &pid) ||
            pid == 0 || conf->pid_cnt == TC_LOAD_PIDS_MAX)
            return tc_err_set(err, -TC_EINVAL,
                              "--pid is a list of up to %d process ids, like 4711,4712",
                              TC_LOAD_PIDS_MAX);
        conf->pids[conf->pid_cnt++] = (pid_t)pid;
        if (*comma == '\0')
            return TC_OK;
        text = comma + 1;
    }
}

static int take_number(struct tc_load_conf *conf, const struct row *row, const char *text,
                       struct tc_err *err)
{
    uint64_t *to = (uint64_t *)(void *)((char *)conf + row->offset);
    if (tc_fmt_parse_u64(tc_str_from(text), row->max, to) && *to >= row->min)
        return TC_OK;
    return tc_err_set(err, -TC_EINVAL, "%s is a number from %llu to %llu, not %s", row->name,
                      (unsigned long long)row->min, (unsigned long long)row->max, text);
}

/* An option with a value. */
static int take_value(struct tc_load_conf *conf, const char *word, const char *value,
                      struct tc_err *err)
{
    const struct row *number = find(numbers, TC_ARRAY_CNT(numbers), word);
    const struct row *text = find(texts, TC_ARRAY_CNT(texts), word);
    bool is_dialect = strcmp(word, "--dialect") == 0;
    bool is_pid = strcmp(word, "--pid") == 0;
    if (number == NULL && text == NULL && !is_dialect && !is_pid)
        return no_such_option(word, err);
    if (value == NULL)
        return tc_err_set(err, -TC_EINVAL, "%s needs a value", word);
    conf->has_streams |= strcmp(word, "--streams") == 0;
    conf->has_feed |= strcmp(word, "--rate") == 0 || strcmp(word, "--burst") == 0 ||
                      strcmp(word, "--payload") == 0;
    if (is_dialect)
        return take_dialect(conf, value, err);
    if (is_pid)
        return take_pids(conf, value, err);
    if (number != NULL)
        return take_number(conf, number, value, err);
    *(const char **)(void *)((char *)conf + text->offset) = value;
    return TC_OK;
}

/* What follows from the options together. */
static int settle(struct tc_load_conf *conf, bool can_serve, struct tc_err *err)
{
    const struct tc_load_dialect *d = conf->dialect;
    if (conf->connect == NULL && !can_serve)
        return tc_err_set(err, -TC_EINVAL, "--connect HOST:PORT is missing");
    if (conf->connect != NULL && conf->has_feed)
        return tc_err_set(err, -TC_EINVAL,
                          "--rate, --burst and --payload are of a server that is started for the "
                          "run: not with --connect");
    if (conf->connect == NULL && (conf->pid_cnt > 0 || conf->is_tls || conf->room_names))
        return tc_err_set(err, -TC_EINVAL, "--pid, --tls and names of rooms go with --connect");
    if (conf->path != NULL && d->path == NULL)
        return tc_err_set(err, -TC_EINVAL, "--path is of WebSocket, not of %s", d->name);
    if (conf->path == NULL)
        conf->path = d->path;
    if (conf->path != NULL && (conf->path[0] != '/' || strlen(conf->path) > 400))
        return tc_err_set(err, -TC_EINVAL, "--path begins with / and has at most 400 bytes");
    size_t prefix_len = strlen(conf->room_prefix);
    if (prefix_len == 0 || prefix_len + 9 > TC_LOAD_NAME_MAX)
        return tc_err_set(err, -TC_EINVAL, "--room is the beginning of a room's name");
    if (conf->follow_cnt > conf->room_cnt)
        return tc_err_set(err, -TC_EINVAL, "--follow is more than there are rooms (%llu)",
                          (unsigned long long)conf->room_cnt);
    if (conf->follow_cnt > 1 && d->is_single)
        return tc_err_set(err, -TC_EINVAL, "a connection of dialect %s follows one room", d->name);
    if (conf->churn_per_s > 0 && (d->unsubscribe == NULL || conf->is_idle))
        return tc_err_set(err, -TC_EINVAL, "--churn is not for dialect %s or --idle", d->name);
    if (conf->has_streams && (!conf->is_idle || !d->has_streams))
        return tc_err_set(err, -TC_EINVAL, "--streams goes with --idle --dialect grpc");
    if (conf->slow_cnt >= conf->conn_cnt)
        return tc_err_set(err, -TC_EINVAL, "--slow leaves no connection that reads");
    if (conf->proc_cnt > conf->conn_cnt)
        return tc_err_set(err, -TC_EINVAL, "--procs is more than there are connections");
    return TC_OK;
}

int tc_load_args(struct tc_load_conf *conf, int argc, char **argv, bool can_serve,
                 struct tc_err *err)
{
    const struct tc_load_conf fresh = {
        .program = conf->program,
        .dialects = conf->dialects,
        .dialect = conf->dialects[0],
        .room_prefix = "ticker-S",
        .conn_cnt = 1000,
        .room_cnt = 1,
        .follow_cnt = 1,
        .proc_cnt = 1,
        .streams = 1,
        .warm_ms = 1000,
        .window_ms = 3000,
        .window_cnt = 3,
        .rate = 1000,
        .burst = 10,
        .payload = 150,
    };
    *conf = fresh;
    int name_cnt = 0;
    for (int i = 1; i < argc; i++) {
        const struct row *flag = find(flags, TC_ARRAY_CNT(flags), argv[i]);
        int rc = TC_OK;
        if (argv[i][0] != '-')
            argv[++name_cnt] = argv[i]; /* over words that are done with */
        else if (flag != NULL)
            *(bool *)((char *)conf + flag->offset) = true;
        else
            rc = take_value(conf, argv[i], i + 1 < argc ? argv[i + 1] : NULL, err);
        if (rc != TC_OK)
            return rc;
        i += argv[i][0] == '-' && flag == NULL;
    }
    if (conf->is_help)
        return TC_OK;
    for (int i = 1; i <= name_cnt; i++)
        if (argv[i][0] == '\0' || strlen(argv[i]) > TC_LOAD_NAME_MAX)
            return tc_err_set(err, -TC_EINVAL, "no name of a room: %s", argv[i]);
    if (name_cnt > 0) {
        conf->room_names = argv + 1;
        conf->room_cnt = (uint64_t)name_cnt;
    }
    return settle(conf, can_serve, err);
}

static int resolve_one(struct tc_load_target *target, const char *text, size_t text_len,
                       struct tc_err *err)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    char host[TC_LOAD_HOST_MAX + 1];
    snprintf(target->host, sizeof(target->host), "%.*s", (int)TC_MIN(text_len, 261u), text);
    const char *colon = strrchr(target->host, ':');
    size_t len = colon == NULL ? 0 : (size_t)(colon - target->host);
    bool is_ipv6 = len > 2 && target->host[0] == '[' && colon[-1] == ']';
    if (len == 0 || len > TC_LOAD_HOST_MAX || colon[1] == '\0' || strlen(colon) > 6)
        return tc_err_set(err, -TC_EINVAL, "--connect is HOST:PORT, not %s", target->host);
    snprintf(host, sizeof(host), "%.*s", (int)(is_ipv6 ? len - 2 : len), target->host + is_ipv6);
    int rc = getaddrinfo(host, colon + 1, &hints, &found);
    if (rc != 0 || found == NULL)
        return tc_err_set(err, -TC_EIO, "no address of %s: %s", target->host, gai_strerror(rc));
    memcpy(&target->to, found->ai_addr, found->ai_addrlen);
    target->to_len = found->ai_addrlen;
    freeaddrinfo(found);
    return TC_OK;
}

int tc_load_resolve(struct tc_load_conf *conf, struct tc_err *err)
{
    const char *text = conf->connect;
    int rc = TC_OK;
    conf->target_cnt = 0;
    for (;;) {
        const char *comma = strchrnul(text, ',');
        if (conf->target_cnt == TC_LOAD_TARGETS_MAX)
            return tc_err_set(err, -TC_EINVAL, "--connect names more than %d servers",
                              TC_LOAD_TARGETS_MAX);
        rc = resolve_one(&conf->targets[conf->target_cnt++], text, (size_t)(comma - text), err);
        if (rc != TC_OK || *comma == '\0')
            break;
        text = comma + 1;
    }
    if (rc == TC_OK && conf->target_cnt > conf->proc_cnt)
        return tc_err_set(err, -TC_EINVAL, "--connect names more servers than there are --procs");
    return rc;
}
