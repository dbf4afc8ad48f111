// SPDX-License-Identifier: Apache-2.0
#include "core/conf/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/conf/value.h"

struct check {
    const struct tc_conf *conf;
    const struct tc_tree *tree;
    struct tc_err *err;
    char path[TC_TREE_PATH_MAX]; /* of the thing being judged */
};

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

static void TC_PRINTF(2, 3) at(struct check *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->path, sizeof(c->path), fmt, ap);
    va_end(ap);
}

static int TC_PRINTF(2, 3) fail(const struct check *c, const char *fmt, ...)
{
    char text[TC_ERR_TEXT_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return tc_node_fail(tc_tree_near(c->tree, c->path), false, c->path, c->err, "%s", text);
}

/* ---- the top ---- */

static int check_address(struct check *c, const char *path, const char *text)
{
    char quote[TC_QUOTE_BYTES];
    const char *fault = tc_value_address_fault(text);
    at(c, "%s", path);
    return fault ? fail(c, "\"%s\" %s", tc_quote(quote, text), fault) : TC_OK;
}

static int check_origin(const struct check *c, const char *text)
{
    char quote[TC_QUOTE_BYTES];
    size_t scheme = strncmp(text, "https://", 8) == 0  ? 8
                    : strncmp(text, "http://", 7) == 0 ? 7
                                                       : 0;
    if (scheme == 0 || text[scheme] == '\0' || strpbrk(text + scheme, "/?#@* \"\\"))
        return fail(
            c,
            "\"%s\" is not an origin: write scheme and host, with the port unless it is the "
            "usual one, and no path, like https://ui.example",
            tc_quote(quote, text));
    return TC_OK;
}

static int check_tls(struct check *c)
{
    const struct tc_conf_tls *tls = &c->conf->tls;
    at(c, "tls.certificates");
    if (!tls->listen && (tls->cert_cnt || tls->key_cnt || tls->client_ca)) {
        at(c, "tls");
        return fail(c, "has no listen: name the address, like listen: \"0.0.0.0:8443\"");
    }
    if (!tls->listen)
        return TC_OK;
    if (tls->cert_cnt == 0)
        return fail(c, "is missing: name the file of the certificate, like certificates: "
                       "[\"server.pem\"]");
    at(c, "tls.keys");
    if (tls->key_cnt && tls->key_cnt != tls->cert_cnt)
        return fail(c,
                    "names %" PRIu32 " files for %" PRIu32 " certificates (tls.certificates): one "
                    "for each in the same order, or none",
                    tls->key_cnt, tls->cert_cnt);
    at(c, "tls.client_ca");
    if ((tls->clients == TC_CLIENTS_NONE) != !tls->client_ca)
        return fail(c, "goes together with clients: request or require, which needs it");
    int rc = check_address(c, "tls.listen", tls->listen);
    if (!rc && strcmp(strrchr(tls->listen, ':'), ":0") != 0 &&
        (strcmp(tls->listen, c->conf->listen) == 0 ||
         strcmp(tls->listen, c->conf->admin_listen) == 0))
        rc = fail(c, "is the address of another port too: give it another one");
    return rc;
}

static int check_top(struct check *c)
{
    const struct tc_conf *conf = c->conf;
    int rc = check_address(c, "listen", conf->listen);
    if (!rc)
        rc = check_address(c, "admin.listen", conf->admin_listen);
    if (!rc && strcmp(conf->listen, conf->admin_listen) == 0 &&
        strcmp(strrchr(conf->listen, ':'), ":0") != 0)
        rc = fail(c, "is the same address as listen: give it another port");
    if (!rc)
        rc = check_tls(c);
    for (uint32_t i = 0; i < conf->origin_cnt && !rc; i++) {
        at(c, "origins[%" PRIu32 "]", i);
        rc = check_origin(c, conf->origins[i]);
    }
    if (rc)
        return rc;
    at(c, "workers.cpus");
    if (conf->worker_cpu_cnt > 0 && conf->worker_cnt > 0 &&
        conf->worker_cpu_cnt != conf->worker_cnt)
        return fail(c,
                    "names %" PRIu32 " cores for %" PRIu32 " workers (workers.count): name one for "
                    "each, or remove one of the two keys",
                    conf->worker_cpu_cnt, conf->worker_cnt);
    at(c, "timeouts.idle_ms");
    if (conf->timeouts.idle_ms <= conf->timeouts.ping_ms)
        return fail(c,
                    "%" PRIu32 " ms end a silent client before it is pinged (ping_ms: %" PRIu32
                    "): make it larger than ping_ms",
                    conf->timeouts.idle_ms, conf->timeouts.ping_ms);
    return TC_OK;
}

/* ---- Kafka ---- */

struct banned {
    const char *name;
    const char *why;
};

static const struct banned banned_properties[] = {
    { "bootstrap.servers", "name the brokers in kafka.brokers" },
    { "metadata.broker.list", "name the brokers in kafka.brokers" },
    { "enable.auto.commit", "positions are the clients' own, nothing is ever committed" },
    { "enable.auto.offset.store", "positions are the clients' own, nothing is ever committed" },
    { "auto.offset.reset",
      "a position that is gone must be told to clients, not jumped over; use kafka.start" },
    { "enable.partition.eof", "the end of a partition is how the engine knows that it caught up" },
    { "allow.auto.create.topics", "the engine only reads; a misspelt topic must not come to be" },
    { "group.instance.id", "no consumer group is joined: each engine reads all partitions" },
    { "group.protocol", "no consumer group is joined: each engine reads all partitions" },
    { "group.remote.assignor", "no consumer group is joined: each engine reads all partitions" },
    { "partition.assignment.strategy",
      "no consumer group is joined: each engine reads all partitions" },
    { "opaque", "it is a pointer in a program, not a setting" },
    { "default_topic_conf", "it is a pointer in a program, not a setting" },
};

static int check_properties(struct check *c, uint32_t source)
{
    const struct tc_conf_kafka *kafka = &c->conf->sources[source].kafka;
    const struct tc_node *node;
    at(c, "sources[%" PRIu32 "].kafka.properties", source);
    node = tc_tree_near(c->tree, c->path)->first;
    for (uint32_t i = 0; i < kafka->property_cnt; i++, node = node->next) {
        char quote[TC_QUOTE_BYTES];
        const char *name = kafka->properties[i].name;
        const char *why = NULL;
        size_t len = strlen(name);
        for (size_t j = 0; j < TC_ARRAY_CNT(banned_properties); j++) {
            if (strcmp(banned_properties[j].name, name) == 0)
                why = banned_properties[j].why;
        }
        if (len > 3 && strcmp(name + len - 3, "_cb") == 0)
            why = "it is a function in a program, not a setting";
        if (why)
            return tc_node_fail(node, true, c->path, c->err, "%s cannot be set: %s. Remove it",
                                tc_quote(quote, name), why);
    }
    return TC_OK;
}

static int check_topic(struct check *c, uint32_t source, uint32_t rule)
{
    const struct tc_conf_rule *rules = c->conf->sources[source].rules;
    const char *topic = rules[rule].topic;
    char quote[TC_QUOTE_BYTES];
    at(c, "sources[%" PRIu32 "].kafka.topics[%" PRIu32 "].topic", source, rule);
    if (topic[strspn(topic, letters)] || strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0)
        return fail(c, "\"%s\" is not a topic: letters, digits and . _ - only (no patterns)",
                    tc_quote(quote, topic));
    for (uint32_t i = 0; i < rule; i++) {
        if (strcmp(rules[i].topic, topic) == 0)
            return fail(c,
                        "topic %s stands twice in this source (also topics[%" PRIu32
                        "]): one rule for each topic",
                        tc_quote(quote, topic), i);
    }
    return TC_OK;
}

static int check_kafka(struct check *c, uint32_t source)
{
    const struct tc_conf_source *s = &c->conf->sources[source];
    int rc = check_properties(c, source);
    at(c, "sources[%" PRIu32 "].kafka.brokers", source);
    if (!rc && strpbrk(s->kafka.brokers, " \t"))
        return fail(c, "holds a blank: write host:port,host:port");
    at(c, "sources[%" PRIu32 "].kafka", source);
    if (!rc && s->rule_cnt == 0)
        return fail(c, "no topics: add topics: [ { topic: ticks, room: \"ticker-{key}\", event: "
                       "ticker-update } ]");
    for (uint32_t i = 0; i < s->rule_cnt && !rc; i++)
        rc = check_topic(c, source, i);
    return rc;
}

/* ---- rules ---- */

static int check_event(const struct check *c, const char *event)
{
    static const char *const own[] = {
        "subscription-confirmed",
        "unsubscribed",
        "recovered",
        "cannot-recover",
        "conflated",
        "gap",
        "moved",
        "stale",
        "fresh",
        "pong",
        "draining",
        "error",
    };
    char quote[TC_QUOTE_BYTES];
    if (event[strspn(event, letters)])
        return fail(c, "\"%s\" is not an event name: letters, digits and . _ - only",
                    tc_quote(quote, event));
    for (size_t i = 0; i < TC_ARRAY_CNT(own); i++) {
        if (strcmp(own[i], event) == 0)
            return fail(c, "\"%s\" is a message of the protocol itself: choose another name",
                        event);
    }
    return TC_OK;
}

static int check_rule(struct check *c, uint32_t source, uint32_t idx)
{
    static const char *const private_rooms[] = { "orders-", "portfolio-", "notifications-" };
    static const char *const kinds[] = { "kafka", "synth", "replay" };
    const struct tc_conf_source *s = &c->conf->sources[source];
    const struct tc_conf_rule *rule = &s->rules[idx];
    char base[TC_TREE_PATH_MAX / 2];
    if (s->kind == TC_SOURCE_KAFKA)
        snprintf(base, sizeof(base), "sources[%" PRIu32 "].kafka.topics[%" PRIu32 "]", source, idx);
    else
        snprintf(base, sizeof(base), "sources[%" PRIu32 "].%s", source, kinds[s->kind]);
    at(c, "%s.class", base);
    if (rule->class != TC_CLASS_LATEST)
        return fail(c, "not supported yet: class %s. Only latest is built so far",
                    rule->class == TC_CLASS_BOOK ? "book" : "every");
    at(c, "%s.format", base);
    if (rule->format == TC_FORMAT_PROTOBUF && !rule->message)
        return fail(c, "protobuf needs message: which type the values are");
    at(c, "%s.room", base);
    for (size_t i = 0; i < TC_ARRAY_CNT(private_rooms); i++) {
        const char *prefix = private_rooms[i];
        if (strncmp(rule->room, prefix, strlen(prefix)) == 0)
            return fail(c,
                        "not supported yet: rooms %s... are private and need authentication, "
                        "which comes later. Choose another name for public data",
                        prefix);
    }
    at(c, "%s.event", base);
    return check_event(c, rule->event);
}

/* ---- sources ---- */

static int check_sizes(struct check *c, uint32_t source)
{
    const struct tc_conf_source *s = &c->conf->sources[source];
    uint64_t least = (uint64_t)TC_CONF_HISTORY_EVENTS_MIN * c->conf->limits.event_bytes;
    at(c, "sources[%" PRIu32 "].history.bytes", source);
    if (s->history_bytes < least)
        return fail(c,
                    "%" PRIu64 " bytes hold fewer than %d events of %" PRIu32
                    " bytes (limits.event_bytes): make it at least %" PRIu64
                    ", or limits.event_bytes smaller",
                    s->history_bytes, TC_CONF_HISTORY_EVENTS_MIN, c->conf->limits.event_bytes,
                    least);
    at(c, "sources[%" PRIu32 "].synth.payload_bytes", source);
    if (s->kind == TC_SOURCE_SYNTH && s->synth.payload_bytes > c->conf->limits.event_bytes)
        return fail(c, "%" PRIu32 " bytes are more than limits.event_bytes (%" PRIu32 ")",
                    s->synth.payload_bytes, c->conf->limits.event_bytes);
    return TC_OK;
}

static int check_name(struct check *c, uint32_t source)
{
    char quote[TC_QUOTE_BYTES];
    const char *name = c->conf->sources[source].name;
    at(c, "sources[%" PRIu32 "].name", source);
    if (name[strspn(name, letters)])
        return fail(c, "\"%s\" is not a name: letters, digits and . _ - only",
                    tc_quote(quote, name));
    for (uint32_t i = 0; i < source; i++) {
        if (strcmp(c->conf->sources[i].name, name) == 0)
            return fail(c, "\"%s\" is the name of sources[%" PRIu32 "] too: give each its own",
                        tc_quote(quote, name), i);
    }
    return TC_OK;
}

static int check_source(struct check *c, uint32_t source)
{
    const struct tc_conf_source *s = &c->conf->sources[source];
    int rc = check_name(c, source);
    if (!rc)
        rc = check_sizes(c, source);
    if (!rc && s->kind == TC_SOURCE_KAFKA)
        rc = check_kafka(c, source);
    for (uint32_t i = 0; i < s->rule_cnt && !rc; i++)
        rc = check_rule(c, source, i);
    return rc;
}

int tc_conf_check(const struct tc_conf *conf, const struct tc_tree *tree, struct tc_err *err)
{
    struct check c = { .conf = conf, .tree = tree, .err = err };
    uint32_t rule_cnt = 0;
    int rc = check_top(&c);
    at(&c, "sources");
    if (!rc && conf->source_cnt == 0)
        return fail(&c, "no source: add sources: [ { name: main, synth: {} } ], or one of kafka "
                        "(`tickcast default-config` shows it)");
    for (uint32_t i = 0; i < conf->source_cnt && !rc; i++) {
        rc = check_source(&c, i);
        rule_cnt += conf->sources[i].rule_cnt;
        at(&c, "sources[%" PRIu32 "]", i);
        if (!rc && rule_cnt > TC_RULES_MAX)
            return fail(&c, "%" PRIu32 " topics in all sources so far: at most %d", rule_cnt,
                        TC_RULES_MAX);
    }
    return rc;
}
