// SPDX-License-Identifier: Apache-2.0
#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const texts[TC_ERR_CNT] = { "ok",
#define X(name, text) text,
                                               TC_ERR_TABLE(X)
#undef X
};

const char *tc_err_text(int code)
{
    unsigned c = code < 0 ? 0u - (unsigned)code : (unsigned)code;
    return c < TC_ERR_CNT ? texts[c] : "unknown";
}

int tc_err_set(struct tc_err *err, int code, const char *fmt, ...)
{
    TC_ASSERT(code < 0);
    if (err) {
        va_list ap;
        err->code = code;
        err->line = 0;
        err->col = 0;
        va_start(ap, fmt);
        vsnprintf(err->text, sizeof(err->text), fmt, ap);
        va_end(ap);
    }
    return code;
}
