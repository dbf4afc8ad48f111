// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast: the program's subcommands, one file each: cmd_<name>.c.
 *
 * A subcommand gets the command line from its own name on (argv[0] is "sub"), prints its own --help
 * with examples, and returns the exit code. A new one is a file and a row in cmd.c. */
#ifndef TC_TOOLS_TICKCAST_CMD_H
#define TC_TOOLS_TICKCAST_CMD_H

/* Stable; scripts rely on them. */
enum tc_exit {
    TC_EXIT_OK = 0,
    TC_EXIT_CONFIG = 1, /* the configuration is wrong */
    TC_EXIT_USAGE = 2,  /* the command line is wrong */
    TC_EXIT_START = 3,  /* port, cpu, memory, descriptors */
    TC_EXIT_REMOTE = 4, /* the other side failed (sub, rooms, pub) */
    TC_EXIT_INTERNAL = 5,
};

struct tc_subcommand {
    const char *name;
    const char *summary; /* one line */
    int (*call)(int argc, char **argv);
};

/* In the order in which they are shown; ended by a row without a name. */
extern const struct tc_subcommand tc_subcommands[];

int tc_cmd_run(int argc, char **argv);
int tc_cmd_check_config(int argc, char **argv);
int tc_cmd_default_config(int argc, char **argv);
int tc_cmd_demo(int argc, char **argv);
int tc_cmd_version(int argc, char **argv);
int tc_cmd_sub(int argc, char **argv);
int tc_cmd_rooms(int argc, char **argv);
int tc_cmd_pub(int argc, char **argv);
int tc_cmd_bench(int argc, char **argv);

/* main(): finds the subcommand and calls it. Returns the exit code. */
int tc_main(int argc, char **argv);

#endif
