// SPDX-License-Identifier: Apache-2.0
/* A message or JSON text of a type of tests/schema; the first byte chooses type, direction and what
 * is done with unknown fields. Whatever comes, it ends within its buffer; what one direction made,
 * the other takes back, and a second round gives the same bytes; a smaller buffer never gives
 * another result. */
#include <stdlib.h>

#include "proto/json/json.h"
#include "proto/transcode/transcode.h"

enum { OUT_BYTES = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const struct tc_str tc_test_schema_set;

static struct tc_mem mem;
static struct tc_pb_schema schema;
static struct tc_json_pool pool;
static const struct tc_pb_message *types[8];

static void make(void)
{
    static const char *const names[] = {
        "test.kinds.Scalars", "test.kinds.Presence",  "test.kinds.Repeated", "test.kinds.Maps",
        "test.old.Plain",     "test.kinds.WellKnown", "test.kinds.Tree",     "test.old.Old",
    };
    struct tc_err err;
    tc_mem_init(&mem, 0);
    int rc = tc_pb_schema_load(&schema, &tc_test_schema_set, 1, &mem, "schema", &err);
    TC_ASSERT(rc == TC_OK);
    rc = tc_json_pool_init(&pool, OUT_BYTES, &mem, "json", &err);
    TC_ASSERT(rc == TC_OK);
    for (size_t i = 0; i < TC_ARRAY_CNT(types); i++) {
        types[i] = tc_pb_message(&schema, tc_str_from(names[i]));
        TC_ASSERT(types[i]);
    }
}

static int convert(bool is_to_json, bool is_unknown_ignored, const struct tc_pb_message *type,
                   struct tc_str in, uint8_t *buf, size_t cap, size_t *len)
{
    struct tc_transcode t = { .schema = &schema, .is_unknown_ignored = is_unknown_ignored };
    uint8_t *tight = malloc(cap); /* its end is watched */
    TC_ASSERT(tight);
    struct tc_pb_out out = tc_pb_out(tight, cap);
    int rc = is_to_json ? tc_transcode_to_json(&t, type, in, &out)
                        : tc_transcode_to_pb(&t, type, in, &out);
    *len = (size_t)(out.at - tight);
    TC_ASSERT(*len <= cap && (rc == TC_OK || (rc < 0 && *len == 0 && t.detail)));
    memcpy(buf, tight, *len);
    free(tight);
    return rc;
}

static bool has_null(const struct tc_pb_message *type)
{
    return type == types[5] || type == types[6];
}

/* json is ours: it has to be JSON, and to come back. */
static void go_round(const struct tc_pb_message *type, struct tc_str json)
{
    static uint8_t pb[2][OUT_BYTES];
    static uint8_t text[OUT_BYTES];
    size_t len, again;
    int rc = tc_json_check(&pool, json.ptr, json.len, 64);
    TC_ASSERT(rc == TC_OK);
    rc = convert(false, false, type, json, pb[0], OUT_BYTES, &len);
    if (rc == -TC_ELIMIT) /* base64 and long numbers take more room on the way */
        return;
    TC_ASSERT(rc == TC_OK);
    rc = tc_pb_check(type, pb[0], len);
    TC_ASSERT(rc == TC_OK);
    struct tc_str view = { (const char *)pb[0], len };
    rc = convert(true, false, type, view, text, OUT_BYTES, &again);
    TC_ASSERT(rc == TC_OK);
    bool is_same = again == json.len && memcmp(text, json.ptr, again) == 0;
    TC_ASSERT(is_same || has_null(type)); /* a NullValue that is not 0 becomes 0, and that none */
    rc = convert(false, false, type, (struct tc_str){ (const char *)text, again }, pb[1], OUT_BYTES,
                 &again);
    TC_ASSERT(rc == TC_OK && again == len && memcmp(pb[0], pb[1], len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[2][OUT_BYTES];
    static uint8_t text[OUT_BYTES];
    size_t len, again;
    if (!types[0])
        make();
    if (size == 0)
        return 0;
    const struct tc_pb_message *type = types[data[0] & 7];
    bool is_to_json = data[0] & 8;
    bool is_unknown_ignored = data[0] & 16;
    struct tc_str in = { (const char *)data + 1, size - 1 };
    int checked = is_to_json ? tc_pb_check(type, in.ptr, in.len) : 0;
    int rc = convert(is_to_json, is_unknown_ignored, type, in, out[0], OUT_BYTES, &len);
    TC_ASSERT(rc != TC_OK || checked != -TC_EDEPTH);
    if (rc < 0)
        return 0;
    struct tc_str made = { (const char *)out[0], len };
    if (is_to_json) {
        go_round(type, made);
    } else {
        rc = tc_pb_check(type, out[0], len);
        TC_ASSERT(rc == TC_OK);
        rc = convert(true, false, type, made, text, OUT_BYTES, &again);
        TC_ASSERT(rc == TC_OK || rc == -TC_ELIMIT);
        if (rc == TC_OK)
            go_round(type, (struct tc_str){ (const char *)text, again });
    }
    for (size_t cap = len; cap <= len + 1 && cap > 0; cap++) {
        rc = convert(is_to_json, is_unknown_ignored, type, in, out[1], cap, &again);
        TC_ASSERT(rc == -TC_ELIMIT ||
                  (rc == TC_OK && again == len && memcmp(out[0], out[1], len) == 0));
    }
    if (len > 0) {
        rc = convert(is_to_json, is_unknown_ignored, type, in, out[1], len - 1, &again);
        TC_ASSERT(rc == -TC_ELIMIT);
    }
    return 0;
}
