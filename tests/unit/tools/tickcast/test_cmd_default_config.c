// SPDX-License-Identifier: Apache-2.0
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/base.h"
#include "tools/tickcast/cmd.h"

/* What a call prints, into text; returns its exit code. */
static int capture(int argc, char **argv, char *text, size_t text_bytes)
{
    char name[] = "/tmp/tickcast-test-XXXXXX";
    int file = mkstemp(name);
    int before = dup(STDOUT_FILENO);
    cr_assert(file >= 0 && before >= 0);
    unlink(name);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    int code = tc_cmd_default_config(argc, argv);
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    ssize_t len = pread(file, text, text_bytes - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    close(before);
    close(file);
    return code;
}

Test(cmd_default_config, forms)
{
    /* Goal: YAML without arguments, the reference page on request, nothing else. */
    static char text[128 * 1024];
    cr_assert_eq(capture(1, (char *[]){ "default-config", NULL }, text, sizeof(text)), TC_EXIT_OK);
    cr_assert(strstr(text, "\nlisten: \"127.0.0.1:8080\"\n"));
    cr_assert_eq(capture(2, (char *[]){ "default-config", "--markdown", NULL }, text, sizeof(text)),
                 TC_EXIT_OK);
    cr_assert(strncmp(text, "# Configuration\n", 16) == 0);
    cr_assert_eq(capture(2, (char *[]){ "default-config", "x", NULL }, text, sizeof(text)),
                 TC_EXIT_USAGE);
}

Test(cmd_default_config, page_is_current)
{
    /* Goal: docs/configuration.md is what the table says now. */
    static char text[128 * 1024];
    static char page[128 * 1024];
    FILE *file = fopen("docs/configuration.md", "rb");
    cr_assert_not_null(file, "run from the top of the tree");
    page[fread(page, 1, sizeof(page) - 1, file)] = '\0';
    fclose(file);
    capture(2, (char *[]){ "default-config", "--markdown", NULL }, text, sizeof(text));
    cr_assert_str_eq(page, text, "tickcast default-config --markdown > docs/configuration.md");
}
