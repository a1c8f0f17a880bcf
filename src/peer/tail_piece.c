/* SPDX-License-Identifier: MPL-2.0 */

/* Builds batches in place: one copy of each message, and for all messages of one length nothing
 * else. The hot path of every send goes through gw_piece_add, so it must stay short. */

#include "peer/tail_piece.h"

#include "peer/tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST_ROOM 4096
#define SMALLEST_ENDS 64

static size_t doubled_until(size_t capacity, size_t wanted)
{
    while (capacity < wanted)
        capacity *= 2;
    return capacity;
}

struct gw_piece *gw_piece_new(uint64_t epoch, uint64_t first, size_t room)
{
    struct gw_piece *piece = calloc(1, sizeof *piece);

    if (!piece)
        return NULL;
    piece->capacity = room > GW_BATCH_BYTES_MAX ? room : doubled_until(SMALLEST_ROOM, room);
    piece->batch = gw_batch_new(epoch, first, 0);
    if (piece->batch)
        piece->batch->body = gw_blob_new(piece->capacity, &piece->data);
    if (!piece->batch || !piece->batch->body) {
        gw_piece_destroy(piece);
        return NULL;
    }
    return piece;
}

void gw_piece_destroy(struct gw_piece *piece)
{
    if (!piece)
        return;
    gw_batch_drop(piece->batch);
    free(piece);
}

bool gw_piece_fits(const struct gw_piece *piece, size_t size)
{
    const struct gw_batch *batch = piece->batch;

    if (batch->count == 0)
        return true;
    return batch->count < GW_BATCH_COUNT_MAX && batch->bytes <= GW_BATCH_BYTES_MAX &&
           size <= GW_BATCH_BYTES_MAX - batch->bytes;
}

/* Nobody else holds the body yet, so it may move. */
static int grow_body(struct gw_piece *piece, size_t size)
{
    size_t capacity = doubled_until(piece->capacity, piece->batch->bytes + size);
    uint8_t *data;
    struct gw_blob *body = gw_blob_new(capacity, &data);

    if (!body)
        return -ENOMEM;
    memcpy(data, piece->data, piece->batch->bytes);
    gw_blob_drop(piece->batch->body);
    piece->batch->body = body;
    piece->data = data;
    piece->capacity = capacity;
    return 0;
}

/* Makes room for one end more, and at the first difference writes those that `fixed` stood for. */
static int grow_ends(struct gw_piece *piece)
{
    struct gw_batch *batch = piece->batch;
    size_t capacity = piece->ends_capacity;

    if (batch->ends && batch->count < capacity)
        return 0;
    capacity = doubled_until(capacity ? capacity * 2 : SMALLEST_ENDS, (size_t)batch->count + 1);

    uint32_t *ends = realloc(batch->ends, capacity * sizeof *ends);
    if (!ends)
        return -ENOMEM;
    for (uint32_t i = 0; !batch->ends && i < batch->count; i++)
        ends[i] = (i + 1) * batch->fixed;
    batch->ends = ends;
    piece->ends_capacity = capacity;
    return 0;
}

/* The same for heads; those before the first message with headers have none. */
static int grow_heads(struct gw_piece *piece)
{
    struct gw_batch *batch = piece->batch;
    size_t capacity = piece->heads_capacity;

    if (batch->heads && batch->count < capacity)
        return 0;
    capacity = doubled_until(capacity ? capacity * 2 : SMALLEST_ENDS, (size_t)batch->count + 1);

    uint32_t *heads = realloc(batch->heads, capacity * sizeof *heads);
    if (!heads)
        return -ENOMEM;
    if (!batch->heads)
        memset(heads, 0, batch->count * sizeof *heads);
    batch->heads = heads;
    piece->heads_capacity = capacity;
    return 0;
}

int gw_piece_add(struct gw_piece *piece, struct gw_slice head, struct gw_slice data)
{
    struct gw_batch *batch = piece->batch;
    size_t size = head.size + data.size;
    bool differs = batch->ends || (batch->count > 0 && batch->fixed != size);
    bool headed = batch->heads || head.size > 0;

    if (size > piece->capacity - batch->bytes && grow_body(piece, size) != 0)
        return -ENOMEM;
    if (differs && grow_ends(piece) != 0)
        return -ENOMEM;
    if (headed) {
        if (grow_heads(piece) != 0)
            return -ENOMEM;
        batch->heads[batch->count] = (uint32_t)head.size;
        if (head.size > 0)
            memcpy(piece->data + batch->bytes, head.data, head.size);
    }

    if (data.size > 0)
        memcpy(piece->data + batch->bytes + head.size, data.data, data.size);
    batch->bytes += (uint32_t)size;
    if (differs)
        batch->ends[batch->count] = batch->bytes;
    else
        batch->fixed = (uint32_t)size;
    batch->count++;
    return 0;
}

struct gw_batch *gw_piece_finish(struct gw_piece *piece)
{
    struct gw_batch *batch = piece->batch;

    batch->body->size = batch->bytes;
    if (batch->ends)
        batch->fixed = 0;
    free(piece);
    return batch;
}
