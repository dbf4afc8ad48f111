// SPDX-License-Identifier: Apache-2.0
/* io/os/notify: telling the service manager how we are (systemd's sd_notify protocol: a datagram to
 * the socket that NOTIFY_SOCKET names). Supervisor's thread. */
#ifndef TC_IO_OS_NOTIFY_H
#define TC_IO_OS_NOTIFY_H

#include "core/base/err.h"

/* Sends state ("READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=…"). 1: sent, 0: nobody asked for it,
 * -TC_EIO. Never blocks. */
int tc_os_notify(const char *state);

/* Interval in which the manager wants WATCHDOG=1, from WATCHDOG_USEC and WATCHDOG_PID; 0: none.
 * Send at half of it. */
int64_t tc_os_watchdog_ns(void);

#endif
