// SPDX-License-Identifier: Apache-2.0
/* proto/tls: TLS 1.2 and 1.3 (RFC 5246, RFC 8446) for servers, as bytes in and bytes out, by
 * OpenSSL.
 *
 *   socket ──in──> tc_tls_handshake / tc_tls_read ──> plain text
 *   socket <──out── tc_tls_write, and whatever the calls above want to answer
 *
 * A context (struct tc_tls_ctx) holds certificates and settings. It is shared by threads, never
 * changed, and lives until its last holder gives it back; a connection keeps the one it began with.
 * Certificates are chosen by the name that the client asks for (SNI, RFC 6066 section 3); the first
 * one is for all other names. Session tickets (RFC 5077, RFC 8446 section 4.6.1) are sealed with
 * keys that are handed in and shared by contexts, so that they survive a change of certificates.
 *
 * struct tc_tls_io is one thread's: what the call under way reads and writes.
 *
 * Over TLS 1.3 records are written by proto/tls/record and not by OpenSSL once a connection has
 * written a few; the rest of a connection is OpenSSL's (ADR 0015).
 *
 * Not for: sockets, files, clocks, clients; no early data, no renegotiation, no compression, no
 * session cache (a server of many workers has tickets). */
#ifndef TC_PROTO_TLS_TLS_H
#define TC_PROTO_TLS_TLS_H

#include <openssl/ssl.h>

#include "core/base/err.h"
#include "core/base/limits.h"

enum {
    TC_TLS_CERTS_MAX = 32,
    TC_TLS_RECORD_MAX = 16384,   /* plain text of one record, RFC 8446 section 5.1 */
    TC_TLS_OVERHEAD_MAX = 256,   /* what a record may be longer than its plain text */
    TC_TLS_FLIGHT_MAX = 1 << 17, /* room in out for the answer to one read or handshake step */
    TC_TLS_TICKET_KEY_BYTES = 80,
    TC_TLS_SECRET_MAX = 48, /* SHA-384, the longest hash of a suite */
    TC_TLS_NONCE_BYTES = 12,
};

/* Makes OpenSSL take its memory from core/mem/budget. Before any other use of OpenSSL in the
 * process. -TC_EIO: too late. */
int tc_tls_use_budget(void) TC_MUST_CHECK;

/* ---- ticket keys ---- */

/* The key in use and the one before it. One thread rotates, any thread reads. Zeroed and then
 * rotated once is ready. */
struct tc_tls_tickets {
    _Atomic uint64_t seq; /* odd while it is written */
    _Atomic uint64_t words[2 * TC_TLS_TICKET_KEY_BYTES / 8];
};

/* A new key, from random bytes; tickets of the key before the last are void from now on. */
void tc_tls_tickets_rotate(struct tc_tls_tickets *tickets,
                           const uint8_t random[TC_TLS_TICKET_KEY_BYTES]);

/* ---- contexts ---- */

/* Certificates of clients: not asked for; asked for and verified if given; required. */
enum tc_tls_clients { TC_TLS_CLIENTS_NONE, TC_TLS_CLIENTS_REQUEST, TC_TLS_CLIENTS_REQUIRE };

struct tc_tls_cert {
    const char *name;    /* for messages: the file */
    struct tc_str chain; /* PEM: the certificate, then those above it */
    struct tc_str key;   /* PEM: its private key, without a passphrase */
};

struct tc_tls_conf {
    const struct tc_tls_cert *certs;
    uint32_t cert_cnt;       /* 1..TC_TLS_CERTS_MAX */
    struct tc_str client_ca; /* PEM: who may have signed certificates of clients */
    enum tc_tls_clients clients;
    bool is_tls13_only;
    bool has_h2;                    /* HTTP/2 is offered before HTTP/1.1 */
    struct tc_tls_tickets *tickets; /* outlives the context; NULL: no tickets */
};

struct tc_tls_ctx;

/* Copies what it needs. -TC_EINVAL with *err: a certificate or key is wrong or they do not fit. */
int tc_tls_ctx_new(struct tc_tls_ctx **out, const struct tc_tls_conf *conf,
                   struct tc_err *err) TC_MUST_CHECK;

/* Another holder; any thread that holds it. */
struct tc_tls_ctx *tc_tls_ctx_ref(struct tc_tls_ctx *ctx);

/* One holder less, the last one frees it. NULL: nothing. */
void tc_tls_ctx_unref(struct tc_tls_ctx *ctx);

/* ---- connections ---- */

/* What the server's records are made with; its members are proto/tls/record's. */
struct tc_tls_record {
    EVP_CIPHER_CTX *aead; /* NULL: OpenSSL writes */
    uint64_t seq;         /* of the next record */
    uint64_t key_records; /* by one key, then it changes */
    const char *digest;   /* of the suite */
    uint8_t iv[TC_TLS_NONCE_BYTES];
    uint8_t secret[TC_TLS_SECRET_MAX];
    uint8_t secret_len; /* 0: not known */
    uint8_t write_cnt;  /* by OpenSSL, until it is decided */
    bool must_update;   /* the peer has asked for another key */
};

struct tc_tls_conn {
    struct tc_tls_record record;
    SSL *ssl;
    struct tc_tls_ctx *ctx; /* a holder */
};

struct tc_tls_io {
    const uint8_t *in; /* set before a call; what is left of it after it */
    size_t in_len;
    uint8_t *out;
    size_t out_cap;
    size_t out_len; /* calls append; the caller takes it and sets it to 0 */
    BIO *bio;
    bool is_taken; /* of the connection under way: OpenSSL's records are dropped */
};

/* out stays the caller's. -TC_ENOMEM. */
int tc_tls_io_init(struct tc_tls_io *io, uint8_t *out, size_t out_cap) TC_MUST_CHECK;
void tc_tls_io_fini(struct tc_tls_io *io);

/* A connection that waits for the client's first bytes; it is a holder of ctx. NULL: no memory. */
struct tc_tls_conn *tc_tls_open(struct tc_tls_ctx *ctx, struct tc_tls_io *io) TC_MUST_CHECK;
void tc_tls_close(struct tc_tls_conn *conn);

/* Goes on with the handshake. 1: done, and what is left of in is for tc_tls_read; 0: more bytes are
 * needed, in is used up; -TC_EINVAL: it has failed, out has the alert, if there is one for what the
 * peer sent. */
int tc_tls_handshake(struct tc_tls_io *io, struct tc_tls_conn *conn) TC_MUST_CHECK;

/* Whether client and server have agreed on HTTP/2 (ALPN "h2", RFC 7301). */
bool tc_tls_is_h2(const struct tc_tls_conn *conn);

/* Plain text of in: its length (at most cap); 0: in is used up; -TC_ECLOSED: the peer has said that
 * it ends; -TC_EINVAL: broken, out has the alert. */
int tc_tls_read(struct tc_tls_io *io, struct tc_tls_conn *conn, uint8_t *plain,
                size_t cap) TC_MUST_CHECK;

/* Encrypts len bytes to out, which must have room for TC_TLS_OVERHEAD_MAX more per begun
 * TC_TLS_RECORD_MAX. -TC_EINVAL: it cannot be written any more. */
int tc_tls_write(struct tc_tls_io *io, struct tc_tls_conn *conn, const void *plain,
                 size_t len) TC_MUST_CHECK;

/* Our last word to out (close_notify), if the connection is still able to. */
void tc_tls_goodbye(struct tc_tls_io *io, struct tc_tls_conn *conn);

#endif
