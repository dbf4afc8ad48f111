// SPDX-License-Identifier: Apache-2.0
/* tickcast default-config: the schema as a commented file, or as the reference page. */
#include "tools/tickcast/cmd.h"

#include <stdio.h>
#include <string.h>

#include "core/conf/print.h"

static const char usage_text[] =
    "usage: tickcast default-config [--markdown]\n"
    "\n"
    "Prints a configuration with every key, its meaning and its default, and one Kafka source as\n"
    "an example.\n"
    "\n"
    "  --markdown         the reference page instead (docs/configuration.md)\n"
    "\n"
    "examples:\n"
    "  tickcast default-config > tickcast.yaml\n"
    "  tickcast default-config --markdown > docs/configuration.md\n";

static void write_file(void *ctx, struct tc_str text)
{
    fwrite(text.ptr, 1, text.len, ctx);
}

int tc_cmd_default_config(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage_text, stdout);
            return TC_EXIT_OK;
        }
        if (strcmp(argv[i], "--markdown") != 0) {
            fprintf(stderr,
                    "tickcast default-config: unknown: %s\ntry: tickcast default-config --help\n",
                    argv[i]);
            return TC_EXIT_USAGE;
        }
    }
    if (argc > 1)
        tc_conf_markdown(write_file, stdout);
    else
        tc_conf_default_text(write_file, stdout);
    return TC_EXIT_OK;
}
