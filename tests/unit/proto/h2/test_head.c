// SPDX-License-Identifier: Apache-2.0
/* Goal: heads of requests arrive as they were sent, within bounds, and those that RFC 9113 section
 * 8 calls malformed do not arrive at all. */
#include "tests/unit/proto/h2/fixture.h"

/* Requests that do not wait for an answer; what is noted of the one with these fields. */
static const char *note_of(const char *fields)
{
    fx_begin();
    hp_head(&fx.peer, 1, HP_END, fields);
    const char *lines = fx_run();
    const char *note = fx_take();
    if (note[0])
        cr_assert_str_eq(lines, "", "%s", fields);
    else
        cr_assert_str_eq(lines, "RST 1 PROTOCOL_ERROR\n", "%s", fields);
    cr_assert_eq(fx.h2.fault, TC_H2_FINE);
    fx_close();
    return note;
}

static void check_right(const char *fields, const char *note)
{
    char want[1024];
    snprintf(want, sizeof(want), "open 1 %s\nend 1 \n", note);
    cr_assert_str_eq(note_of(fields), want, "%s", fields);
}

/* ---- what is right ---- */

Test(h2_head, methods)
{
    /* Goal: each by its name, those that no path takes as one. */
    fx_open_class();
    for (int m = 0; m <= TC_HTTP1_OTHER + 1; m++) {
        char fields[128];
        char note[64];
        const char *name = m < TC_HTTP1_OTHER ? tc_http1_method_text((enum tc_http1_method)m)
                                              : (m == TC_HTTP1_OTHER ? "TRACE" : "get");
        snprintf(fields, sizeof(fields), ":method %s\n:scheme http\n:path /\n:authority h\n", name);
        snprintf(note, sizeof(note), "%s / host=h scheme=http", m < TC_HTTP1_OTHER ? name : "-");
        check_right(fields, note);
    }
    fx_close_class();
}

Test(h2_head, fields_in_order)
{
    /* Goal: fields as they came: doubled, empty, and Cookie in crumbs. */
    fx_open_class();
    check_right(HP_GET("/") "b 2\na 1\nb 3\nempty \ncookie x=1\ncookie y=2\nte trailers\n",
                "GET / host=h scheme=http b=2 a=1 b=3 empty= cookie=x=1 cookie=y=2 te=trailers");
    check_right(":path /\n:authority h\n:scheme https\n:method GET\n", "GET / host=h scheme=https");
    fx_close_class();
}

Test(h2_head, hosts)
{
    /* Goal: :authority, Host, or both if they say the same; one there must be, without a user. */
    fx_open_class();
    check_right(":method GET\n:scheme http\n:path /\nhost a.test:1\n",
                "GET / host=a.test:1 scheme=http host=a.test:1");
    check_right(HP_GET("/") "host H\n", "GET / host=H scheme=http host=H");
    cr_assert_str_eq(note_of(HP_GET("/") "host other\n"), "");
    cr_assert_str_eq(note_of(HP_GET("/") "host h\nhost other\n"), "");
    cr_assert_str_eq(note_of(":method GET\n:scheme http\n:path /\n"), "");
    cr_assert_str_eq(note_of(":method GET\n:scheme http\n:path /\n:authority \n"), "");
    cr_assert_str_eq(note_of(":method GET\n:scheme http\n:path /\nhost \n"), "");
    cr_assert_str_eq(note_of(":method GET\n:scheme http\n:path /\n:authority u@h\n"), "");
    cr_assert_str_eq(note_of(":method GET\n:scheme http\n:path /\n:authority u:p@h\n"), "");
    cr_assert_str_eq(note_of(":method GET\n:scheme http\n:path /\nhost u@h\n"), "");
    fx_close_class();
}

/* ---- what is malformed ---- */

