// SPDX-License-Identifier: Apache-2.0
#include "proto/json/json.h"

#include <yyjson.h>

#include "core/obs/text.h"
#include "proto/json/utf8.h"

enum { DEPTH_MAX = 64 };
_Static_assert((int)TC_JSON_DEPTH_MAX <= (int)DEPTH_MAX,
               "the walk keeps the ends of containers on the stack");

int tc_json_pool_init(struct tc_json_pool *pool, size_t value_max, struct tc_mem *mem,
                      const char *holder, struct tc_err *err)
{
    pool->cap = yyjson_read_max_memory_usage(value_max, YYJSON_READ_NUMBER_AS_RAW);
    pool->value_max = value_max;
    pool->bytes = tc_mem_take(mem, holder, pool->cap, 1, err);
    return pool->bytes ? TC_OK : -TC_ENOMEM;
}

/* yyjson keeps all values of a document in one row, a container before what it holds. */
static bool is_too_deep(yyjson_val *root, uint32_t depth_max)
{
    yyjson_val *ends[DEPTH_MAX];
    uint32_t depth = 0;
    yyjson_val *end = unsafe_yyjson_get_next(root);
    for (yyjson_val *at = root; at < end; at++) {
        while (depth > 0 && at >= ends[depth - 1])
            depth--;
        if (!unsafe_yyjson_is_ctn(at))
            continue;
        if (depth == depth_max)
            return true;
        ends[depth++] = unsafe_yyjson_get_next(at);
    }
    return false;
}

int tc_json_parse(struct tc_json_pool *pool, const void *bytes, size_t len, uint32_t depth_max,
                  struct yyjson_val **root)
{
    yyjson_alc alc;
    union {
        const void *in;
        char *out;
    } text = { .in = bytes }; /* read only without the flag for parsing in place */
    TC_ASSERT(depth_max <= DEPTH_MAX);
    *root = NULL;
    if (len > pool->value_max)
        return -TC_ELIMIT;
    if (len == 0)
        return -TC_EINVAL;
    bool is_made = yyjson_alc_pool_init(&alc, pool->bytes, pool->cap);
    TC_ASSERT(is_made);
    /* never freed: the next parse begins the pool anew. Memory for a value of this length is
     * there, so that a lack of it means a value that is not JSON. */
    yyjson_doc *doc = yyjson_read_opts(text.out, len, YYJSON_READ_NUMBER_AS_RAW, &alc, NULL);
    if (!doc)
        return tc_utf8_check(bytes, len) ? -TC_EINVAL : -TC_EUTF8;
    *root = yyjson_doc_get_root(doc);
    return is_too_deep(*root, depth_max) ? -TC_EDEPTH : TC_OK;
}

int tc_json_check(struct tc_json_pool *pool, const void *bytes, size_t len, uint32_t depth_max)
{
    struct yyjson_val *root;
    return tc_json_parse(pool, bytes, len, depth_max, &root);
}

struct yyjson_val *tc_json_at(struct yyjson_val *root, struct tc_str path)
{
    while (root && path.len > 0) {
        const char *dot = memchr(path.ptr, '.', path.len);
        size_t len = dot ? (size_t)(dot - path.ptr) : path.len;
        root = yyjson_obj_getn(root, path.ptr, len);
        len += dot != NULL;
        path.ptr += len;
        path.len -= len;
    }
    return root;
}

bool tc_json_text(struct yyjson_val *value, struct tc_str *out)
{
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_STR:
        *out = (struct tc_str){ unsafe_yyjson_get_str(value), unsafe_yyjson_get_len(value) };
        return true;
    case YYJSON_TYPE_RAW:
        *out = (struct tc_str){ unsafe_yyjson_get_raw(value), unsafe_yyjson_get_len(value) };
        return true;
    case YYJSON_TYPE_BOOL:
        *out = unsafe_yyjson_get_bool(value) ? TC_STR("true") : TC_STR("false");
        return true;
    default:
        return false;
    }
}

size_t tc_json_escape(char *out, size_t cap, struct tc_str text)
{
    size_t used = 0;
    size_t len = tc_text_escape(text, out, cap, &used);
    return used == text.len ? len : TC_JSON_NO_ROOM;
}
