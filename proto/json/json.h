// SPDX-License-Identifier: Apache-2.0
/* proto/json/json: one JSON value checked and looked into, without a call to the allocator.
 *
 * yyjson parses into a fixed buffer that is used anew for each value; depth is judged on what it
 * made (its parser does not recurse). Numbers keep the text they were written in: a price never
 * becomes a double.
 *
 * Not for: writing values (a dialect writes its own text around payloads it passes on untouched).
 * Threads: one pool per thread. */
#ifndef TC_PROTO_JSON_JSON_H
#define TC_PROTO_JSON_JSON_H

#include "core/base/err.h"
#include "core/base/limits.h"
#include "core/mem/mem.h"

struct tc_json_pool {
    void *bytes;
    size_t cap;
    size_t value_max; /* bytes of the longest value that is sure to fit */
};

/* A parsed value; void outside json.c: yyjson_val. NULL is "absent" for every function here. */
struct yyjson_val;

/* Takes from mem what values of value_max bytes can need (12 times as much; untouched pages cost
 * nothing). -TC_ENOMEM with *err. */
int tc_json_pool_init(struct tc_json_pool *pool, size_t value_max, struct tc_mem *mem,
                      const char *holder, struct tc_err *err) TC_MUST_CHECK;

/* Parses one value with nothing but white space around it (RFC 8259). TC_OK and *root, which is
 * valid until the next parse with this pool and refers to no byte of the input; -TC_ELIMIT: longer
 * than value_max; -TC_EUTF8: not UTF-8; -TC_EINVAL: not JSON; -TC_EDEPTH: arrays and objects nested
 * deeper than depth_max (at most 64; a scalar is at depth 0); *root is set then too, and NULL for
 * the other errors. */
int tc_json_parse(struct tc_json_pool *pool, const void *bytes, size_t len, uint32_t depth_max,
                  struct yyjson_val **root) TC_MUST_CHECK;

/* The same, for the verdict only. */
int tc_json_check(struct tc_json_pool *pool, const void *bytes, size_t len,
                  uint32_t depth_max) TC_MUST_CHECK;

/* The member at a dotted path ("data.s"), its first if a name comes twice, NULL if there is none.
 * An element of an array cannot be reached. */
struct yyjson_val *tc_json_at(struct yyjson_val *root, struct tc_str path);

/* The text of a string, a number (as written) or a bool. False for null, arrays, objects, NULL. */
bool tc_json_text(struct yyjson_val *value, struct tc_str *out);

/* What tc_json_escape returns when cap is too small. */
#define TC_JSON_NO_ROOM SIZE_MAX

/* Writes text as the inside of a JSON string (without quotes): control characters, quote and
 * backslash escaped, bytes that are not UTF-8 replaced by U+FFFD. At most 6 bytes for one of text.
 * Returns bytes written, or TC_JSON_NO_ROOM. */
size_t tc_json_escape(char *out, size_t cap, struct tc_str text);

#endif
