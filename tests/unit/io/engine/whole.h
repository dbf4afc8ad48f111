// SPDX-License-Identifier: Apache-2.0
/* An engine with its own threads, and its log; one per process. */
#ifndef TC_TESTS_UNIT_IO_ENGINE_WHOLE_H
#define TC_TESTS_UNIT_IO_ENGINE_WHOLE_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/conf/parse.h"
#include "core/topo/check_rules.h"
#include "io/engine/supervisor.h"
#include "io/os/os.h"

enum { TEXT_BYTES = 16 * 1024, WAIT_MS = 20000 };

static const char common_yaml[] =
    "limits: { connections: 50, members: 500, rooms: 100, waiting_rooms: 10, pending: 100,\n"
    "          spill_bytes: 1048576, event_bytes: 4096 }\n"
    "timeouts: { drain_s: \"300ms\" }\n"
    "sources:\n"
    "  - name: main\n"
    "    history: { bytes: 262144, events: 4096, last_value_bytes: 65536 }\n"
    "    synth: { symbols: 4, rate: 2000 }\n";

static struct tc_conf conf;
static struct tc_rules rules;
static struct tc_engine *engine;
static struct tc_err err;
static int log_fd = -1;
static char text[TEXT_BYTES];

/* first: the lines before common_yaml. */
static inline void load_to(struct tc_conf *to, struct tc_rules *to_rules, const char *first)
{
    int len = snprintf(text, sizeof(text), "%s%s", first, common_yaml);
    memset(&err, 0, sizeof(err));
    int rc = tc_conf_parse(to, (struct tc_str){ text, (size_t)len }, NULL, &err);
    if (rc == TC_OK)
        rc = tc_check_rules(to, to_rules, &err);
    cr_assert_eq(rc, TC_OK, "%d: %s", err.line, err.text);
}

static inline void load(const char *first)
{
    load_to(&conf, &rules, first);
}

#define ANY_PORT "listen: \"127.0.0.1:0\"\nadmin: { listen: \"127.0.0.1:0\" }\n"
#define SMALL ANY_PORT "workers: { count: 2, idle: sleep }\nreactor: epoll\n"

static inline void setup(void)
{
    tc_engine_signals_block();
    log_fd = memfd_create("log", MFD_CLOEXEC);
    cr_assert_geq(log_fd, 0);
}

static inline void teardown(void)
{
    tc_conf_fini(&conf);
    close(log_fd);
}

static inline struct tc_engine_conf engine_conf(void)
{
    return (struct tc_engine_conf){
        .conf = &conf, .rules = &rules, .version = "1.2.3", .log_fd = log_fd
    };
}

static inline int start(void)
{
    struct tc_engine_conf c = engine_conf();
    return tc_engine_start(&engine, &c, &err);
}

/* The log, as text. */
static inline const char *logged(void)
{
    ssize_t len = pread(log_fd, text, sizeof(text) - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

#endif
