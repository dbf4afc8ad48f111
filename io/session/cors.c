// SPDX-License-Identifier: Apache-2.0
#include "io/session/cors.h"

#include "io/session/session.h"

bool tc_cors_is_allowed(const struct tc_net *net, struct tc_str origin, struct tc_str host)
{
    const struct tc_conf *conf = tc_sessions_of(net)->conf;
    return tc_ws_origin_is_among(origin, host, conf->origins, conf->origin_cnt);
}

size_t tc_cors_fields(struct tc_str origin, struct tc_http1_field fields[TC_CORS_FIELDS_MAX])
{
    fields[0] = (struct tc_http1_field){ TC_STR("access-control-allow-origin"), origin };
    fields[1] = (struct tc_http1_field){
        TC_STR("access-control-expose-headers"),
        TC_STR("grpc-status,grpc-message,grpc-status-details-bin,grpc-encoding,*")
    };
    fields[2] = (struct tc_http1_field){ TC_STR("vary"), TC_STR("origin") };
    return 3;
}

size_t tc_cors_preflight(const struct tc_net *net, struct tc_str origin, struct tc_str host,
                         struct tc_str requested, struct tc_http1_field fields[TC_CORS_FIELDS_MAX])
{
    if (!origin.ptr || requested.len > TC_CORS_REQUESTED_MAX ||
        !tc_cors_is_allowed(net, origin, host))
        return 0;
    size_t cnt = 0;
    fields[cnt++] = (struct tc_http1_field){ TC_STR("access-control-allow-origin"), origin };
    fields[cnt++] =
        (struct tc_http1_field){ TC_STR("access-control-allow-methods"), TC_STR("POST") };
    if (requested.len > 0)
        fields[cnt++] =
            (struct tc_http1_field){ TC_STR("access-control-allow-headers"), requested };
    fields[cnt++] = (struct tc_http1_field){ TC_STR("access-control-max-age"), TC_STR("7200") };
    fields[cnt++] =
        (struct tc_http1_field){ TC_STR("vary"), TC_STR("origin, access-control-request-headers") };
    return cnt;
}
