// SPDX-License-Identifier: Apache-2.0
/* tickcast sub: room updates in a terminal, with the proof that none is missing. */
#include "tools/tickcast/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "tools/tickcast/sub_wire.h"

enum {
    EXIT_CLEAN = 0,
    EXIT_USAGE = 2,
    EXIT_REMOTE = 4,
    BACKOFF_MIN_MS = 250,
    BACKOFF_MAX_MS = 5000,
    DRAIN_MAX_MS = 60000, /* a server may not send us away for longer */
    PING_MS = 5000,
    SILENT_MS = 20000, /* pings are answered: a server silent for this long is gone */
};

static const char usage_text[] =
    "usage: tickcast sub ROOM... [options]\n"
    "\n"
    "Subscribes to rooms, prints their updates and checks that none is missing between two:\n"
    "prev <= last < pos. After a break it connects again and goes on from the last position.\n"
    "\n"
    "  --url URL          the engine (ws://127.0.0.1:8080/ws; with --grpc http://127.0.0.1:8080);\n"
    "                     wss:// and https:// are TLS\n"
    "  --grpc             over gRPC instead of WebSocket\n"
    "  --ca FILE          authorities of the engine's certificate (PEM), not the system's\n"
    "  --json             one JSON object a line: the messages as they came, then a summary\n"
    "  --count N          stop after N updates\n"
    "  --seconds N        stop after N seconds\n"
    "  --from LOG:POS     resume after position POS of LOG (both as a confirmation names them)\n"
    "  --from snapshot    begin with the newest value (the default)\n"
    "  --from latest      begin with the next update; also --no-snapshot\n"
    "  --quiet            no updates, only notices and the summary\n"
    "  --wait             keep trying while the engine cannot be reached at first\n"
    "  --once             end when the connection ends\n"
    "\n"
    "examples:\n"
    "  tickcast sub ticker-BTCUSDT\n"
    "  tickcast sub ticker-BTCUSDT ticker-ETHUSDT --count 100 --json | jq .data\n"
    "  tickcast sub ticker-BTCUSDT --grpc --url https://feed.example --ca ca.pem\n"
    "  tickcast sub ticker-BTCUSDT --from demo/ticks/3@9f2c:18273640\n"
    "\n"
    "exit: 0 done, 2 usage, 4 the engine refused a room, was gone at the end, or a chain was "
    "broken\n";

struct options {
    const struct tc_sub_wire *wire;
    struct tc_link_to to;
    const char *url_text; /* NULL: the wire's own */
    const char *from;     /* LOG:POS or NULL */
    uint64_t count_max;
    uint64_t seconds;
    bool is_json;
    bool is_quiet;
    bool is_wait;
    bool is_once;
    bool has_snapshot;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static void catch_signals(void)
{
    struct sigaction act = { .sa_handler = on_signal };
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    act.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &act, NULL); /* `| head` ends us through ferror */
}

static int wrong(const char *what, const char *value)
{
    fprintf(stderr, "tickcast sub: %s%s\ntry: tickcast sub --help\n", what, value);
    return EXIT_USAGE;
}

static bool parse_cnt(const char *text, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    *out = n;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && n > 0;
}

/* TC_OK, or the exit code of a usage error negated; 1: help was printed. */
static int parse_options(struct options *o, int argc, char **argv)
{
    enum {
        URL = 'u',
        GRPC = 'g',
        CA = 'c',
        JSON = 'j',
        COUNT = 'n',
        SECONDS = 't',
        FROM = 'f',
        BARE = 'b',
        QUIET = 'q',
        WAIT = 'w',
        ONCE = '1',
        HELP = 'h'
    };
    static const struct option table[] = {
        { "url", required_argument, NULL, URL },
        { "grpc", no_argument, NULL, GRPC },
        { "ca", required_argument, NULL, CA },
        { "json", no_argument, NULL, JSON },
        { "count", required_argument, NULL, COUNT },
        { "seconds", required_argument, NULL, SECONDS },
        { "from", required_argument, NULL, FROM },
        { "no-snapshot", no_argument, NULL, BARE },
        { "quiet", no_argument, NULL, QUIET },
        { "wait", no_argument, NULL, WAIT },
        { "once", no_argument, NULL, ONCE },
        { "help", no_argument, NULL, HELP },
        { NULL, 0, NULL, 0 },
    };
    int c = 0;
    optind = 0; /* glibc: begin anew, whatever the caller parsed before */
    while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (c == URL)
            o->url_text = optarg;
        else if (c == GRPC)
            o->wire = &tc_sub_grpc;
        else if (c == CA)
            o->to.ca_file = optarg;
        else if (c == JSON)
            o->is_json = true;
        else if (c == COUNT && !parse_cnt(optarg, &o->count_max))
            return -wrong("--count is not a positive number: ", optarg);
        else if (c == SECONDS && !parse_cnt(optarg, &o->seconds))
            return -wrong("--seconds is not a positive number: ", optarg);
        else if (c == FROM)
            o->from = optarg;
        else if (c == BARE)
            o->has_snapshot = false;
        else if (c == QUIET)
            o->is_quiet = true;
        else if (c == WAIT)
            o->is_wait = true;
        else if (c == ONCE)
            o->is_once = true;
        else if (c == HELP)
            return 1;
        else if (c == '?')
            return -EXIT_USAGE; /* getopt has said which */
    }
    return TC_OK;
}

