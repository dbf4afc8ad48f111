// SPDX-License-Identifier: Apache-2.0
#include "proto/ws/client.h"

#include "tests/unit/proto/http1/parse.h"

static const uint8_t nonce[TC_WS_NONCE_BYTES] = "the sample nonce";

Test(client, its_request_passes_our_own_check)
{
    /* goal: client and server agree on a handshake; the answer in pieces; what is wrong is refused
     */
    char request[512], answer[TC_WS_HANDSHAKE_MAX];
    const char *detail;
    int status;
    size_t len = tc_ws_client_request(request, sizeof(request), "h:1", "/ws", "http://h:1", nonce);
    cr_assert_gt(len, 0);
    cr_assert_eq(tc_ws_client_request(request, len, "h:1", "/ws", "http://h:1", nonce), 0);
    cr_assert_eq(tc_ws_client_request(request, len + 1, "h:1", "/ws", "http://h:1", nonce), len);
    cr_assert_eq(parse(request), 1);
    cr_assert_eq(tc_ws_handshake_check(&http, &detail), 101);
    cr_assert(tc_ws_origin_is_allowed(&http, NULL, 0));
    size_t n = tc_ws_handshake_answer(&http, answer);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(tc_ws_client_check(answer, i, nonce, &status), 0);
    cr_assert_eq(tc_ws_client_check(answer, n, nonce, &status), (int)n);
    cr_assert_eq(status, 101);
    uint8_t other[TC_WS_NONCE_BYTES] = { 1 };
    cr_assert_eq(tc_ws_client_check(answer, n, other, &status), -TC_EINVAL);
    static const char no[] = "HTTP/1.1 403 Forbidden\r\n\r\n";
    cr_assert_eq(tc_ws_client_check(no, sizeof(no) - 1, nonce, &status), -TC_EINVAL);
    cr_assert_eq(status, 403);
    static const char junk[] = "SSH-2.0\r\n\r\n";
    cr_assert_eq(tc_ws_client_check(junk, sizeof(junk) - 1, nonce, &status), -TC_EINVAL);
    cr_assert_eq(status, 0);
    static char endless[TC_HTTP_HEAD_MAX];
    cr_assert_eq(tc_ws_client_check(endless, sizeof(endless), nonce, &status), -TC_EINVAL);
}

Test(client, masking)
{
    /* goal: RFC 6455, section 5.7: the masked hello; masking in pieces is masking at once */
    static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
    static const uint8_t want[] = {
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58
    };
    uint8_t out[32];
    size_t len = tc_ws_client_header(out, TC_WS_TEXT, 5, mask);
    memcpy(out + len, "Hello", 5);
    tc_ws_mask(out + len, 2, mask, 0);
    tc_ws_mask(out + len + 2, 3, mask, 2);
    cr_assert(len + 5 == sizeof(want) && memcmp(out, want, sizeof(want)) == 0);
}
