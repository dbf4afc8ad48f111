// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/recording: one line of a recorded feed.
 *
 * `<receive time, ns since the epoch> <JSON message>`. The key of the record is the symbol: the
 * text at data.s or s, or the upper-cased part of `stream` before '@'. Pure. */
#ifndef TC_TOOLS_TICKCAST_RECORDING_H
#define TC_TOOLS_TICKCAST_RECORDING_H

#include "core/base/err.h"

enum {
    TC_RECORDING_KEY_MAX = 64,
    TC_RECORDING_LINE_MAX = 4 << 20, /* bytes of one line; longer ones end the reading */
};

struct tc_recording_line {
    int64_t recv_ns;
    char key[TC_RECORDING_KEY_MAX + 1];
    struct tc_str json; /* within the line that was parsed */
};

/* line ends with its text: no line feed. -TC_EINVAL: not of the format; -TC_ENOTFOUND: no symbol.
 */
int tc_recording_parse(struct tc_recording_line *out, struct tc_str line) TC_MUST_CHECK;

#endif
