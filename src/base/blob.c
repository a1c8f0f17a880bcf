/* SPDX-License-Identifier: MPL-2.0 */

/* The counted bytes of blob.h. Nothing but the count may change here: readers hold no lock. */

#include "base/blob.h"

#include <assert.h>
#include <stdlib.h>

static struct gw_blob *blob_of(struct gw_blob *blob, const void *data, size_t size)
{
    blob->data = data;
    blob->size = size;
    blob->release = NULL;
    blob->owner = NULL;
    atomic_init(&blob->references, 1);
    return blob;
}

struct gw_blob *gw_blob_new(size_t size, uint8_t **data)
{
    struct gw_blob *blob;

    if (size > PTRDIFF_MAX - sizeof *blob)
        return NULL;
    blob = malloc(sizeof *blob + size);
    if (blob == NULL)
        return NULL;
    *data = (uint8_t *)(blob + 1);
    return blob_of(blob, *data, size);
}

struct gw_blob *gw_blob_wrap(const void *data, size_t size, void (*release)(struct gw_blob *),
                             void *owner)
{
    struct gw_blob *blob = malloc(sizeof *blob);

    if (blob == NULL)
        return NULL;
    blob_of(blob, data, size);
    blob->release = release;
    blob->owner = owner;
    return blob;
}

struct gw_blob *gw_blob_hold(struct gw_blob *blob)
{
    /* The caller has a reference, so the count is not 0 and orders nothing: relaxed will do. */
    size_t before = atomic_fetch_add_explicit(&blob->references, 1, memory_order_relaxed);

    assert(before > 0);
    (void)before;
    return blob;
}

void gw_blob_drop(struct gw_blob *blob)
{
    if (blob == NULL)
        return;
    /* Release: this thread's reads end before its reference does. Acquire: whoever frees comes
     * after the reads of all the others. */
    size_t before = atomic_fetch_sub_explicit(&blob->references, 1, memory_order_acq_rel);

    assert(before > 0);
    if (before > 1)
        return;
    if (blob->release != NULL)
        blob->release(blob);
    free(blob);
}
