// SPDX-License-Identifier: Apache-2.0
/* tests: `tickcast run` in a process of its own. */
#ifndef TC_TESTS_UNIT_TOOLS_TICKCAST_ENGINE_H
#define TC_TESTS_UNIT_TOOLS_TICKCAST_ENGINE_H

#include <fcntl.h>

#include "tests/unit/tools/tickcast/child.h"
#include "tools/tickcast/cmd.h"

static char engine_conf[] = "/tmp/tickcast-test-XXXXXX";

/* At the end of a test. */
static inline void engine_clean(void)
{
    unlink(engine_conf);
}

/* An engine with rooms ticker-S0 ... at 127.0.0.1:port (0: any free one); its port. */
static inline unsigned engine_start(struct child *engine, unsigned port)
{
    char text[512];
    int len = snprintf(text, sizeof(text),
                       "listen: \"127.0.0.1:%u\"\nadmin: { listen: \"127.0.0.1:0\" }\n"
                       "limits: { connections: 50, members: 500, rooms: 100 }\n"
                       "sources: [ { name: main, history: { bytes: 2097152, events: 4096 }, "
                       "synth: { rate: 200 } } ]\n",
                       port);
    int file = open(engine_conf, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (file < 0)
        file = mkstemp(engine_conf);
    cr_assert_eq(write(file, text, (size_t)len), len);
    close(file);
    child_start(engine, tc_cmd_run, 3, (char *[]){ "run", "--config", engine_conf, NULL });
    const char *at = child_expect(engine, "\"listen\":\"127.0.0.1:");
    child_expect(engine, "\"code\":\"ready\"");
    return (unsigned)strtoul(at + 20, NULL, 10);
}

#endif
