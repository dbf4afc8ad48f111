// SPDX-License-Identifier: Apache-2.0
#include "proto/tls/record.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>

enum {
    HEAD = 5,
    TAG = 16,
    KEY_MAX = 32,
    FIRST_WRITES = 3, /* left to OpenSSL: a connection that says no more is not worth a context */
    LAST_WRITE = 6,   /* of those that are tried */
    FIRST_SEQS = 64,  /* tickets, and all records of the writes before it */
};

static const char *const aead_names[] = { "AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305" };

int tc_tls_algs_init(struct tc_tls_algs *algs)
{
    algs->kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_3_KDF, NULL);
    bool is_right = algs->kdf != NULL;
    for (size_t i = 0; i < TC_ARRAY_CNT(aead_names); i++) {
        algs->aeads[i] = EVP_CIPHER_fetch(NULL, aead_names[i], NULL);
        is_right = is_right && algs->aeads[i];
    }
    return is_right ? TC_OK : -TC_ENOMEM;
}

void tc_tls_algs_fini(struct tc_tls_algs *algs)
{
    EVP_KDF_free(algs->kdf);
    for (size_t i = 0; i < TC_ARRAY_CNT(aead_names); i++)
        EVP_CIPHER_free(algs->aeads[i]);
}

void tc_tls_record_secret(struct tc_tls_record *r, const uint8_t *secret, size_t len)
{
    if (len > sizeof(r->secret))
        return;
    memcpy(r->secret, secret, len);
    r->secret_len = (uint8_t)len;
}

void tc_tls_record_fini(struct tc_tls_record *r)
{
    EVP_CIPHER_CTX_free(r->aead);
    OPENSSL_cleanse(r, sizeof(*r));
}

/* ---- keys ---- */

/* HKDF-Expand-Label(secret, label, "", len), RFC 8446 section 7.1. */
static bool expand(const struct tc_tls_record *r, const struct tc_tls_algs *algs, const char *label,
                   uint8_t *out, size_t len)
{
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)r->digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)r->secret, r->secret_len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, "tls13 ", 6),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (void *)label, strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF_CTX *kdf = EVP_KDF_CTX_new(algs->kdf);
    bool is_right = kdf && EVP_KDF_derive(kdf, out, len, params) == 1;
    EVP_KDF_CTX_free(kdf);
    return is_right;
}

/* Key and nonce of the secret; numbers begin anew. */
static bool use_secret(struct tc_tls_record *r, const struct tc_tls_algs *algs,
                       const EVP_CIPHER *cipher)
{
    uint8_t key[KEY_MAX];
    size_t len = (size_t)(cipher ? EVP_CIPHER_get_key_length(cipher)
                                 : EVP_CIPHER_CTX_get_key_length(r->aead));
    bool is_right = expand(r, algs, "key", key, len) &&
                    expand(r, algs, "iv", r->iv, sizeof(r->iv)) &&
                    EVP_EncryptInit_ex(r->aead, cipher, NULL, key, r->iv) == 1;
    OPENSSL_cleanse(key, sizeof(key));
    r->seq = 0;
    return is_right;
}

/* ---- records ---- */

/* TLSCiphertext of TLSInnerPlaintext, section 5.2, without padding. */
static size_t seal(struct tc_tls_record *r, uint8_t type, const void *plain, size_t len,
                   uint8_t *out)
{
    size_t inner = len + 1;
    uint8_t nonce[TC_TLS_NONCE_BYTES];
    uint64_t seq = r->seq++;
    int done;
    int last;
    uint8_t *at = out + HEAD;
    out[0] = TC_TLS_APPLICATION_DATA;
    out[1] = out[2] = 3; /* the version that says nothing, section 5.2 */
    out[3] = (uint8_t)((inner + TAG) >> 8);
    out[4] = (uint8_t)(inner + TAG);
    memcpy(nonce, r->iv, sizeof(nonce)); /* section 5.3 */
    for (size_t i = sizeof(nonce); seq > 0; seq >>= 8)
        nonce[--i] ^= (uint8_t)seq;
    if (EVP_EncryptInit_ex(r->aead, NULL, NULL, NULL, nonce) != 1 ||
        EVP_EncryptUpdate(r->aead, NULL, &done, out, HEAD) != 1 ||
        EVP_EncryptUpdate(r->aead, at, &done, plain, (int)len) != 1 ||
        EVP_EncryptUpdate(r->aead, at + done, &last, &type, 1) != 1 ||
        (size_t)done + (size_t)last != inner ||
        EVP_EncryptFinal_ex(r->aead, at + inner, &done) != 1 ||
        EVP_CIPHER_CTX_ctrl(r->aead, EVP_CTRL_AEAD_GET_TAG, TAG, at + inner) != 1)
        return 0;
    return HEAD + inner + TAG;
}

