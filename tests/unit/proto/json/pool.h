// SPDX-License-Identifier: Apache-2.0
/* A pool for tests of what parses JSON. */
#ifndef TC_TESTS_UNIT_PROTO_JSON_POOL_H
#define TC_TESTS_UNIT_PROTO_JSON_POOL_H

#include <criterion/criterion.h>

#include "proto/json/json.h"

static struct tc_mem mem;
static struct tc_json_pool pool;

static inline void pool_open(size_t value_max)
{
    struct tc_err err;
    tc_mem_init(&mem, 0);
    cr_assert_eq(tc_json_pool_init(&pool, value_max, &mem, "test", &err), TC_OK);
}

static inline void pool_close(void)
{
    tc_mem_fini(&mem);
}

#endif
