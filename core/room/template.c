// SPDX-License-Identifier: Apache-2.0
#include "core/room/template.h"

static const struct tc_str private_prefixes[] = {
    { "orders-", 7 },
    { "portfolio-", 10 },
    { "notifications-", 14 },
};

/* ---- names ---- */

bool tc_room_name_has(unsigned char byte)
{
    return byte > ' ' && byte < 0x7f && byte != '"' && byte != '\\' && byte != '*' && byte != ',';
}

int tc_room_name_check(struct tc_str name)
{
    if (name.len == 0 || name.len > TC_ROOM_NAME_MAX)
        return -TC_EINVAL;
    for (size_t i = 0; i < name.len; i++) {
        if (!tc_room_name_has((unsigned char)name.ptr[i]))
            return -TC_EINVAL;
    }
    return TC_OK;
}

bool tc_room_name_is_private(struct tc_str name)
{
    for (size_t i = 0; i < TC_ARRAY_CNT(private_prefixes); i++) {
        if (tc_str_starts(name, private_prefixes[i]))
            return true;
    }
    return false;
}

/* ---- compile ---- */

/* What stands between braces; with an argument after ":" or without. */
static const struct {
    struct tc_str name;
    uint8_t kind;
    bool has_arg;
} placeholders[] = {
    { { "key", 3 }, TC_TEMPLATE_KEY, false },
    { { "topic", 5 }, TC_TEMPLATE_TOPIC, false },
    { { "partition", 9 }, TC_TEMPLATE_PARTITION, false },
    { { "header", 6 }, TC_TEMPLATE_HEADER, true },
    { { "field", 5 }, TC_TEMPLATE_FIELD, true },
    { { "n", 1 }, TC_TEMPLATE_NUMBER, false },
};

static int add_part(struct tc_template *tpl, uint8_t kind, size_t off, size_t len,
                    struct tc_err *err)
{
    if (tpl->part_cnt == TC_TEMPLATE_PARTS_MAX)
        return tc_err_set(err, -TC_ELIMIT, "more than %d parts (texts and placeholders)",
                          TC_TEMPLATE_PARTS_MAX);
    tpl->parts[tpl->part_cnt++] =
        (struct tc_template_part){ .kind = kind, .off = (uint16_t)off, .len = (uint16_t)len };
    tpl->has_field |= kind == TC_TEMPLATE_FIELD;
    return TC_OK;
}

static int check_path(struct tc_str path, struct tc_err *err)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '.' && (i == 0 || i + 1 == path.len || path.ptr[i - 1] == '.'))
            return tc_err_set(err, -TC_EINVAL, "{field:%.*s}: a name is missing beside a dot",
                              (int)path.len, path.ptr);
    }
    return TC_OK;
}

/* text[off, end) is what stands between the braces. */
static int add_placeholder(struct tc_template *tpl, size_t off, size_t end, struct tc_err *err)
{
    struct tc_str inside = { tpl->text + off, end - off };
    const char *colon = memchr(inside.ptr, ':', inside.len);
    struct tc_str name = { inside.ptr, colon ? (size_t)(colon - inside.ptr) : inside.len };
    for (size_t i = 0; i < TC_ARRAY_CNT(placeholders); i++) {
        if (!tc_str_eq(name, placeholders[i].name))
            continue;
        struct tc_str arg = { colon ? colon + 1 : NULL, colon ? inside.len - name.len - 1 : 0 };
        if (placeholders[i].has_arg != (arg.len > 0) || (colon && arg.len == 0))
            return tc_err_set(err, -TC_EINVAL,
                              placeholders[i].has_arg ? "{%.*s} needs a name: {header:NAME}, "
                                                        "{field:PATH}"
                                                      : "{%.*s} takes no name after it",
                              (int)name.len, name.ptr);
        if (placeholders[i].kind == TC_TEMPLATE_FIELD && check_path(arg, err) < 0)
            return -TC_EINVAL;
        return add_part(tpl, placeholders[i].kind, arg.len ? (size_t)(arg.ptr - tpl->text) : off,
                        arg.len, err);
    }
    return tc_err_set(err, -TC_EINVAL,
                      "unknown placeholder {%.*s}; there are {key}, {topic}, {partition}, "
                      "{header:NAME}, {field:PATH} and, for generators, {n}",
                      (int)inside.len, inside.ptr);
}

