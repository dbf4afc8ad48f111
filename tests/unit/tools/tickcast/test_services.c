// SPDX-License-Identifier: Apache-2.0
/* Goal: the table of services that the program offers holds together: each method can be found, is
 * whole, and belongs to its service. */
#include "tools/tickcast/services.h"

#include <criterion/criterion.h>

#include <stdio.h>

static void check_method(const struct tc_grpc_service *service, const struct tc_grpc_method *method)
{
    const struct tc_grpc_service *found = NULL;
    char prefix[128];
    int len = snprintf(prefix, sizeof(prefix), "/%s/", service->name);
    cr_assert_eq(strncmp(method->path, prefix, (size_t)len), 0, "%s", method->path);
    cr_assert_null(strchr(method->path + len, '/'));
    cr_assert_eq(tc_grpc_method_find(&tc_services, tc_str_from(method->path), &found), method);
    cr_assert_eq(found, service);
    cr_assert_not_null(method->on_message, "%s", method->path);
    cr_assert(method->request && strchr(method->request, '.'), "%s", method->path);
    cr_assert(method->response && strchr(method->response, '.'), "%s", method->path);
    if (method->shape == TC_GRPC_SERVER_STREAM || method->shape == TC_GRPC_BIDI)
        cr_assert_not_null(method->on_drain, "%s would hold up a graceful stop", method->path);
}

Test(services, table)
{
    /* Goal: every method of every service. */
    for (uint32_t i = 0; i < tc_services.service_cnt; i++) {
        const struct tc_grpc_service *service = tc_services.services[i];
        cr_assert_gt(service->method_cnt, 0);
        for (uint32_t m = 0; m < service->method_cnt; m++)
            check_method(service, &service->methods[m]);
    }
}

Test(services, methods_with_their_shapes)
{
    /* Goal: what clients were promised is there. */
    static const struct {
        const char *path;
        enum tc_grpc_shape shape;
        const char *request;
    } rows[] = {
        { "/jts.marketdata.v1.MarketDataService/Subscribe", TC_GRPC_SERVER_STREAM,
          "jts.marketdata.v1.SubscribeRequest" },
        { "/jts.marketdata.v1.MarketDataService/Stream", TC_GRPC_BIDI,
          "jts.marketdata.v1.StreamRequest" },
        { "/jts.marketdata.v1.MarketDataService/GetSnapshot", TC_GRPC_UNARY,
          "jts.marketdata.v1.GetSnapshotRequest" },
        { "/jts.marketdata.v1.MarketDataService/ListRooms", TC_GRPC_UNARY,
          "jts.marketdata.v1.ListRoomsRequest" },
        { "/grpc.health.v1.Health/Check", TC_GRPC_UNARY, "grpc.health.v1.HealthCheckRequest" },
        { "/grpc.health.v1.Health/Watch", TC_GRPC_SERVER_STREAM,
          "grpc.health.v1.HealthCheckRequest" },
    };
    const struct tc_grpc_service *service = NULL;
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        const struct tc_grpc_method *method =
            tc_grpc_method_find(&tc_services, tc_str_from(rows[i].path), &service);
        cr_assert_not_null(method, "%s", rows[i].path);
        cr_assert_eq(method->shape, rows[i].shape, "%s", rows[i].path);
        cr_assert_str_eq(method->request, rows[i].request);
    }
    cr_assert_null(tc_grpc_method_find(&tc_services, TC_STR("/grpc.health.v1.Health"), &service));
    cr_assert_null(tc_grpc_method_find(&tc_services, TC_STR(""), &service));
    cr_assert_null(tc_grpc_method_find(NULL, tc_str_from(rows[0].path), &service));
}
