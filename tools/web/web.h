// SPDX-License-Identifier: Apache-2.0
/* tools/web: the pages, built into the program.
 *
 * Every file of this folder (but sources and notes) is a row of tc_web_files, written at build time
 * by cmake/embed.cmake. Not for: files that change while the program runs.
 *
 * Ownership: everything is constant and lives as long as the program. Threads: any. */
#ifndef TC_TOOLS_WEB_WEB_H
#define TC_TOOLS_WEB_WEB_H

#include <stddef.h>

struct tc_web_file {
    const char *path;          /* of the request: "/app.js"; index.html has two rows, "/" too */
    const char *mime;          /* value for Content-Type */
    const unsigned char *data; /* len bytes, and a NUL behind them */
    size_t len;
};

/* tc_web_file_cnt rows, then one of NULLs. */
extern const struct tc_web_file tc_web_files[];
extern const size_t tc_web_file_cnt;

#endif
