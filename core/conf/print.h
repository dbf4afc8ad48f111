// SPDX-License-Identifier: Apache-2.0
/* core/conf/print: the schema as text: a commented default configuration, and the reference page.
 */
#ifndef TC_CORE_CONF_PRINT_H
#define TC_CORE_CONF_PRINT_H

#include "core/base/base.h"

/* Takes the next bytes of the text. */
typedef void (*tc_conf_write_fn)(void *ctx, struct tc_str text);

/* YAML with every key, its meaning and its default, and one Kafka source as an example; it parses
 * to the defaults and that source. The keys of other kinds of sources, and keys without a default,
 * stand in it behind '#'. */
void tc_conf_default_text(tc_conf_write_fn write, void *ctx);

/* docs/configuration.md. */
void tc_conf_markdown(tc_conf_write_fn write, void *ctx);

#endif
