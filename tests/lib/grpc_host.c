// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/grpc_host.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/conf/parse.h"
#include "core/topo/check_rules.h"
#include "io/os/os.h"

enum { YAML_BYTES = 2048, NAME_BYTES = 256 };

static const char common_yaml[] =
    "admin: { listen: \"127.0.0.1:0\" }\n"
    "workers: { count: 1, idle: sleep }\n"
    "limits: { connections: 500, members: 100, rooms: 100, waiting_rooms: 10, pending: 100,\n"
    "          streams: 4096, event_bytes: 4096 }\n"
    "timeouts: { drain_s: \"100ms\" }\n"
    "sources:\n"
    "  - name: none\n"
    "    history: { bytes: 262144, events: 4096, last_value_bytes: 65536 }\n"
    "    synth: { symbols: 1, rate: 0 }\n";

/* ---- the certificate's files ---- */

struct folder {
    char name[NAME_BYTES - 16]; /* empty: no TLS */
    char cert[NAME_BYTES];
    char key[NAME_BYTES];
};

static int write_file(const char *name, struct tc_str text, struct tc_err *err)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t len = fd < 0 ? -1 : write(fd, text.ptr, text.len);
    if (len != (ssize_t)text.len)
        tc_err_set(err, -TC_EIO, "%s: %s", name, strerrordesc_np(errno));
    if (fd >= 0)
        close(fd);
    return len == (ssize_t)text.len ? TC_OK : -TC_EIO;
}

static int folder_open(struct folder *f, const struct tc_grpc_host_conf *conf, struct tc_err *err)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(f->name, sizeof(f->name), "%s/grpc-host-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(f->name)) {
        tc_err_set(err, -TC_EIO, "%s: %s", f->name, strerrordesc_np(errno));
        f->name[0] = '\0';
        return -TC_EIO;
    }
    snprintf(f->cert, sizeof(f->cert), "%s/cert.pem", f->name);
    snprintf(f->key, sizeof(f->key), "%s/key.pem", f->name);
    int rc = write_file(f->cert, conf->cert, err);
    return rc < 0 ? rc : write_file(f->key, conf->key, err);
}

static void folder_close(const struct folder *f)
{
    if (!f->name[0])
        return;
    (void)unlink(f->cert);
    (void)unlink(f->key);
    (void)rmdir(f->name);
}

/* ---- start and stop ---- */

static int load(struct tc_grpc_host *host, const struct tc_grpc_host_conf *conf,
                const struct folder *f, struct tc_err *err)
{
    char yaml[YAML_BYTES];
    char tls[3 * NAME_BYTES] = "";
    if (f->name[0])
        snprintf(tls, sizeof(tls),
                 "tls: { listen: \"127.0.0.1:%" PRIu16 "\", certificates: [\"%s\"],"
                 " keys: [\"%s\"] }\n",
                 conf->tls_port, f->cert, f->key);
    int len = snprintf(yaml, sizeof(yaml), "listen: \"127.0.0.1:%" PRIu16 "\"\n%s%s", conf->port,
                       tls, common_yaml);
    TC_ASSERT(len > 0 && (size_t)len < sizeof(yaml));
    int rc = tc_conf_parse(&host->conf, (struct tc_str){ yaml, (size_t)len }, NULL, err);
    if (rc < 0)
        return rc;
    rc = tc_check_rules(&host->conf, &host->rules, err);
    if (rc < 0)
        tc_conf_fini(&host->conf);
    return rc;
}

static int start(struct tc_grpc_host *host, const struct tc_grpc_host_conf *conf,
                 struct tc_err *err)
{
    struct tc_engine_conf engine = { .conf = &host->conf,
                                     .rules = &host->rules,
                                     .grpc = conf->server,
                                     .version = TC_VERSION,
                                     .log_fd = conf->log_fd };
    if (conf->log_fd < 0)
        engine.log_fd = host->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int rc = tc_engine_start(&host->engine, &engine, err);
    if (rc < 0) {
        tc_os_close(host->null_fd);
        tc_conf_fini(&host->conf);
        return rc;
    }
    host->port = tc_addr_port(tc_engine_addr(host->engine));
    host->tls_port = tc_addr_port(tc_engine_tls_addr(host->engine));
    return TC_OK;
}

int tc_grpc_host_start(struct tc_grpc_host *host, const struct tc_grpc_host_conf *conf,
                       struct tc_err *err)
{
    struct folder folder = { .name = "" };
    int rc = TC_OK;
    memset(host, 0, sizeof(*host));
    host->null_fd = -1;
    tc_engine_signals_block();
    if (conf->cert.len > 0)
        rc = folder_open(&folder, conf, err);
    if (rc == TC_OK)
        rc = load(host, conf, &folder, err);
    if (rc == TC_OK)
        rc = start(host, conf, err);
    folder_close(&folder);
    return rc;
}

void tc_grpc_host_wait(struct tc_grpc_host *host)
{
    (void)tc_engine_wait(host->engine, -1, NULL, NULL);
}

void tc_grpc_host_stop(struct tc_grpc_host *host)
{
    tc_engine_stop(host->engine);
    tc_os_close(host->null_fd);
    tc_conf_fini(&host->conf);
}
