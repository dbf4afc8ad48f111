// SPDX-License-Identifier: Apache-2.0
/* core/conf/suggest: "did you mean ...?" for a word that is not known.
 *
 * The nearest name by edits (insert, delete, replace, swap of neighbours; upper case counts as
 * lower) wins, if it is near enough to be meant. */
#ifndef TC_CORE_CONF_SUGGEST_H
#define TC_CORE_CONF_SUGGEST_H

#include "core/base/base.h"

enum { TC_SUGGEST_WORD_MAX = 64 }; /* longer words get no suggestion */

struct tc_suggest {
    struct tc_str word;
    struct tc_str best; /* the nearest name so far; empty: none is near */
    uint32_t edits;
};

/* word stays with the caller while names are tried. */
static inline struct tc_suggest tc_suggest_for(struct tc_str word)
{
    return (struct tc_suggest){ .word = word };
}

/* name stays with the caller; of equally near names the first wins. */
void tc_suggest_try(struct tc_suggest *suggest, struct tc_str name);

#endif
