// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/pub_input.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

Test(pub_input, synth_is_a_function_of_its_seed)
{
    /* Goal: equal seeds give equal feeds, paced by the rate. */
    struct tc_err err;
    struct tc_pub_item a_item;
    struct tc_pub_item b_item;
    struct tc_pub_input *a = tc_pub_input_synth(1000, 300, 7);
    struct tc_pub_input *b = tc_pub_input_synth(1000, 300, 7);
    for (int i = 0; i < 100000; i++) {
        cr_assert_eq(tc_pub_input_next(a, &a_item, &err), 1);
        cr_assert_eq(tc_pub_input_next(b, &b_item, &err), 1);
        cr_assert(tc_str_eq(a_item.key, b_item.key) && tc_str_eq(a_item.value, b_item.value));
        cr_assert_eq(a_item.due_ns, (int64_t)i * 1000000);
        cr_assert_eq(a_item.value.ptr[a_item.value.len - 1], '}');
    }
    tc_pub_input_close(a);
    tc_pub_input_close(b);
}

Test(pub_input, replay_keeps_time_and_counts_what_it_skips)
{
    /* Goal: due times follow the recording and its speed; lines without a symbol are counted. */
    char path[] = "/tmp/tc_pub_input_XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    struct tc_err err;
    struct tc_pub_item item;
    fputs("1000 {\"s\":\"A\",\"n\":1}\n1500 {\"nobody\":1}\n2000 {\"stream\":\"b@trade\"}", file);
    fclose(file);
    struct tc_pub_input *input = tc_pub_input_replay(path, 2, &err);
    cr_assert_not_null(input);
    cr_assert_eq(tc_pub_input_next(input, &item, &err), 1);
    cr_assert(tc_str_eq(item.key, TC_STR("A")));
    cr_assert_eq(item.due_ns, 0);
    cr_assert_eq(tc_pub_input_next(input, &item, &err), 1);
    cr_assert(tc_str_eq(item.key, TC_STR("B")));
    cr_assert_eq(item.due_ns, 500);
    cr_assert_eq(tc_pub_input_next(input, &item, &err), 0);
    cr_assert_eq(tc_pub_input_skipped(input), 1u);
    tc_pub_input_close(input);
    unlink(path);
}

Test(pub_input, missing_file)
{
    /* Goal: a file that is not there is an error with its name. */
    struct tc_err err = { 0 };
    cr_assert_null(tc_pub_input_replay("/nowhere/at-all", 1, &err));
    cr_assert_not_null(strstr(err.text, "/nowhere/at-all"));
}
