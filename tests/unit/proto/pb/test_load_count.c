// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "tests/unit/proto/pb/fixture.h"

Test(load_count, names)
{
    /* goal: names that are none, of every kind of thing, are refused with the file's name */
    static const char *const bad[] = { "", "1a", "a-b", "a b", "a.b", "k\xc3\xb6", "a\"" };
    for (size_t i = 0; i < TC_ARRAY_CNT(bad); i++) {
        for (uint32_t kind = TC_PB_FILE_MESSAGE; kind <= TC_PB_FILE_SERVICE; kind++) {
            set_begin();
            uint8_t *f = file("some.proto", "a", "proto3");
            end(part(kind, bad[i]));
            end(f);
            cr_expect_eq(set_load(), -TC_EINVAL, "\"%s\" of kind %u", bad[i], kind);
            cr_expect(strstr(err.text, "some.proto"), "%s", err.text);
            unload();
        }
    }
}

Test(load_count, packages)
{
    /* goal: packages are names with dots between */
    static const struct {
        const char *package;
        int rc;
    } cases[] = {
        { "", TC_OK },        { "a", TC_OK },         { "a.b_1.C", TC_OK },  { ".a", -TC_EINVAL },
        { "a.", -TC_EINVAL }, { "a..b", -TC_EINVAL }, { "a.1", -TC_EINVAL }, { "a b", -TC_EINVAL },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        set_begin();
        uint8_t *f = file("a.proto", cases[i].package, "proto3");
        end(part(TC_PB_FILE_MESSAGE, "M"));
        end(f);
        cr_expect_eq(set_load(), cases[i].rc, "%s", cases[i].package);
        unload();
    }
}

Test(load_count, json_name)
{
    /* goal: a JSON name that would have to be escaped is refused: names are written as they are */
    static const struct {
        const char *name;
        int rc;
    } cases[] = {
        { "other-name", TC_OK }, { "k\xc3\xb6", TC_OK }, { "a\"b", -TC_EINVAL },
        { "a\\b", -TC_EINVAL },  { "a\nb", -TC_EINVAL }, { "\xff", -TC_EINVAL },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        set_begin();
        uint8_t *f = file("a.proto", "a", "proto3");
        uint8_t *m = part(TC_PB_FILE_MESSAGE, "M");
        uint8_t *x = part(TC_PB_MESSAGE_FIELD, "price");
        put_value(TC_PB_FIELD_NUMBER, 1);
        put_value(TC_PB_FIELD_TYPE, TC_PB_STRING);
        put_text(TC_PB_FIELD_JSON_NAME, cases[i].name);
        end(x);
        end(m);
        end(f);
        cr_expect_eq(set_load(), cases[i].rc, "%s", cases[i].name);
        unload();
    }
}

Test(load_count, depth)
{
    /* goal: types nested in types up to 32 deep */
    for (int depth = 31; depth <= 33; depth++) {
        uint8_t *marks[40];
        set_begin();
        uint8_t *f = file("a.proto", "a", "proto3");
        for (int i = 0; i < depth; i++)
            marks[i] = part(i == 0 ? TC_PB_FILE_MESSAGE : TC_PB_MESSAGE_NESTED, "M");
        for (int i = depth; i > 0; i--)
            end(marks[i - 1]);
        end(f);
        cr_expect_eq(set_load(), depth <= TC_PB_DEPTH_MAX ? TC_OK : -TC_ELIMIT, "%d", depth);
        unload();
    }
}

Test(load_count, long_names)
{
    /* goal: a full name has 512 bytes at most, and what is nested counts */
    for (size_t len = 509; len <= 511; len++) {
        char name[600];
        memset(name, 'n', len);
        name[len] = '\0';
        set_begin();
        uint8_t *f = file("a.proto", "a", "proto3");
        end(part(TC_PB_FILE_MESSAGE, name)); /* a.nnn */
        end(f);
        cr_expect_eq(set_load(), len + 2 <= TC_PB_NAME_MAX ? TC_OK : -TC_ELIMIT, "%zu", len);
        unload();
    }
}

Test(load_count, fields)
{
    /* goal: a message has 1024 fields at most */
    for (int cnt = 1024; cnt <= 1025; cnt++) {
        set_begin();
        uint8_t *f = file("a.proto", "a", "proto3");
        uint8_t *m = part(TC_PB_FILE_MESSAGE, "M");
        for (int i = 1; i <= cnt; i++) {
            char name[16];
            snprintf(name, sizeof(name), "f%d", i);
            field(name, (uint32_t)i, 1, TC_PB_INT32, NULL);
        }
        end(m);
        end(f);
        cr_expect_eq(set_load(), cnt <= TC_PB_MESSAGE_FIELDS_MAX ? TC_OK : -TC_ELIMIT);
        unload();
    }
}

Test(load_count, malformed)
{
    /* goal: bytes that are no message, at each level, are refused before anything is read of them
     */
    static const struct tc_str bad = { "\x0a\x7fx", 3 };
    for (int level = 0; level < 4; level++) {
        uint8_t *marks[3];
        set_begin();
        for (int i = 0; i < level; i++)
            marks[i] = i == 0   ? file("a.proto", "a", "proto3")
                       : i == 1 ? part(TC_PB_FILE_MESSAGE, "M")
                                : part(TC_PB_MESSAGE_FIELD, "f");
        tc_pb_put(&set, bad.ptr, bad.len);
        for (int i = level; i > 0; i--)
            end(marks[i - 1]);
        cr_expect_eq(set_load(), -TC_EINVAL, "level %d", level);
        unload();
    }
}
