/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_BASE_BLOB_H
#define GW_BASE_BLOB_H

/* Bytes with a reference count that any thread may hold: a stored batch's body while it waits for
 * the socket, a received frame while deliveries point into it. The count is the only thing that
 * changes after creation, so readers need no lock. */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct gw_blob {
    const uint8_t *data;
    size_t size;
    /* Frees what `data` points into; NULL if the bytes live in this allocation or outlive it. */
    void (*release)(struct gw_blob *blob);
    void *owner; /* for release */
    atomic_size_t references;
};

/* A blob with one reference, or NULL if there is no memory. *data is where to write the bytes,
 * until the blob is shared. */
struct gw_blob *gw_blob_new(size_t size, uint8_t **data);
/* The same over bytes that exist already. Without memory it returns NULL and does not call release:
 * the bytes stay the caller's. */
struct gw_blob *gw_blob_wrap(const void *data, size_t size, void (*release)(struct gw_blob *),
                             void *owner);
struct gw_blob *gw_blob_hold(struct gw_blob *blob); /* one reference more; returns the blob */
void gw_blob_drop(struct gw_blob *blob); /* NULL is accepted; the last one frees */

#endif
