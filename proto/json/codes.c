// SPDX-License-Identifier: Apache-2.0
#include "proto/json/codes.h"

static const char *const texts[TC_CODE_CNT] = {
#define X(name, text, when) text,
    TC_CODE_TABLE(X)
#undef X
};

const char *tc_code_text(enum tc_code code)
{
    TC_ASSERT(code < TC_CODE_CNT);
    return texts[code];
}
