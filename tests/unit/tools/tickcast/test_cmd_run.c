// SPDX-License-Identifier: Apache-2.0
/* Goal: the server's command line: each way to fail has its exit code and says what to do; a signal
 * ends it well. */
#include "tests/unit/tools/tickcast/child.h"
#include "tools/tickcast/cmd.h"

static char conf_name[] = "/tmp/tickcast-test-XXXXXX";

/* Writes the configuration to a file of that name. */
static void write_conf(const char *text)
{
    int file = mkstemp(conf_name);
    cr_assert_geq(file, 0);
    cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    close(file);
}

static void teardown(void)
{
    unlink(conf_name);
}

TestSuite(cmd_run, .fini = teardown);

static int run(char *const *words)
{
    return capture(tc_cmd_run, words);
}

#define SYNTH                                                                                      \
    "limits: { connections: 50, members: 500, rooms: 100 }\n"                                      \
    "sources: [ { name: main, history: { bytes: 2097152, events: 4096 }, synth: { rate: 100 } } "  \
    "]\n"

Test(cmd_run, usage)
{
    /* Goal: a wrong command line is 2, says what is wrong, and where help is. */
    static const struct {
        char *words[4];
        const char *part;
    } rows[] = {
        { { NULL }, "which configuration? --config FILE" },
        { { "--print-topology", NULL }, "which configuration?" },
        { { "--config", NULL }, "it needs a file" },
        { { "tickcast.yaml", NULL }, "unknown option: tickcast.yaml" },
        { { "--config", "a", "--fast", NULL }, "unknown option: --fast" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        cr_expect_eq(run(rows[i].words), TC_EXIT_USAGE, "row %zu", i);
        cr_expect(strstr(captured, rows[i].part), "row %zu: %s", i, captured);
        cr_expect(strstr(captured, "try: tickcast run --help"), "row %zu: %s", i, captured);
    }
}

Test(cmd_run, help)
{
    /* Goal: help is 0, shows every option and every exit code, whatever stands beside it. */
    cr_assert_eq(run((char *[]){ "--help", NULL }), TC_EXIT_OK);
    cr_assert(strstr(captured, "--config FILE") && strstr(captured, "--print-topology") &&
                  strstr(captured, "--print-memory") && strstr(captured, "exit: 0"),
              "%s", captured);
    cr_assert(strstr(captured, "--config may be left out"), "%s", captured);
    cr_assert_eq(run((char *[]){ "--config", "/nowhere/at-all", "-h", NULL }), TC_EXIT_OK);
}

Test(cmd_run, bad_configuration)
{
    /* Goal: a file that is not there or is wrong is 1, with its name and the place. */
    char where[64];
    cr_assert_eq(run((char *[]){ "--config", "/nowhere/at-all", NULL }), TC_EXIT_CONFIG);
    cr_assert(strncmp(captured, "/nowhere/at-all: error: cannot be opened", 40) == 0, "%s",
              captured);
    write_conf("reactor: epoll\nsources: [ { name: s, synth: { rate: x } } ]\n");
    cr_assert_eq(run((char *[]){ "--config", conf_name, NULL }), TC_EXIT_CONFIG);
    snprintf(where, sizeof(where), "%s:2:", conf_name);
    cr_assert(strncmp(captured, where, strlen(where)) == 0 && strstr(captured, "rate"), "%s",
              captured);
}

Test(cmd_run, bad_address)
{
    /* Goal: what only the start can find wrong in the configuration is 1 as well. */
    write_conf("listen: \"not.a.local.name:1\"\n" SYNTH);
    cr_assert_eq(run((char *[]){ "--config", conf_name, NULL }), TC_EXIT_CONFIG);
    cr_assert(strstr(captured, "not.a.local.name"), "%s", captured);
}

Test(cmd_run, bad_source)
{
    /* Goal: what a source finds wrong when it is opened is 1, with its place in the file. */
    char where[64];
    write_conf("listen: \"127.0.0.1:0\"\nadmin: { listen: \"127.0.0.1:0\" }\n"
               "limits: { connections: 50, members: 500, rooms: 100 }\n"
               "sources:\n- name: r\n  history: { bytes: 2097152, events: 4096 }\n"
               "  replay: { file: /nonexistent/file }\n");
    cr_assert_eq(run((char *[]){ "--config", conf_name, NULL }), TC_EXIT_CONFIG);
    snprintf(where, sizeof(where), "%s:7:19: error: replay.file: ", conf_name);
    cr_assert(strstr(captured, where), "%s", captured);
}

Test(cmd_run, port_in_use)
{
    /* Goal: a port that somebody else has is 3, and named with the remedy. */
    char text[1024];
    char port[16];
    unsigned number = 0;
    int fd = capture_port(&number);
    snprintf(text, sizeof(text), "listen: \"127.0.0.1:%u\"\n%s", number, SYNTH);
    snprintf(port, sizeof(port), ":%u", number);
    write_conf(text);
    cr_assert_eq(run((char *[]){ "--config", conf_name, NULL }), TC_EXIT_START);
    cr_assert(strstr(captured, "tickcast: cannot start: ") && strstr(captured, port) &&
                  strstr(captured, "in use"),
              "%s", captured);
    close(fd);
}

Test(cmd_run, print_topology)
{
    /* Goal: the table of threads, from a file or from the environment alone, and no server. */
    write_conf("topology: separate\nworkers: { count: 3 }\n" SYNTH);
    cr_assert_eq(run((char *[]){ "--config", conf_name, "--print-topology", NULL }), TC_EXIT_OK);
    cr_assert(strstr(captured, "topology: separate") && strstr(captured, "worker-2") &&
                  strstr(captured, "ingest main\n") && strstr(captured, "bus main"),
              "%s", captured);
    char option[64];
    snprintf(option, sizeof(option), "--config=%s", conf_name);
    cr_assert_eq(setenv("TICKCAST_WORKERS_COUNT", "2", 1), 0);
    cr_assert_eq(run((char *[]){ "--print-topology", option, NULL }), TC_EXIT_OK);
    cr_assert(strstr(captured, "worker-1") && !strstr(captured, "worker-2"), "%s", captured);
    cr_assert_eq(setenv("TICKCAST_SOURCES_0_NAME", "env", 1), 0);
    cr_assert_eq(setenv("TICKCAST_SOURCES_0_SYNTH_RATE", "1", 1), 0);
    cr_assert_eq(run((char *[]){ "--print-topology", NULL }), TC_EXIT_OK, "%s", captured);
    cr_assert(strstr(captured, "ingest env"), "%s", captured);
}

Test(cmd_run, print_memory)
{
    /* Goal: the bill of the limits; one that the budget does not cover is 3. */
    write_conf(SYNTH "reactor: epoll\n");
    cr_assert_eq(run((char *[]){ "--config", conf_name, "--print-memory", NULL }), TC_EXIT_OK);
    cr_assert(strstr(captured, "source main: bus") && strstr(captured, "per idle connection"), "%s",
              captured);
    cr_assert_eq(setenv("TICKCAST_LIMITS_MEMORY_BYTES", "1000000", 1), 0);
    cr_assert_eq(run((char *[]){ "--config", conf_name, "--print-memory", NULL }), TC_EXIT_START);
    cr_assert(strstr(captured, "cannot start: "), "%s", captured);
}

Test(cmd_run, serves_until_a_signal)
{
    /* Goal: it serves its page, and SIGTERM and SIGINT end it with 0; the log is JSON lines. */
    static const int signals[] = { SIGTERM, SIGINT };
    static struct child child;
    static char page[256 * 1024];
    write_conf("listen: \"127.0.0.1:0\"\nadmin: { listen: \"127.0.0.1:0\" }\n" SYNTH);
    for (size_t i = 0; i < TC_ARRAY_CNT(signals); i++) {
        unsigned port = 0;
        child_start(&child, tc_cmd_run, 3, (char *[]){ "run", "--config", conf_name, NULL });
        const char *at = child_expect(&child, "\"listen\":\"127.0.0.1:");
        child_expect(&child, "\"code\":\"ready\"");
        cr_assert_eq(child.text[0], '{');
        port = (unsigned)strtoul(at + 20, NULL, 10);
        child_get(port, "/", page, sizeof(page));
        cr_assert(strncmp(page, "HTTP/1.1 200 ", 13) == 0 && strstr(page, "text/html"), "%s", page);
        cr_assert_eq(child_end(&child, signals[i]), TC_EXIT_OK);
    }
}
