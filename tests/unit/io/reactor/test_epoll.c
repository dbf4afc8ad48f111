// SPDX-License-Identifier: Apache-2.0
/* The reactor's contract on the epoll back end. */
#define TC_CONTRACT_OPS tc_reactor_epoll
#include "tests/unit/io/reactor/contract.h"
#include "tests/unit/io/reactor/contract_file.h"

Test(reactor_epoll, name)
{
    /* Goal: the log can say which back end was chosen. */
    cr_assert_str_eq(tc_reactor_epoll.name, "epoll");
}
