/* SPDX-License-Identifier: MPL-2.0 */

/* Gathers the operations of one atomic write. Keys and values lie one after the other in one
 * buffer; operations hold offsets, since the buffer moves as it grows. Errors are sticky: whoever
 * fills a write checks gw_write_failed once. */

#include "store/store.h"

#include "base/crc32c.h"

#include <stdint.h>
#include <stdlib.h>

#define KEEP_SIZE ((size_t)8 << 20) /* a larger buffer was made for large dead letters */

void gw_write_clear(struct gw_write *write)
{
    gw_buffer_clear(&write->bytes);
    free(write->ops);
    *write = (struct gw_write){0};
}

void gw_write_reset(struct gw_write *write)
{
    if (write->bytes.capacity > KEEP_SIZE)
        gw_buffer_clear(&write->bytes);
    else
        gw_buffer_reset(&write->bytes);
    write->count = 0;
    write->failed = false;
}

static struct gw_write_op *next_op(struct gw_write *write)
{
    if (write->count == write->capacity) {
        size_t capacity = write->capacity ? write->capacity * 2 : 16;
        struct gw_write_op *ops = NULL;

        if (capacity <= SIZE_MAX / sizeof *ops)
            ops = realloc(write->ops, capacity * sizeof *ops);
        if (!ops) {
            write->failed = true;
            return NULL;
        }
        write->ops = ops;
        write->capacity = capacity;
    }
    struct gw_write_op *op = &write->ops[write->count++];
    *op = (struct gw_write_op){0};
    return op;
}

void gw_write_put_built(struct gw_write *write, size_t key, size_t value, struct gw_slice outside,
                        uint32_t outside_crc)
{
    if (gw_write_failed(write))
        return;
    struct gw_write_op *op = next_op(write);
    if (!op)
        return;
    op->put = true;
    op->key = key;
    op->key_size = value - key;
    op->value = value;
    op->value_size = write->bytes.size - value;
    if (outside.size > 0) {
        op->outside = outside.data;
        op->outside_size = outside.size;
        op->outside_crc = outside_crc;
    }
}

void gw_write_put_outside(struct gw_write *write, struct gw_slice key, struct gw_slice prefix,
                          struct gw_slice outside)
{
    size_t at = write->bytes.size;

    gw_buffer_append(&write->bytes, key.data, key.size);
    gw_buffer_append(&write->bytes, prefix.data, prefix.size);
    gw_write_put_built(write, at, at + key.size, outside,
                       gw_crc32c(0, outside.data, outside.size));
}

void gw_write_put(struct gw_write *write, struct gw_slice key, struct gw_slice value)
{
    gw_write_put_outside(write, key, value, (struct gw_slice){0});
}

void gw_write_delete_built(struct gw_write *write, size_t key)
{
    if (gw_write_failed(write))
        return;
    struct gw_write_op *op = next_op(write);
    if (!op)
        return;
    op->key = key;
    op->key_size = write->bytes.size - key;
    op->value = write->bytes.size;
}

void gw_write_delete(struct gw_write *write, struct gw_slice key)
{
    size_t at = write->bytes.size;

    gw_buffer_append(&write->bytes, key.data, key.size);
    gw_write_delete_built(write, at);
}

const char *gw_store_error_name(enum gw_store_error error)
{
    switch (error) {
    case GW_STORE_OK: return "OK";
    case GW_STORE_NOT_FOUND: return "NOT_FOUND";
    case GW_STORE_NOMEM: return "NOMEM";
    case GW_STORE_IO: return "IO";
    case GW_STORE_CORRUPT: return "CORRUPT";
    case GW_STORE_BUSY: return "BUSY";
    case GW_STORE_FOREIGN: return "FOREIGN";
    case GW_STORE_VERSION: return "VERSION";
    case GW_STORE_POISONED: return "POISONED";
    case GW_STORE_LOST: return "LOST";
    }
    return "?";
}
