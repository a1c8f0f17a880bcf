/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_BASE_TEXT_H
#define GW_BASE_TEXT_H

/* Sentences without stdio, for the pure layers. */

#include <stddef.h>

/* Writes the texts one after the other into `out`, cut to size - 1 bytes and a NUL. The list ends
 * with NULL. */
void gw_text_join(char *out, size_t size, ...) __attribute__((sentinel));

#endif
