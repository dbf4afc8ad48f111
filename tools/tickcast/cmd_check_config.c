// SPDX-License-Identifier: Apache-2.0
/* tickcast check-config: what `run` would say about a configuration, without starting anything. */
#include "tools/tickcast/cmd.h"

#include <inttypes.h>
#include <unistd.h>

#include "core/conf/parse.h"
#include "core/conf/value.h"
#include "core/mem/mem.h"
#include "io/engine/certs.h"
#include "io/source/source.h"
#include "tools/tickcast/load_conf.h"

static const char usage_text[] =
    "usage: tickcast check-config FILE [--json]\n"
    "\n"
    "Reads a configuration as `tickcast run --config FILE` would, variables TICKCAST_... "
    "included,\n"
    "and names the first error with its line and column. Settings of librdkafka and recordings "
    "are\n"
    "tried out too; nothing is connected. FILE may be - for standard input, and may be absent "
    "where\n"
    "variables say it all.\n"
    "\n"
    "  --json             one JSON object on stdout instead of a line of text\n"
    "\n"
    "examples:\n"
    "  tickcast check-config tickcast.yaml\n"
    "  tickcast default-config | tickcast check-config -\n"
    "  TICKCAST_SOURCES_0_KAFKA_BROKERS=k1:9092 tickcast check-config tickcast.yaml --json\n"
    "\n"
    "exit: 0 good, 1 wrong, 2 usage\n";

struct options {
    const char *file;
    bool is_json;
    bool is_help;
};

/* false: a wrong command line. */
static bool take_options(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            o->is_help = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            o->is_json = true;
        } else if (o->file || (argv[i][0] == '-' && argv[i][1] != '\0')) {
            fprintf(stderr, "tickcast check-config: %s: %s\n",
                    o->file ? "one file only, not also" : "unknown option", argv[i]);
            return false;
        } else {
            o->file = argv[i];
        }
    }
    if (o->is_help || o->file || tc_load_conf_has_env(environ))
        return true;
    fputs("tickcast check-config: which file?\n", stderr);
    return false;
}

static void print_json_text(const char *text)
{
    bool is_utf8 = tc_value_is_utf8(text);
    putchar('"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c >= 0x80 && !is_utf8 ? '?' : c);
    }
    putchar('"');
}

static void print_file(const struct options *o)
{
    printf(",\"file\":");
    if (o->file)
        print_json_text(o->file);
    else
        printf("null");
}

static void print_error(const struct options *o, const struct tc_err *err)
{
    if (!o->is_json) {
        tc_load_conf_complain(stderr, o->file, err);
        return;
    }
    printf("{\"ok\":false");
    print_file(o);
    printf(",\"line\":%d,\"col\":%d,\"error\":", err->line, err->col);
    print_json_text(err->text);
    printf("}\n");
}

static void print_good(const struct options *o, const struct tc_conf *conf)
{
    static const char *const kinds[] = { "kafka", "synth", "replay" };
    uint32_t rule_cnt = 0;
    for (uint32_t i = 0; i < conf->source_cnt; i++)
        rule_cnt += conf->sources[i].rule_cnt;
    if (o->is_json) {
        printf("{\"ok\":true");
        print_file(o);
        printf(",\"listen\":\"%s\",\"admin\":\"%s\",\"rules\":%" PRIu32 ",\"sources\":[",
               conf->listen, conf->admin_listen, rule_cnt);
        for (uint32_t i = 0; i < conf->source_cnt; i++)
            printf("%s{\"name\":\"%s\",\"kind\":\"%s\",\"rules\":%" PRIu32 "}", i ? "," : "",
                   conf->sources[i].name, kinds[conf->sources[i].kind], conf->sources[i].rule_cnt);
        printf("]}\n");
        return;
    }
    printf("%s: ok: listen %s, admin %s, %" PRIu32 " room template%s from",
           o->file ? o->file : "environment", conf->listen, conf->admin_listen, rule_cnt,
           rule_cnt == 1 ? "" : "s");
    for (uint32_t i = 0; i < conf->source_cnt; i++)
        printf("%s %s (%s)", i ? "," : "", conf->sources[i].name, kinds[conf->sources[i].kind]);
    printf("\n");
}

static int check_certificates(const struct tc_conf *conf, struct tc_err *err)
{
    struct tc_certs certs = { .conf = NULL };
    int rc = tc_certs_open(&certs, &conf->tls, err);
    tc_certs_close(&certs);
    return rc;
}

/* What each source would find wrong when `run` opens it. */
static int check_sources(const struct tc_conf *conf, struct tc_err *err)
{
    int rc = TC_OK;
    for (uint32_t i = 0; i < conf->source_cnt && !rc; i++) {
        const struct tc_source_ops *ops = tc_source_table[conf->sources[i].kind];
        struct tc_source_env env = { .conf = &conf->sources[i], .limits = &conf->limits };
        rc = ops->check ? ops->check(&env, err) : TC_OK;
    }
    return rc;
}

int tc_cmd_check_config(int argc, char **argv)
{
    struct options o = { .file = NULL };
    struct tc_err err = { .code = 0 };
    if (!take_options(&o, argc, argv)) {
        fputs("try: tickcast check-config --help\n", stderr);
        return TC_EXIT_USAGE;
    }
    if (o.is_help) {
        fputs(usage_text, stdout);
        return TC_EXIT_OK;
    }
    struct tc_conf *conf = tc_alloc(sizeof(*conf));
    int rc = tc_load_conf(conf, NULL, NULL, o.file, environ, &err);
    if (rc == TC_OK && conf->tls.listen)
        rc = check_certificates(conf, &err);
    if (rc == TC_OK)
        rc = check_sources(conf, &err);
    if (rc)
        print_error(&o, &err);
    else
        print_good(&o, conf);
    tc_conf_fini(conf);
    tc_free(conf);
    return rc ? TC_EXIT_CONFIG : TC_EXIT_OK;
}
