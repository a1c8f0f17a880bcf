/* SPDX-License-Identifier: MPL-2.0 */

/* Rows in one sorted array: worlds are small, and an array is easy to check by eye. */

#include "disk.h"

#include <stdlib.h>
#include <string.h>

struct sim_store {
    struct gw_store base;
    struct sim_disk *disk;
    bool sync; /* false: every write counts as synced, since no power is ever lost */
};

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static struct sim_value *value_new(struct gw_slice first, struct gw_slice second)
{
    struct sim_value *value = must(malloc(sizeof *value + first.size + second.size));

    *value = (struct sim_value){
        .references = 1, .size = first.size + second.size, .body = second.size};
    if (first.size)
        memcpy(value->data, first.data, first.size);
    if (second.size)
        memcpy(value->data + first.size, second.data, second.size);
    return value;
}

static struct sim_value *hold(struct sim_value *value)
{
    if (value)
        value->references++;
    return value;
}

static void drop(struct sim_value *value)
{
    if (value && --value->references == 0)
        free(value);
}

static void assign(struct sim_value **place, struct sim_value *value)
{
    hold(value);
    drop(*place);
    *place = value;
}

void sim_disk_init(struct sim_disk *disk)
{
    memset(disk, 0, sizeof *disk);
}

static void forget_unsynced(struct sim_disk *disk)
{
    for (size_t i = 0; i < disk->unsynced_count; i++) {
        drop(disk->unsynced[i].key);
        drop(disk->unsynced[i].value);
    }
    disk->unsynced_count = 0;
    disk->writes = 0;
}

void sim_disk_clear(struct sim_disk *disk)
{
    for (size_t i = 0; i < disk->count; i++) {
        drop(disk->rows[i].key);
        drop(disk->rows[i].live);
        drop(disk->rows[i].synced);
    }
    forget_unsynced(disk);
    free(disk->rows);
    free(disk->unsynced);
    memset(disk, 0, sizeof *disk);
}

static int compare(struct gw_slice a, struct gw_slice b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;

    if (order)
        return order;
    return a.size < b.size ? -1 : a.size > b.size;
}

