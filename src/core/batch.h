/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_BATCH_H
#define GW_CORE_BATCH_H

/* A batch: messages stored together as one value, the unit of storage. Built once in the sending
 * thread, then never changed. The core looks at its numbers only; the body is for the store and the
 * socket.
 *
 *      first        first + 1     ...        first + count - 1
 *     |0 . . ends[0]|. . ends[1]| ...  |. . . ends[count - 1] == bytes|
 */

#include "base/blob.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct gw_batch {
    uint64_t epoch;
    uint64_t first;
    uint32_t count;
    uint32_t bytes;          /* of all bodies */
    uint32_t fixed;          /* length of every message if ends is NULL */
    uint32_t *ends;          /* NULL: all messages have the same length */
    uint32_t *heads;         /* bytes of headers at the start of each message, part of its length;
                              * NULL: none has any */
    uint64_t bytes_before;   /* of this epoch's earlier batches: backlog sizes need no scan */
    struct gw_blob *body;    /* NULL: not in memory, to be read from the store when wanted */
    struct gw_batch *older;  /* the core's list of bodies in memory */
    struct gw_batch *newer;
    bool cached;             /* in that list */
    atomic_size_t references;
};

struct gw_batch *gw_batch_hold(struct gw_batch *batch);
/* NULL is accepted; the last one frees batch, ends and its hold on body. */
void gw_batch_drop(struct gw_batch *batch);
/* The rest is zeroed; one reference. NULL: out of memory. */
struct gw_batch *gw_batch_new(uint64_t epoch, uint64_t first, uint32_t count);

static inline uint64_t gw_batch_last(const struct gw_batch *batch)
{
    return batch->first + batch->count - 1;
}

/* Where in the body message `sequence` begins; for sequence == last + 1 the body's end. */
static inline uint32_t gw_batch_offset(const struct gw_batch *batch, uint64_t sequence)
{
    uint64_t index = sequence - batch->first;
    if (!batch->ends)
        return (uint32_t)index * batch->fixed;
    return index ? batch->ends[index - 1] : 0;
}

static inline uint64_t gw_batch_size(const struct gw_batch *batch, uint64_t sequence)
{
    return gw_batch_offset(batch, sequence + 1) - gw_batch_offset(batch, sequence);
}

/* How many messages from `first` on fit into `bytes`, at most `most`; at least 0. */
uint64_t gw_batch_fitting(const struct gw_batch *batch, uint64_t first, uint64_t most,
                          uint64_t bytes);
/* How many messages from `first` on, at most `most`, come before one of more than `limit` bytes. */
uint64_t gw_batch_before_larger(const struct gw_batch *batch, uint64_t first, uint64_t most,
                                uint64_t limit);

#endif
