/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_RECORD_H
#define GW_CORE_RECORD_H

/* What the core asks the store to remember, one struct for every kind of row: the core names the
 * facts, src/store/row.c gives them bytes, and recovery hands the same structs back. */

#include "core/frame.h"
#include <stdbool.h>
#include <stdint.h>

#define GW_STORE_FORMAT 1

enum gw_row_kind {
    GW_ROW_META = 'M',
    GW_ROW_STREAM = 'e',
    GW_ROW_BATCH = 'b',
    GW_ROW_SETTLED = 's',
    GW_ROW_ASSIGNMENT = 'a',
    GW_ROW_OFFERED = 'o',
    GW_ROW_WINDOW = 'w',
    GW_ROW_DECIDED = 'd',
    GW_ROW_KEY = 'x'
};

struct gw_row {
    uint8_t kind; /* enum gw_row_kind */
    uint64_t epoch;
    uint64_t first;
    uint64_t last;
    struct gw_destination destination; /* stream, window */
    char peer[GW_NAME_MAX + 1]; /* meta: own name; assignment, offered: member; window: owner */
    uint64_t floor;                    /* stream, window */
    /* meta: opens; stream: number of the open that drew it; assignment: release number */
    uint64_t number;
    bool flag;                         /* offered: known; window: closed */
    uint8_t store[16];                 /* meta */
    uint64_t process;                  /* meta: nonce of the last open */
    uint64_t format;                   /* meta */
};

#endif
