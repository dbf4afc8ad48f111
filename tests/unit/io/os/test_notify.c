// SPDX-License-Identifier: Apache-2.0
/* Goal: the service manager hears what it asked for, and nobody waits for it. */
#include "io/os/notify.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/os/os.h"

/* A manager's socket; a name that begins with '@' is abstract. */
static int manager(const char *name)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    size_t len = strlen(name);
    memcpy(sa.sun_path, name, len);
    if (name[0] == '@')
        sa.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t sa_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&sa, sa_len), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static void hears(int fd, const char *state)
{
    char text[256];
    cr_assert_eq(tc_os_notify(state), 1);
    ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
    cr_assert_geq(n, 0);
    text[n] = 0;
    cr_assert_str_eq(text, state);
}

Test(notify, manager_hears)
{
    /* Goal: one datagram per state, by path and by abstract name; no descriptor stays open. */
    char folder[] = "/tmp/tickcast-test-XXXXXX";
    char name[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(name, sizeof(name), "%s/s", folder);
    int by_path = manager(name);
    int open_cnt = tc_os_fd_cnt();
    hears(by_path, "READY=1");
    hears(by_path, "STATUS=\xc3\xa4 b\nSTOPPING=1");
    cr_assert_eq(tc_os_fd_cnt(), open_cnt);
    close(by_path);
    cr_assert_eq(tc_os_notify("WATCHDOG=1"), -TC_EIO, "nobody listens any more");
    cr_assert_eq(tc_os_fd_cnt(), open_cnt - 1);
    unlink(name);
    rmdir(folder);
    snprintf(name, sizeof(name), "@tickcast-test-%d", (int)getpid());
    int by_name = manager(name);
    hears(by_name, "READY=1");
    close(by_name);
}

Test(notify, without_a_manager)
{
    /* Goal: nobody asked is no error; a name that cannot be one is. */
    char longest[200];
    unsetenv("NOTIFY_SOCKET");
    cr_assert_eq(tc_os_notify("READY=1"), 0);
    setenv("NOTIFY_SOCKET", "", 1);
    cr_assert_eq(tc_os_notify("READY=1"), 0);
    setenv("NOTIFY_SOCKET", "relative/path", 1);
    cr_assert_eq(tc_os_notify("READY=1"), -TC_EIO);
    memset(longest, 'x', sizeof(longest) - 1);
    longest[0] = '/';
    longest[sizeof(longest) - 1] = 0;
    setenv("NOTIFY_SOCKET", longest, 1);
    cr_assert_eq(tc_os_notify("READY=1"), -TC_EIO);
}

Test(notify, never_waits, .timeout = 20)
{
    /* Goal: a manager that does not read fills its queue: then it is an error, not a wait. */
    char name[64];
    int rc = 1;
    snprintf(name, sizeof(name), "@tickcast-test-full-%d", (int)getpid());
    int fd = manager(name);
    for (int i = 0; i < 1000000 && rc == 1; i++)
        rc = tc_os_notify("WATCHDOG=1");
    cr_assert_eq(rc, -TC_EIO);
    close(fd);
}

Test(notify, watchdog)
{
    /* Goal: the interval counts if it is ours and a number that fits; otherwise there is none. */
    static const struct {
        const char *usec, *pid;
        int64_t ns;
    } rows[] = {
        { "30000000", NULL, 30000000000 },
        { "1", NULL, 1000 },
        { "9223372036854775", NULL, 9223372036854775000 },
        { "9223372036854776", NULL, 0 },
        { "99999999999999999999", NULL, 0 },
        { "0", NULL, 0 },
        { "-5", NULL, 0 },
        { "5s", NULL, 0 },
        { "", NULL, 0 },
        { NULL, NULL, 0 },
        { "30000000", "1", 0 },
        { "30000000", "", 0 },
    };
    char own[32];
    for (size_t i = 0; i < TC_ARRAY_CNT(rows); i++) {
        unsetenv("WATCHDOG_USEC");
        unsetenv("WATCHDOG_PID");
        if (rows[i].usec)
            setenv("WATCHDOG_USEC", rows[i].usec, 1);
        if (rows[i].pid)
            setenv("WATCHDOG_PID", rows[i].pid, 1);
        cr_expect_eq(tc_os_watchdog_ns(), rows[i].ns, "row %zu", i);
    }
    snprintf(own, sizeof(own), "%d", (int)getpid());
    setenv("WATCHDOG_USEC", "2", 1);
    setenv("WATCHDOG_PID", own, 1);
    cr_assert_eq(tc_os_watchdog_ns(), 2000);
}
