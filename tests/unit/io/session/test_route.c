// SPDX-License-Identifier: Apache-2.0
/* Goal: one path has one spelling, and what is at it, or why nothing is, is said alike whichever
 * version of HTTP asks. */
#include "io/session/route.h"

#include "tests/unit/io/net/fixture.h"

static struct nx nx;

Test(route, canonical_paths)
{
    /* Goal: RFC 3986 section 6.2.2: nothing that a proxy could understand differently. */
    static const struct {
        const char *path;
        bool is_canonical;
    } cases[] = {
        { "/", true },         { "/a", true },
        { "/a/", true },       { "/a/b.c", true },
        { "/a/.b", true },     { "/a/..b", true },
        { "/a/b..", true },    { "/a/...", true },
        { "/-._~Az09", true }, { "/!$&'()*+,;=:@", true },
        { "/%20", true },      { "/%C3%A9", true },
        { "/%c3%a9", true },   { "/%3F", true },
        { "/%25", true },      { "/%7f", true },
        { "/%ff", true },      { "*", true },
        { "", false },         { "a", false },
        { "**", false },       { "*/", false },
        { "//", false },       { "//a", false },
        { "/a//b", false },    { "/a//", false },
        { "/.", false },       { "/..", false },
        { "/./a", false },     { "/../a", false },
        { "/a/.", false },     { "/a/..", false },
        { "/a/./", false },    { "/a/../b", false },
        { "/a\\b", false },    { "/\\..\\a", false },
        { "/%2e", false },     { "/%2E%2e/a", false },
        { "/%2f", false },     { "/a%2Fb", false },
        { "/%41", false },     { "/%7A", false },
        { "/%30", false },     { "/%39", false },
        { "/%2d", false },     { "/%5f", false },
        { "/%7E", false },     { "/%00", false },
        { "/%0a", false },     { "/%1f", false },
        { "/%", false },       { "/%2", false },
        { "/%g0", false },     { "/%0g", false },
        { "/%%41", false },    { "/a%", false },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        size_t len = strlen(cases[i].path);
        char *copy = malloc(len + 1); /* its end is watched */
        memcpy(copy, cases[i].path, len);
        copy = realloc(copy, len ? len : 1);
        bool is_canonical = tc_route_is_canonical((struct tc_str){ copy, len });
        cr_assert_eq(is_canonical, cases[i].is_canonical, "%s", cases[i].path);
        free(copy);
    }
}

static struct tc_reply reply_to(enum tc_http1_method method, const char *path)
{
    struct tc_reply reply;
    memset(&reply, 0xee, sizeof(reply)); /* all of it is set */
    tc_route(&nx.net, method, tc_str_from(path), &reply);
    return reply;
}

static void check_page(const struct tc_reply *r, const char *type, const char *body)
{
    cr_assert_eq(r->status, 200);
    cr_assert_str_eq(r->type, type);
    cr_assert(tc_str_eq((struct tc_str){ r->body, r->len }, tc_str_from(body)));
    cr_assert(!r->code && !r->detail && !r->allow && r->retry_after_s == 0);
}

static void check_problem(const struct tc_reply *r, int status, const char *code)
{
    cr_assert_eq(r->status, status);
    cr_assert_str_eq(r->code, code);
    cr_assert(r->detail && r->detail[0]);
    cr_assert(!r->type && !r->csp && !r->body && r->len == 0);
}

Test(route, pages)
{
    /* Goal: a page for GET and HEAD, with its policy; /health; both read only. */
    nx_init(&nx, NULL);
    for (int i = 0; i < 2; i++) {
        enum tc_http1_method method = i ? TC_HTTP1_HEAD : TC_HTTP1_GET;
        struct tc_reply r = reply_to(method, "/");
        check_page(&r, "text/plain", "hello\n");
        cr_assert_not_null(strstr(r.csp, "default-src 'self'"));
        r = reply_to(method, "/health");
        check_page(&r, "application/json", "{\"status\":\"ok\"}\n");
        cr_assert_null(r.csp);
    }
    for (int m = TC_HTTP1_POST; m <= TC_HTTP1_OTHER; m++) {
        static const char *const paths[] = { "/", "/health" };
        for (int i = 0; i < 2; i++) {
            struct tc_reply r = reply_to((enum tc_http1_method)m, paths[i]);
            check_problem(&r, 405, "method-not-allowed");
            cr_assert_str_eq(r.allow, "GET, HEAD");
            cr_assert_eq(r.retry_after_s, 0);
        }
    }
    nx_fini(&nx);
}

Test(route, problems)
{
    /* Goal: 404 before 405, 400 before both; without pages there is /health only. */
    nx_init(&nx, NULL);
    static const char *const paths[] = { "/nothing", "/health/", "/healthy", "/Health", "*" };
    for (size_t i = 0; i < TC_ARRAY_CNT(paths); i++) {
        struct tc_reply r = reply_to(i % 2 ? TC_HTTP1_POST : TC_HTTP1_GET, paths[i]);
        check_problem(&r, 404, "not-found");
        cr_assert_null(r.allow);
    }
    struct tc_reply r = reply_to(TC_HTTP1_DELETE, "/./");
    check_problem(&r, 400, "path-not-canonical");
    nx.tc_sessions.page = NULL;
    r = reply_to(TC_HTTP1_GET, "/");
    check_problem(&r, 404, "not-found");
    r = reply_to(TC_HTTP1_GET, "/health");
    check_page(&r, "application/json", "{\"status\":\"ok\"}\n");
    nx_fini(&nx);
}

Test(route, draining)
{
    /* Goal: during a stop /health is 503 and says when to come back; pages are served. */
    nx_init(&nx, NULL);
    nx.net.is_draining = true;
    struct tc_reply r = reply_to(TC_HTTP1_GET, "/health");
    check_problem(&r, 503, "draining");
    cr_assert_eq(r.retry_after_s, 1);
    r = reply_to(TC_HTTP1_POST, "/health");
    check_problem(&r, 405, "method-not-allowed");
    r = reply_to(TC_HTTP1_GET, "/");
    check_page(&r, "text/plain", "hello\n");
    nx_fini(&nx);
}

Test(route, ends)
{
    /* Goal: each reason of the table that has a status, and when to come back if it is 503. */
    for (int reason = 0; reason < TC_CLOSE_CNT; reason++) {
        struct tc_reply r;
        memset(&r, 0xee, sizeof(r));
        tc_route_close((enum tc_close)reason, &r);
        cr_assert_eq(r.status, tc_closes[reason].http_status);
        cr_assert_str_eq(r.code, tc_closes[reason].code);
        cr_assert_str_eq(r.detail, tc_closes[reason].text);
        cr_assert_eq(r.retry_after_s, r.status == 503);
        cr_assert(!r.type && !r.csp && !r.allow && !r.body && r.len == 0);
    }
}
