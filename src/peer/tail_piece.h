/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_TAIL_PIECE_H
#define GW_PEER_TAIL_PIECE_H

/* A batch while it is being filled, and the queue it waits in. The body grows by doubling, so that
 * a lone message costs a small block and a full batch at most one copy more; the ends are written
 * only from the first message of a different length on, the heads from the first with headers on.
 * Part of tail.c. */

#include "base/bytes.h"
#include "core/batch.h"

#include <stdbool.h>
#include <stddef.h>

struct gw_piece {
    struct gw_piece *next; /* in its stream's queue */
    struct gw_batch *batch;
    uint8_t *data; /* where the body's bytes are written */
    size_t capacity;
    size_t ends_capacity;
    size_t heads_capacity;
};

/* An empty batch with room for `room` bytes before the body must grow; NULL: no memory. */
struct gw_piece *gw_piece_new(uint64_t epoch, uint64_t first, size_t room);
void gw_piece_destroy(struct gw_piece *piece); /* with its batch, unless that was taken */

/* False if the message belongs into another batch: this one would grow too large. */
bool gw_piece_fits(const struct gw_piece *piece, size_t size);
/* Adds one message, which begins with its block of headers, if any: 0, or -ENOMEM and nothing
 * changed. */
int gw_piece_add(struct gw_piece *piece, struct gw_slice head, struct gw_slice data);
/* The finished batch, its reference included; frees the piece. */
struct gw_batch *gw_piece_finish(struct gw_piece *piece);

#endif
