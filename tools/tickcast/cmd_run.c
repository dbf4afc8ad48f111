// SPDX-License-Identifier: Apache-2.0
/* tickcast run: the server. */
#include "tools/tickcast/cmd.h"

#include <stdio.h>
#include <unistd.h>

#include "core/conf/parse.h"
#include "core/mem/mem.h"
#include "io/engine/supervisor.h"
#include "io/os/os.h"
#include "tools/tickcast/load_conf.h"
#include "tools/tickcast/pages.h"
#include "tools/tickcast/services.h"

static const char usage_text[] =
    "usage: tickcast run [--config FILE] [--print-topology | --print-memory]\n"
    "\n"
    "Serves until SIGTERM or Ctrl-C, then gives clients time to leave. The log is JSON lines on "
    "stderr.\n"
    "Every key of the configuration can be set by a variable TICKCAST_...; --config may be left "
    "out when\n"
    "variables configure everything.\n"
    "\n"
    "  --config FILE      the configuration, - for standard input\n"
    "  --print-topology   print threads, cores and links, and leave\n"
    "  --print-memory     print the memory that the limits take, and leave\n"
    "\n"
    "examples:\n"
    "  tickcast run --config tickcast.yaml\n"
    "  TICKCAST_LISTEN=127.0.0.1:9000 tickcast run --config tickcast.yaml\n"
    "  tickcast run --config tickcast.yaml --print-memory\n"
    "\n"
    "exit: 0 stopped cleanly, 1 configuration, 2 usage, 3 start-up (port, core, memory, "
    "descriptors)\n";

struct options {
    const char *file;
    bool is_topology;
    bool is_memory;
    bool is_help;
};

/* false: a wrong command line. */
static bool take_options(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            o->is_help = true;
        } else if (strcmp(argv[i], "--print-topology") == 0) {
            o->is_topology = true;
        } else if (strcmp(argv[i], "--print-memory") == 0) {
            o->is_memory = true;
        } else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            o->file = argv[++i];
        } else if (strncmp(argv[i], "--config=", 9) == 0) {
            o->file = argv[i] + 9;
        } else {
            fprintf(stderr, "tickcast run: %s: %s\n",
                    strcmp(argv[i], "--config") == 0 ? "it needs a file" : "unknown option",
                    argv[i]);
            return false;
        }
    }
    if (o->is_help || o->file || tc_load_conf_has_env(environ))
        return true;
    fputs("tickcast run: which configuration? --config FILE\n", stderr);
    return false;
}

static int complain(const struct tc_err *err, const char *file)
{
    if (err->code == -TC_EINVAL) {
        tc_load_conf_complain(stderr, file, err);
        return TC_EXIT_CONFIG;
    }
    fprintf(stderr, "tickcast: cannot start: %s\n", err->text);
    return TC_EXIT_START;
}

static int serve(const struct tc_engine_conf *conf, struct tc_err *err)
{
    struct tc_engine *engine = NULL;
    tc_engine_signals_block();
    int rc = tc_engine_start(&engine, conf, err);
    if (rc < 0)
        return rc;
    (void)tc_engine_wait(engine, -1, NULL, NULL);
    tc_engine_stop(engine);
    return TC_OK;
}

int tc_cmd_run(int argc, char **argv)
{
    struct options o = { .file = NULL };
    struct tc_err err = { .code = 0 };
    struct tc_conf conf;
    if (!take_options(&o, argc, argv)) {
        fputs("try: tickcast run --help\n", stderr);
        return TC_EXIT_USAGE;
    }
    if (o.is_help) {
        fputs(usage_text, stdout);
        return TC_EXIT_OK;
    }
    struct tc_types types;
    struct tc_rules *rules = tc_alloc(sizeof(*rules));
    if (tc_load_conf(&conf, rules, &types, o.file, environ, &err) < 0) {
        tc_free(rules);
        tc_load_conf_complain(stderr, o.file, &err);
        return TC_EXIT_CONFIG;
    }
    struct tc_engine_conf engine = { .conf = &conf,
                                     .rules = rules,
                                     .page = tc_pages_find,
                                     .grpc = &tc_services,
                                     .types = &types,
                                     .version = TC_VERSION,
                                     .log_fd = STDERR_FILENO };
    struct tc_plan plan;
    int rc = TC_OK;
    if (o.is_topology) {
        tc_plan_make(&plan, &conf, tc_os_cpu_cnt());
        tc_plan_print(&plan, &conf, stdout);
    }
    if (o.is_memory)
        rc = tc_engine_print_memory(&engine, stdout, &err);
    if (!o.is_topology && !o.is_memory)
        rc = serve(&engine, &err);
    int code = rc < 0 ? complain(&err, o.file) : TC_EXIT_OK;
    tc_types_free(&types);
    tc_conf_fini(&conf);
    tc_free(rules);
    return code;
}
