/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_RECORD_H
#define GW_CORE_RECORD_H

/* What the core asks the store to remember, one struct for every kind of row: the core names the
 * facts, src/store/row.c gives them bytes, and recovery hands the same structs back. */

#include "core/frame.h"
#include <stdbool.h>
#include <stdint.h>

#define GW_STORE_FORMAT 3 /* 1 and 2 were never released */

/* Why a message was given up. Part of the store's format. */
enum gw_death {
    GW_DEATH_REJECTED = 1, /* a handler refused it */
    GW_DEATH_ATTEMPTS = 2  /* too many attempts failed */
};

/* How a message ended. Part of the store's format. */
enum gw_outcome {
    GW_OUTCOME_PROCESSED = 1,
    GW_OUTCOME_DEAD = 2,      /* a dead letter keeps it */
    GW_OUTCOME_WITHDRAWN = 3, /* taken back before a handler had it */
    GW_OUTCOME_ABANDONED = 4  /* its only possible receiver, a memory peer, is gone; or its bytes */
};

enum gw_row_kind {
    GW_ROW_META = 'M',
    GW_ROW_STREAM = 'e',
    GW_ROW_BATCH = 'b',
    GW_ROW_SETTLED = 's',
    GW_ROW_ASSIGNMENT = 'a',
    GW_ROW_OFFERED = 'o',
    GW_ROW_WINDOW = 'w',
    GW_ROW_DECIDED = 'd',
    GW_ROW_STORY = 't',     /* sender: a message's attempts so far, if any failed */
    GW_ROW_EXCEPTION = 'j', /* receiver: a decision other than processed, above the floor */
    GW_ROW_CRASHED = 'h',   /* receiver: begun by a process that died; until its sender knows */
    GW_ROW_DEAD = 'D',      /* sender: a dead letter with its message */
    GW_ROW_OUTCOME = 'O',   /* sender: how messages ended, in order, for a reader that asked */
    GW_ROW_KEY = 'x'
};

struct gw_row {
    uint8_t kind; /* enum gw_row_kind */
    uint64_t epoch;
    uint64_t first;
    uint64_t last; /* stream: all up to here were offered; so may others be that are in runs */
    struct gw_destination destination; /* stream, window */
    char peer[GW_NAME_MAX + 1]; /* meta: own name; assignment, offered: member; window: owner */
    uint64_t floor;                    /* stream, window */
    /* meta: opens; stream: number of the open that drew it; assignment, crashed: number of the
     * offer; outcome: its place in the order, which is its key */
    uint64_t number;
    bool flag;                         /* offered: known; window: closed */
    bool ordered;                      /* stream */
    bool memory;                       /* window, offered: that peer ends with its process */
    bool maybe_duplicate; /* assignment: it was forfeited by another member; dead, outcome: that
                           * one may have processed it */
    uint8_t how;     /* exception: enum gw_exception_kind; dead: enum gw_death; outcome:
                      * enum gw_outcome */
    uint32_t code;   /* exception, dead */
    uint64_t attempts;                 /* story, dead: attempts begun */
    uint64_t first_ms;                 /* story, dead: wall clock of the first failure; 0: none */
    uint64_t last_ms;                  /* of the last */
    struct gw_slice text; /* exception, story, dead; lives as long as what it was read from */
    uint8_t store[16];                 /* meta */
    uint64_t process;                  /* meta: nonce of the last open */
    uint64_t format;                   /* meta */
};

#endif
