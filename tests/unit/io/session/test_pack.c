// SPDX-License-Identifier: Apache-2.0
/* Goal: bytes and fields that wait are whole and in order in their block, whatever its size; and
 * the slab has all of it back. */
#include "io/session/pack.h"

#include <criterion/criterion.h>

static struct tc_mem mem;
static struct tc_slab slab;
static struct tc_block block;

static void set_up(uint64_t bytes)
{
    struct tc_err err = { 0 };
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_slab_init(&slab, &mem, "slab", bytes, &err), TC_OK);
    tc_mem_seal(&mem);
}

static void tear_down(void)
{
    tc_block_free(&slab, &block);
    cr_assert(block.cap == 0 && block.len == 0 && block.off == 0);
    cr_assert_eq(slab.used_bytes, 0);
    tc_mem_fini(&mem);
}

/* ---- block ---- */

Test(block, append_and_take)
{
    /* Goal: a queue of bytes: what is taken is what came first, in steps of any size, also when
     * the block grows while some of it has been taken. */
    uint8_t in[1000];
    uint8_t out[1000];
    set_up(1 << 20);
    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)(i * 7);
    for (size_t step = 1; step < 300; step += 7) {
        size_t put = 0;
        size_t got = 0;
        while (got < sizeof(in)) {
            size_t n = TC_MIN(step, sizeof(in) - put);
            cr_assert(tc_block_append(&slab, &block, in + put, n));
            put += n;
            cr_assert_eq(tc_block_left(&block), put - got);
            n = put == sizeof(in) ? put - got : step / 2;
            cr_assert_arr_eq(tc_block_at(&slab, &block), in + got, put - got);
            tc_block_take(&slab, &block, out + got, n);
            got += n;
        }
        cr_assert_arr_eq(in, out, sizeof(in));
        cr_assert_eq(slab.used_bytes, 0, "the last byte gives the block back");
    }
    tear_down();
}

Test(block, nothing)
{
    /* Goal: nothing appended or taken changes nothing; an empty one needs no memory. */
    set_up(1 << 20);
    cr_assert(tc_block_append(&slab, &block, NULL, 0));
    tc_block_take(&slab, &block, NULL, 0);
    cr_assert_eq(slab.used_bytes, 0);
    cr_assert_eq(tc_block_left(&block), 0);
    tear_down();
}

Test(block, no_memory)
{
    /* Goal: what does not fit leaves the block as it was; the largest block fits exactly. */
    static uint8_t many[TC_SLAB_BLOCK_MAX + 1];
    uint8_t out[4];
    set_up(8 << 20);
    cr_assert_not(tc_block_append(&slab, &block, many, sizeof(many)));
    cr_assert_eq(slab.used_bytes, 0);
    cr_assert(tc_block_append(&slab, &block, many, sizeof(many) - 1));
    cr_assert_not(tc_block_append(&slab, &block, many, 1));
    tc_block_take(&slab, &block, out, 4);
    cr_assert(tc_block_append(&slab, &block, "last", 4), "it moves down");
    cr_assert_not(tc_block_append(&slab, &block, many, 1));
    cr_assert_eq(tc_block_left(&block), TC_SLAB_BLOCK_MAX);
    cr_assert_arr_eq(tc_block_at(&slab, &block) + TC_SLAB_BLOCK_MAX - 4, "last", 4);
    tear_down();
    set_up(1024);
    cr_assert(tc_block_append(&slab, &block, "kept", 4));
    cr_assert_not(tc_block_append(&slab, &block, many, 2000));
    cr_assert_eq(tc_block_left(&block), 4);
    cr_assert_arr_eq(tc_block_at(&slab, &block), "kept", 4);
    tear_down();
}

/* ---- fields ---- */

static bool add(const char *name, size_t name_len, const char *value, size_t value_len)
{
    struct tc_http1_field field = { { name, name_len }, { value, value_len } };
    return tc_pack_add(&slab, &block, &field);
}

Test(pack, fields)
{
    /* Goal: fields come out as they went in, in order, empty ones too; at most as many as asked
     * for. */
    struct tc_http1_field fields[5];
    set_up(1 << 20);
    cr_assert_eq(tc_pack_fields(&slab, &block, fields, 5), 0);
    cr_assert(add("a", 1, "1", 1));
    cr_assert(add("bb", 2, "", 0));
    cr_assert(add("", 0, "v\0w", 3));
    cr_assert(add("a", 1, "2", 1));
    memset(fields, 0, sizeof(fields));
    cr_assert_eq(tc_pack_fields(&slab, &block, fields, 5), 4);
    cr_assert(tc_str_eq(fields[0].name, TC_STR("a")) && tc_str_eq(fields[0].value, TC_STR("1")));
    cr_assert(tc_str_eq(fields[1].name, TC_STR("bb")) && fields[1].value.len == 0);
    cr_assert(fields[2].name.len == 0 && tc_str_eq(fields[2].value, TC_STR("v\0w")));
    cr_assert(tc_str_eq(fields[3].value, TC_STR("2")));
    cr_assert_null(fields[4].name.ptr);
    memset(fields, 0, sizeof(fields));
    cr_assert_eq(tc_pack_fields(&slab, &block, fields, 2), 2);
    cr_assert_null(fields[2].name.ptr);
    cr_assert_eq(tc_pack_fields(&slab, &block, fields, 0), 0);
    tear_down();
}

Test(pack, bounds)
{
    /* Goal: 65535 bytes are packed, one more is refused; a field for which there is no memory in
     * its middle leaves those before it as they were. */
    static char text[UINT16_MAX + 1];
    struct tc_http1_field fields[3];
    set_up(1 << 20);
    memset(text, 'x', sizeof(text));
    cr_assert_not(add(text, UINT16_MAX + 1, "v", 1));
    cr_assert_not(add("n", 1, text, UINT16_MAX + 1));
    cr_assert_eq(slab.used_bytes, 0);
    cr_assert(add(text, UINT16_MAX, text, UINT16_MAX));
    cr_assert_eq(tc_pack_fields(&slab, &block, fields, 3), 1);
    cr_assert(fields[0].name.len == UINT16_MAX && fields[0].value.len == UINT16_MAX);
    tear_down();
    set_up(4096);
    cr_assert(add("first", 5, "1", 1));
    cr_assert_not(add("second", 6, text, 4000));
    cr_assert_not(add(text, 4000, "2", 1));
    cr_assert_eq(tc_pack_fields(&slab, &block, fields, 3), 1);
    cr_assert(add("third", 5, "3", 1));
    cr_assert_eq(tc_pack_fields(&slab, &block, fields, 3), 2);
    cr_assert(tc_str_eq(fields[1].name, TC_STR("third")));
    cr_assert(tc_str_eq(fields[0].value, TC_STR("1")));
    tear_down();
}

Test(pack, no_memory_at_all)
{
    /* Goal: a first field that fails leaves nothing behind that counts. */
    static char text[4000];
    struct tc_http1_field fields[1];
    set_up(1024);
    memset(text, 'x', sizeof(text));
    cr_assert_not(add("n", 1, text, sizeof(text)));
    cr_assert_eq(tc_pack_fields(&slab, &block, fields, 1), 0);
    tear_down();
}
