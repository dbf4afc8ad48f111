// SPDX-License-Identifier: Apache-2.0
/* Goal: addresses come from text and go back, and what is wrong with one is said. */
#include "io/os/addr.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <unistd.h>

Test(addr, forms)
{
    /* Goal: every form of the header is understood, printed in its whole form, and its loopback
     * known. */
    static const struct {
        const char *text, *whole;
        bool is_loopback;
    } rows[] = {
        { "127.0.0.1:8080", "127.0.0.1:8080", true },
        { "127.9.8.7:1", "127.9.8.7:1", true },
        { "localhost:0", "127.0.0.1:0", true },
        { "*:8080", "0.0.0.0:8080", false },
        { ":65535", "0.0.0.0:65535", false },
        { "10.1.2.3:00080", "10.1.2.3:80", false },
        { "[::1]:8080", "[::1]:8080", true },
        { "[::]:8080", "[::]:8080", false },
        { "[2001:DB8:0:0::5]:9", "[2001:db8::5]:9", false },
        { "[1111:2222:3333:4444:5555:6666:255.255.255.255]:65535",
          "[1111:2222:3333:4444:5555:6666:ffff:ffff]:65535", false },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        struct tc_addr addr;
        struct tc_err err = { 0 };
        char text[TC_ADDR_TEXT_BYTES];
        cr_assert_eq(tc_addr_parse(&addr, tc_str_from(rows[i].text), &err), TC_OK, "%s", err.text);
        tc_addr_text(&addr, text);
        cr_expect_str_eq(text, rows[i].whole);
        cr_expect_eq(tc_addr_port(&addr), strtoul(strrchr(rows[i].whole, ':') + 1, NULL, 10));
        cr_expect_eq(tc_addr_is_loopback(&addr), rows[i].is_loopback, "%s", rows[i].text);
    }
}

Test(addr, refusals)
{
    /* Goal: each wrong form is refused with its own reason; the text that was given is repeated. */
    static const struct {
        const char *text, *why;
    } rows[] = {
        { "", "no port" },
        { "127.0.0.1", "no port" },
        { "8080", "no port" },
        { "127.0.0.1:", "port is not a number" },
        { "127.0.0.1:65536", "port is not a number" },
        { "127.0.0.1:000080", "port is not a number" },
        { "127.0.0.1:-1", "port is not a number" },
        { "127.0.0.1:+1", "port is not a number" },
        { "127.0.0.1:8 ", "port is not a number" },
        { "127.0.0.1:http", "port is not a number" },
        { "::1:8080", "needs brackets" },
        { "[::1:8080", "needs brackets" },
        { "[127.0.0.1]:8080", "not an IPv6 address" },
        { "[]:8080", "not an IPv6 address" },
        { "[::1%lo]:8080", "not an IPv6 address" },
        { "example.com:8080", "neither a number nor localhost" },
        { "127.1:8080", "neither a number nor localhost" },
        { " 127.0.0.1:8080", "neither a number nor localhost" },
        { "256.0.0.1:8080", "neither a number nor localhost" },
        { "a-host-name-that-is-longer-than-any-address-in-numbers-may-be.example.com:8080",
          "neither a number nor localhost" },
    };
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        struct tc_addr addr;
        struct tc_err err = { 0 };
        struct tc_str text = tc_str_from(rows[i].text);
        cr_assert_eq(tc_addr_parse(&addr, text, &err), -TC_EINVAL, "%s", rows[i].text);
        cr_expect(strstr(err.text, rows[i].why), "%s", err.text);
        cr_expect(strstr(err.text, rows[i].text), "%s", err.text);
        cr_expect_eq(tc_addr_parse(&addr, text, NULL), -TC_EINVAL);
    }
}

Test(addr, bytes_are_bounded)
{
    /* Goal: a view is read up to its length and no further; NUL is no end of it; no bytes at all
     * are refused too. */
    struct tc_addr addr;
    struct tc_err err;
    cr_assert_eq(tc_addr_parse(&addr, (struct tc_str){ "127.0.0.1:80809", 14 }, &err), TC_OK);
    cr_assert_eq(tc_addr_port(&addr), 8080);
    cr_assert_eq(tc_addr_parse(&addr, TC_STR("127.0.0.1\0:80"), &err), -TC_EINVAL);
    cr_assert_eq(tc_addr_parse(&addr, TC_STR("127.0.0.1:8\0"), &err), -TC_EINVAL);
    cr_assert_eq(tc_addr_parse(&addr, (struct tc_str){ NULL, 0 }, &err), -TC_EINVAL);
}

Test(addr, of_a_descriptor)
{
    /* Goal: the port that the kernel chose is read back; what is no socket, or of another family,
     * is neither an address nor loopback. */
    struct tc_addr addr, bound;
    struct tc_err err;
    char text[TC_ADDR_TEXT_BYTES];
    cr_assert_eq(tc_addr_parse(&addr, TC_STR("127.0.0.1:0"), &err), TC_OK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&addr.sa, addr.len), 0);
    cr_assert_eq(tc_addr_of_fd(&bound, fd), TC_OK);
    cr_assert_gt(tc_addr_port(&bound), 0);
    cr_assert_eq(bound.len, sizeof(struct sockaddr_in));
    cr_assert(tc_addr_is_loopback(&bound));
    close(fd);
    cr_assert_eq(tc_addr_of_fd(&bound, fd), -TC_EIO);
    int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(tc_addr_of_fd(&bound, local), TC_OK);
    cr_assert_eq(tc_addr_port(&bound), 0);
    cr_assert_not(tc_addr_is_loopback(&bound));
    tc_addr_text(&bound, text);
    cr_assert_str_eq(text, "unknown");
    close(local);
}
