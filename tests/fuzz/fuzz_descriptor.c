// SPDX-License-Identifier: Apache-2.0
/* Bytes of a FileDescriptorSet. Whatever comes, the load ends; a schema that was loaded is whole:
 * names lead to what they name, every type is there, and messages of it can be checked and
 * transcoded. */
#include "proto/transcode/transcode.h"

enum { OUT_BYTES = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct tc_pb_schema *s, const struct tc_pb_message *m,
                    struct tc_str bytes)
{
    static uint8_t text[OUT_BYTES];
    static uint8_t pb[OUT_BYTES];
    struct tc_transcode t = { .schema = s, .is_unknown_ignored = true };
    struct tc_pb_out out = tc_pb_out(text, sizeof(text));
    TC_ASSERT(tc_pb_message(s, m->full_name) == m);
    for (uint32_t i = 0; i < m->field_cnt; i++) {
        const struct tc_pb_field *f = &m->fields[i];
        TC_ASSERT(i == 0 || f[-1].number < f->number);
        TC_ASSERT(tc_pb_field(m, f->number) == f && tc_pb_field_named(m, f->json_name) == f);
        TC_ASSERT(tc_pb_field_named(m, f->name) == f);
        TC_ASSERT((f->type == TC_PB_MESSAGE) == (f->message != NULL));
        TC_ASSERT((f->type == TC_PB_ENUM) == (f->enumeration != NULL));
    }
    int rc = tc_pb_check(m, bytes.ptr, bytes.len);
    TC_ASSERT(rc <= 0);
    if (tc_transcode_to_json(&t, m, bytes, &out) < 0)
        return;
    struct tc_str json = { (const char *)text, (size_t)(out.at - text) };
    out = tc_pb_out(pb, sizeof(pb));
    rc = tc_transcode_to_pb(&t, m, json, &out);
    TC_ASSERT(rc == TC_OK || rc == -TC_ELIMIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tc_mem mem;
    struct tc_pb_schema s;
    struct tc_err err = { 0 };
    struct tc_str set = { (const char *)data, size };
    tc_mem_init(&mem, 64 << 20);
    int rc = tc_pb_schema_load(&s, &set, 1, &mem, "schema", &err);
    TC_ASSERT(rc == TC_OK || (rc == err.code && err.text[0]));
    for (uint32_t i = 0; rc == TC_OK && i < s.message_cnt; i++)
        look_at(&s, &s.messages[i], set);
    for (uint32_t i = 0; rc == TC_OK && i < s.symbol_cnt; i++)
        TC_ASSERT(tc_pb_file_of(&s, s.symbols[i].full_name));
    for (uint32_t i = 0; rc == TC_OK && i < s.enum_cnt; i++)
        for (uint32_t j = 0; j < s.enums[i].value_cnt; j++) {
            const struct tc_pb_value *v = &s.enums[i].values[j];
            TC_ASSERT(tc_pb_value_named(&s.enums[i], v->name) == v);
            TC_ASSERT(tc_pb_value(&s.enums[i], v->number)->number == v->number);
        }
    tc_mem_fini(&mem);
    return 0;
}
