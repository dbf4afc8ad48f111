// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/services.h"

#include "io/session/marketdata.h"

static const struct tc_grpc_service *const services[] = { &tc_marketdata, &tc_health,
                                                          &tc_reflection, &tc_reflection_alpha };

const struct tc_grpc_server tc_services = {
    .services = services,
    .service_cnt = TC_ARRAY_CNT(services),
};
