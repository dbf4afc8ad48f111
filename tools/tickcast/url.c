// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/url.h"

#include <stdio.h>
#include <stdlib.h>

static int refuse(struct tc_err *err, const char *text, const char *why)
{
    return tc_err_set(err, -TC_EINVAL, "\"%.200s\" is no address: %s; like ws://127.0.0.1:8080/ws",
                      text, why);
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

int tc_url_parse(struct tc_url *out, const char *text, struct tc_err *err)
{
    static const char scheme[] = "ws://";
    memset(out, 0, sizeof(*out));
    if (!is_clean(text))
        return refuse(err, text, "it has blanks or bytes that are not ASCII");
    if (strncmp(text, "wss://", 6) == 0)
        return tc_err_set(err, -TC_ENOTSUP,
                          "wss:// is not built yet; use ws:// inside your network");
    if (strncmp(text, scheme, sizeof(scheme) - 1) != 0)
        return refuse(err, text, "it does not begin with ws://");
    const char *host = text + sizeof(scheme) - 1;
    size_t rest = strcspn(host, "/?#");
    size_t host_len = strcspn(host, ":/?#");
    if (host[0] == '[') {
        const char *end = memchr(host, ']', rest);
        if (!end)
            return refuse(err, text, "the ] of the IPv6 address is missing");
        out->is_ipv6 = true;
        host++;
        rest--;
        host_len = (size_t)(end - host);
    }
    if (host_len == 0 || !copy_part(out->host, sizeof(out->host), host, host_len))
        return refuse(err, text, "the host is missing or too long");
    size_t used = host_len + (out->is_ipv6 ? 1 : 0);
    if (used == rest)
        (void)copy_part(out->port, sizeof(out->port), "80", 2);
    else if (host[used] != ':' || !parse_port(out, host + used + 1, rest - used - 1))
        return refuse(err, text, "the port is not 1..65535");
    const char *path = host + rest;
    size_t path_len = strcspn(path, "#");
    if (path_len == 0) {
        path = "/ws";
        path_len = 3;
    }
    if (path[0] != '/')
        return refuse(err, text, "the path does not begin with /");
    if (!copy_part(out->path, sizeof(out->path), path, path_len))
        return refuse(err, text, "the path is too long");
    return TC_OK;
}