Test(h2_head, malformed)
{
    /* Goal: RFC 9113 sections 8.2 and 8.3: each of these ends its stream and no more. */
    static const char *const cases[] = {
        ":scheme http\n:path /\n:authority h\n",
        ":method GET\n:path /\n:authority h\n",
        ":method GET\n:scheme http\n:authority h\n",
        ":method GET\n:scheme http\n:path \n:authority h\n",
        ":method GET\n:scheme http\n:path a\n:authority h\n",
        ":method GET\n:scheme http\n:path *\n:authority h\n",
        ":method GET\n:method GET\n:scheme http\n:path /\n:authority h\n",
        HP_GET("/") ":path /\n",
        HP_GET("/") ":authority h\n",
        HP_GET("/") ":unknown x\n",
        HP_GET("/") ":status 200\n",
        HP_GET("/") ":protocol websocket\n",
        ":method GET\n:scheme http\n:path /\nx 1\n:authority h\n",
        ":method \n:scheme http\n:path /\n:authority h\n",
        ":method G T\n:scheme http\n:path /\n:authority h\n",
        HP_GET("/") "Upper case\n",
        HP_GET("/") "connection close\n",
        HP_GET("/") "connection upgrade\nupgrade websocket\n",
        HP_GET("/") "transfer-encoding chunked\n",
        HP_GET("/") "keep-alive 5\n",
        HP_GET("/") "proxy-connection keep-alive\n",
        HP_GET("/") "te gzip\n",
        HP_GET("/") "na(me 1\n",
        HP_GET("/") "name a\tb\r\n",
        HP_GET("/") "name \x01\n",
        HP_GET("/") "name  led by a space\n",
        HP_GET("/") "name followed by one \n",
        HP_GET("/") "content-length 5\n",
        HP_GET("/") "content-length x\n",
        HP_GET("/") "content-length 0\ncontent-length 0\n",
    };
    fx_open_class();
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++)
        cr_assert_str_eq(note_of(cases[i]), "", "%s", cases[i]);
    fx_close_class();
}

Test(h2_head, malformed_among_others)
{
    /* Goal: requests before and behind a malformed one are served. */
    fx_open_class();
    fx_begin();
    fx.is_answering = true;
    hp_head(&fx.peer, 1, HP_END, HP_GET("/"));
    hp_head(&fx.peer, 3, HP_END, HP_GET("/") "Bad case\n");
    hp_head(&fx.peer, 5, HP_END, HP_GET("/"));
    cr_assert_str_eq(fx_run(), "HEAD 1 :status=200\nRST 3 PROTOCOL_ERROR\nHEAD 5 :status=200\n"
                               "DATA 1 ok end\nDATA 5 ok end\n");
    fx_close();
    fx_close_class();
}

Test(h2_head, lengths_of_bodies)
{
    /* Goal: a body that is longer or shorter than its content-length is malformed. */
    fx_open_class();
    static const char *const bodies[] = { "1234", "123456" };
    for (int i = 0; i < 2; i++) {
        fx_begin();
        hp_head(&fx.peer, 1, 0, HP_METHOD("POST", "/") "content-length 5\n");
        hp_data(&fx.peer, 1, HP_END, bodies[i]);
        cr_assert_str_eq(fx_run(), "RST 1 PROTOCOL_ERROR\n");
        cr_assert_str_eq(fx_take(), "open 1 POST / host=h scheme=http content-length=5\n"
                                    "close 1 PROTOCOL_ERROR\n");
        fx_close();
    }
    fx_close_class();
}

/* ---- bounds ---- */

/* A head of that many fields, pseudo-header fields counted. */
static const char *of_fields(int cnt, const char *begin)
{
    static char fields[8 * TC_H2_FIELDS_MAX];
    size_t len = (size_t)snprintf(fields, sizeof(fields), "%s", begin);
    for (int i = begin[0] == ':' ? 4 : 0; i < cnt; i++)
        len += (size_t)snprintf(fields + len, sizeof(fields) - len, "x 1\n");
    return fields;
}

