// SPDX-License-Identifier: Apache-2.0
/* proto/tls/record: writes records of TLS 1.3 (RFC 8446 section 5) without going through SSL_write,
 * of which a small record is 0.4 us and the way to it another 0.7 (ADR 0015). Private to this
 * folder.
 *
 * Cipher and key derivation are OpenSSL's (EVP), and so is the connection: handshake, what the
 * peer sends, tickets. Ours are the head of a record, its nonce and our own KeyUpdate.
 *
 *   secret  OpenSSL has told the secret of what the server writes (its key log callback)
 *   taken   a record that OpenSSL has written was made again here, byte by byte the same: key,
 *           nonce, number and form are right. From now on OpenSSL must not write (on_write in
 *           tls.c drops what it tries to), or a nonce would be used twice.
 *
 * Where that does not come about (TLS 1.2, another form of record), OpenSSL goes on writing. */
#ifndef TC_PROTO_TLS_RECORD_H
#define TC_PROTO_TLS_RECORD_H

#include "proto/tls/tls.h"

enum {
    TC_TLS_APPLICATION_DATA = 23, /* content types, RFC 8446 section 5.1 */
    TC_TLS_HANDSHAKE = 22,
    TC_TLS_ALERT = 21,
    TC_TLS_KEY_UPDATE = 24, /* a type of handshake message, section 4 */
    /* Records by one key: far below 2^24.5 full ones, from which on AES-GCM is not safe any more
     * (section 5.5). */
    TC_TLS_KEY_RECORDS_MAX = 1 << 23,
};

/* What the records of all connections are made with. */
struct tc_tls_algs {
    EVP_KDF *kdf;
    EVP_CIPHER *aeads[3];
};

/* -TC_ENOMEM. Undone by fini also then; zeroed is empty. */
int tc_tls_algs_init(struct tc_tls_algs *algs) TC_MUST_CHECK;
void tc_tls_algs_fini(struct tc_tls_algs *algs);

/* The secret of the server's application data, at most TC_TLS_SECRET_MAX bytes. */
void tc_tls_record_secret(struct tc_tls_record *r, const uint8_t *secret, size_t len);

/* OpenSSL has just written len bytes of plain text and made of it made_len bytes. From the fourth
 * write on: takes over if they end with a record that can be made again. */
void tc_tls_record_take(struct tc_tls_record *r, const struct tc_tls_algs *algs, const SSL *ssl,
                        const void *plain, size_t len, const uint8_t *made, size_t made_len);

static inline bool tc_tls_record_is_taken(const struct tc_tls_record *r)
{
    return r->aead != NULL;
}

/* Writes one record of type (at most TC_TLS_RECORD_MAX bytes), before it a KeyUpdate if one is due,
 * to out, which has room for len and TC_TLS_OVERHEAD_MAX. Its length; 0: OpenSSL has failed. */
size_t tc_tls_record_write(struct tc_tls_record *r, const struct tc_tls_algs *algs, uint8_t type,
                           const void *plain, size_t len, uint8_t *out) TC_MUST_CHECK;

/* Forgets keys and secret. */
void tc_tls_record_fini(struct tc_tls_record *r);

#endif
