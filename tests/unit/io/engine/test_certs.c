// SPDX-License-Identifier: Apache-2.0
/* Goal: the files of the tls section become a context; a wrong one changes nothing and is named. */
#include "io/engine/certs.h"

#include <stdio.h>
#include <unistd.h>

#include "io/os/os.h"
#include "tests/unit/proto/tls/fixture.h"

static char folder[] = "/tmp/test_certs.XXXXXX";
static char crt[64];
static char key[64];
static char both[64];
static char ca[64];
static struct tc_err err;
static struct tc_certs certs;
static struct tc_conf_tls conf;

static void put(const char *file, struct tc_str first, struct tc_str second)
{
    FILE *f = fopen(file, "w");
    cr_assert_not_null(f);
    if (first.len)
        cr_assert_eq(fwrite(first.ptr, 1, first.len, f), first.len);
    if (second.len)
        cr_assert_eq(fwrite(second.ptr, 1, second.len, f), second.len);
    cr_assert_eq(fclose(f), 0);
}

static void setup(void)
{
    MADE own = make("a.test", "DNS:a.test", NULL);
    cr_assert_not_null(mkdtemp(folder));
    snprintf(crt, sizeof(crt), "%s/crt", folder);
    snprintf(key, sizeof(key), "%s/key", folder);
    snprintf(both, sizeof(both), "%s/both", folder);
    snprintf(ca, sizeof(ca), "%s/ca", folder);
    put(crt, own.chain, (struct tc_str){ NULL, 0 });
    put(key, own.key, (struct tc_str){ NULL, 0 });
    put(both, own.chain, own.key);
    put(ca, own.chain, own.chain);
    conf = (struct tc_conf_tls){ .listen = "127.0.0.1:0",
                                 .certs = { crt },
                                 .cert_cnt = 1,
                                 .keys = { key },
                                 .key_cnt = 1,
                                 .ticket_ms = 1 };
}

static void teardown(void)
{
    tc_certs_close(&certs);
    (void)unlink(crt);
    (void)unlink(key);
    (void)unlink(both);
    (void)unlink(ca);
    cr_assert_eq(rmdir(folder), 0);
}

TestSuite(certs, .init = setup, .fini = teardown);

Test(certs, key_beside_or_in_the_file)
{
    /* Goal: a key has a file of its own, or stands in that of its certificate. */
    cr_assert_eq(tc_certs_open(&certs, &conf, &err), TC_OK, "%s", err.text);
    cr_assert_not_null(certs.ctx);
    tc_certs_close(&certs);
    conf.certs[0] = both;
    conf.key_cnt = 0;
    cr_assert_eq(tc_certs_open(&certs, &conf, &err), TC_OK, "%s", err.text);
}

Test(certs, clients)
{
    /* Goal: those who may sign certificates of clients are read from their file. */
    conf.clients = TC_CLIENTS_REQUIRE;
    conf.client_ca = key;
    cr_assert_eq(tc_certs_open(&certs, &conf, &err), -TC_EINVAL);
    cr_assert_not_null(strstr(err.text, "client_ca"));
    conf.client_ca = crt;
    cr_assert_eq(tc_certs_open(&certs, &conf, &err), TC_OK, "%s", err.text);
}

Test(certs, unreadable)
{
    /* Goal: a file that is not there or too long is named. */
    conf.keys[0] = "nowhere.key";
    cr_assert_eq(tc_certs_open(&certs, &conf, &err), -TC_EINVAL);
    cr_assert_not_null(strstr(err.text, "nowhere.key: cannot be read"));
    cr_assert_eq(truncate(crt, TC_CERTS_FILE_MAX + 1), 0);
    cr_assert_eq(tc_certs_open(&certs, &conf, &err), -TC_EINVAL);
    cr_assert_not_null(strstr(err.text, "longer than"), "%s", err.text);
}

Test(certs, reload)
{
    /* Goal: a reload makes another context, unless a file is wrong; without TLS there is none. */
    cr_assert_not(tc_certs_reload(&certs, NULL));
    cr_assert_eq(tc_certs_open(&certs, &conf, &err), TC_OK);
    const struct tc_tls_ctx *first = certs.ctx;
    put(key, TC_STR("no key"), (struct tc_str){ NULL, 0 });
    cr_assert_not(tc_certs_reload(&certs, NULL));
    cr_assert_eq(certs.ctx, first);
    MADE other = make("b.test", NULL, NULL);
    put(crt, other.chain, (struct tc_str){ NULL, 0 });
    put(key, other.key, (struct tc_str){ NULL, 0 });
    struct tc_tls_ctx *held = tc_tls_ctx_ref(certs.ctx);
    cr_assert(tc_certs_reload(&certs, NULL));
    cr_assert_neq(certs.ctx, held);
    tc_tls_ctx_unref(held);
}

Test(certs, keys_of_tickets_grow_old)
{
    /* Goal: a tick makes a new key when it is time, and only then. */
    cr_assert_eq(tc_certs_open(&certs, &conf, &err), TC_OK);
    uint64_t seq = atomic_load(&certs.tickets.seq);
    certs.rotate_at_ns = INT64_MAX;
    tc_certs_tick(&certs);
    cr_assert_eq(atomic_load(&certs.tickets.seq), seq);
    certs.rotate_at_ns = tc_os_mono_ns();
    tc_certs_tick(&certs);
    cr_assert_eq(atomic_load(&certs.tickets.seq), seq + 2);
    cr_assert(certs.rotate_at_ns > tc_os_mono_ns() - 1000000000);
}
