// SPDX-License-Identifier: Apache-2.0
/* io/net/net_int: what net.c and send.c share; private to this folder. */
#ifndef TC_IO_NET_NET_INT_H
#define TC_IO_NET_NET_INT_H

#include "io/net/net.h"

/* send.c */

/* Puts the connection on the list of those whose out is tried at the next flush. */
void tc_net_out_list(struct tc_net *net, uint32_t slot);

/* Sends what is planned for one connection now, and settles it. */
void tc_net_flush_planned(struct tc_net *net, uint32_t slot);

/* net.c */

/* Gives the block of out back. */
void tc_net_out_free(struct tc_net *net, struct tc_net_conn *c);

#endif
