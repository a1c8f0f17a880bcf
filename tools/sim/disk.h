/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_DISK_H
#define GW_SIM_DISK_H

/* A disk: an ordered map that knows, for every row, what a process reads and what a power cut would
 * leave. Writes are atomic, as the store port promises; a write that is not synced survives the
 * process, and a power cut only by luck: some first ones of those not synced do (a log is cut
 * somewhere). Behind it stands the store port, so that the code under test opens it like any store.
 * */

#include "base/bytes.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>

struct sim_value {
    size_t references;
    size_t size;
    size_t body;  /* of it the last bytes lie apart, in a file (decision 0017) */
    bool durable; /* the body, for good */
    bool lost;    /* the body: a power cut took it */
    uint8_t data[];
};

struct sim_row {
    struct sim_value *key;
    struct sim_value *live;   /* NULL: not there */
    struct sim_value *synced; /* NULL: not there after a power cut */
};

struct sim_unsynced {
    struct sim_value *key;
    struct sim_value *value; /* NULL: a delete */
    size_t write;            /* number of the write that it belongs to */
};

struct sim_disk {
    struct sim_row *rows; /* sorted by key */
    size_t count, capacity;
    struct sim_unsynced *unsynced; /* oldest first */
    size_t unsynced_count, unsynced_capacity;
    size_t writes; /* not synced */
    bool refuses;  /* a store opened on it cannot write */
};

void sim_disk_init(struct sim_disk *disk);
void sim_disk_clear(struct sim_disk *disk); /* a new, empty disk; frees the old rows */
void sim_disk_write(struct sim_disk *disk, const struct gw_write *write, bool sync);
/* `survivors`: how many of the unsynced writes the log still has. */
void sim_disk_power_lost(struct sim_disk *disk, size_t survivors);
/* The body of that row, if it lies apart and was not there for good before: after a power cut it is
 * lost, or there for good. True: it is lost, now. */
bool sim_disk_decide_body(struct sim_disk *disk, size_t row, bool lost);

/* The first row at or after the key; disk->count if there is none. */
size_t sim_disk_find(const struct sim_disk *disk, struct gw_slice key);
/* Into an empty disk. Nothing may be unsynced. */
void sim_disk_copy(struct sim_disk *to, const struct sim_disk *from);
/* Exchanges the values of two rows, live only. Doing it again mends it. */
void sim_disk_swap(struct sim_disk *disk, size_t a, size_t b);
/* Flips one bit of a row's value, live and synced. Doing it again mends it. */
void sim_disk_damage(struct sim_disk *disk, size_t row, size_t bit);

/* What the disk has of it. */
static inline struct gw_slice sim_slice(const struct sim_value *value)
{
    return (struct gw_slice){value->data, value->size - (value->lost ? value->body : 0)};
}

/* What a process sees. The disk must outlive the store; closing the store leaves the disk. */
struct gw_store *sim_disk_open(struct sim_disk *disk, bool sync);

#endif
