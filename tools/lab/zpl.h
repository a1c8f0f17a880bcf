/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_ZPL_H
#define LAB_ZPL_H

/* A ZPL file (RFC 4/ZPL) as a list of items with their lines. zconfig reads it, but knows nothing
 * of lines, says what it dislikes on standard output, and in CZMQ 4.2.1 reads past the end of text
 * with a line over 1,024 bytes; so the form is checked here before. */

#include "scenario.h"

#include <stddef.h>

#define LAB_ZPL_TEXT_MAX  (256u << 10) /* bytes of a file */
#define LAB_ZPL_LINE_MAX  1000
#define LAB_ZPL_LEVEL_MAX 8

struct lab_item {
    const char *name, *value; /* value: "" if it has none */
    int level;                /* 0: of the file itself */
    int line;
};

struct lab_zpl {
    struct _zconfig_t *root; /* holds the texts */
    struct lab_item *items;  /* as they stand in the file: what belongs to one follows it */
    size_t count;
};

/* False: `mistake` says why. */
bool lab_zpl_read(struct lab_zpl *zpl, const char *text, size_t size, struct lab_mistake *mistake);
void lab_zpl_clear(struct lab_zpl *zpl);
/* The first item that belongs to `item` (SIZE_MAX: to the file), or the next one that belongs to
 * the same; SIZE_MAX: there is none. */
size_t lab_zpl_child(const struct lab_zpl *zpl, size_t item);
size_t lab_zpl_next(const struct lab_zpl *zpl, size_t item);

#endif
