// SPDX-License-Identifier: Apache-2.0
/* io/session/marketdata: the services that every worker offers:
 * jts.marketdata.v1.MarketDataService, grpc.health.v1.Health, and reflection. */
#ifndef TC_IO_SESSION_MARKETDATA_H
#define TC_IO_SESSION_MARKETDATA_H

#include "io/session/grpc.h"

extern const struct tc_grpc_service tc_marketdata;
extern const struct tc_grpc_service tc_health;
extern const struct tc_grpc_service tc_reflection;
extern const struct tc_grpc_service tc_reflection_alpha;

#endif
