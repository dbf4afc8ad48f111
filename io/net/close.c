// SPDX-License-Identifier: Apache-2.0
#include "io/net/close.h"

const struct tc_close_row tc_closes[TC_CLOSE_CNT] = {
#define X(name, code, ws, http, text) { code, ws, http, text },
    TC_CLOSE_TABLE(X)
#undef X
};

enum tc_close tc_close_of_ws(int ws_code)
{
    static const enum tc_close faults[] = { TC_CLOSE_PROTOCOL, TC_CLOSE_UNSUPPORTED,
                                            TC_CLOSE_BAD_DATA, TC_CLOSE_POLICY, TC_CLOSE_TOO_BIG };
    for (size_t i = 0; i < TC_ARRAY_CNT(faults); i++) {
        if (tc_closes[faults[i]].ws_code == ws_code)
            return faults[i];
    }
    return TC_CLOSE_PROTOCOL;
}
