// SPDX-License-Identifier: Apache-2.0
#include "io/session/route.h"

#include <inttypes.h>
#include <stdio.h>

#include "io/session/session.h"

#define CSP "default-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"

static void problem(struct tc_reply *reply, int status, const char *code, const char *detail)
{
    *reply = (struct tc_reply){ .status = status, .code = code, .detail = detail };
}

void tc_route_close(enum tc_close reason, struct tc_reply *reply)
{
    const struct tc_close_row *row = &tc_closes[reason];
    problem(reply, row->http_status, row->code, row->text);
    reply->retry_after_s = row->http_status == 503;
}

void tc_route(const struct tc_net *net, enum tc_http1_method method, struct tc_str path,
              struct tc_reply *reply)
{
    static const char health[] = "{\"status\":\"ok\"}\n";
    const struct tc_sessions *s = tc_sessions_of(net);
    struct tc_page page;
    bool is_health = tc_str_eq(path, TC_STR("/health"));
    if (!tc_route_is_canonical(path)) {
        problem(reply, 400, "path-not-canonical",
                "the path has empty, . or .. segments, or encodes what needs no encoding");
    } else if (!is_health && !(s->page && s->page(path, &page))) {
        problem(reply, 404, "not-found", "there is nothing at this path");
    } else if (method != TC_HTTP1_GET && method != TC_HTTP1_HEAD) {
        problem(reply, 405, "method-not-allowed", "this path is read with GET");
        reply->allow = "GET, HEAD";
    } else if (!is_health) {
        *reply = (struct tc_reply){
            .status = 200, .type = page.mime, .csp = CSP, .body = page.bytes, .len = page.len
        };
    } else if (net->is_draining) {
        tc_route_close(TC_CLOSE_DRAINING, reply);
    } else {
        *reply = (struct tc_reply){
            .status = 200, .type = "application/json", .body = health, .len = sizeof(health) - 1
        };
    }
}

void tc_route_grpc(enum tc_http1_method method, struct tc_reply *reply)
{
    if (method == TC_HTTP1_POST) {
        problem(reply, 415, "unsupported-media-type",
                "gRPC is called with content-type application/grpc over HTTP/2, or "
                "application/grpc-web");
    } else {
        problem(reply, 405, "method-not-allowed", "gRPC is called with POST");
        reply->allow = "POST";
    }
}

struct fields {
    struct tc_http1_field *items;
    size_t cnt;
};

static void add(struct fields *f, const char *name, const char *value)
{
    TC_ASSERT(f->cnt < TC_REPLY_FIELDS_MAX);
    if (value)
        f->items[f->cnt++] = (struct tc_http1_field){ tc_str_from(name), tc_str_from(value) };
}

size_t tc_reply_fields(const struct tc_reply *reply, struct tc_reply_text *text,
                       struct tc_http1_field fields[TC_REPLY_FIELDS_MAX])
{
    struct fields f = { fields, 0 };
    text->body = reply->body;
    text->body_len = reply->len;
    if (reply->code) {
        text->body = text->problem;
        text->body_len = tc_http1_problem_body(text->problem, sizeof(text->problem), reply->status,
                                               reply->code, reply->detail);
    }
    snprintf(text->len, sizeof(text->len), "%zu", text->body_len);
    snprintf(text->retry, sizeof(text->retry), "%" PRIu32, reply->retry_after_s);
    add(&f, "content-type", reply->code ? "application/problem+json" : reply->type);
    add(&f, "content-length", text->len);
    add(&f, "x-content-type-options", "nosniff");
    add(&f, "content-security-policy", reply->csp);
    add(&f, "cache-control", reply->code ? NULL : "no-cache");
    add(&f, "allow", reply->allow);
    add(&f, "retry-after", reply->retry_after_s ? text->retry : NULL);
    return f.cnt;
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_unreserved(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~' || c == '/';
}

/* Percent-encoded characters are encoded because they must be. */
static bool is_encoding_canonical(struct tc_str path)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '\\' || path.ptr[i] == '#')
            return false;
        if (path.ptr[i] != '%')
            continue;
        int high = i + 2 < path.len ? hex_of(path.ptr[i + 1]) : -1;
        int low = i + 2 < path.len ? hex_of(path.ptr[i + 2]) : -1;
        if (high < 0 || low < 0 || is_unreserved(high * 16 + low) || high * 16 + low < 0x20)
            return false;
    }
    return true;
}

bool tc_route_is_canonical(struct tc_str path)
{
    if (tc_str_eq(path, TC_STR("*")))
        return true;
    if (path.len == 0 || path.ptr[0] != '/' || !is_encoding_canonical(path))
        return false;
    for (size_t i = 1; i <= path.len;) {
        const char *end = i < path.len ? memchr(path.ptr + i, '/', path.len - i) : NULL;
        size_t len = end ? (size_t)(end - path.ptr) - i : path.len - i;
        bool is_last = !end;
        if ((len == 0 && !is_last) || (len == 1 && path.ptr[i] == '.') ||
            (len == 2 && memcmp(path.ptr + i, "..", 2) == 0))
            return false;
        i += len + 1;
    }
    return true;
}
