// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/base.h"
#include "core/conf/suggest.h"

const struct tc_subcommand tc_subcommands[] = {
    { "run", "start the server", tc_cmd_run },
    { "check-config", "say what is wrong with a configuration file", tc_cmd_check_config },
    { "default-config", "print a configuration with every key explained", tc_cmd_default_config },
    { "demo", "a server with a broker and a live feed of its own", tc_cmd_demo },
    { "version", "print the version", tc_cmd_version },
    { "sub", "print the updates of rooms and check that none is missing", tc_cmd_sub },
    { "rooms", "list the rooms that have a record", tc_cmd_rooms },
    { "pub", "feed a Kafka topic, synthetically or from a recording", tc_cmd_pub },
    { "bench", "measure a server from the side of its subscribers", tc_cmd_bench },
    { NULL, NULL, NULL },
};

static const struct tc_subcommand *find(const char *name)
{
    for (const struct tc_subcommand *cmd = tc_subcommands; cmd->name; cmd++) {
        if (strcmp(cmd->name, name) == 0)
            return cmd;
    }
    return NULL;
}

static void print_help(FILE *out)
{
    fputs("usage: tickcast COMMAND [options]\n"
          "\n"
          "Market data from Apache Kafka to rooms, over WebSocket and gRPC.\n"
          "\n",
          out);
    for (const struct tc_subcommand *cmd = tc_subcommands; cmd->name; cmd++)
        fprintf(out, "  %-16s %s\n", cmd->name, cmd->summary);
    fputs("\n"
          "examples:\n"
          "  tickcast demo\n"
          "  tickcast default-config > tickcast.yaml\n"
          "  tickcast run --config tickcast.yaml\n"
          "  tickcast sub ticker-BTCUSDT\n"
          "\n"
          "`tickcast COMMAND --help` tells more.\n"
          "exit: 0 done, 1 configuration, 2 usage, 3 start-up, 4 remote side, 5 internal\n",
          out);
}

static int complain(const char *name)
{
    struct tc_suggest suggest = tc_suggest_for(tc_str_from(name));
    for (const struct tc_subcommand *cmd = tc_subcommands; cmd->name; cmd++)
        tc_suggest_try(&suggest, tc_str_from(cmd->name));
    fprintf(stderr, "tickcast: no command %s", name);
    if (suggest.best.len)
        fprintf(stderr, ", did you mean %s?", suggest.best.ptr);
    fputs("\ntry: tickcast --help\n", stderr);
    return TC_EXIT_USAGE;
}

/* What a command printed must have arrived: a full disk is not a success. */
static int finish(int code)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE)
        return code;
    fprintf(stderr, "tickcast: standard output: %s\n", strerror(errno));
    return code == TC_EXIT_OK ? TC_EXIT_INTERNAL : code;
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int tc_main(int argc, char **argv)
{
    static char version[] = "version";
    if (argc < 2) {
        print_help(stderr);
        return TC_EXIT_USAGE;
    }
    char *name = argv[1];
    bool is_help = is_one_of(name, "help", "--help") || strcmp(name, "-h") == 0;
    if (is_help && argc < 3) {
        print_help(stdout);
        return finish(TC_EXIT_OK);
    }
    if (is_one_of(name, "--version", "-V"))
        name = argv[1] = version;
    const struct tc_subcommand *cmd = find(is_help ? argv[2] : name);
    if (!cmd)
        return complain(is_help ? argv[2] : name);
    if (is_help) {
        char help[] = "--help";
        char *words[] = { argv[2], help, NULL };
        return finish(cmd->call(2, words));
    }
    return finish(cmd->call(argc - 1, argv + 1));
}
