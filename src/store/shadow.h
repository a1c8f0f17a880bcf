/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_SHADOW_H
#define GW_STORE_SHADOW_H

/* A database folder that looks like another one and can be opened without touching it. LevelDB has
 * no read-only open: each one rewrites MANIFEST and logs, deletes files, and needs room (DB14).
 *
 *     <TMPDIR>/godwit-inspect-XXXXXX/     mode 0700, locked, removed at the end; one whose process
 *                                         was killed is removed by the next that looks
 *         CURRENT, MANIFEST-*, *.log      copies: LevelDB writes beside and deletes these
 *         *.ldb, *.sst                    links to the tables, which never change; but not to those
 *                                         that the MANIFEST does not know, since LevelDB may give
 *                                         their numbers, and names, to new ones */

#include "store/directory.h"

struct gw_shadow;

enum gw_store_error gw_shadow_make(const struct gw_directory *directory, struct gw_shadow **shadow,
                                   char *why, size_t why_size);
const char *gw_shadow_path(const struct gw_shadow *shadow);
void gw_shadow_remove(struct gw_shadow **shadow); /* NULL inside is accepted */

#endif