/* A head of that many bytes in RFC 9113 section 10.5.1's way of counting. */
static const char *of_bytes(size_t bytes)
{
    static char fields[TC_H2_HEAD_MAX];
    size_t len = (size_t)snprintf(fields, sizeof(fields), "%sx ", HP_GET("/"));
    static const char pseudo[] = ":methodGET:schemehttp:path/:authorityhx";
    size_t value = bytes - (sizeof(pseudo) - 1) - 5 * TC_H2_FIELD_BYTES;
    memset(fields + len, 'v', value);
    memcpy(fields + len + value, "\n", 2);
    return fields;
}

Test(h2_head, bounds)
{
    /* Goal: TC_H2_FIELDS_MAX fields of TC_H2_HEAD_MAX bytes in all; one more is the end of the
     * connection. */
    fx_open_class();
    for (int i = 0; i < 4; i++) {
        bool is_over = i % 2;
        fx_begin();
        hp_head(&fx.peer, 1, HP_END,
                i < 2 ? of_fields(TC_H2_FIELDS_MAX + is_over, HP_GET("/"))
                      : of_bytes((size_t)TC_H2_HEAD_MAX + is_over));
        if (is_over)
            fx_check_over("GOAWAY 1 ENHANCE_YOUR_CALM\n", TC_H2_CALM);
        else
            cr_assert_str_eq(fx_run(), "");
        cr_assert_eq(fx.h2.stream_cnt, !is_over);
        fx_close();
    }
    fx_close_class();
}

Test(h2_head, bounds_are_of_each_head)
{
    /* Goal: the count begins anew with each head, and trailers have the same bounds. */
    fx_open_class();
    fx_begin();
    for (int32_t id = 1; id <= 5; id += 2)
        hp_head(&fx.peer, id, 0, of_fields(TC_H2_FIELDS_MAX, HP_GET("/")));
    hp_head(&fx.peer, 3, HP_END, of_fields(TC_H2_FIELDS_MAX, ""));
    cr_assert_str_eq(fx_run(), "");
    cr_assert_eq(fx.class.heads.used_cnt, 0);
    (void)fx_take();
    hp_head(&fx.peer, 5, HP_END, of_fields(TC_H2_FIELDS_MAX + 1, ""));
    fx_check_over("GOAWAY 5 ENHANCE_YOUR_CALM\n", TC_H2_CALM);
    cr_assert_str_eq(fx_take(), "");
    fx_close();
    fx_close_class();
}

Test(h2_head, table_is_no_way_around)
{
    /* Goal: fields that the compression table repeats in a byte each count in full. */
    uint8_t block[512];
    fx_open_class();
    fx_begin();
    size_t len = hp_block(block, HP_GET("/"));
    block[len++] = 0x40; /* RFC 7541 section 6.2.1: kept in the table */
    len += hp_string(block + len, "x", 1);
    static char value[200];
    memset(value, 'v', sizeof(value));
    len += hp_string(block + len, value, sizeof(value));
    memset(block + len, 0xbe, 80); /* section 6.1: the youngest entry */
    hp_frame(&fx.peer, NGHTTP2_HEADERS, HP_END_HEADERS | HP_END, 1, block, len + 80);
    fx_check_over("GOAWAY 1 ENHANCE_YOUR_CALM\n", TC_H2_CALM);
    fx_close();
    fx_close_class();
}

/* A head that is not complete. */
static void send_half(struct hp *p)
{
    uint8_t block[100];
    size_t len = hp_block(block, HP_GET("/"));
    hp_frame(p, NGHTTP2_HEADERS, HP_END, 1, block, len);
}

