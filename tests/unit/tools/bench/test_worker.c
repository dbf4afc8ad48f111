// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/tools/bench/fixture.h"

TestSuite(load_worker, .fini = fixture_fini);

static int control = -1;

/* A dialect whose server need not say anything. */
static void hello(struct tc_load *l, struct tc_load_conn *c)
{
    c->state = TC_LOAD_OPEN;
    tc_load_greeted(l, c);
}

static void subscribe(struct tc_load *l, struct tc_load_conn *c, uint32_t first, uint32_t cnt)
{
    (void)first;
    tc_load_confirmed(l, c, cnt);
}

/* A byte is an update: its position; the one before is its prev. */
static size_t on_bytes(struct tc_load *l, struct tc_load_conn *c, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        tc_load_update_at(l, c, 0, bytes[i], bytes[i] - 1, "", 0);
    return len;
}

static const struct tc_load_dialect dialect = {
    .name = "t", .hello = hello, .subscribe = subscribe, .on_bytes = on_bytes
};

static char word_of_worker(void)
{
    char word = 0;
    cr_assert_eq(read(control, &word, 1), 1);
    return word;
}

static char ask(char word)
{
    cr_assert_eq(write(control, &word, 1), 1);
    return word_of_worker();
}

Test(load_worker, marks)
{
    /* Goal: a worker says when it is ready, marks at once and at quiet moments, tells whether
     * something has moved since, and ends when the coordinator does. */
    int ends[2];
    int status = 0;
    fixture_init(&dialect, 1, 1, 1, 0);
    struct sockaddr_in *to = (struct sockaddr_in *)&conf.targets[0].to;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    to->sin_family = AF_INET;
    to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    conf.targets[0].to_len = sizeof(*to);
    cr_assert_eq(bind(listener, (struct sockaddr *)to, sizeof(*to)), 0);
    cr_assert_eq(listen(listener, 1), 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)to, &conf.targets[0].to_len), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    size_t slot_bytes = sizeof(struct tc_load_slot) + sizeof(int64_t);
    struct tc_load_slot *slot =
        mmap(NULL, slot_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(slot, MAP_FAILED);
    pid_t pid = fork();
    if (pid == 0) {
        static struct tc_load fresh;
        fresh = (struct tc_load){
            .conf = &conf, .dialect = &dialect, .slot = slot, .conn_cnt = 1, .control_fd = ends[1]
        };
        close(ends[0]);
        _exit(tc_load_worker(&fresh));
    }
    close(ends[1]);
    control = ends[0];
    int other = accept(listener, NULL, NULL);
    cr_assert_eq(word_of_worker(), TC_LOAD_READY);
    cr_assert_eq(atomic_load(&slot->ready_cnt), 1);
    cr_assert_eq(ask(TC_LOAD_CMD_NOW), TC_LOAD_MARKED);
    cr_assert_eq(slot->counts.deliveries, 0);
    char quiet = TC_LOAD_CMD_QUIET;
    cr_assert_eq(write(control, &quiet, 1), 1);
    cr_assert_eq(write(other, "\1\2\3", 3), 3);
    if (word_of_worker() == TC_LOAD_NO) { /* they came before the word; it waits for a burst */
        cr_assert_eq(write(control, &quiet, 1), 1);
        cr_assert_eq(write(other, "\4", 1), 1);
        (void)word_of_worker();
    }
    cr_assert(slot->counts.deliveries >= 3 && slot->room_max[0] >= 3 && slot->counts.broken == 0);
    cr_assert_eq(ask(TC_LOAD_CMD_STILL), TC_LOAD_YES);
    close(control);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(other);
    close(listener);
    munmap(slot, slot_bytes);
}

static void fail(void)
{
    tc_load_fail(&load, "it is %d", 42);
}

Test(load_worker, gives_up)
{
    /* Goal: the text of a worker that gives up reaches the coordinator. */
    fixture_init(&dialect, 1, 1, 1, 0);
    fixture_fails(fail, "it is 42");
}
