// SPDX-License-Identifier: Apache-2.0
/* Session tickets: AES-256-CBC and HMAC-SHA256 as RFC 5077 section 4 recommends. */
#include "proto/tls/ctx.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdatomic.h>

enum { WORDS = TC_TLS_TICKET_KEY_BYTES / 8 };

/* Fills TC_TLS_TICKET_KEY_BYTES. */
struct key {
    uint8_t name[16];
    uint8_t cipher[32];
    uint8_t mac[32];
};

_Static_assert(sizeof(struct key) == TC_TLS_TICKET_KEY_BYTES, "a key is its bytes");

void tc_tls_tickets_rotate(struct tc_tls_tickets *t, const uint8_t random[TC_TLS_TICKET_KEY_BYTES])
{
    uint64_t fresh[WORDS];
    uint64_t seq = atomic_load(&t->seq);
    memcpy(fresh, random, sizeof(fresh));
    atomic_store(&t->seq, seq + 1);
    for (uint32_t i = 0; i < WORDS; i++) {
        uint64_t before = seq == 0 ? fresh[i] : atomic_load(&t->words[i]);
        atomic_store(&t->words[WORDS + i], before);
        atomic_store(&t->words[i], fresh[i]);
    }
    atomic_store(&t->seq, seq + 2);
}

/* keys[0]: in use; keys[1]: the one before. A writer is done within the copy of a few words. */
static void read_keys(struct tc_tls_tickets *t, struct key keys[2])
{
    uint64_t words[2 * WORDS];
    uint64_t seq;
    do {
        seq = atomic_load(&t->seq);
        for (uint32_t i = 0; i < 2 * WORDS; i++)
            words[i] = atomic_load(&t->words[i]);
    } while ((seq & 1) || atomic_load(&t->seq) != seq);
    memcpy(keys, words, sizeof(words));
    OPENSSL_cleanse(words, sizeof(words));
}

static bool set_mac_key(EVP_MAC_CTX *mac, struct key *key)
{
    static char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int seal(const struct key *key, unsigned char *name, unsigned char *iv,
                EVP_CIPHER_CTX *cipher)
{
    memcpy(name, key->name, sizeof(key->name));
    return RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
                   EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv) == 1
               ? 1
               : -1;
}

/* OpenSSL's contract: < 0 error, 0 unknown key, 1 opened, 2 opened and to be sealed anew. */
static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int is_sealing)
{
    struct key keys[2];
    int rc = 0;
    read_keys(tc_tls_ctx_of(ssl)->tickets, keys);
    if (is_sealing) {
        rc = set_mac_key(mac, &keys[0]) ? seal(&keys[0], name, iv, cipher) : -1;
    } else {
        for (int i = 0; i < 2 && rc == 0; i++) {
            if (CRYPTO_memcmp(name, keys[i].name, sizeof(keys[i].name)) != 0)
                continue;
            rc = set_mac_key(mac, &keys[i]) && EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL,
                                                                  keys[i].cipher, iv) == 1
                     ? 1 + i
                     : -1;
        }
    }
    OPENSSL_cleanse(keys, sizeof(keys));
    return rc;
}

int tc_tls_tickets_install(SSL_CTX *ssl_ctx)
{
    return SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl_ctx, on_ticket) == 1 ? TC_OK : -TC_ENOMEM;
}
