// SPDX-License-Identifier: Apache-2.0
/* Goal: one command to look at: it says where its page is, and prices really flow. */
#include "tests/unit/tools/tickcast/child.h"
#include "tools/tickcast/cmd.h"
#include "tools/tickcast/ws_client.h"

static int run(char *const *words)
{
    return capture(tc_cmd_demo, words);
}

Test(cmd_demo, usage)
{
    /* Goal: a wrong command line is 2 and names the word; a number that is out of its bounds is
     * named with them. */
    static const struct {
        char *words[4];
        const char *part;
    } rows[] = {
        { { "--port", NULL }, "it needs a number: --port\n" },
        { { "--port", "65536", NULL }, "--port is 0..65535, not 65536\n" },
        { { "--port", "-1", NULL }, "--port is 0..65535, not -1\n" },
        { { "--port", "x", NULL }, "--port is 0..65535, not x\n" },
        { { "--rate", "0", NULL }, "--rate is 1..100000, not 0\n" },
        { { "--rate", "100001", NULL }, "--rate is 1..100000, not 100001\n" },
        { { "--symbols", "11", NULL }, "--symbols is 12..24, not 11\n" },
        { { "--symbols", "25", NULL }, "--symbols is 12..24, not 25\n" },
        { { "--symbols", "12x", NULL }, "--symbols is 12..24, not 12x\n" },
        { { "fast", NULL }, "not understood: fast\n" },
        { { "--help", "--speed", NULL }, "not understood: --speed\n" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        cr_expect_eq(run(rows[i].words), TC_EXIT_USAGE, "row %zu", i);
        cr_expect(strstr(captured, rows[i].part) && strstr(captured, "demo --help"), "row %zu: %s",
                  i, captured);
    }
}

Test(cmd_demo, help)
{
    /* Goal: help is 0 and shows every option. */
    cr_assert_eq(run((char *[]){ "--port", "1", "--help", NULL }), TC_EXIT_OK);
    cr_assert(strstr(captured, "--port N") && strstr(captured, "--rate N") &&
                  strstr(captured, "--symbols N") && strstr(captured, "exit: 0"),
              "%s", captured);
}

Test(cmd_demo, port_in_use)
{
    /* Goal: a port that somebody else has is 3, with the option that takes another. */
    char number[16];
    unsigned port = 0;
    int fd = capture_port(&port);
    snprintf(number, sizeof(number), "%u", port);
    cr_assert_eq(run((char *[]){ "--port", number, NULL }), TC_EXIT_START);
    cr_assert(strstr(captured, number) && strstr(captured, "--port N takes another port"), "%s",
              captured);
    close(fd);
}

static bool hear(void *ctx, const char *text, size_t len)
{
    bool *is_update = ctx;
    *is_update |= memmem(text, len, "{\"event\":\"ticker-update\"", 24) != NULL;
    return !*is_update;
}

Test(cmd_demo, serves)
{
    /* Goal: the page, what the page asks for, and ticks on /ws, at the printed address; SIGINT ends
     * it with 0. */
    static struct child child;
    static char page[256 * 1024];
    static const char subscribe[] = "{\"event\":\"subscribe-ticker\",\"data\":\"BTCUSDT\"}";
    struct tc_link_to to = { .url = { .host = "127.0.0.1", .path = "/ws" } };
    struct tc_ws_client *client = NULL;
    struct tc_err err = { 0 };
    bool is_update = false;
    int rc = 1;
    child_start(&child, tc_cmd_demo, 5,
                (char *[]){ "demo", "--port", "0", "--rate", "2000", NULL });
    const char *at = child_expect(&child, "page      http://127.0.0.1:");
    child_expect(&child, "Ctrl-C stops it.");
    cr_assert(strstr(child.text, "tickcast demo: 12 symbols, 2000 updates/s"), "%s", child.text);
    unsigned port = (unsigned)strtoul(at + 27, NULL, 10);
    child_get(port, "/", page, sizeof(page));
    cr_assert(strncmp(page, "HTTP/1.1 200 ", 13) == 0, "%s", page);
    child_get(port, "/page.json", page, sizeof(page));
    cr_assert(strstr(page, "application/json") && strstr(page, "kcat -P -b 127.0.0.1:"), "%s",
              page);
    snprintf(to.url.port, sizeof(to.url.port), "%u", port);
    cr_assert_eq(tc_ws_client_open(&client, &to, &err), TC_OK, "%s", err.text);
    cr_assert_eq(tc_ws_client_send(client, subscribe, sizeof(subscribe) - 1, &err), TC_OK);
    while (rc > 0 && !is_update)
        rc = tc_ws_client_read(client, 20000, hear, &is_update, &err);
    cr_assert(is_update, "%d: %s", rc, err.text);
    tc_ws_client_close(client);
    cr_assert_eq(child_end(&child, SIGINT), TC_EXIT_OK);
}
