/* SPDX-License-Identifier: MPL-2.0 */
/* The life of a batch: who holds it. What it means is in batch.h. */

#include "core/batch.h"
#include <stdlib.h>

struct gw_batch *gw_batch_new(uint64_t epoch, uint64_t first, uint32_t count)
{
    struct gw_batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->epoch = epoch;
    batch->first = first;
    batch->count = count;
    atomic_init(&batch->references, 1);
    return batch;
}

struct gw_batch *gw_batch_hold(struct gw_batch *batch)
{
    atomic_fetch_add_explicit(&batch->references, 1, memory_order_relaxed);
    return batch;
}

void gw_batch_drop(struct gw_batch *batch)
{
    if (!batch)
        return;
    if (atomic_fetch_sub_explicit(&batch->references, 1, memory_order_acq_rel) != 1)
        return;
    gw_blob_drop(batch->body);
    free(batch->ends);
    free(batch->heads);
    free(batch);
}

uint64_t gw_batch_fitting(const struct gw_batch *batch, uint64_t first, uint64_t most,
                          uint64_t bytes)
{
    uint64_t begin = gw_batch_offset(batch, first);
    if (gw_batch_offset(batch, first + most) - begin <= bytes)
        return most;
    uint64_t low = 0, high = most; /* `low` fit, `high` do not */
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (gw_batch_offset(batch, first + middle) - begin <= bytes)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint64_t gw_batch_before_larger(const struct gw_batch *batch, uint64_t first, uint64_t most,
                                uint64_t limit)
{
    uint64_t count = 0;
    if (batch->bytes <= limit)
        return most;
    while (count < most && gw_batch_size(batch, first + count) <= limit)
        count++;
    return count;
}