static int check_whole(const struct tc_template *tpl, struct tc_err *err)
{
    size_t literal_len = 0;
    for (size_t i = 0; i < tpl->part_cnt; i++) {
        if (tpl->parts[i].kind == TC_TEMPLATE_LITERAL)
            literal_len += tpl->parts[i].len;
        else
            literal_len++; /* a placeholder stands for one byte at least */
    }
    if (literal_len > TC_ROOM_NAME_MAX)
        return tc_err_set(err, -TC_ELIMIT, "its names would be longer than %d bytes",
                          TC_ROOM_NAME_MAX);
    if (tc_room_name_is_private(tc_template_prefix(tpl)))
        return tc_err_set(err, -TC_EINVAL,
                          "rooms that begin with orders-, portfolio- or notifications- need "
                          "authorization, which is not supported yet: choose another beginning");
    return TC_OK;
}

static int compile_parts(struct tc_template *tpl, size_t len, struct tc_err *err)
{
    size_t at = 0;
    while (at < len) {
        size_t start = at;
        int rc;
        if (tpl->text[at] == '{') {
            const char *close = memchr(tpl->text + at, '}', len - at);
            if (!close)
                return tc_err_set(err, -TC_EINVAL, "a { without its }");
            at = (size_t)(close - tpl->text) + 1;
            rc = add_placeholder(tpl, start + 1, at - 1, err);
        } else {
            while (at < len && tpl->text[at] != '{') {
                unsigned char c = (unsigned char)tpl->text[at];
                if (c == '}')
                    return tc_err_set(err, -TC_EINVAL, "a } without its {");
                if (!tc_room_name_has(c))
                    return tc_err_set(err, -TC_EINVAL,
                                      "byte 0x%02x is not allowed in a room name (printable ASCII "
                                      "without space, \", \\, * and comma is)",
                                      c);
                at++;
            }
            rc = add_part(tpl, TC_TEMPLATE_LITERAL, start, at - start, err);
        }
        if (rc < 0)
            return rc;
    }
    return TC_OK;
}

int tc_template_compile(struct tc_template *tpl, struct tc_str text, struct tc_err *err)
{
    memset(tpl, 0, sizeof(*tpl));
    if (text.len == 0)
        return tc_err_set(err, -TC_EINVAL, "an empty room template");
    if (text.len > TC_TEMPLATE_TEXT_MAX)
        return tc_err_set(err, -TC_ELIMIT, "a room template of more than %d bytes",
                          TC_TEMPLATE_TEXT_MAX);
    memcpy(tpl->text, text.ptr, text.len);
    int rc = compile_parts(tpl, text.len, err);
    return rc < 0 ? rc : check_whole(tpl, err);
}

struct tc_str tc_template_prefix(const struct tc_template *tpl)
{
    if (tpl->part_cnt == 0 || tpl->parts[0].kind != TC_TEMPLATE_LITERAL)
        return (struct tc_str){ tpl->text, 0 };
    return tc_template_text(tpl, &tpl->parts[0]);
}

/* ---- match ---- */