/* What follows from the options together; as above. rooms end with NULL. */
static int settle_options(struct options *o, char *const *rooms)
{
    struct tc_err err;
    const char *url = o->url_text ? o->url_text : o->wire->url;
    if (tc_url_parse(&o->to.url, o->wire->kind, url, &err) != TC_OK)
        return -wrong("", err.text);
    if (*rooms == NULL)
        return -wrong("name at least one room, like ticker-BTCUSDT", "");
    for (; *rooms != NULL; rooms++)
        if (strstr(*rooms, "://") != NULL)
            return -wrong("the engine's address is an option: --url ", *rooms);
    if (o->from && strcmp(o->from, "latest") == 0)
        o->has_snapshot = false;
    if (o->from && (strcmp(o->from, "latest") == 0 || strcmp(o->from, "snapshot") == 0))
        o->from = NULL;
    return TC_OK;
}

/* Puts each room at LOG:POS, as if it had been read up to there. */
static bool apply_from(struct tc_sub *sub, const char *from)
{
    const char *colon = strrchr(from, ':');
    char *end = NULL;
    if (!colon || colon == from || colon[1] < '0' || colon[1] > '9')
        return false;
    errno = 0;
    long long pos = strtoll(colon + 1, &end, 10);
    if (*end != '\0' || errno != 0 || colon - from > TC_LOG_NAME_MAX)
        return false;
    for (uint32_t i = 0; i < sub->room_cnt; i++)
        tc_chain_moved(&sub->rooms[i].chain, (struct tc_str){ from, (size_t)(colon - from) }, pos);
    return true;
}

/* Reads until the end of the connection (< 0, *err filled) or of the job (0). */
static int read_all(const struct tc_sub_wire *wire, void *conn, struct tc_sub *sub,
                    int64_t until_ms, struct tc_err *err)
{
    int64_t heard_ms = tc_link_now_ms();
    int64_t pinged_ms = heard_ms;
    int rc = wire->subscribe(conn, sub, err);
    while (rc >= 0) {
        int64_t now = tc_link_now_ms();
        if (stop || now >= until_ms || ferror(sub->out) || sub->refused_cnt == sub->room_cnt ||
            (sub->count_max && sub->stats.update_cnt >= sub->count_max))
            return TC_OK;
        if (now - heard_ms > SILENT_MS)
            return tc_err_set(err, -TC_EIO, "the engine is silent");
        if (now - pinged_ms > PING_MS) {
            pinged_ms = now;
            rc = wire->ping(conn, err);
            if (rc < 0)
                break;
        }
        rc = wire->read(conn, (int)TC_MIN(until_ms - now, (int64_t)500), sub, err);
        if (rc > 0)
            heard_ms = tc_link_now_ms();
        fflush(sub->out);
    }
    return rc;
}

