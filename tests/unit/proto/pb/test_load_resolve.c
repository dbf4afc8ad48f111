// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/proto/pb/fixture.h"

enum { OPTIONAL = 1, REPEATED = 3 };

Test(load_resolve, types)
{
    /* goal: names of types lead to them, forward, backward and to themselves, and only so */
    static const struct {
        const char *type_name;
        uint32_t type;
        int rc;
    } cases[] = {
        { ".a.M", TC_PB_MESSAGE, TC_OK },
        { ".a.Later", TC_PB_MESSAGE, TC_OK },
        { ".a.E", TC_PB_ENUM, TC_OK },
        { "a.M", TC_PB_MESSAGE, -TC_ENOTFOUND },
        { ".a.Nope", TC_PB_MESSAGE, -TC_ENOTFOUND },
        { ".a.E", TC_PB_MESSAGE, -TC_ENOTFOUND },
        { ".a.M", TC_PB_ENUM, -TC_ENOTFOUND },
        { "", TC_PB_MESSAGE, -TC_ENOTFOUND },
        { NULL, TC_PB_ENUM, -TC_ENOTFOUND },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(cases); i++) {
        set_begin();
        uint8_t *f = file("a.proto", "a", "proto3");
        uint8_t *m = part(TC_PB_FILE_MESSAGE, "M");
        field("x", 1, OPTIONAL, cases[i].type, cases[i].type_name);
        end(m);
        end(part(TC_PB_FILE_MESSAGE, "Later"));
        uint8_t *e = part(TC_PB_FILE_ENUM, "E");
        end(part(TC_PB_ENUM_VALUE, "ZERO"));
        end(e);
        end(f);
        cr_expect_eq(set_load(), cases[i].rc, "case %zu: %s", i, err.text);
        unload();
    }
}

Test(load_resolve, methods)
{
    /* goal: a method without its types is refused with its name */
    set_begin();
    uint8_t *f = file("a.proto", "a", "proto3");
    end(part(TC_PB_FILE_MESSAGE, "M"));
    uint8_t *s = part(TC_PB_FILE_SERVICE, "S");
    uint8_t *m = part(TC_PB_SERVICE_METHOD, "Call");
    put_text(TC_PB_METHOD_INPUT, ".a.M");
    put_text(TC_PB_METHOD_OUTPUT, ".a.Nope");
    end(m);
    end(s);
    end(f);
    cr_expect_eq(set_load(), -TC_ENOTFOUND);
    cr_expect(strstr(err.text, "Call"), "%s", err.text);
    unload();
}

Test(load_resolve, twice)
{
    /* goal: two fields of one number, or of one name in JSON; two values of one name */
    for (int what = 0; what < 3; what++) {
        set_begin();
        uint8_t *f = file("a.proto", "a", "proto3");
        uint8_t *m = part(TC_PB_FILE_MESSAGE, "M");
        field("foo_bar", 1, OPTIONAL, TC_PB_INT32, NULL);
        field(what == 1 ? "fooBar" : "other", what == 0 ? 1 : 2, OPTIONAL, TC_PB_INT32, NULL);
        end(m);
        uint8_t *e = part(TC_PB_FILE_ENUM, "E");
        end(part(TC_PB_ENUM_VALUE, "ZERO"));
        end(part(TC_PB_ENUM_VALUE, what == 2 ? "ZERO" : "ALIAS"));
        end(e);
        end(f);
        cr_expect_eq(set_load(), -TC_EEXIST, "%d: %s", what, err.text);
        unload();
    }
}

Test(load_resolve, empty_enum)
{
    /* goal: an enum without a value is refused, as it has no zero */
    set_begin();
    uint8_t *f = file("a.proto", "a", "proto3");
    end(part(TC_PB_FILE_ENUM, "E"));
    end(f);
    cr_expect_eq(set_load(), -TC_EINVAL);
    unload();
}

/* A map whose entry has these fields. */
static int load_map(uint32_t label, uint32_t key_type, uint32_t key_number, uint32_t value_label)
{
    set_begin();
    uint8_t *f = file("a.proto", "a", "proto3");
    uint8_t *m = part(TC_PB_FILE_MESSAGE, "M");
    field("map", 1, label, TC_PB_MESSAGE, ".a.M.MapEntry");
    uint8_t *entry = part(TC_PB_MESSAGE_NESTED, "MapEntry");
    field("key", key_number, OPTIONAL, key_type, NULL);
    field("value", 2, value_label, TC_PB_INT32, NULL);
    uint8_t *options = tc_pb_open(&set, TC_PB_MESSAGE_OPTIONS);
    put_value(TC_PB_OPTION_MAP_ENTRY, 1);
    end(options);
    end(entry);
    end(m);
    end(f);
    int rc = set_load();
    unload();
    return rc;
}

Test(load_resolve, maps)
{
    /* goal: an entry is a key of a whole type and one value, and its field repeated */
    cr_expect_eq(load_map(REPEATED, TC_PB_STRING, 1, OPTIONAL), TC_OK);
    cr_expect_eq(load_map(REPEATED, TC_PB_BOOL, 1, OPTIONAL), TC_OK);
    cr_expect_eq(load_map(OPTIONAL, TC_PB_STRING, 1, OPTIONAL), -TC_EINVAL);
    cr_expect_eq(load_map(REPEATED, TC_PB_DOUBLE, 1, OPTIONAL), -TC_EINVAL);
    cr_expect_eq(load_map(REPEATED, TC_PB_BLOB, 1, OPTIONAL), -TC_EINVAL);
    cr_expect_eq(load_map(REPEATED, TC_PB_STRING, 3, OPTIONAL), -TC_EINVAL);
    cr_expect_eq(load_map(REPEATED, TC_PB_STRING, 1, REPEATED), -TC_EINVAL);
}

Test(load_resolve, wrapper)
{
    /* goal: a well-known wrapper that is none is refused, since its first field is relied on */
    set_begin();
    uint8_t *f = file("w.proto", "google.protobuf", "proto3");
    end(part(TC_PB_FILE_MESSAGE, "Int64Value"));
    end(f);
    cr_expect_eq(set_load(), -TC_EINVAL);
    cr_expect(strstr(err.text, "google.protobuf.Int64Value"), "%s", err.text);
    unload();
}
