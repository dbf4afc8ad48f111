// SPDX-License-Identifier: Apache-2.0
/* tools/tickcast/pages: the pages built into the program, as the engine asks for them. */
#ifndef TC_TOOLS_TICKCAST_PAGES_H
#define TC_TOOLS_TICKCAST_PAGES_H

#include "io/session/session.h"

/* A tc_page_fn over tools/web. */
bool tc_pages_find(struct tc_str path, struct tc_page *out);

#endif
