// SPDX-License-Identifier: Apache-2.0
/* core/base/err: the one table of error codes.
 *
 * A function that can fail returns int: > 0 progress, 0 none yet (or plain success where nothing is
 * counted), < 0 one of these negated. Control paths hand out text for the operator beside the code
 * in a struct tc_err. */
#ifndef TC_CORE_BASE_ERR_H
#define TC_CORE_BASE_ERR_H

#include "core/base/base.h"

/* name, stable text */
#define TC_ERR_TABLE(X)                                                                            \
    X(EINVAL, "invalid")        /* input that breaks a rule of its format */                       \
    X(ELIMIT, "limit")          /* a named limit would be passed */                                \
    X(ENOMEM, "no-memory")      /* a budget or pool is spent */                                    \
    X(ENOTFOUND, "not-found")   /* no such room, log, key */                                       \
    X(EEXIST, "exists")         /* is there already */                                             \
    X(ELAPPED, "lapped")        /* the bus has overwritten it */                                   \
    X(EAGAIN, "again")          /* cannot proceed now; try when the peer or pool has room */       \
    X(ECLOSED, "closed")        /* the peer ended it */                                            \
    X(EDEPTH, "too-deep")       /* nested deeper than the limit */                                 \
    X(EUTF8, "bad-utf8")        /* text that is not UTF-8 */                                       \
    X(EIO, "io")                /* the operating system or a remote side refused */                \
    X(ENOTSUP, "not-supported") /* known, and not built */                                         \
    X(EINTERNAL, "internal")    /* should not happen and is not worth an abort */

enum tc_err_code {
    TC_OK = 0,
#define X(name, text) TC_##name,
    TC_ERR_TABLE(X)
#undef X
        TC_ERR_CNT
};

/* Stable text of code (either sign); "ok" for 0, "unknown" outside the table. */
const char *tc_err_text(int code);

#define TC_ERR_TEXT_BYTES 512

/* What an operator is told: what is wrong and how to mend it. line and col are 1-based places in a
 * configuration file, 0 where there is none. */
struct tc_err {
    int code; /* negative, as returned */
    int line;
    int col;
    char text[TC_ERR_TEXT_BYTES];
};

/* Fills *err (which may be NULL) and returns code, so that a caller can write
 * `return tc_err_set(err, -TC_EINVAL, "…", …)`. code < 0. */
int tc_err_set(struct tc_err *err, int code, const char *fmt, ...) TC_PRINTF(3, 4);

#endif