/* Bits of positions in a name, 0..TC_ROOM_NAME_MAX. */
struct places {
    uint8_t is[TC_ROOM_NAME_MAX + 1];
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A part of fixed text: a literal, or the topic's name. */
static bool is_fixed(const struct tc_template *tpl, const struct tc_template_part *part,
                     struct tc_str topic, struct tc_str *text)
{
    if (part->kind == TC_TEMPLATE_TOPIC)
        *text = topic;
    else if (part->kind == TC_TEMPLATE_LITERAL)
        *text = tc_template_text(tpl, part);
    else
        return false;
    return true;
}

/* Whether the byte at `at` may stand inside a placeholder of that kind. */
static bool is_inside(uint8_t kind, char c)
{
    return (kind != TC_TEMPLATE_PARTITION && kind != TC_TEMPLATE_NUMBER) || is_digit(c);
}

/* from: where this part may begin, so that it and all after it reach the end of name; after: the
 * same of the part behind it. Linear in the name: a placeholder is one byte, then itself again or
 * the next part. */
static void match_part(const struct tc_template *tpl, const struct tc_template_part *part,
                       struct tc_str topic, struct tc_str name, const struct places *after,
                       struct places *from)
{
    struct tc_str text;
    memset(from, 0, sizeof(*from));
    if (is_fixed(tpl, part, topic, &text)) {
        for (size_t at = 0; at + text.len <= name.len && text.len > 0; at++)
            from->is[at] =
                after->is[at + text.len] && memcmp(name.ptr + at, text.ptr, text.len) == 0;
        return;
    }
    for (size_t at = name.len; at-- > 0;)
        from->is[at] =
            is_inside(part->kind, name.ptr[at]) && (after->is[at + 1] || from->is[at + 1]);
}

bool tc_template_matches(const struct tc_template *tpl, struct tc_str topic, struct tc_str name)
{
    struct places from[2]; /* of this part and of the one behind it */
    if (!tc_str_starts(name, tc_template_prefix(tpl)) || tc_room_name_check(name) < 0)
        return false;
    memset(&from[tpl->part_cnt % 2], 0, sizeof(from[0]));
    from[tpl->part_cnt % 2].is[name.len] = 1;
    for (size_t i = tpl->part_cnt; i-- > 0;)
        match_part(tpl, &tpl->parts[i], topic, name, &from[(i + 1) % 2], &from[i % 2]);
    return from[0].is[0];
}

/* ---- intersect ---- */

enum { ANY = 256, DIGIT }; /* one or more of these; below 256: that byte */

/* A template as a row of steps, each of which takes a byte. */
struct steps {
    uint16_t is[TC_ROOM_NAME_MAX];
    size_t cnt;
};

static void to_steps(const struct tc_template *tpl, struct steps *out)
{
    out->cnt = 0;
    for (size_t i = 0; i < tpl->part_cnt; i++) {
        const struct tc_template_part *part = &tpl->parts[i];
        if (part->kind == TC_TEMPLATE_LITERAL) {
            for (size_t j = 0; j < part->len; j++)
                out->is[out->cnt++] = (unsigned char)tpl->text[part->off + j];
        } else {
            bool is_number =
                part->kind == TC_TEMPLATE_PARTITION || part->kind == TC_TEMPLATE_NUMBER;
            out->is[out->cnt++] = is_number ? DIGIT : ANY;
        }
    }
}

static bool share_byte(uint16_t a, uint16_t b)
{
    if (a == b || a == ANY || b == ANY)
        return true;
    if (a == DIGIT)
        return b < ANY && is_digit((char)b);
    return b == DIGIT && a < ANY && is_digit((char)a);
}

bool tc_template_intersects(const struct tc_template *a, const struct tc_template *b)
{
    /* cell[i][j]: some text brings a before its step i and b before its step j. Each byte moves one
     * or both on, or neither where both repeat; so one pass in this order sees all. */
    struct steps sa, sb;
    bool cell[TC_ROOM_NAME_MAX + 1][TC_ROOM_NAME_MAX + 1] = { 0 };
    to_steps(a, &sa);
    to_steps(b, &sb);
    cell[0][0] = true;
    for (size_t i = 0; i < sa.cnt; i++) {
        for (size_t j = 0; j < sb.cnt; j++) {
            if (!cell[i][j] || !share_byte(sa.is[i], sb.is[j]))
                continue;
            cell[i + 1][j + 1] = true;
            if (sa.is[i] >= ANY)
                cell[i][j + 1] = true;
            if (sb.is[j] >= ANY)
                cell[i + 1][j] = true;
        }
    }
    return cell[sa.cnt][sb.cnt];
}
