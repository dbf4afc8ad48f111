// SPDX-License-Identifier: Apache-2.0
/* A room template, a key and a value, one line each (the value is the rest; "-" alone: none).
 * Whatever comes, mapping ends; a name that it makes is legal, public and fits its template; a
 * value that it passes on is JSON. */
#include <stdlib.h>

#include "proto/feed/feed.h"
#include "proto/json/utf8.h"

enum { EVENT_BYTES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tc_json_pool pool;

/* Every header has the key as its value, but for those that begin with "x". */
static bool header(void *ctx, struct tc_str name, struct tc_str *out)
{
    *out = *(const struct tc_str *)ctx;
    return name.ptr[0] != 'x';
}

/* What stands before the next LF of *rest, which is moved past it. */
static struct tc_str line(struct tc_str *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
    struct tc_str out = { rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len };
    rest->ptr += out.len + (end != NULL);
    rest->len -= out.len + (end != NULL);
    return out;
}

static void check(const struct tc_template *tpl, const struct tc_record *record,
                  const struct tc_feed_out *out)
{
    struct tc_str name = tc_feed_name(out);
    bool is_event = out->kind == TC_FEED_UPDATE || out->kind == TC_FEED_TOMBSTONE;
    TC_ASSERT(is_event == (out->reason == TC_FEED_NONE) && out->reason < TC_FEED_REASON_CNT);
    TC_ASSERT(!is_event || name.len > 0);
    if (out->kind == TC_FEED_UPDATE) {
        int rc = tc_json_check(&pool, record->value.ptr, record->value.len, TC_JSON_DEPTH_MAX);
        TC_ASSERT(rc == TC_OK && tc_utf8_check(record->value.ptr, record->value.len));
    }
    if (name.len == 0)
        return;
    TC_ASSERT(tc_room_name_check(name) == TC_OK && !tc_room_name_is_private(name));
    bool fits = tc_template_matches(tpl, record->topic, name);
    TC_ASSERT(fits && tc_str_starts(name, tc_template_prefix(tpl)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tc_mem mem;
    struct tc_err err = { .code = 0 };
    struct tc_template tpl;
    struct tc_feed_out out;
    if (!pool.bytes) {
        tc_mem_init(&mem, 0);
        int rc = tc_json_pool_init(&pool, EVENT_BYTES_MAX, &mem, "fuzz", &err);
        TC_ASSERT(rc == TC_OK);
    }
    char *copy = malloc(size + 1); /* its end is watched */
    struct tc_str rest = { copy, size };
    if (size > 0)
        memcpy(copy, data, size);
    struct tc_str text = line(&rest);
    struct tc_str key = line(&rest);
    if (tc_str_eq(rest, TC_STR("-")))
        rest = (struct tc_str){ NULL, 0 };
    if (tc_template_compile(&tpl, text, &err) < 0) {
        TC_ASSERT(err.code < 0 && err.text[0]);
    } else {
        struct tc_feed_rule rule = { &tpl, TC_FEED_JSON, EVENT_BYTES_MAX };
        struct tc_record record = {
            .partition = (uint32_t)size,
            .topic = TC_STR("ticks.all"),
            .key = key,
            .value = rest,
            .header = header,
            .header_ctx = &key,
        };
        (void)tc_feed_map(&rule, &record, &pool, &out);
        check(&tpl, &record, &out);
        TC_ASSERT(tc_template_intersects(&tpl, &tpl));
    }
    free(copy);
    return 0;
}