/* Says that the key changes and changes it, section 4.6.3 and 7.2. */
static size_t update_key(struct tc_tls_record *r, const struct tc_tls_algs *algs, uint8_t *out)
{
    static const uint8_t not_requested[] = { TC_TLS_KEY_UPDATE, 0, 0, 1, 0 };
    uint8_t next[sizeof(r->secret)];
    size_t len = seal(r, TC_TLS_HANDSHAKE, not_requested, sizeof(not_requested), out);
    bool is_right = len > 0 && expand(r, algs, "traffic upd", next, r->secret_len);
    if (is_right)
        memcpy(r->secret, next, r->secret_len);
    OPENSSL_cleanse(next, sizeof(next));
    r->must_update = false;
    return is_right && use_secret(r, algs, NULL) ? len : 0;
}

size_t tc_tls_record_write(struct tc_tls_record *r, const struct tc_tls_algs *algs, uint8_t type,
                           const void *plain, size_t len, uint8_t *out)
{
    size_t before = 0;
    if (TC_UNLIKELY(r->must_update || r->seq >= r->key_records)) {
        before = update_key(r, algs, out);
        if (before == 0)
            return 0;
    }
    size_t made = seal(r, type, plain, len, out + before);
    return made ? before + made : 0;
}

/* ---- taking over ---- */

static const EVP_CIPHER *aead_of(const struct tc_tls_algs *algs, const SSL_CIPHER *suite)
{
    for (size_t i = 0; i < TC_ARRAY_CNT(aead_names); i++)
        if (EVP_CIPHER_get_nid(algs->aeads[i]) == SSL_CIPHER_get_cipher_nid(suite))
            return algs->aeads[i];
    return NULL;
}

/* Whether made ends with the record of the last of plain; numbers go on behind it. */
static bool is_made_again(struct tc_tls_record *r, const uint8_t *plain, size_t len,
                          const uint8_t *made, size_t made_len)
{
    uint8_t again[HEAD + TC_TLS_RECORD_MAX + 1 + TAG];
    size_t last = (len - 1) % TC_TLS_RECORD_MAX + 1;
    size_t whole = HEAD + last + 1 + TAG;
    for (r->seq = 0; made_len >= whole && r->seq < FIRST_SEQS;) /* counted by seal */
        if (seal(r, TC_TLS_APPLICATION_DATA, plain + len - last, last, again) == whole &&
            memcmp(again, made + made_len - whole, whole) == 0)
            return true;
    return false;
}

void tc_tls_record_take(struct tc_tls_record *r, const struct tc_tls_algs *algs, const SSL *ssl,
                        const void *plain, size_t len, const uint8_t *made, size_t made_len)
{
    if (r->secret_len == 0 || len == 0 || ++r->write_cnt <= FIRST_WRITES)
        return;
    const SSL_CIPHER *suite = SSL_get_current_cipher(ssl);
    const EVP_MD *md = suite ? SSL_CIPHER_get_handshake_digest(suite) : NULL;
    const EVP_CIPHER *cipher = md ? aead_of(algs, suite) : NULL;
    r->digest = md ? EVP_MD_get0_name(md) : NULL;
    r->key_records = TC_TLS_KEY_RECORDS_MAX;
    r->aead = cipher ? EVP_CIPHER_CTX_new() : NULL;
    if (r->aead && use_secret(r, algs, cipher) && is_made_again(r, plain, len, made, made_len))
        return;
    EVP_CIPHER_CTX_free(r->aead);
    r->aead = NULL;
    if (r->write_cnt == LAST_WRITE)
        tc_tls_record_fini(r); /* without a secret it is not tried again */
}
