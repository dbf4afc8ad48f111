// SPDX-License-Identifier: Apache-2.0
/* proto/transcode/inner: what the two halves of each direction share. Private to this folder.
 *
 * In every function depth is that of the message that is meant, 1 for the outermost, and the one
 * that writes a message judges it. */
#ifndef TC_PROTO_TRANSCODE_INNER_H
#define TC_PROTO_TRANSCODE_INNER_H

#include "proto/transcode/lex.h"
#include "proto/transcode/transcode.h"

/* Field numbers of google.protobuf's messages. */
enum {
    TC_WK_ANY_TYPE = 1,
    TC_WK_ANY_VALUE = 2,
    TC_WK_SECONDS = 1,
    TC_WK_NANOS = 2,
    TC_WK_PATHS = 1,
    TC_WK_STRUCT_FIELDS = 1,
    TC_WK_KEY = 1, /* of an entry of a map */
    TC_WK_ENTRY_VALUE = 2,
    TC_WK_VALUE_NULL = 1,
    TC_WK_VALUE_NUMBER = 2,
    TC_WK_VALUE_STRING = 3,
    TC_WK_VALUE_BOOL = 4,
    TC_WK_VALUE_STRUCT = 5,
    TC_WK_VALUE_LIST = 6,
    TC_WK_LIST_VALUES = 1,
};

/* Remembers why and returns code. */
static inline int tc_transcode_fail(struct tc_transcode *t, int code, const char *detail)
{
    if (!t->detail)
        t->detail = detail;
    return code;
}

/* On the way out of an error: remembers the innermost field; returns rc. */
static inline int tc_transcode_leave(struct tc_transcode *t, const struct tc_pb_field *field,
                                     int rc)
{
    if (TC_UNLIKELY(rc < 0) && t->field.len == 0)
        t->field = field->name;
    return rc;
}

/* The message that an Any's type URL means; NULL: the schema does not have it, or the URL is too
 * long or would have to be escaped in JSON. */
const struct tc_pb_message *tc_transcode_type(const struct tc_transcode *t, struct tc_str url);

/* ---- to JSON ---- */

struct tc_to_json {
    struct tc_transcode *t;
    struct tc_pb_out *out;
    uint32_t mixed_cnt; /* fields looked at again, over all messages */
};

int tc_to_json_message(struct tc_to_json *w, const struct tc_pb_message *type, struct tc_str bytes,
                       uint32_t depth) TC_MUST_CHECK;

/* The members without braces; is_first: no member stands before them. */
int tc_to_json_fields(struct tc_to_json *w, const struct tc_pb_message *type, struct tc_str bytes,
                      uint32_t depth, bool is_first) TC_MUST_CHECK;

/* A string with quotes; -TC_EUTF8. */
int tc_to_json_text(struct tc_to_json *w, struct tc_str text) TC_MUST_CHECK;

/* One value of a type that is no message; item may be NULL: zero. */
int tc_to_json_scalar(struct tc_to_json *w, const struct tc_pb_field *field,
                      const struct tc_pb_item *item) TC_MUST_CHECK;

/* A message with a form of its own. */
int tc_to_json_well_known(struct tc_to_json *w, const struct tc_pb_message *type,
                          struct tc_str bytes, uint32_t depth) TC_MUST_CHECK;

/* A field that the type does not have: passed over, or an error. */
int tc_to_json_unknown(struct tc_to_json *w) TC_MUST_CHECK;

static inline void tc_to_json_put(struct tc_to_json *w, struct tc_str text)
{
    tc_pb_put(w->out, text.ptr, text.len);
}

/* ---- to protobuf ---- */

/* What a value may turn out to be. */
enum { TC_TO_PB_LEFT_OUT = 1 }; /* an unknown name of an enum, where unknown is ignored */

struct tc_to_pb {
    struct tc_transcode *t;
    struct tc_pb_out *out;
    struct tc_lex lex;
};

/* The content of a message, without tag and length. */
int tc_to_pb_message(struct tc_to_pb *w, const struct tc_pb_message *type,
                     uint32_t depth) TC_MUST_CHECK;

/* The members of an object whose '{' was taken, up to its '}'; is_any: "@type" is passed over. */
int tc_to_pb_fields(struct tc_to_pb *w, const struct tc_pb_message *type, uint32_t depth,
                    bool is_any) TC_MUST_CHECK;

/* A string as the content of a length-delimited field: its length and its text. */
int tc_to_pb_text(struct tc_to_pb *w, uint32_t number) TC_MUST_CHECK;

/* A short string to buf; its bytes, or -TC_EINVAL: none, or longer than cap. */
int tc_to_pb_short(struct tc_to_pb *w, char *buf, size_t cap) TC_MUST_CHECK;

/* One value that is no message, with its tag unless it is packed. is_zero_kept: a zero is written
 * too. 0, TC_TO_PB_LEFT_OUT, or an error. */
int tc_to_pb_scalar(struct tc_to_pb *w, const struct tc_pb_field *field, bool is_packed,
                    bool is_zero_kept) TC_MUST_CHECK;

int tc_to_pb_well_known(struct tc_to_pb *w, const struct tc_pb_message *type,
                        uint32_t depth) TC_MUST_CHECK;

/* A member that the type does not have: passed over, or an error. */
int tc_to_pb_unknown(struct tc_to_pb *w) TC_MUST_CHECK;

static inline int tc_to_pb_fail(struct tc_to_pb *w, const char *detail)
{
    return tc_transcode_fail(w->t, -TC_EINVAL, detail);
}

#endif
