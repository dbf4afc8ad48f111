// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/recording.h"

#include <yyjson.h>

static bool keep_key(struct tc_recording_line *out, const char *text, size_t len, bool is_upper)
{
    if (!text || len == 0 || len > TC_RECORDING_KEY_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        out->key[i] = is_upper && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    out->key[len] = '\0';
    return true;
}

static bool find_key(struct tc_recording_line *out, yyjson_val *root)
{
    yyjson_val *s = yyjson_obj_get(yyjson_obj_get(root, "data"), "s");
    if (!yyjson_is_str(s))
        s = yyjson_obj_get(root, "s");
    if (yyjson_is_str(s))
        return keep_key(out, yyjson_get_str(s), yyjson_get_len(s), false);
    const char *stream = yyjson_get_str(yyjson_obj_get(root, "stream"));
    return stream && keep_key(out, stream, strcspn(stream, "@"), true);
}

int tc_recording_parse(struct tc_recording_line *out, struct tc_str line)
{
    size_t i = 0;
    int64_t ns = 0;
    for (; i < line.len && line.ptr[i] >= '0' && line.ptr[i] <= '9'; i++) {
        if (__builtin_mul_overflow(ns, 10, &ns) ||
            __builtin_add_overflow(ns, line.ptr[i] - '0', &ns))
            return -TC_EINVAL;
    }
    if (i == 0 || i + 1 >= line.len || line.ptr[i] != ' ')
        return -TC_EINVAL;
    out->recv_ns = ns;
    out->json = (struct tc_str){ line.ptr + i + 1, line.len - i - 1 };
    yyjson_doc *doc = yyjson_read(out->json.ptr, out->json.len, 0);
    if (!doc)
        return -TC_EINVAL;
    bool is_found = find_key(out, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    return is_found ? TC_OK : -TC_ENOTFOUND;
}
