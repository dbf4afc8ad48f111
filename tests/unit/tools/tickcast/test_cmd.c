// SPDX-License-Identifier: Apache-2.0
/* Goal: what tickcast says when it is called wrongly, and that a lost output is no success. */
#include "tools/tickcast/cmd.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/base.h"

/* Calls tc_main with `stream` going to fd. */
static int call_to(FILE *stream, int fd, char *const *words)
{
    char *argv[8] = { "tickcast" };
    int argc = 1;
    int before = dup(fileno(stream));
    cr_assert(fd >= 0 && before >= 0);
    for (; words[argc - 1]; argc++)
        argv[argc] = words[argc - 1];
    fflush(stream);
    dup2(fd, fileno(stream));
    int code = tc_main(argc, argv);
    fflush(stream);
    clearerr(stream);
    dup2(before, fileno(stream));
    close(before);
    return code;
}

static char text[16 * 1024];

/* The same, with what went to the stream in text. */
static int call(FILE *stream, char *const *words)
{
    char name[] = "/tmp/tickcast-test-XXXXXX";
    int file = mkstemp(name);
    cr_assert_geq(file, 0);
    unlink(name);
    int code = call_to(stream, file, words);
    ssize_t len = pread(file, text, sizeof(text) - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    close(file);
    return code;
}

Test(cmd, help_shows_the_table)
{
    /* Goal: --help lists every command with its summary, in the table's order, on stdout; without
     * a command the same goes to stderr, and nothing to stdout. */
    char row[128];
    cr_assert_eq(call(stdout, (char *[]){ "--help", NULL }), TC_EXIT_OK);
    const char *at = text;
    for (const struct tc_subcommand *cmd = tc_subcommands; cmd->name; cmd++) {
        snprintf(row, sizeof(row), "\n  %-16s %s\n", cmd->name, cmd->summary);
        at = strstr(at, row);
        cr_assert_not_null(at, "%s in %s", row, text);
    }
    cr_assert_eq(call(stdout, (char *[]){ NULL }), TC_EXIT_USAGE);
    cr_assert_str_eq(text, "");
    cr_assert_eq(call(stderr, (char *[]){ NULL }), TC_EXIT_USAGE);
    cr_assert(strstr(text, "usage: tickcast COMMAND"), "%s", text);
}

Test(cmd, unknown_commands_get_a_suggestion)
{
    /* Goal: a slip is answered with the command that was meant; what resembles none is not; both
     * lead to --help. */
    cr_assert_eq(call(stderr, (char *[]){ "chek-config", NULL }), TC_EXIT_USAGE);
    cr_assert(strstr(text, "chek-config, did you mean check-config?"), "%s", text);
    cr_assert_eq(call(stderr, (char *[]){ "help", "versoin", NULL }), TC_EXIT_USAGE);
    cr_assert(strstr(text, "did you mean version?"), "%s", text);
    cr_assert_eq(call(stderr, (char *[]){ "xyzzyxyzzy", NULL }), TC_EXIT_USAGE);
    cr_assert(strstr(text, "no command xyzzyxyzzy\n"), "%s", text);
    cr_assert(strstr(text, "tickcast --help"), "%s", text);
    cr_assert_not(strstr(text, "mean"), "%s", text);
    cr_assert_eq(call(stderr, (char *[]){ "", NULL }), TC_EXIT_USAGE);
}

Test(cmd, version_has_three_names)
{
    /* Goal: version, --version and -V print the same. */
    char first[256];
    cr_assert_eq(call(stdout, (char *[]){ "version", NULL }), TC_EXIT_OK);
    snprintf(first, sizeof(first), "%.255s", text);
    cr_assert(strstr(first, TC_VERSION), "%s", first);
    cr_assert_eq(call(stdout, (char *[]){ "--version", NULL }), TC_EXIT_OK);
    cr_assert_str_eq(text, first);
    cr_assert_eq(call(stdout, (char *[]){ "-V", NULL }), TC_EXIT_OK);
    cr_assert_str_eq(text, first);
}

Test(cmd, lost_output_is_no_success)
{
    /* Goal: a full disk is an internal error; a reader that has seen enough (head) is not, and
     * neither hides a code that was not 0. */
    int pipes[2];
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(call_to(stdout, full, (char *[]){ "--help", NULL }), TC_EXIT_INTERNAL);
    cr_assert_eq(call_to(stdout, full, (char *[]){ "version", NULL }), TC_EXIT_INTERNAL);
    cr_assert_eq(call_to(stdout, full, (char *[]){ "version", "x", NULL }), TC_EXIT_USAGE);
    close(full);
    cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
    close(pipes[0]);
    cr_assert_eq(call_to(stdout, pipes[1], (char *[]){ "--help", NULL }), TC_EXIT_OK);
    close(pipes[1]);
}
