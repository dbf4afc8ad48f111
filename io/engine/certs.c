// SPDX-License-Identifier: Apache-2.0
#include "io/engine/certs.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "core/mem/mem.h"
#include "io/os/os.h"

/* The file's bytes, to be freed with drop. */
static int read_file(const char *name, struct tc_str *out, struct tc_err *err)
{
    FILE *file = fopen(name, "rbe");
    if (!file)
        return tc_err_set(err, -TC_EINVAL, "%s: cannot be read: %s", name, strerror(errno));
    char *bytes = tc_alloc(TC_CERTS_FILE_MAX + 1);
    size_t len = fread(bytes, 1, TC_CERTS_FILE_MAX + 1, file);
    bool is_bad = ferror(file) != 0;
    (void)fclose(file);
    *out = (struct tc_str){ bytes, len };
    if (is_bad)
        return tc_err_set(err, -TC_EINVAL, "%s: cannot be read", name);
    if (len > TC_CERTS_FILE_MAX)
        return tc_err_set(err, -TC_EINVAL, "%s: longer than %d bytes", name, TC_CERTS_FILE_MAX);
    return TC_OK;
}

static void drop(struct tc_str text)
{
    if (text.ptr)
        OPENSSL_cleanse((void *)text.ptr, text.len);
    tc_free((void *)text.ptr);
}

_Static_assert((int)TC_CONF_CERTS_MAX <= (int)TC_TLS_CERTS_MAX, "a context holds what is named");

static int load(struct tc_tls_ctx **out, const struct tc_conf_tls *conf,
                struct tc_tls_tickets *tickets, struct tc_err *err)
{
    static const enum tc_tls_clients clients[] = {
        [TC_CLIENTS_NONE] = TC_TLS_CLIENTS_NONE,
        [TC_CLIENTS_REQUEST] = TC_TLS_CLIENTS_REQUEST,
        [TC_CLIENTS_REQUIRE] = TC_TLS_CLIENTS_REQUIRE,
    };
    struct tc_tls_cert certs[TC_CONF_CERTS_MAX] = { { .name = NULL } };
    struct tc_tls_conf tls = {
        .certs = certs,
        .cert_cnt = conf->cert_cnt,
        .clients = clients[conf->clients],
        .is_tls13_only = conf->min_version == TC_TLS_1_3,
        .has_h2 = true,
        .tickets = tickets,
    };
    int rc = TC_OK;
    for (uint32_t i = 0; rc == TC_OK && i < conf->cert_cnt; i++) {
        const char *key_file = conf->key_cnt ? conf->keys[i] : conf->certs[i];
        certs[i].name = conf->certs[i];
        rc = read_file(conf->certs[i], &certs[i].chain, err);
        if (rc == TC_OK)
            rc = read_file(key_file, &certs[i].key, err);
    }
    if (rc == TC_OK && conf->client_ca)
        rc = read_file(conf->client_ca, &tls.client_ca, err);
    if (rc == TC_OK)
        rc = tc_tls_ctx_new(out, &tls, err);
    for (uint32_t i = 0; i < conf->cert_cnt; i++) {
        drop(certs[i].chain);
        drop(certs[i].key);
    }
    drop(tls.client_ca);
    return rc;
}

static void rotate(struct tc_certs *certs)
{
    uint8_t random[TC_TLS_TICKET_KEY_BYTES];
    tc_os_random(random, sizeof(random));
    tc_tls_tickets_rotate(&certs->tickets, random);
    certs->rotate_at_ns = tc_os_mono_ns() + certs->conf->ticket_ms * 1000000ll;
    OPENSSL_cleanse(random, sizeof(random));
}

int tc_certs_open(struct tc_certs *certs, const struct tc_conf_tls *conf, struct tc_err *err)
{
    certs->conf = conf;
    rotate(certs);
    return load(&certs->ctx, conf, &certs->tickets, err);
}

void tc_certs_close(struct tc_certs *certs)
{
    tc_tls_ctx_unref(certs->ctx);
    OPENSSL_cleanse(certs, sizeof(*certs));
}

bool tc_certs_reload(struct tc_certs *certs, struct tc_log_ring *log)
{
    struct tc_tls_ctx *fresh = NULL;
    struct tc_err err = { .code = 0 };
    if (!certs->ctx) {
        tc_log(log, TC_LOG_INFO, "reload",
               "nothing of this configuration can be changed while it runs");
        return false;
    }
    if (load(&fresh, certs->conf, &certs->tickets, &err) < 0) {
        tc_log(log, TC_LOG_ERROR, "reload-failed", "the certificates stay as they were: %s",
               err.text);
        return false;
    }
    tc_tls_ctx_unref(certs->ctx);
    certs->ctx = fresh;
    tc_log(log, TC_LOG_INFO, "reload", "certificates were read again");
    return true;
}

void tc_certs_tick(struct tc_certs *certs)
{
    if (certs->ctx && tc_os_mono_ns() >= certs->rotate_at_ns)
        rotate(certs);
}
