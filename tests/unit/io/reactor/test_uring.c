// SPDX-License-Identifier: Apache-2.0
/* The reactor's contract on the io_uring back end. */
#define TC_CONTRACT_OPS tc_reactor_io_uring
#include "tests/unit/io/reactor/contract.h"
#include "tests/unit/io/reactor/contract_file.h"

Test(reactor_uring, name)
{
    /* Goal: the log can say which back end was chosen. */
    cr_assert_str_eq(tc_reactor_io_uring.name, "io_uring");
}