size_t sim_disk_find(const struct sim_disk *disk, struct gw_slice key)
{
    size_t low = 0, high = disk->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(sim_slice(disk->rows[middle].key), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct sim_row *row_at(struct sim_disk *disk, struct gw_slice key, bool make)
{
    size_t at = sim_disk_find(disk, key);

    if (at < disk->count && compare(sim_slice(disk->rows[at].key), key) == 0)
        return &disk->rows[at];
    if (!make)
        return NULL;
    if (disk->count == disk->capacity) {
        disk->capacity = disk->capacity ? disk->capacity * 2 : 64;
        disk->rows = must(realloc(disk->rows, disk->capacity * sizeof *disk->rows));
    }
    memmove(disk->rows + at + 1, disk->rows + at, (disk->count - at) * sizeof *disk->rows);
    disk->count++;
    disk->rows[at] = (struct sim_row){.key = value_new(key, (struct gw_slice){0})};
    return &disk->rows[at];
}

static void remove_if_gone(struct sim_disk *disk, struct sim_row *row)
{
    size_t at = (size_t)(row - disk->rows);

    if (row->live || row->synced)
        return;
    drop(row->key);
    disk->count--;
    memmove(row, row + 1, (disk->count - at) * sizeof *row);
}

static void put(struct sim_disk *disk, struct gw_slice key, struct sim_value *value, bool live,
                bool synced)
{
    struct sim_row *row = row_at(disk, key, value != NULL);

    if (!row)
        return;
    if (live)
        assign(&row->live, value);
    if (synced)
        assign(&row->synced, value);
    remove_if_gone(disk, row);
}

/* The first `writes` of those not synced reach the platter. */
static void sync_first(struct sim_disk *disk, size_t writes)
{
    if (!disk->unsynced_count)
        return;
    size_t first = disk->unsynced[0].write;

    for (size_t i = 0; i < disk->unsynced_count; i++) {
        if (disk->unsynced[i].write - first < writes)
            put(disk, sim_slice(disk->unsynced[i].key), disk->unsynced[i].value, false, true);
    }
}

static void remember(struct sim_disk *disk, struct gw_slice key, struct sim_value *value)
{
    if (disk->unsynced_count == disk->unsynced_capacity) {
        disk->unsynced_capacity = disk->unsynced_capacity ? disk->unsynced_capacity * 2 : 32;
        disk->unsynced = must(
            realloc(disk->unsynced, disk->unsynced_capacity * sizeof *disk->unsynced));
    }
    disk->unsynced[disk->unsynced_count++] = (struct sim_unsynced){
        .key = value_new(key, (struct gw_slice){0}), .value = hold(value), .write = disk->writes};
}

void sim_disk_write(struct sim_disk *disk, const struct gw_write *write, bool sync)
{
    if (sync) {
        sync_first(disk, disk->writes);
        forget_unsynced(disk);
    }
    for (size_t i = 0; i < write->count; i++) {
        const struct gw_write_op *op = &write->ops[i];
        struct gw_slice key = {write->bytes.data + op->key, op->key_size};
        struct gw_slice prefix = {write->bytes.data + op->value, op->value_size};
        struct gw_slice outside = {op->outside, op->outside ? op->outside_size : 0};
        struct sim_value *value = op->put ? value_new(prefix, outside) : NULL;
        if (!sync)
            remember(disk, key, value);
        put(disk, key, value, true, sync);
        drop(value);
    }
    if (!sync)
        disk->writes++;
}

void sim_disk_power_lost(struct sim_disk *disk, size_t survivors)
{
    sync_first(disk, survivors);
    forget_unsynced(disk);
    for (size_t i = disk->count; i-- > 0;) {
        assign(&disk->rows[i].live, disk->rows[i].synced);
        remove_if_gone(disk, &disk->rows[i]);
    }
}

bool sim_disk_decide_body(struct sim_disk *disk, size_t row, bool lost)
{
    struct sim_value *value = disk->rows[row].live;

    if (!value || !value->body || value->durable)
        return false;
    value->durable = true;
    value->lost = lost;
    return lost;
}

void sim_disk_copy(struct sim_disk *to, const struct sim_disk *from)
{
    to->rows = must(malloc((from->count + 1) * sizeof *to->rows));
    to->count = to->capacity = from->count;
    for (size_t i = 0; i < from->count; i++)
        to->rows[i] = (struct sim_row){.key = hold(from->rows[i].key),
                                       .live = hold(from->rows[i].live),
                                       .synced = hold(from->rows[i].synced)};
}

void sim_disk_swap(struct sim_disk *disk, size_t a, size_t b)
{
    struct sim_value *value = disk->rows[a].live;

    disk->rows[a].live = disk->rows[b].live;
    disk->rows[b].live = value;
}

void sim_disk_damage(struct sim_disk *disk, size_t row, size_t bit)
{
    struct sim_value *value = disk->rows[row].live;

    value->data[bit / 8 % sim_slice(value).size] ^= (uint8_t)(1u << bit % 8);
}

/* --- the store port --- */

static enum gw_store_error store_write(struct gw_store *store, const struct gw_write *write,
                                       bool sync)
{
    struct sim_store *self = (struct sim_store *)store;

    if (self->disk->refuses)
        return GW_STORE_IO;
    sim_disk_write(self->disk, write, sync || !self->sync);
    return GW_STORE_OK;
}

static enum gw_store_error store_get(struct gw_store *store, struct gw_slice key,
                                     struct gw_buffer *value)
{
    struct sim_store *self = (struct sim_store *)store;
    struct sim_row *row = row_at(self->disk, key, false);

    if (!row || !row->live)
        return GW_STORE_NOT_FOUND;
    if (row->live->lost)
        return GW_STORE_LOST;
    gw_buffer_append(value, row->live->data, row->live->size);
    return gw_buffer_failed(value) ? GW_STORE_NOMEM : GW_STORE_OK;
}

static enum gw_store_error store_scan(struct gw_store *store, struct gw_slice from,
                                      struct gw_slice to, gw_store_visit visit, void *context)
{
    struct sim_store *self = (struct sim_store *)store;
    struct sim_disk *disk = self->disk;

    for (size_t i = sim_disk_find(disk, from); i < disk->count; i++) {
        struct sim_row *row = &disk->rows[i];
        if (to.size && compare(sim_slice(row->key), to) >= 0)
            break;
        if (row->live && !visit(context, sim_slice(row->key), sim_slice(row->live)))
            break;
    }
    return GW_STORE_OK;
}

static const char *store_why(struct gw_store *store)
{
    (void)store;
    return "the simulated disk failed";
}

static void store_close(struct gw_store **store)
{
    free(*store);
    *store = NULL;
}

struct gw_store *sim_disk_open(struct sim_disk *disk, bool sync)
{
    static const struct gw_store_port port = {.write = store_write,
                                              .get = store_get,
                                              .scan = store_scan,
                                              .why = store_why,
                                              .close = store_close};
    struct sim_store *store = must(calloc(1, sizeof *store));

    store->base.port = &port;
    store->disk = disk;
    store->sync = sync;
    return &store->base;
}
