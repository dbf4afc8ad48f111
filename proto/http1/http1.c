// SPDX-License-Identifier: Apache-2.0
#include "proto/http1/http1.h"

#include <strings.h>

enum { SPAN_NONE, SPAN_NAME, SPAN_VALUE };

static int refuse(struct tc_http1 *http, int status, const char *detail)
{
    if (http->status == 0) { /* the first reason is the one that counts */
        http->status = status;
        http->detail = detail;
    }
    return http->status == 431 ? -TC_ELIMIT : -TC_EINVAL;
}

/* ---- what llhttp sees ---- */

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    struct tc_http1 *http = parser->data;
    if (!http->target.ptr)
        http->target.ptr = at;
    http->target.len = (size_t)(at + len - http->target.ptr);
    return 0;
}

static int on_name(llhttp_t *parser, const char *at, size_t len)
{
    struct tc_http1 *http = parser->data;
    TC_ASSERT(http->field_cnt < TC_HTTP_FIELDS_MAX); /* lines are counted before */
    struct tc_http1_field *field = &http->fields[http->field_cnt];
    if (http->span_open != SPAN_NAME)
        *field = (struct tc_http1_field){ .name.ptr = at };
    http->span_open = SPAN_NAME;
    field->name.len = (size_t)(at + len - field->name.ptr);
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
    struct tc_http1 *http = parser->data;
    struct tc_http1_field *field = &http->fields[http->field_cnt];
    if (http->span_open != SPAN_VALUE)
        field->value.ptr = at;
    http->span_open = SPAN_VALUE;
    field->value.len = (size_t)(at + len - field->value.ptr);
    return 0;
}

static int on_value_complete(llhttp_t *parser)
{
    struct tc_http1 *http = parser->data;
    struct tc_str *value = &http->fields[http->field_cnt].value;
    if (http->span_open != SPAN_VALUE)
        *value = (struct tc_str){ "", 0 };
    while (value->len > 0 &&
           (value->ptr[value->len - 1] == ' ' || value->ptr[value->len - 1] == '\t'))
        value->len--;
    http->span_open = SPAN_NONE;
    http->field_cnt++;
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct tc_http1 *http = parser->data;
    http->is_complete = 1;
    return 0;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
};

void tc_http1_init(struct tc_http1 *http)
{
    memset(http, 0, offsetof(struct tc_http1, fields));
    memset(&http->field_cnt, 0,
           offsetof(struct tc_http1, head) - offsetof(struct tc_http1, field_cnt));
    llhttp_init(&http->parser, HTTP_REQUEST, &settings);
    http->parser.data = http;
}

/* ---- bytes, before llhttp sees them ---- */

/* The request line ends with the version: only 1.0 and 1.1 are spoken here. */
static int check_version(struct tc_http1 *http, const char *line, size_t len)
{
    enum { VERSION_LEN = 9 }; /* " HTTP/1.1" */
    if (len < VERSION_LEN || memcmp(line + len - VERSION_LEN, " HTTP/", 6) != 0 ||
        line[len - 2] != '.') {
        http->is_other = len < 4 || memcmp(line, "GET ", 4) != 0; /* HTTP/0.9 had only that */
        return refuse(http, 400, "The request line must end with an HTTP version.");
    }
    if (line[len - 3] != '1' || (line[len - 1] != '0' && line[len - 1] != '1'))
        return refuse(http, 505, "This server speaks HTTP/1.0 and HTTP/1.1 here.");
    return TC_OK;
}

/* A LF came: 1 if it ends the head. */
static int end_line(struct tc_http1 *http)
{
    if (http->last != '\r')
        return refuse(http, 400, "A line ends without CR.");
    if (http->line_len == 0)
        return http->line_cnt > 0 ? 1 : refuse(http, 400, "An empty line before the request.");
    if (http->line_cnt == 0 && check_version(http, http->head, http->line_len) < 0)
        return -TC_EINVAL;
    http->line_cnt++;
    http->line_len = 0;
    return 0;
}

