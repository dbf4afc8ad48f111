// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/url.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *schemes[2]; /* without and with TLS */
    const char *example;
} kinds[] = {
    [TC_URL_WS] = { { "ws://", "wss://" }, "ws://127.0.0.1:8080/ws" },
    [TC_URL_GRPC] = { { "http://", "https://" }, "http://127.0.0.1:8080" },
};

static int refuse(struct tc_err *err, enum tc_url_kind kind, const char *text, const char *why)
{
    return tc_err_set(err, -TC_EINVAL, "\"%.200s\" is no address: %s; like %s", text, why,
                      kinds[kind].example);
}

/* Spaces and controls would end or split the request line. */
static bool is_clean(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f)
            return false;
    }
    return true;
}

static bool copy_part(char *to, size_t to_bytes, const char *from, size_t len)
{
    if (len >= to_bytes)
        return false;
    memcpy(to, from, len);
    to[len] = '\0';
    return true;
}

static bool parse_port(struct tc_url *out, const char *text, size_t len)
{
    uint32_t port = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    if (port == 0 || port > UINT16_MAX)
        return false;
    return copy_part(out->port, sizeof(out->port), text, len);
}

/* What is behind the scheme, NULL: it has none of this kind. */
static const char *skip_scheme(struct tc_url *out, enum tc_url_kind kind, const char *text)
{
    for (int i = 0; i < 2; i++) {
        size_t len = strlen(kinds[kind].schemes[i]);
        out->is_tls = i == 1;
        if (strncmp(text, kinds[kind].schemes[i], len) == 0)
            return text + len;
    }
    return NULL;
}

static int parse_path(struct tc_url *out, enum tc_url_kind kind, const char *text, const char *path,
                      struct tc_err *err)
{
    size_t len = strcspn(path, "#");
    if (len == 0) {
        path = kind == TC_URL_WS ? "/ws" : "/";
        len = strlen(path);
    }
    if (path[0] != '/')
        return refuse(err, kind, text, "the path does not begin with /");
    if (kind == TC_URL_GRPC && len > 1)
        return refuse(err, kind, text, "gRPC has paths of its own, so it ends with the port");
    if (!copy_part(out->path, sizeof(out->path), path, len))
        return refuse(err, kind, text, "the path is too long");
    return TC_OK;
}

int tc_url_parse(struct tc_url *out, enum tc_url_kind kind, const char *text, struct tc_err *err)
{
    memset(out, 0, sizeof(*out));
    if (!is_clean(text))
        return refuse(err, kind, text, "it has blanks or bytes that are not ASCII");
    const char *host = skip_scheme(out, kind, text);
    if (!host)
        return refuse(err, kind, text,
                      kind == TC_URL_WS
                          ? "it does not begin with ws:// or wss:// (gRPC wants --grpc)"
                          : "gRPC is at http:// or https://");
    size_t rest = strcspn(host, "/?#");
    size_t host_len = strcspn(host, ":/?#");
    if (host[0] == '[') {
        const char *end = memchr(host, ']', rest);
        if (!end)
            return refuse(err, kind, text, "the ] of the IPv6 address is missing");
        out->is_ipv6 = true;
        host++;
        rest--;
        host_len = (size_t)(end - host);
    }
    if (host_len == 0 || !copy_part(out->host, sizeof(out->host), host, host_len))
        return refuse(err, kind, text, "the host is missing or too long");
    size_t used = host_len + (out->is_ipv6 ? 1 : 0);
    if (used == rest)
        snprintf(out->port, sizeof(out->port), "%s", out->is_tls ? "443" : "80");
    else if (host[used] != ':' || !parse_port(out, host + used + 1, rest - used - 1))
        return refuse(err, kind, text, "the port is not 1..65535");
    return parse_path(out, kind, text, host + rest, err);
}
