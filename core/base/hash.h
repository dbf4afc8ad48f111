// SPDX-License-Identifier: Apache-2.0
/* core/base/hash: a keyed hash of names that clients choose, so that nobody can aim at one bucket.
 *
 * SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"; one compression and three
 * finalisation rounds). The key is random per process. */
#ifndef TC_CORE_BASE_HASH_H
#define TC_CORE_BASE_HASH_H

#include "core/base/base.h"

struct tc_hash_key {
    uint64_t k0;
    uint64_t k1;
};

/* SipHash of len bytes: nobody who does not know the key can make collisions. */
uint64_t tc_hash(const struct tc_hash_key *key, const void *bytes, size_t len);

#endif
