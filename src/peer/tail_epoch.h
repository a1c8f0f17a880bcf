/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_TAIL_EPOCH_H
#define GW_PEER_TAIL_EPOCH_H

/* The epochs that this open drew, and what became of their messages. One that ended is remembered
 * for its ids' sake, up to a number of them. Part of tail.c.
 *
 *      1 . . . floor . . . . . stored . . . . last
 *     |settled|some settled   |not yet stored    |
 */

#include "base/map.h"
#include "base/ranges.h"
#include "core/frame.h"
#include "core/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ranges of messages that ended otherwise than processed, of one kind, remembered per epoch: the
 * lowest is forgotten when there are more. */
#define GW_EXCEPTIONS_MAX 16384

struct gw_epoch {
    uint64_t epoch;
    struct gw_destination destination;
    uint64_t last;  /* assigned; 0: none yet */
    uint64_t bytes; /* of all its messages */
    uint64_t stored;
    uint64_t floor;           /* everything below is settled */
    struct gw_ranges settled; /* above the floor */
    struct gw_ranges dead;    /* of all that is settled: how, if not processed */
    struct gw_ranges withdrawn;
    bool ended;
    struct gw_epoch *next_ended;
};

struct gw_epochs {
    struct gw_map map;
    struct gw_epoch *ended_first, *ended_last; /* oldest first */
    size_t ended_count, ended_most;
};

void gw_epochs_init(struct gw_epochs *epochs, size_t ended_most, uint64_t seed);
void gw_epochs_clear(struct gw_epochs *epochs);
/* An epoch of that number, or another if it is 0 or in use; NULL: no memory. */
struct gw_epoch *gw_epochs_begin(struct gw_epochs *epochs, uint64_t number,
                                 const struct gw_destination *destination);
void gw_epochs_end(struct gw_epochs *epochs, struct gw_epoch *epoch); /* may forget the oldest */
void gw_epochs_forget_ended(struct gw_epochs *epochs);
struct gw_epoch *gw_epochs_find(const struct gw_epochs *epochs, uint64_t number);

/* 0 or -ENOMEM. What it says of how a message ended is not changed by a later PROCESSED. */
int gw_epoch_settle(struct gw_epoch *epoch, uint64_t first, uint64_t last, enum gw_outcome how);
bool gw_epoch_is_settled(const struct gw_epoch *epoch, uint64_t sequence);

#endif
