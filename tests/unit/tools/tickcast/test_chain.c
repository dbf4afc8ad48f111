// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/chain.h"

#include <criterion/criterion.h>

static struct tc_chain fresh(int64_t pos)
{
    struct tc_chain chain;
    tc_chain_init(&chain);
    cr_assert_not(tc_chain_ask(&chain));
    tc_chain_confirm(&chain, TC_STR("s/t/0@a"), pos);
    return chain;
}

Test(chain, follows)
{
    /* Goal: an update is proved iff prev <= last < pos; equality of prev is not required. */
    struct tc_chain chain = fresh(10);
    cr_assert_eq(tc_chain_update(&chain, 10, 9, 1, true), TC_CHAIN_BEGUN);
    cr_assert_eq(tc_chain_update(&chain, 12, 10, 2, false), TC_CHAIN_PROVED);
    cr_assert_eq(tc_chain_update(&chain, 15, 11, 3, false), TC_CHAIN_PROVED);
    cr_assert_eq(tc_chain_update(&chain, 15, 12, 3, false), TC_CHAIN_AGAIN);
    cr_assert_eq(tc_chain_update(&chain, 20, 16, 4, false), TC_CHAIN_HOLE);
    cr_assert_eq(tc_chain_update(&chain, 21, 20, 5, false), TC_CHAIN_PROVED,
                 "one hole is one hole");
    cr_assert_eq(chain.last, 21);
    cr_assert_eq(chain.last_ts_ms, 5);
}

Test(chain, first_record_of_a_waiting_room)
{
    /* Goal: a room without a record begins with prev null, and with nothing else. */
    struct tc_chain chain;
    tc_chain_init(&chain);
    cr_assert_not(tc_chain_ask(&chain));
    tc_chain_confirm(&chain, (struct tc_str){ NULL, 0 }, TC_CHAIN_NONE);
    struct tc_chain other = chain;
    cr_assert_eq(tc_chain_update(&chain, 5, TC_CHAIN_NONE, 1, false), TC_CHAIN_PROVED);
    cr_assert_eq(tc_chain_update(&other, 5, 3, 1, false), TC_CHAIN_HOLE);
    cr_assert_not(tc_chain_ask(&chain), "without the name of the log there is no resume");
}

Test(chain, declared_ranges)
{
    /* Goal: what was declared is no hole; a conflation that begins beyond the last update is one.
     */
    struct tc_chain chain = fresh(10);
    tc_chain_gap(&chain, 14);
    cr_assert_eq(chain.last_ts_ms, -1, "the record at a gap's end is not ours");
    cr_assert_eq(tc_chain_update(&chain, 16, 14, 2, false), TC_CHAIN_PROVED);
    cr_assert_eq(tc_chain_conflated(&chain, 16, 30), TC_CHAIN_BEGUN);
    cr_assert_eq(tc_chain_update(&chain, 31, 30, 3, false), TC_CHAIN_PROVED);
    cr_assert_eq(tc_chain_conflated(&chain, 40, 50), TC_CHAIN_HOLE);
    tc_chain_gap(&chain, 20);
    cr_assert_eq(chain.last, 50, "a gap below what was delivered moves nothing back");
}

Test(chain, resume)
{
    /* Goal: a resumed chain goes on from its own last position, not from the confirmed one. */
    struct tc_chain chain = fresh(10);
    cr_assert(tc_chain_ask(&chain));
    tc_chain_confirm(&chain, TC_STR("s/t/0@a"), 40);
    struct tc_chain torn = chain;
    cr_assert_eq(tc_chain_update(&chain, 12, 10, 1, false), TC_CHAIN_PROVED);
    cr_assert_eq(tc_chain_update(&torn, 13, 12, 1, false), TC_CHAIN_HOLE);
}

Test(chain, refused_resume)
{
    /* Goal: after cannot-recover the chain begins anew in the log that was confirmed. */
    struct tc_chain chain = fresh(1000);
    cr_assert(tc_chain_ask(&chain));
    tc_chain_confirm(&chain, TC_STR("s/t/0@b"), 7);
    tc_chain_cannot_recover(&chain);
    cr_assert_str_eq(chain.log, "s/t/0@b");
    cr_assert_eq(tc_chain_update(&chain, 7, 6, 1, true), TC_CHAIN_BEGUN);
    cr_assert_eq(tc_chain_update(&chain, 8, 7, 1, false), TC_CHAIN_PROVED);
}

Test(chain, moved)
{
    /* Goal: positions of the new log are not compared with those of the old one. */
    struct tc_chain chain = fresh(1000);
    tc_chain_moved(&chain, TC_STR("s/t/9@a"), TC_CHAIN_NONE);
    cr_assert_eq(tc_chain_update(&chain, 3, TC_CHAIN_NONE, 1, false), TC_CHAIN_PROVED);
    cr_assert(tc_chain_ask(&chain));
    cr_assert_str_eq(chain.log, "s/t/9@a");
}
