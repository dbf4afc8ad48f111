// SPDX-License-Identifier: Apache-2.0
#include "tools/tickcast/pub_input.h"

#include <inttypes.h>
#include <stdio.h>
#include <zlib.h>

#include "core/mem/mem.h"
#include "proto/feed/ticks.h"
#include "tools/tickcast/recording.h"

enum { GZ_BUFFER_BYTES = 256 * 1024 };

struct tc_pub_input {
    /* synthetic */
    struct tc_ticks ticks; /* symbols NULL: a recording */
    uint32_t rate;
    uint64_t state; /* draws the next symbol */
    uint64_t item_cnt;
    char value[TC_TICKS_JSON_MAX];
    /* recording */
    gzFile gz;
    const char *file;
    double speed;
    int64_t first_ns; /* -1: no line yet */
    uint64_t line_cnt;
    uint64_t skipped_cnt;
    char *line;
    size_t line_bytes;
    struct tc_recording_line parsed;
};

/* splitmix64 */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

struct tc_pub_input *tc_pub_input_synth(uint32_t rate, uint32_t symbol_cnt, uint64_t seed)
{
    TC_ASSERT(rate > 0 && symbol_cnt > 0 && symbol_cnt <= TC_PUB_SYMBOLS_MAX);
    struct tc_pub_input *input = tc_alloc(sizeof(*input));
    struct tc_ticks_symbol *symbols = tc_alloc(symbol_cnt * sizeof(*symbols));
    tc_ticks_init(&input->ticks, symbols, symbol_cnt, seed, false);
    input->rate = rate;
    input->state = seed;
    return input;
}

struct tc_pub_input *tc_pub_input_replay(const char *file, double speed, struct tc_err *err)
{
    gzFile gz = gzopen(file, "rb");
    if (!gz) {
        tc_err_set(err, -TC_EIO, "cannot open %s", file);
        return NULL;
    }
    gzbuffer(gz, GZ_BUFFER_BYTES);
    struct tc_pub_input *input = tc_alloc(sizeof(*input));
    input->gz = gz;
    input->file = file;
    input->speed = speed;
    input->first_ns = -1;
    input->line_bytes = 64 * 1024;
    input->line = tc_alloc(input->line_bytes);
    return input;
}

static int next_synth(struct tc_pub_input *input, struct tc_pub_item *item)
{
    uint32_t idx = (uint32_t)(draw(&input->state) % input->ticks.symbol_cnt);
    size_t len = tc_ticks_next(&input->ticks, idx, input->value, sizeof(input->value));
    uint64_t second_cnt = input->item_cnt / input->rate;
    uint64_t in_second = input->item_cnt % input->rate;
    TC_ASSERT(len > 0);
    item->due_ns = (int64_t)(second_cnt * 1000000000u + in_second * 1000000000u / input->rate);
    item->key = tc_str_from(tc_ticks_name(&input->ticks, idx));
    item->value = (struct tc_str){ input->value, len };
    input->item_cnt++;
    return 1;
}

/* One line without its line feed. 1, 0 at the end, < 0 an error. */
static int read_line(struct tc_pub_input *input, struct tc_str *line, struct tc_err *err)
{
    size_t len = 0;
    for (;;) {
        if (!gzgets(input->gz, input->line + len, (int)(input->line_bytes - len)))
            break;
        len += strlen(input->line + len);
        if (len > 0 && input->line[len - 1] == '\n') {
            *line = (struct tc_str){ input->line, len - 1 };
            return 1;
        }
        if (len + 1 < input->line_bytes)
            continue;
        if (input->line_bytes >= TC_RECORDING_LINE_MAX)
            return tc_err_set(err, -TC_ELIMIT, "%s line %" PRIu64 " is longer than %d bytes",
                              input->file, input->line_cnt + 1, TC_RECORDING_LINE_MAX);
        input->line_bytes *= 2;
        input->line = tc_realloc(input->line, input->line_bytes);
    }
    int code = Z_OK;
    const char *text = gzerror(input->gz, &code);
    if (code != Z_OK && code != Z_STREAM_END)
        return tc_err_set(err, -TC_EIO, "%s after line %" PRIu64 ": %s", input->file,
                          input->line_cnt, text[0] ? text : "cannot be read");
    *line = (struct tc_str){ input->line, len };
    return len > 0;
}

static int next_line(struct tc_pub_input *input, struct tc_pub_item *item, struct tc_err *err)
{
    struct tc_str line;
    for (;;) {
        int rc = read_line(input, &line, err);
        if (rc <= 0)
            return rc;
        input->line_cnt++;
        if (tc_recording_parse(&input->parsed, line) == TC_OK)
            break;
        input->skipped_cnt++;
    }
    if (input->first_ns < 0)
        input->first_ns = input->parsed.recv_ns;
    int64_t since_ns = TC_MAX(input->parsed.recv_ns - input->first_ns, 0);
    item->due_ns = input->speed > 0 ? (int64_t)((double)since_ns / input->speed) : 0;
    item->key = tc_str_from(input->parsed.key);
    item->value = input->parsed.json;
    return 1;
}

int tc_pub_input_next(struct tc_pub_input *input, struct tc_pub_item *item, struct tc_err *err)
{
    return input->ticks.symbols ? next_synth(input, item) : next_line(input, item, err);
}

uint64_t tc_pub_input_skipped(const struct tc_pub_input *input)
{
    return input->skipped_cnt;
}

void tc_pub_input_close(struct tc_pub_input *input)
{
    if (!input)
        return;
    if (input->gz)
        gzclose(input->gz);
    tc_free(input->line);
    tc_free(input->ticks.symbols);
    tc_free(input);
}
