// SPDX-License-Identifier: Apache-2.0
/* transcode: proto/transcode for tests that are not written in C, with the types of tests/schema.
 *
 *   transcode --schema     writes their FileDescriptorSet to stdout
 *   transcode              a line of stdin is a question, answered by a line of stdout
 *
 *   to-json|to-pb strict|ignore TYPE HEX      ok HEX
 *                                             error CODE DETAIL
 *
 * HEX is the message or the JSON text, `-` if it is empty; `ignore` passes over unknown fields. */
#include <stdio.h>
#include <stdlib.h>

#include "proto/transcode/transcode.h"

extern const struct tc_str tc_test_schema_set;

enum { LINE_MAX_BYTES = 4 << 20, NAME_BYTES = 256 };

static char line[LINE_MAX_BYTES];
static uint8_t in[LINE_MAX_BYTES / 2];
static uint8_t out[LINE_MAX_BYTES];

static size_t from_hex(const char *hex)
{
    size_t len = 0;
    unsigned byte;
    while (sscanf(hex + 2 * len, "%2x", &byte) == 1)
        in[len++] = (uint8_t)byte;
    return len;
}

static void print_hex(const uint8_t *bytes, size_t len)
{
    fputs("ok ", stdout);
    for (size_t i = 0; i < len; i++)
        printf("%02x", bytes[i]);
    puts(len == 0 ? "-" : "");
}

static void answer(const struct tc_pb_schema *schema)
{
    char verb[NAME_BYTES];
    char policy[NAME_BYTES];
    char name[NAME_BYTES];
    int hex = 0;
    if (sscanf(line, "%255s %255s %255s %n", verb, policy, name, &hex) != 3) {
        puts("error usage -");
        return;
    }
    const struct tc_pb_message *type = tc_pb_message(schema, tc_str_from(name));
    if (!type) {
        puts("error no-type -");
        return;
    }
    struct tc_transcode t = { .schema = schema };
    struct tc_pb_out to = tc_pb_out(out, sizeof(out));
    struct tc_str bytes = { (const char *)in, from_hex(line + hex) };
    t.is_unknown_ignored = strcmp(policy, "ignore") == 0;
    int rc = strcmp(verb, "to-json") == 0 ? tc_transcode_to_json(&t, type, bytes, &to)
                                          : tc_transcode_to_pb(&t, type, bytes, &to);
    if (rc < 0)
        printf("error %s %s (%.*s)\n", tc_err_text(rc), t.detail, (int)t.field.len,
               t.field.ptr ? t.field.ptr : "");
    else
        print_hex(out, (size_t)(to.at - out));
}

int main(int argc, char **argv)
{
    static struct tc_mem mem;
    struct tc_pb_schema schema;
    struct tc_err err;
    if (argc > 1 && strcmp(argv[1], "--schema") == 0)
        return fwrite(tc_test_schema_set.ptr, tc_test_schema_set.len, 1, stdout) == 1 ? 0 : 5;
    tc_mem_init(&mem, 0);
    if (tc_pb_schema_load(&schema, &tc_test_schema_set, 1, &mem, "schema", &err) < 0) {
        fprintf(stderr, "transcode: %s\n", err.text);
        return 5;
    }
    while (fgets(line, sizeof(line), stdin)) {
        answer(&schema);
        fflush(stdout);
    }
    tc_mem_fini(&mem);
    return 0;
}