Test(h2_head, pool_is_spent)
{
    /* Goal: without a place for a head its stream is refused, the connection goes on, and with a
     * place back a head is taken; a connection that ends gives its place back. */
    static struct tc_h2 others[FX_HEADS];
    static struct hp half;
    fx_open_class();
    fx_begin();
    fx.is_answering = true;
    hp_init(&half);
    hp_preface(&half);
    send_half(&half);
    for (int i = 0; i < FX_HEADS; i++) {
        cr_assert_eq(tc_h2_open(&others[i], &fx.class, 8), TC_OK);
        tc_h2_feed(&others[i], half.out, half.out_len, fx.now_ns);
        cr_assert_neq(others[i].head, TC_NONE);
    }
    cr_assert_eq(fx.class.heads.used_cnt, FX_HEADS);
    hp_head(&fx.peer, 1, 0, HP_METHOD("POST", "/") "x-kept 1\n");
    hp_data(&fx.peer, 1, HP_END, "body");
    cr_assert_str_eq(fx_run(), "RST 1 REFUSED_STREAM\n");
    cr_assert_eq(fx.h2.fault, TC_H2_FINE);
    tc_h2_close(&others[0]);
    hp_head(&fx.peer, 3, HP_END, HP_GET("/"));
    cr_assert_str_eq(fx_run(), "HEAD 3 :status=200\nDATA 3 ok end\n");
    for (int i = 1; i < FX_HEADS; i++)
        tc_h2_close(&others[i]);
    hp_fini(&half);
    fx_close();
    fx_close_class();
}

/* ---- lookups ---- */

Test(h2_head, field)
{
    /* Goal: the first of that name, none if there is none; names are compared whole. */
    static struct tc_h2_head head;
    head.field_cnt = 3;
    head.fields[0] = (struct tc_http1_field){ TC_STR("ab"), TC_STR("1") };
    head.fields[1] = (struct tc_http1_field){ TC_STR("a"), TC_STR("") };
    head.fields[2] = (struct tc_http1_field){ TC_STR("a"), TC_STR("3") };
    cr_assert_not_null(tc_h2_field(&head, "a").ptr);
    cr_assert_eq(tc_h2_field(&head, "a").len, 0);
    cr_assert(tc_str_eq(tc_h2_field(&head, "ab"), TC_STR("1")));
    cr_assert_null(tc_h2_field(&head, "abc").ptr);
    cr_assert_null(tc_h2_field(&head, "A").ptr);
}

/* ---- paths ---- */

static struct tc_str seen_path, seen_query;
static char seen_bytes[2][64];

static uint32_t see(struct tc_h2 *h2, int32_t id, const struct tc_h2_head *head)
{
    (void)h2;
    (void)id;
    memcpy(seen_bytes[0], head->path.ptr, head->path.len);
    seen_path = (struct tc_str){ seen_bytes[0], head->path.len };
    if (head->query.len)
        memcpy(seen_bytes[1], head->query.ptr, head->query.len);
    seen_query = (struct tc_str){ seen_bytes[1], head->query.len };
    return TC_NONE;
}

Test(h2_head, path_and_query)
{
    /* Goal: the target is cut at its first "?". */
    static const struct {
        const char *target, *path, *query;
    } cases[] = {
        { "/", "/", "" },    { "/a/b", "/a/b", "" },    { "/a?", "/a", "" },
        { "/?q", "/", "q" }, { "/a?b?c", "/a", "b?c" }, { "/a?b=%3F&c", "/a", "b=%3F&c" },
    };
    struct tc_h2_ops ops = fx_ops;
    ops.on_request = see;
    fx_open_class();
    fx.class.ops = &ops;
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        char fields[128];
        snprintf(fields, sizeof(fields), ":method GET\n:scheme http\n:path %s\n:authority h\n",
                 cases[i].target);
        fx_begin();
        hp_head(&fx.peer, 1, HP_END, fields);
        cr_assert_str_eq(fx_run(), "");
        cr_assert(tc_str_eq(seen_path, tc_str_from(cases[i].path)), "%s", cases[i].target);
        cr_assert(tc_str_eq(seen_query, tc_str_from(cases[i].query)), "%s", cases[i].target);
        fx_close();
    }
    fx_close_class();
}
