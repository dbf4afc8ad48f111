// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/base.h"
#include "tools/tickcast/cmd.h"

/* Runs check-config on text with one more argument; what it says on stdout and stderr goes to said.
 */
static int check(const char *text, char *more, char *said, size_t said_bytes)
{
    char name[] = "/tmp/tickcast-test-XXXXXX";
    char out[] = "/tmp/tickcast-test-XXXXXX";
    int file = mkstemp(name);
    int sink = mkstemp(out);
    int before[2] = { dup(STDOUT_FILENO), dup(STDERR_FILENO) };
    cr_assert(file >= 0 && sink >= 0);
    cr_assert_eq(write(file, text, strlen(text)), (ssize_t)strlen(text));
    fflush(NULL);
    dup2(sink, STDOUT_FILENO);
    dup2(sink, STDERR_FILENO);
    int code = tc_cmd_check_config(more ? 3 : 2, (char *[]){ "check-config", name, more, NULL });
    fflush(NULL);
    dup2(before[0], STDOUT_FILENO);
    dup2(before[1], STDERR_FILENO);
    ssize_t len = pread(sink, said, said_bytes - 1, 0);
    said[len > 0 ? len : 0] = '\0';
    unlink(name);
    unlink(out);
    close(file);
    close(sink);
    return code;
}

static const char good[] = "sources: [ { name: s, synth: {} } ]\n";

Test(cmd_check_config, good)
{
    /* Goal: 0 and a summary, as text and as JSON. */
    char said[2048];
    cr_assert_eq(check(good, NULL, said, sizeof(said)), TC_EXIT_OK);
    cr_assert(strstr(said, ": ok: listen 127.0.0.1:8080"), "%s", said);
    cr_assert(strstr(said, "1 room template from s (synth)"), "%s", said);
    cr_assert_eq(check(good, "--json", said, sizeof(said)), TC_EXIT_OK);
    cr_assert(strncmp(said, "{\"ok\":true,\"file\":\"/tmp/", 24) == 0, "%s", said);
}

Test(cmd_check_config, bad)
{
    /* Goal: 1 and FILE:LINE:COL, as text and as JSON. */
    char said[2048];
    const char *text = "sources: []\nreactor: \"k\\\"q\"\n";
    cr_assert_eq(check(text, NULL, said, sizeof(said)), TC_EXIT_CONFIG);
    cr_assert(strstr(said, ":2:10: error: reactor: \"k\"q\" is unknown"), "%s", said);
    cr_assert_eq(check(text, "--json", said, sizeof(said)), TC_EXIT_CONFIG);
    cr_assert(strstr(said, "\"line\":2,\"col\":10,\"error\":\"reactor: \\\"k\\\"q\\\" is"), "%s",
              said);
}

#define KAFKA                                                                                      \
    "sources:\n"                                                                                   \
    "  - name: k\n"                                                                                \
    "    kafka:\n"                                                                                 \
    "      brokers: \"127.0.0.1:1\"\n"                                                             \
    "      topics: [ { topic: t, room: \"t-{key}\", event: e } ]\n"                                \
    "      properties:\n"

Test(cmd_check_config, what_only_the_start_would_find)
{
    /* Goal: a property that the library refuses and a recording that is not there are 1 with their
     * place, as in run; good ones are 0. */
    static const struct {
        const char *text;
        int code;
        const char *part;
    } rows[] = {
        { KAFKA "        bogus.key: \"1\"\n", TC_EXIT_CONFIG,
          ":7:9: error: kafka.properties: bogus.key" },
        { KAFKA "        client.id: x\n        fetch.wait.max.ms: \"abc\"\n", TC_EXIT_CONFIG,
          ":8:9: error: kafka.properties: fetch.wait.max.ms" },
        { KAFKA "        fetch.wait.max.ms: \"5\"\n", TC_EXIT_OK, "from k (kafka)" },
        { "sources:\n- name: r\n  replay: { file: /nonexistent/file }\n", TC_EXIT_CONFIG,
          ":3:19: error: replay.file: /nonexistent/file: No such file" },
        { "sources:\n- { name: s, synth: { room: \"x-{n}\" } }\n- name: r\n  replay: { file: "
          "nonexistent }\n",
          TC_EXIT_CONFIG, ":4:19: error: replay.file: nonexistent: No such file" },
        { "sources: [ { name: r, replay: { file: /dev/null } } ]\n", TC_EXIT_OK,
          "from r (replay)" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        char said[2048];
        cr_expect_eq(check(rows[i].text, NULL, said, sizeof(said)), rows[i].code, "%zu: %s", i,
                     said);
        cr_expect(strstr(said, rows[i].part), "%zu: %s", i, said);
    }
}

Test(cmd_check_config, usage)
{
    /* Goal: a wrong command line is 2. */
    cr_assert_eq(tc_cmd_check_config(1, (char *[]){ "check-config", NULL }), TC_EXIT_USAGE);
    cr_assert_eq(tc_cmd_check_config(2, (char *[]){ "check-config", "--fast", NULL }),
                 TC_EXIT_USAGE);
    cr_assert_eq(tc_cmd_check_config(3, (char *[]){ "check-config", "a", "b", NULL }),
                 TC_EXIT_USAGE);
    cr_assert_eq(tc_cmd_check_config(2, (char *[]){ "check-config", "--help", NULL }), TC_EXIT_OK);
}