/* Waits before try number try_idx, or as long as the server asked for; ends early on a signal. */
static void back_off(struct tc_sub *sub, uint32_t try_idx, int64_t until_ms)
{
    uint32_t random = 0;
    int64_t delay_ms = TC_MIN((int64_t)BACKOFF_MIN_MS << TC_MIN(try_idx, 6u), BACKOFF_MAX_MS);
    if (getentropy(&random, sizeof(random)) != 0)
        random = (uint32_t)tc_link_now_ms();
    delay_ms = delay_ms / 2 + random % (delay_ms / 2 + 1); /* many clients must not come as one */
    if (sub->reconnect_ms >= 0)
        delay_ms = TC_MIN(sub->reconnect_ms, DRAIN_MAX_MS);
    sub->reconnect_ms = -1;
    int64_t end_ms = TC_MIN(tc_link_now_ms() + delay_ms, until_ms);
    for (int64_t left = end_ms - tc_link_now_ms(); !stop && left > 0;
         left = end_ms - tc_link_now_ms()) {
        struct timespec ts = { left / 1000, (left % 1000) * 1000000 };
        nanosleep(&ts, NULL);
    }
}

/* Notices about the connection: no message of the server is their line, and --quiet keeps them. */
static void say(const char *text)
{
    fprintf(stderr, "tickcast sub: %s\n", text);
}

/* The job has ended without a connection; why may be empty. */
static int end_down(const char *why)
{
    fprintf(stderr, "tickcast sub: not connected at the end%s%s\n", why[0] ? ": " : "", why);
    return EXIT_REMOTE;
}

/* The whole job over as many connections as it takes. */
static int run(const struct options *o, struct tc_sub *sub)
{
    int64_t until_ms = o->seconds && o->seconds < UINT32_MAX
                           ? tc_link_now_ms() + (int64_t)o->seconds * 1000
                           : INT64_MAX;
    struct tc_err err = { 0 }; /* of the newest failure */
    bool was_up = false;
    uint32_t try_idx = 0;
    while (!stop && tc_link_now_ms() < until_ms) {
        void *conn = NULL;
        struct tc_err try_err = { 0 };
        int rc = o->wire->open(&conn, &o->to, &try_err);
        if (rc == TC_OK) {
            uint64_t before_cnt = sub->stats.update_cnt;
            sub->stats.reconnect_cnt += was_up;
            if (was_up)
                say("connected again");
            was_up = true;
            rc = read_all(o->wire, conn, sub, until_ms, &try_err);
            o->wire->close(conn);
            if (rc == TC_OK || (stop && rc == -TC_EAGAIN))
                return EXIT_CLEAN;
            if (sub->stats.update_cnt > before_cnt)
                try_idx = 0;
        } else if (!stop && !was_up && !o->is_wait) {
            fprintf(stderr,
                    "tickcast sub: %s\nIs the engine running? `tickcast demo` starts one; "
                    "--wait keeps trying.\n",
                    try_err.text);
            return EXIT_REMOTE;
        }
        if (stop && rc == -TC_EAGAIN)
            break;
        err = try_err;
        if (stop || o->is_once || rc == -TC_ENOTSUP)
            break;
        say(err.text);
        back_off(sub, try_idx++, until_ms);
    }
    return end_down(err.text);
}

int tc_cmd_sub(int argc, char **argv)
{
    struct options o = { .wire = &tc_sub_ws, .to.stop = &stop, .has_snapshot = true };
    struct tc_sub sub;
    struct tc_err err;
    int rc = parse_options(&o, argc, argv);
    if (rc > 0) {
        fputs(usage_text, stdout);
        return EXIT_CLEAN;
    }
    if (rc == TC_OK)
        rc = settle_options(&o, argv + optind);
    if (rc < 0)
        return -rc;
    if (tc_sub_init(&sub, argv + optind, (uint32_t)(argc - optind), &err) != TC_OK)
        return wrong("", err.text);
    sub.is_json = o.is_json;
    sub.is_quiet = o.is_quiet;
    sub.has_snapshot = o.has_snapshot;
    sub.count_max = o.count_max;
    sub.is_colour = isatty(STDOUT_FILENO) && isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    if (o.from && !apply_from(&sub, o.from)) {
        tc_sub_fini(&sub);
        return wrong("--from is LOG:POS, latest or snapshot, not ", o.from);
    }
    catch_signals();
    rc = run(&o, &sub);
    if (sub.is_json || sub.stats.update_cnt + sub.stats.error_cnt > 0 || rc == EXIT_CLEAN)
        tc_sub_summary(&sub);
    fflush(sub.out);
    bool is_refused = tc_sub_tell_refused(&sub);
    if (is_refused || tc_sub_is_broken(&sub))
        rc = EXIT_REMOTE;
    tc_sub_fini(&sub);
    return rc;
}
