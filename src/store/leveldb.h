/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_LEVELDB_H
#define GW_STORE_LEVELDB_H

#include "store/directory.h"
#include "store/store.h"

/* What an error text of LevelDB means: its C API has no codes (hazard DB14). NULL is GW_STORE_OK.
 * Declared for the unit test. */
enum gw_store_error gw_leveldb_classify(const char *text);

/* The directory of a store of gw_leveldb_open or gw_leveldb_inspect; NULL for any other. */
struct gw_directory *gw_leveldb_directory(struct gw_store *store);
bool gw_leveldb_is_inspected(struct gw_store *store);

#endif
