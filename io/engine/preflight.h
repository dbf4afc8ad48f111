// SPDX-License-Identifier: Apache-2.0
/* io/engine/preflight: what this machine allows, looked at before anything is taken. Supervisor's
 * thread. */
#ifndef TC_IO_ENGINE_PREFLIGHT_H
#define TC_IO_ENGINE_PREFLIGHT_H

#include "core/conf/conf.h"
#include "core/obs/log.h"
#include "io/engine/plan.h"
#include "io/reactor/reactor.h"

/* Raises the process's limit of descriptors to what limits.connections and everything else need. If
 * it cannot hold the connections: -TC_EIO with the ways to mend it. If it holds them but leaves no
 * reserve, limits.connections is lowered by the reserve and that is logged. */
int tc_preflight_descriptors(struct tc_conf *conf, const struct tc_plan *plan,
                             struct tc_log_ring *log, struct tc_err *err) TC_MUST_CHECK;

/* *ops: io_uring if the kernel lets us, else epoll, and logged why. -TC_EIO: the configuration
 * names io_uring, and it cannot be used. */
int tc_preflight_reactor(const struct tc_conf *conf, struct tc_log_ring *log,
                         const struct tc_reactor_ops **ops, struct tc_err *err) TC_MUST_CHECK;

#endif
