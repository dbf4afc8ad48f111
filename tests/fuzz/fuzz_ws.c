// SPDX-License-Identifier: Apache-2.0
/* Bytes of a WebSocket peer; the first byte chooses our side. Whatever comes, the decoder ends,
 * keeps its limits, and gives the same items however the bytes are cut; after a reset it is as new.
 */
#include <stdlib.h>

#include "proto/ws/frame.h"

enum { MESSAGE_MAX = 8192, FRAGMENT_MAX = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a feeding gave. */
struct result {
    uint64_t sum;
    uint32_t item_cnt;
    int rc;
    int close_code;
    bool is_idle;
};

static void add(struct result *r, uint64_t value)
{
    r->sum = (r->sum ^ value) * 0x100000001b3ull;
}

static void add_item(struct result *r, const struct tc_ws_msg *m)
{
    r->item_cnt++;
    TC_ASSERT(m->len <= MESSAGE_MAX);
    TC_ASSERT(m->opcode < TC_WS_CLOSE || m->len <= TC_WS_CONTROL_MAX);
    TC_ASSERT(m->opcode != TC_WS_TEXT || tc_utf8_check(m->bytes, m->len));
    TC_ASSERT(m->opcode != TC_WS_CLOSE || m->close_code == TC_WS_NO_STATUS ||
              tc_ws_close_is_valid(m->close_code));
    add(r, m->opcode);
    add(r, m->len);
    add(r, m->close_code);
    for (size_t i = 0; i < m->len; i++)
        add(r, m->bytes[i]);
}

static struct result feed(struct tc_ws_in *in, const uint8_t *data, size_t size, size_t step)
{
    struct result r = { 0 };
    size_t at = 0;
    tc_ws_in_reset(in);
    while (at < size && r.rc >= 0) {
        size_t n = TC_MIN(step, size - at);
        size_t done = 0;
        const uint8_t *piece = data + at;
        uint8_t *copy = n > 2 ? malloc(n) : NULL; /* its end is watched */
        if (copy)
            piece = memcpy(copy, data + at, n);
        do {
            struct tc_ws_msg m;
            size_t used;
            r.rc = tc_ws_in_feed(in, piece + done, n - done, &used, &m);
            done += used;
            TC_ASSERT(done <= n);
            if (r.rc == 1)
                add_item(&r, &m);
        } while (r.rc == 1);
        free(copy);
        at += n;
    }
    r.close_code = in->close_code;
    r.is_idle = tc_ws_in_is_idle(in);
    TC_ASSERT((r.rc < 0) == (r.close_code != 0) && (r.rc == 0 || in->detail));
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = { 2, 7, 1000, SIZE_MAX };
    static struct tc_ws_in in[2];
    static uint8_t buffers[2][MESSAGE_MAX];
    static bool is_made;
    for (int i = 0; i < 2 && !is_made; i++) {
        struct tc_ws_in_conf conf = {
            .is_client = i == 1,
            .message_max = MESSAGE_MAX,
            .fragment_max = FRAGMENT_MAX,
            .buffer = buffers[i],
        };
        int rc = tc_ws_in_init(&in[i], &conf);
        TC_ASSERT(rc == TC_OK);
    }
    is_made = true;
    if (size == 0)
        return 0;
    struct tc_ws_in *side = &in[data[0] & 1];
    struct result by_one = feed(side, data + 1, size - 1, 1);
    for (size_t i = 0; i < TC_ARRAY_CNT(steps); i++) {
        struct result r = feed(side, data + 1, size - 1, steps[i]);
        TC_ASSERT(r.sum == by_one.sum && r.item_cnt == by_one.item_cnt && r.rc == by_one.rc);
        TC_ASSERT(r.close_code == by_one.close_code && r.is_idle == by_one.is_idle);
    }
    return 0;
}