static int check_byte(struct tc_http1 *http, uint8_t byte)
{
    bool is_blank = byte == ' ' || byte == '\t';
    if (http->last == '\r')
        return refuse(http, 400, "A CR without LF.");
    if (byte == '\r')
        return TC_OK;
    if ((byte < ' ' && byte != '\t') || byte == 0x7f)
        return refuse(http, 400, "The head has a control character.");
    if (http->line_len == 0 && http->line_cnt > 0 && is_blank)
        return refuse(http, 400, "A field's line is folded.");
    if (http->line_cnt > TC_HTTP_FIELDS_MAX) /* the request line and that many fields */
        return refuse(http, 431, "The request has too many fields.");
    if (http->line_cnt == 0 && (byte == '\t' || byte >= 0x80 ||
                                (byte == ' ' && (http->line_len == 0 || http->last == ' '))))
        return refuse(http, 400, "The request line has bytes that do not belong there.");
    http->line_len++;
    return TC_OK;
}

/* Takes bytes into head[] as far as they are fine: 1 at the end of the head, 0, or an error. */
static int take(struct tc_http1 *http, const uint8_t *bytes, size_t len, size_t *used)
{
    int rc = 0;
    size_t i = 0;
    while (i < len && rc == 0) {
        uint8_t byte = bytes[i];
        if (http->head_len == TC_HTTP_HEAD_MAX) {
            rc = refuse(http, 431, "The request's head is too long.");
            break;
        }
        rc = byte == '\n' ? end_line(http) : check_byte(http, byte);
        if (rc < 0)
            break;
        http->head[http->head_len++] = (char)byte;
        http->last = byte;
        i++;
    }
    *used = i;
    return rc;
}

/* ---- the whole head ---- */

