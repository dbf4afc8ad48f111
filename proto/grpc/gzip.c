// SPDX-License-Identifier: Apache-2.0
#define ZLIB_CONST
#include "proto/grpc/gzip.h"

#include <zlib.h>

enum {
    GZIP_WINDOW_BITS = 15 + 16, /* the largest window; 16: gzip's head and sums */
    WINDOW_BYTES = 1 << 15,
    MEM_LEVEL = 8, /* zlib's default */
};

static voidpf on_alloc(voidpf ctx, uInt cnt, uInt unit_bytes)
{
    struct tc_grpc_gzip *gzip = ctx;
    uint64_t bytes = (uint64_t)cnt * unit_bytes;
    bytes = (bytes + TC_LINE_BYTES - 1) / TC_LINE_BYTES * TC_LINE_BYTES;
    if (bytes > TC_GRPC_GZIP_BYTES - gzip->used_bytes)
        return Z_NULL;
    uint8_t *place = gzip->arena + gzip->used_bytes;
    gzip->used_bytes += (uint32_t)bytes;
    return place;
}

/* zlib frees at the end of a stream's life, which is that of the arena. */
static void on_free(voidpf ctx, voidpf place)
{
    (void)ctx;
    (void)place;
}

static z_stream *make_stream(struct tc_grpc_gzip *gzip)
{
    z_stream *stream = on_alloc(gzip, 1, sizeof(*stream));
    *stream = (z_stream){ .zalloc = on_alloc, .zfree = on_free, .opaque = gzip };
    return stream;
}

int tc_grpc_gzip_init(struct tc_grpc_gzip *gzip, struct tc_mem *mem, const char *holder, int level,
                      struct tc_err *err)
{
    TC_ASSERT(level >= 1 && level <= 9);
    *gzip = (struct tc_grpc_gzip){ 0 };
    gzip->arena = tc_mem_take(mem, holder, TC_GRPC_GZIP_BYTES, 1, err);
    if (!gzip->arena)
        return -TC_ENOMEM;
    gzip->inflate = make_stream(gzip);
    gzip->deflate = make_stream(gzip);
    /* zlib takes the window to inflate later, when a stream does not end at once */
    if (inflateInit2(gzip->inflate, GZIP_WINDOW_BITS) != Z_OK ||
        deflateInit2(gzip->deflate, level, Z_DEFLATED, GZIP_WINDOW_BITS, MEM_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK ||
        TC_GRPC_GZIP_BYTES - gzip->used_bytes < WINDOW_BYTES)
        return tc_err_set(err, -TC_ENOMEM, "zlib %s needs more than %d bytes for gzip",
                          zlibVersion(), TC_GRPC_GZIP_BYTES);
    return TC_OK;
}

static void set_in_out(z_stream *stream, const uint8_t *bytes, uint32_t len, uint8_t *dst,
                       uint32_t cap)
{
    stream->next_in = bytes;
    stream->avail_in = len;
    stream->next_out = dst;
    stream->avail_out = cap;
}

int tc_grpc_inflate(struct tc_grpc_gzip *gzip, const uint8_t *bytes, uint32_t len, uint8_t *dst,
                    uint32_t max, uint32_t *out_len)
{
    z_stream *stream = gzip->inflate;
    int reset = inflateReset(stream);
    TC_ASSERT(reset == Z_OK);
    set_in_out(stream, bytes, len, dst, max);
    int rc = inflate(stream, Z_FINISH);
    if (rc == Z_STREAM_END && stream->avail_in == 0) {
        *out_len = max - stream->avail_out;
        return TC_OK;
    }
    return rc == Z_BUF_ERROR && stream->avail_out == 0 ? -TC_ELIMIT : -TC_EINVAL;
}

int tc_grpc_deflate(struct tc_grpc_gzip *gzip, const uint8_t *bytes, uint32_t len, uint8_t *dst,
                    uint32_t cap, uint32_t *out_len)
{
    z_stream *stream = gzip->deflate;
    int reset = deflateReset(stream);
    TC_ASSERT(reset == Z_OK);
    set_in_out(stream, bytes, len, dst, cap);
    if (deflate(stream, Z_FINISH) != Z_STREAM_END)
        return -TC_ELIMIT;
    *out_len = cap - stream->avail_out;
    return TC_OK;
}
