// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/services: the gRPC services that the program offers. */
#ifndef TC_TOOLS_TICKCAST_SERVICES_H
#define TC_TOOLS_TICKCAST_SERVICES_H

#include "io/session/grpc.h"

extern const struct tc_grpc_server tc_services;

#endif
