// SPDX-License-Identifier: Apache-2.0
/* core/bus/gap: why positions of a log are missing; the texts are on the wire. */
#ifndef TC_CORE_BUS_GAP_H
#define TC_CORE_BUS_GAP_H

#define TC_GAP_TABLE(X)                                                                            \
    X(OVERSIZE, "oversize")   /* larger than limits.event_bytes */                                 \
    X(POISON, "poison")       /* cannot be mapped: not JSON, bad UTF-8, no key or field */         \
    X(RETENTION, "retention") /* deleted at the source before we read it */                        \
    X(RECREATED, "recreated") /* the topic was deleted and made anew */

enum tc_gap_reason {
#define X(name, text) TC_GAP_##name,
    TC_GAP_TABLE(X)
#undef X
        TC_GAP_CNT
};

#endif
