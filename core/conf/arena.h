// SPDX-License-Identifier: Apache-2.0
/* core/conf/arena: memory that is given back at once: the texts of a configuration.
 *
 * An arena is a void * that begins as NULL. Control path: blocks come from tc_alloc.
 * Threads: one. */
#ifndef TC_CORE_CONF_ARENA_H
#define TC_CORE_CONF_ARENA_H

#include "core/base/base.h"

/* Zeroed bytes, aligned for any object; never NULL. */
void *tc_arena_take(void **arena, size_t bytes) TC_MUST_CHECK;

/* A copy of text, ended by NUL. */
char *tc_arena_text(void **arena, struct tc_str text) TC_MUST_CHECK;

/* Gives everything back; *arena is NULL again. */
void tc_arena_drop(void **arena);

#endif
