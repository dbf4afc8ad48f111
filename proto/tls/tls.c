// SPDX-License-Identifier: Apache-2.0
/* One connection: OpenSSL between a piece of input and a buffer of output. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <stdatomic.h>

#include "core/mem/budget.h"
#include "proto/tls/ctx.h"

/* ---- memory ---- */

static void *budget_alloc(size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    return bytes ? tc_budget_alloc(bytes) : NULL;
}

static void *budget_realloc(void *ptr, size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    return tc_budget_realloc(ptr, bytes);
}

static void budget_free(void *ptr, const char *file, int line)
{
    (void)file;
    (void)line;
    tc_budget_free(ptr);
}

int tc_tls_use_budget(void)
{
    return CRYPTO_set_mem_functions(budget_alloc, budget_realloc, budget_free) == 1 ? TC_OK
                                                                                    : -TC_EIO;
}

/* ---- in and out ---- */

static int on_read(BIO *bio, char *bytes, size_t cap, size_t *taken)
{
    struct tc_tls_io *io = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *taken = TC_MIN(cap, io->in_len);
    if (*taken == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(bytes, io->in, *taken);
    io->in += *taken;
    io->in_len -= *taken;
    return 1;
}

static int on_write(BIO *bio, const char *bytes, size_t len, size_t *taken)
{
    struct tc_tls_io *io = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *taken = len;
    if (io->is_taken)
        return 1; /* by a key that is not OpenSSL's any more; on_message says it anew */
    *taken = 0;
    if (io->out_cap - io->out_len < len)
        return 0; /* an error of the connection: out is given with room for everything */
    memcpy(io->out + io->out_len, bytes, len);
    io->out_len += len;
    *taken = len;
    return 1;
}

static long on_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method(void)
{
    static _Atomic(BIO_METHOD *) made; /* one for the process, never freed */
    BIO_METHOD *m = atomic_load(&made);
    BIO_METHOD *none = NULL;
    if (m)
        return m;
    m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tickcast");
    if (!m)
        return NULL;
    BIO_meth_set_read_ex(m, on_read);
    BIO_meth_set_write_ex(m, on_write);
    BIO_meth_set_ctrl(m, on_ctrl);
    if (atomic_compare_exchange_strong(&made, &none, m))
        return m;
    BIO_meth_free(m);
    return none;
}

int tc_tls_io_init(struct tc_tls_io *io, uint8_t *out, size_t out_cap)
{
    BIO_METHOD *m = method();
    *io = (struct tc_tls_io){ .out = out, .out_cap = out_cap };
    io->bio = m ? BIO_new(m) : NULL;
    if (!io->bio)
        return -TC_ENOMEM;
    BIO_set_data(io->bio, io);
    BIO_set_init(io->bio, 1);
    return TC_OK;
}

void tc_tls_io_fini(struct tc_tls_io *io)
{
    BIO_free(io->bio);
    io->bio = NULL;
}

/* ---- records of our own ---- */

/* What OpenSSL has read or written of a connection whose records are ours: the peer's wish for
 * another key, and alerts. */
static void on_message(int is_written, int version, int type, const void *bytes, size_t len,
                       SSL *ssl, void *arg)
{
    struct tc_tls_conn *conn = tc_tls_conn_of(ssl);
    struct tc_tls_io *io = arg;
    const uint8_t *at = bytes;
    (void)version;
    if (!is_written && type == TC_TLS_HANDSHAKE && len == 5 && at[0] == TC_TLS_KEY_UPDATE) {
        conn->record.must_update |= at[4] == 1; /* update_requested, RFC 8446 section 4.6.3 */
    } else if (is_written && type == TC_TLS_ALERT &&
               io->out_cap - io->out_len >= len + TC_TLS_OVERHEAD_MAX) {
        io->out_len += tc_tls_record_write(&conn->record, &conn->ctx->algs, TC_TLS_ALERT, bytes,
                                           len, io->out + io->out_len);
    }
}

static int write_records(struct tc_tls_io *io, struct tc_tls_conn *conn, const void *plain,
                         size_t len)
{
    const uint8_t *at = plain;
    while (len > 0) {
        size_t now = TC_MIN(len, (size_t)TC_TLS_RECORD_MAX);
        size_t made = tc_tls_record_write(&conn->record, &conn->ctx->algs, TC_TLS_APPLICATION_DATA,
                                          at, now, io->out + io->out_len);
        if (made == 0)
            return -TC_EINVAL;
        io->out_len += made;
        at += now;
        len -= now;
    }
    return TC_OK;
}

static void take_over(struct tc_tls_io *io, struct tc_tls_conn *conn, const void *plain, size_t len,
                      size_t before)
{
    tc_tls_record_take(&conn->record, &conn->ctx->algs, conn->ssl, plain, len, io->out + before,
                       io->out_len - before);
    if (!tc_tls_record_is_taken(&conn->record))
        return;
    SSL_set_msg_callback(conn->ssl, on_message);
    SSL_set_msg_callback_arg(conn->ssl, io);
}

/* ---- calls ---- */

int tc_tls_handshake(struct tc_tls_io *io, struct tc_tls_conn *conn)
{
    ERR_clear_error();
    int rc = SSL_do_handshake(conn->ssl);
    if (rc == 1)
        return 1;
    return SSL_get_error(conn->ssl, rc) == SSL_ERROR_WANT_READ && io->in_len == 0 ? 0 : -TC_EINVAL;
}

int tc_tls_read(struct tc_tls_io *io, struct tc_tls_conn *conn, uint8_t *plain, size_t cap)
{
    size_t len = 0;
    ERR_clear_error();
    io->is_taken = tc_tls_record_is_taken(&conn->record);
    int rc = SSL_read_ex(conn->ssl, plain, cap, &len);
    io->is_taken = false;
    if (rc == 1)
        return (int)len;
    switch (SSL_get_error(conn->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return io->in_len == 0 ? 0 : -TC_EINVAL;
    case SSL_ERROR_ZERO_RETURN:
        return -TC_ECLOSED;
    default:
        return -TC_EINVAL;
    }
}

int tc_tls_write(struct tc_tls_io *io, struct tc_tls_conn *conn, const void *plain, size_t len)
{
    size_t written = 0;
    size_t before = io->out_len;
    TC_ASSERT(io->out_cap - io->out_len >=
              len + (len / TC_TLS_RECORD_MAX + 1) * TC_TLS_OVERHEAD_MAX);
    if (TC_LIKELY(tc_tls_record_is_taken(&conn->record)))
        return write_records(io, conn, plain, len);
    /* the queue of errors is not asked, so it need not be empty: clearing it costs */
    if (SSL_write_ex(conn->ssl, plain, len, &written) != 1 || written != len)
        return -TC_EINVAL;
    take_over(io, conn, plain, len, before);
    return TC_OK;
}

void tc_tls_goodbye(struct tc_tls_io *io, struct tc_tls_conn *conn)
{
    ERR_clear_error();
    io->is_taken = tc_tls_record_is_taken(&conn->record);
    if (SSL_is_init_finished(conn->ssl))
        (void)SSL_shutdown(conn->ssl);
    io->is_taken = false;
}
