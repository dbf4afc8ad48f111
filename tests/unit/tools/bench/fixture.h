// SPDX-License-Identifier: Apache-2.0
/* tests: one worker of the load generator without its process: connections whose other ends the
 * test holds. */
#ifndef TC_TESTS_UNIT_TOOLS_BENCH_FIXTURE_H
#define TC_TESTS_UNIT_TOOLS_BENCH_FIXTURE_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/mem/mem.h"
#include "tools/bench/load.h"

static struct tc_load_conf conf;
static struct tc_load load;
static int peer = -1; /* the other end of connection 0 */

/* One worker with all of conn_cnt connections, of which slow_cnt are slow. Connection 0 is open. */
static inline void fixture_init(const struct tc_load_dialect *dialect, uint32_t conn_cnt,
                                uint32_t room_cnt, uint32_t follow_cnt, uint32_t slow_cnt)
{
    int ends[2];
    conf = (struct tc_load_conf){ .program = "test",
                                  .dialect = dialect,
                                  .path = "/ws",
                                  .targets = { { .host = "host:1" } },
                                  .target_cnt = 1,
                                  .room_prefix = "ticker-S",
                                  .conn_cnt = conn_cnt,
                                  .room_cnt = room_cnt,
                                  .follow_cnt = follow_cnt,
                                  .slow_cnt = slow_cnt,
                                  .proc_cnt = 1,
                                  .streams = 1 };
    load = (struct tc_load){ .conf = &conf, .dialect = dialect, .conn_cnt = conn_cnt };
    load.slot = tc_alloc(sizeof(*load.slot) + room_cnt * sizeof(int64_t));
    load.buffer = tc_alloc(TC_LOAD_CARRY_BYTES + TC_LOAD_READ_BYTES);
    load.out = tc_alloc(TC_LOAD_CARRY_BYTES);
    load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    tc_load_account_init(&load);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    load.conns[0].fd = ends[0];
    load.conns[0].state = TC_LOAD_OPEN;
    peer = ends[1];
}

static inline void fixture_fini(void)
{
    for (struct tc_load_block *b = load.free, *next; b != NULL; b = next) {
        next = b->next;
        tc_free(b);
    }
    close(load.conns[0].fd);
    close(load.epoll_fd);
    close(peer);
    tc_free(load.conns);
    tc_free(load.again);
    tc_free(load.states);
    tc_free(load.last);
    tc_free(load.rooms);
    tc_free(load.slot);
    tc_free(load.buffer);
    tc_free(load.out);
}

/* What the generator has sent to the peer; its bytes, at least `least`. */
static inline size_t fixture_sent(char *to, size_t cap, size_t least)
{
    size_t len = 0;
    while (len < least) {
        ssize_t n = read(peer, to + len, cap - len);
        cr_assert_gt(n, 0);
        len += (size_t)n;
    }
    return len;
}

/* Runs call in a child, which must end the run with a text that has this part. */
static inline void fixture_fails(void (*call)(void), const char *part)
{
    int status = 0;
    struct tc_load_slot *own = load.slot;
    struct tc_load_slot *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(shared, MAP_FAILED);
    load.slot = shared;
    pid_t pid = fork();
    if (pid == 0) {
        call();
        _exit(TC_LOAD_OK);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    load.slot = own;
    cr_assert_eq(status, TC_LOAD_REMOTE << 8, "%s: %x", part, (unsigned)status);
    cr_assert_eq(shared->exit_code, TC_LOAD_REMOTE);
    cr_assert(strstr(shared->error, part), "%s is not in: %s", part, shared->error);
    munmap(shared, sizeof(*shared));
}

#endif
