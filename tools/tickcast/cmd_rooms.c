// SPDX-License-Identifier: Apache-2.0
/* tickcast rooms: the rooms of an engine that have a record. */
#include "tools/tickcast/cmd.h"

#include <getopt.h>

#include "core/base/fmt.h"
#include "tools/tickcast/grpc_client.h"
#include "tools/tickcast/room_list.h"

enum { ANSWER_MS = 10000 }; /* for one page */

static const char usage_text[] =
    "usage: tickcast rooms [URL] [options]\n"
    "\n"
    "Lists the rooms that have a record, over gRPC (ListRooms): name, log, newest position and\n"
    "type of the payloads' message, with tabs between; - for none.\n"
    "\n"
    "  URL                the engine (http://127.0.0.1:8080); https:// is TLS\n"
    "  --prefix P         only rooms whose names begin with P\n"
    "  --limit N          at most N rooms\n"
    "  --json             one JSON object a line\n"
    "  --ca FILE          authorities of the engine's certificate (PEM), not the system's\n"
    "\n"
    "examples:\n"
    "  tickcast rooms\n"
    "  tickcast rooms --prefix ticker- --limit 20 https://feed.example\n"
    "  tickcast sub $(tickcast rooms --prefix ticker-BTC | cut -f1)\n"
    "\n"
    "exit: 0 done, 2 usage, 4 the engine cannot be reached or refused\n";

struct options {
    struct tc_link_to to;
    struct tc_room_list list;
};

static int wrong(const char *what, const char *value)
{
    fprintf(stderr, "tickcast rooms: %s%s\ntry: tickcast rooms --help\n", what, value);
    return TC_EXIT_USAGE;
}

static bool parse_cnt(const char *text, uint64_t *out)
{
    return tc_fmt_parse_u64(tc_str_from(text), UINT64_MAX, out) && *out > 0;
}

/* TC_OK, or the exit code of a usage error negated; 1: help was printed. */
static int parse_options(struct options *o, int argc, char **argv)
{
    enum { PREFIX = 'p', LIMIT = 'n', JSON = 'j', CA = 'c', HELP = 'h' };
    static const struct option table[] = {
        { "prefix", required_argument, NULL, PREFIX }, { "limit", required_argument, NULL, LIMIT },
        { "json", no_argument, NULL, JSON },           { "ca", required_argument, NULL, CA },
        { "help", no_argument, NULL, HELP },           { NULL, 0, NULL, 0 },
    };
    struct tc_err err;
    int c = 0;
    optind = 0; /* glibc: begin anew, whatever the caller parsed before */
    while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (c == PREFIX)
            o->list.prefix = optarg;
        else if (c == LIMIT && !parse_cnt(optarg, &o->list.room_max))
            return -wrong("--limit is not a positive number: ", optarg);
        else if (c == JSON)
            o->list.is_json = true;
        else if (c == CA)
            o->to.ca_file = optarg;
        else if (c == HELP)
            return 1;
        else if (c == '?')
            return -TC_EXIT_USAGE; /* getopt has said which */
    }
    if (strlen(o->list.prefix) > TC_ROOM_NAME_MAX)
        return -wrong("--prefix is longer than a name can be: ", o->list.prefix);
    if (argc - optind > 1)
        return -wrong("one URL is enough, not also ", argv[optind + 1]);
    const char *url = optind < argc ? argv[optind] : "http://127.0.0.1:8080";
    if (tc_url_parse(&o->to.url, TC_URL_GRPC, url, &err) != TC_OK)
        return -wrong("", err.text);
    return TC_OK;
}

static bool on_message(void *ctx, struct tc_str message)
{
    struct tc_room_list *list = ctx;
    tc_room_list_response(list, message);
    return !list->is_bad;
}

/* One page. TC_OK, or < 0 with *err filled. */
static int get_page(struct tc_grpc_client *client, struct tc_room_list *list, struct tc_err *err)
{
    uint8_t request[TC_ROOM_LIST_REQUEST_MAX];
    const char *message = NULL;
    int64_t until_ms = tc_link_now_ms() + ANSWER_MS;
    size_t len = tc_room_list_request(list, request);
    list->token[0] = '\0';
    int rc = tc_grpc_client_call(client, "/jts.marketdata.v1.MarketDataService/ListRooms", err);
    if (rc == TC_OK)
        rc = tc_grpc_client_send(client, (struct tc_str){ (const char *)request, len }, true, err);
    while (rc >= 0) {
        int64_t left_ms = until_ms - tc_link_now_ms();
        if (left_ms <= 0)
            return tc_err_set(err, -TC_EIO, "no answer within %d s", ANSWER_MS / 1000);
        rc = tc_grpc_client_read(client, (int)left_ms, on_message, list, err);
        if (list->is_bad)
            return tc_err_set(err, -TC_EINVAL, "the answer is no ListRoomsResponse");
    }
    return rc == -TC_ECLOSED && tc_grpc_client_status(client, &message) == TC_GRPC_OK ? TC_OK : rc;
}

int tc_cmd_rooms(int argc, char **argv)
{
    struct options o = { .list = { .out = stdout, .prefix = "" } };
    struct tc_grpc_client *client = NULL;
    struct tc_err err;
    int rc = parse_options(&o, argc, argv);
    if (rc > 0) {
        fputs(usage_text, stdout);
        return TC_EXIT_OK;
    }
    if (rc < 0)
        return -rc;
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigaction(SIGPIPE, &ignore, NULL); /* `| head` ends us through ferror */
    rc = tc_grpc_client_open(&client, &o.to, &err);
    if (rc != TC_OK) {
        fprintf(stderr,
                "tickcast rooms: %s\nIs the engine running, and is this its public port? "
                "`tickcast demo` starts one.\n",
                err.text);
        return TC_EXIT_REMOTE;
    }
    do {
        rc = get_page(client, &o.list, &err);
    } while (rc == TC_OK && o.list.token[0] && !ferror(stdout));
    if (rc != TC_OK)
        fprintf(stderr, "tickcast rooms: %s\n", err.text);
    tc_grpc_client_close(client);
    return rc == TC_OK ? TC_EXIT_OK : TC_EXIT_REMOTE;
}