static bool is_tchar(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

/* Whether the request line has a version that is well formed and not one of ours. */
static bool is_foreign_version(const struct tc_http1 *http)
{
    static const char mark[] = " HTTP/";
    enum { MARK_LEN = sizeof(mark) - 1 };
    const char *at = memmem(http->head, http->head_len, mark, MARK_LEN);
    if (!at || at + MARK_LEN + 3 > http->head + http->head_len)
        return false;
    at += MARK_LEN;
    return at[0] >= '0' && at[0] <= '9' && at[1] == '.' && at[2] >= '0' && at[2] <= '9' &&
           (at[0] != '1' || at[2] > '1');
}

static int refuse_llhttp(struct tc_http1 *http, llhttp_errno_t code)
{
    const char *at = llhttp_get_error_pos(&http->parser);
    switch (code) {
    case HPE_INVALID_METHOD:
        if (at && is_tchar(*at))
            return refuse(http, 501, "The method is not known.");
        return refuse(http, 400, "The method has a character that does not belong there.");
    case HPE_INVALID_VERSION:
        if (!is_foreign_version(http))
            return refuse(http, 400, "The request line must end with an HTTP version.");
        return refuse(http, 505, "This server speaks HTTP/1.0 and HTTP/1.1 here.");
    case HPE_PAUSED_H2_UPGRADE:
        return refuse(http, 505, "This server speaks HTTP/1.0 and HTTP/1.1 here.");
    case HPE_INVALID_URL:
        return refuse(http, 400, "The target has a character that does not belong there.");
    case HPE_INVALID_HEADER_TOKEN:
        return refuse(http, 400, "A field has a character that does not belong there.");
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        return refuse(http, 400, "Content-Length is not one plain number, or not alone.");
    case HPE_INVALID_TRANSFER_ENCODING:
        return refuse(http, 400, "Transfer-Encoding is not chunked, or not alone.");
    default:
        return refuse(http, 400, "The head is not HTTP/1.1.");
    }
}

static int check_host_text(struct tc_http1 *http, struct tc_str host)
{
    size_t at = 0;
    size_t name_end;
    if (host.len > 0 && host.ptr[0] == '[') { /* an IPv6 address */
        const char *close = memchr(host.ptr, ']', host.len);
        name_end = close ? (size_t)(close - host.ptr) + 1 : 0;
        for (at = 1; at + 1 < name_end; at++) {
            if (!strchr("0123456789abcdefABCDEF:.", host.ptr[at]))
                name_end = 0;
        }
    } else {
        const char *colon = host.len > 0 ? memchr(host.ptr, ':', host.len) : NULL;
        name_end = colon ? (size_t)(colon - host.ptr) : host.len;
        for (at = 0; at < name_end; at++) {
            char c = host.ptr[at];
            if (!is_tchar(c) || strchr("#%^`|", c))
                name_end = 0;
        }
    }
    if (name_end == 0)
        return refuse(http, 400, "Host is not a name or an address.");
    if (name_end == host.len)
        return TC_OK;
    if (host.ptr[name_end] != ':' || host.len - name_end > 6 || host.len - name_end < 2)
        return refuse(http, 400, "Host has no valid port.");
    for (at = name_end + 1; at < host.len; at++) {
        if (host.ptr[at] < '0' || host.ptr[at] > '9')
            return refuse(http, 400, "Host has no valid port.");
    }
    return TC_OK;
}

static int check_host(struct tc_http1 *http)
{
    uint32_t cnt = tc_http1_field_cnt(http, "host");
    if (cnt > 1)
        return refuse(http, 400, "Host is given twice.");
    if (cnt == 0)
        return http->minor == 0 ? TC_OK : refuse(http, 400, "Host is missing.");
    http->host = tc_http1_field(http, "host");
    return check_host_text(http, http->host);
}

/* Which body follows. A length in two ways, or in a way that two readers could take differently, is
 * a smuggled request (RFC 9112, section 6.3 and 11.2). */
static int check_body(struct tc_http1 *http)
{
    struct tc_str len = tc_http1_field(http, "content-length");
    struct tc_str te = tc_http1_field(http, "transfer-encoding");
    if (tc_http1_field_cnt(http, "content-length") > 1 || (len.ptr && te.ptr))
        return refuse(http, 400, "The length of the body is given twice.");
    if (te.ptr && (http->minor == 0 || tc_http1_field_cnt(http, "transfer-encoding") > 1 ||
                   !tc_http1_eq(te, TC_STR("chunked"))))
        return refuse(http, 400, "Transfer-Encoding is not chunked, or not alone.");
    if (len.ptr && (len.len == 0 || len.len > 18))
        return refuse(http, 400, "Content-Length is not one plain number.");
    for (size_t i = 0; i < len.len; i++) {
        if (len.ptr[i] < '0' || len.ptr[i] > '9')
            return refuse(http, 400, "Content-Length is not one plain number.");
        http->body_bytes = http->body_bytes * 10 + (uint64_t)(len.ptr[i] - '0');
    }
    http->is_chunked = te.ptr != NULL;
    http->has_body = http->is_chunked || http->body_bytes > 0;
    return TC_OK;
}

/* RFC 9110, section 10.1.1; HTTP/1.0 knows no interim answers. */
static int check_expect(struct tc_http1 *http)
{
    struct tc_str expect = tc_http1_field(http, "expect");
    if (!expect.ptr)
        return TC_OK;
    if (tc_http1_field_cnt(http, "expect") > 1 || !tc_http1_eq(expect, TC_STR("100-continue")))
        return refuse(http, 417, "Expect is not 100-continue alone.");
    http->wants_continue = http->minor == 1 && http->has_body;
    return TC_OK;
}

/* RFC 9112, section 3.2. */
static int check_target(struct tc_http1 *http)
{
    struct tc_str rest = http->target;
    if (rest.len == 0 || memchr(rest.ptr, '#', rest.len))
        return refuse(http, 400, "The target is not one.");
    if (http->parser.method == HTTP_CONNECT) {
        http->path = rest;
        return TC_OK;
    }
    if (rest.ptr[0] != '/' && !tc_str_eq(rest, TC_STR("*"))) {
        static const struct tc_str schemes[] = { { "http://", 7 }, { "https://", 8 } };
        size_t skip = 0;
        for (size_t i = 0; i < TC_ARRAY_CNT(schemes); i++) {
            if (rest.len > schemes[i].len &&
                strncasecmp(rest.ptr, schemes[i].ptr, schemes[i].len) == 0)
                skip = schemes[i].len;
        }
        if (skip == 0)
            return refuse(http, 400, "The target is neither a path nor an address.");
        rest.ptr += skip;
        rest.len -= skip;
        struct tc_str authority = { rest.ptr, 0 };
        while (authority.len < rest.len && !strchr("/?", rest.ptr[authority.len]))
            authority.len++;
        if (!tc_http1_eq(authority, http->host))
            return refuse(http, 400, "The target names another host than Host.");
        rest.ptr += authority.len;
        rest.len -= authority.len;
    }
    if (rest.len == 1 && rest.ptr[0] == '*' && http->method != TC_HTTP1_OPTIONS)
        return refuse(http, 400, "The target * is for OPTIONS.");
    const char *mark = rest.len > 0 ? memchr(rest.ptr, '?', rest.len) : NULL;
    http->path = (struct tc_str){ rest.ptr, mark ? (size_t)(mark - rest.ptr) : rest.len };
    http->query = (struct tc_str){ mark ? mark + 1 : rest.ptr + rest.len,
                                   mark ? rest.len - http->path.len - 1 : 0 };
    if (http->path.len == 0)
        http->path = TC_STR("/");
    return TC_OK;
}

static enum tc_http1_method method_of(uint8_t method)
{
    switch (method) {
    case HTTP_GET:
        return TC_HTTP1_GET;
    case HTTP_HEAD:
        return TC_HTTP1_HEAD;
    case HTTP_POST:
        return TC_HTTP1_POST;
    case HTTP_PUT:
        return TC_HTTP1_PUT;
    case HTTP_DELETE:
        return TC_HTTP1_DELETE;
    case HTTP_OPTIONS:
        return TC_HTTP1_OPTIONS;
    case HTTP_PATCH:
        return TC_HTTP1_PATCH;
    default:
        return TC_HTTP1_OTHER;
    }
}

static int finish(struct tc_http1 *http)
{
    if (!http->is_complete)
        return refuse(http, 400, "The head is not HTTP/1.1.");
    http->method = method_of(http->parser.method);
    http->minor = http->parser.http_minor;
    if (http->parser.http_major != 1 || http->minor > 1)
        return refuse(http, 505, "This server speaks HTTP/1.0 and HTTP/1.1 here.");
    if (check_host(http) < 0 || check_body(http) < 0 || check_target(http) < 0 ||
        check_expect(http) < 0)
        return -TC_EINVAL;
    http->is_persistent =
        !tc_http1_has_token(http, "connection", "close") &&
        (http->minor == 1 || tc_http1_has_token(http, "connection", "keep-alive"));
    http->is_keep_alive = http->is_persistent && !http->has_body;
    return 1;
}

int tc_http1_feed(struct tc_http1 *http, const void *bytes, size_t len, size_t *used)
{
    const char *fresh = http->head + http->head_len;
    TC_ASSERT(http->status == 0 && !http->is_complete);
    /* The verdict on a byte is given before llhttp sees it; but llhttp's on the bytes before it
     * comes first, so that it does not matter how they were cut. */
    int rc = take(http, bytes, len, used);
    int status = http->status;
    const char *detail = http->detail;
    http->status = 0;
    llhttp_errno_t code =
        llhttp_execute(&http->parser, fresh, (size_t)(http->head + http->head_len - fresh));
    if (code != HPE_OK && !(code == HPE_PAUSED_UPGRADE && http->is_complete))
        return refuse_llhttp(http, code);
    if (rc < 0)
        return refuse(http, status, detail);
    return rc == 0 ? 0 : finish(http);
}
