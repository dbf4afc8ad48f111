// SPDX-License-Identifier: Apache-2.0
/* tickcast version */
#include "tools/tickcast/cmd.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#ifndef TC_VERSION
#define TC_VERSION "0.0.0"
#endif

static const char usage_text[] = "usage: tickcast version [--json]\n"
                                 "\n"
                                 "Prints the version, and those of libraries that matter in a "
                                 "report of a fault.\n"
                                 "\n"
                                 "examples:\n"
                                 "  tickcast version\n"
                                 "  tickcast version --json\n";

int tc_cmd_version(int argc, char **argv)
{
    bool is_json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage_text, stdout);
        return TC_EXIT_OK;
    }
    if (argc > 1 && !is_json) {
        fprintf(stderr, "tickcast version: unknown: %s\ntry: tickcast version --help\n", argv[1]);
        return TC_EXIT_USAGE;
    }
    printf(is_json ? "{\"tickcast\":\"%s\",\"librdkafka\":\"%s\",\"libyaml\":\"%s\"}\n"
                   : "tickcast %s (librdkafka %s, libyaml %s)\n",
           TC_VERSION, rd_kafka_version_str(), yaml_get_version_string());
    return TC_EXIT_OK;
}
