// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>

#include "core/conf/arena.h"

Test(arena, texts_and_zeroes)
{
    /* Goal: takes are zeroed and aligned, texts are ended copies, and a drop empties the arena. */
    void *arena = NULL;
    unsigned char *bytes = tc_arena_take(&arena, 100);
    cr_assert_eq((uintptr_t)bytes % _Alignof(max_align_t), 0);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(bytes[i], 0);
    char source[] = "abcdef";
    char *copy = tc_arena_text(&arena, (struct tc_str){ source, 3 });
    source[0] = 'x';
    cr_assert_str_eq(copy, "abc");
    cr_assert_str_eq(tc_arena_text(&arena, (struct tc_str){ NULL, 0 }), "");
    tc_arena_drop(&arena);
    cr_assert_null(arena);
    tc_arena_drop(&arena);
}
