/* SPDX-License-Identifier: MPL-2.0 */

/* Questions to the durable rows. */

#include "rows.h"

#include "store/row.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

size_t sim_rows_seek(const struct sim_peer *peer, enum gw_row_kind kind, uint64_t epoch,
                     uint64_t sequence)
{
    struct gw_buffer key = {0};

    gw_row_seek(&key, kind, epoch, sequence);
    size_t at = sim_disk_find(&peer->disk, (struct gw_slice){key.data, key.size});
    gw_buffer_clear(&key);
    return at;
}

static uint64_t epoch_of(struct gw_slice key)
{
    struct gw_reader reader = gw_reader_of(key.data, key.size);

    gw_read_u8(&reader);
    return gw_read_u64(&reader);
}

/* The next durable row of the kind and epoch, unread. */
static const struct sim_row *next_row(const struct sim_peer *peer, size_t *at,
                                      enum gw_row_kind kind, uint64_t epoch)
{
    for (; *at < peer->disk.count; (*at)++) {
        const struct sim_row *row = &peer->disk.rows[*at];
        struct gw_slice key = sim_slice(row->key);
        if (key.data[0] != kind || (epoch && epoch_of(key) != epoch))
            return NULL;
        if (row->synced) {
            (*at)++;
            return row;
        }
    }
    return NULL;
}

bool sim_rows_next(const struct sim_peer *peer, size_t *at, enum gw_row_kind kind, uint64_t epoch,
                   struct gw_row *result)
{
    const struct sim_row *row = next_row(peer, at, kind, epoch);

    if (!row)
        return false;
    if (gw_row_read(sim_slice(row->key), sim_slice(row->synced), result) != GW_STORE_OK) {
        sim_fail(peer->world, "a stored row of %s (kind %c) cannot be read back", peer->name,
                 (char)kind);
        return false;
    }
    return true;
}

bool sim_rows_batch(const struct sim_peer *peer, uint64_t epoch, uint64_t sequence,
                    uint64_t *first, uint64_t *last)
{
    size_t at = sim_rows_seek(peer, GW_ROW_BATCH, epoch, sequence);
    const struct sim_row *row = next_row(peer, &at, GW_ROW_BATCH, epoch);
    struct gw_batch *batch;

    if (!row || gw_row_read_batch(sim_slice(row->key), sim_slice(row->synced), false, &batch) !=
                    GW_STORE_OK)
        return false;
    *first = batch->first;
    *last = gw_batch_last(batch);
    gw_batch_drop(batch);
    return *first <= sequence;
}

bool sim_rows_is_batch(const struct sim_peer *peer, size_t at, uint64_t epoch)
{
    const struct sim_row *row = &peer->disk.rows[at];

    return at < peer->disk.count && row->live && row->key->data[0] == GW_ROW_BATCH &&
           epoch_of(sim_slice(row->key)) == epoch;
}

void sim_rows_outbox(const struct sim_peer *peer, uint64_t *messages, uint64_t *bytes)
{
    size_t at = sim_rows_seek(peer, GW_ROW_BATCH, 0, 0);
    const struct sim_row *row;
    struct gw_batch *batch;

    *messages = *bytes = 0;
    while ((row = next_row(peer, &at, GW_ROW_BATCH, 0))) {
        if (gw_row_read_batch(sim_slice(row->key), sim_slice(row->synced), false, &batch) !=
            GW_STORE_OK)
            continue;
        *messages += batch->count;
        *bytes += batch->bytes;
        gw_batch_drop(batch);
    }
}

bool sim_rows_cover(const struct sim_peer *peer, enum gw_row_kind kind, uint64_t epoch,
                    uint64_t first, uint64_t last, const char *member)
{
    size_t at = sim_rows_seek(peer, kind, epoch, 0);
    uint64_t covered = first; /* everything from first to here is */
    struct gw_row row;

    while (covered <= last && sim_rows_next(peer, &at, kind, epoch, &row)) {
        if (row.first > covered)
            return false;
        if (row.last >= covered && (!member || strcmp(row.peer, member) == 0))
            covered = row.last + 1;
    }
    return covered > last;
}

static const struct sim_row *row_of(const struct sim_peer *peer, enum gw_row_kind kind,
                                    uint64_t epoch, uint64_t sequence)
{
    struct gw_buffer key = {0};

    gw_row_seek(&key, kind, epoch, sequence);
    struct gw_slice wanted = {key.data, key.size};
    size_t at = sim_disk_find(&peer->disk, wanted);
    const struct sim_row *row = at < peer->disk.count ? &peer->disk.rows[at] : NULL;
    if (row && (!row->synced || row->key->size != wanted.size ||
                memcmp(row->key->data, wanted.data, wanted.size) != 0))
        row = NULL;
    gw_buffer_clear(&key);
    return row;
}

bool sim_rows_one(const struct sim_peer *peer, enum gw_row_kind kind, uint64_t epoch,
                  uint64_t sequence, struct gw_row *result)
{
    const struct sim_row *row = row_of(peer, kind, epoch, sequence);

    return row && gw_row_read(sim_slice(row->key), sim_slice(row->synced), result) == GW_STORE_OK;
}

bool sim_rows_dead(const struct sim_peer *peer, uint64_t epoch, uint64_t sequence,
                   struct gw_row *result, struct gw_slice *message)
{
    const struct sim_row *row = row_of(peer, GW_ROW_DEAD, epoch, sequence);
    uint32_t head;

    return row && gw_row_read_message(sim_slice(row->key), sim_slice(row->synced), result, &head,
                                      message) == GW_STORE_OK;
}

bool sim_rows_settled(const struct sim_peer *peer, uint64_t epoch, uint64_t sequence)
{
    struct gw_row row;

    return (sim_rows_stream(peer, epoch, &row) && sequence < row.floor) ||
           sim_rows_cover(peer, GW_ROW_SETTLED, epoch, sequence, sequence, NULL);
}

static bool one_row(const struct sim_peer *peer, enum gw_row_kind kind, uint64_t epoch,
                    struct gw_row *row)
{
    size_t at = sim_rows_seek(peer, kind, epoch, 0);

    return sim_rows_next(peer, &at, kind, epoch, row);
}

bool sim_rows_window(const struct sim_peer *peer, uint64_t epoch, struct gw_row *row)
{
    return one_row(peer, GW_ROW_WINDOW, epoch, row);
}

bool sim_rows_stream(const struct sim_peer *peer, uint64_t epoch, struct gw_row *row)
{
    return one_row(peer, GW_ROW_STREAM, epoch, row);
}

bool sim_rows_decided(const struct sim_peer *peer, uint64_t epoch, uint64_t first, uint64_t last)
{
    struct gw_row window;

    if (!sim_rows_window(peer, epoch, &window))
        return false;
    if (last < window.floor)
        return true;
    return sim_rows_cover(peer, GW_ROW_DECIDED, epoch, first < window.floor ? window.floor : first,
                          last, NULL);
}

uint64_t sim_rows_unsettled(const struct sim_peer *peer, uint64_t epoch)
{
    struct gw_row row;

    if (!sim_rows_stream(peer, epoch, &row))
        return 0;
    uint64_t lowest = row.floor;
    size_t at = sim_rows_seek(peer, GW_ROW_SETTLED, epoch, 0);
    while (sim_rows_next(peer, &at, GW_ROW_SETTLED, epoch, &row) && row.first <= lowest) {
        if (row.last >= lowest)
            lowest = row.last + 1;
    }
    return lowest;
}

uint64_t sim_rows_effects(const struct sim_peer *peer, uint64_t epoch, uint64_t sequence)
{
    struct gw_buffer bytes = {0}, key = {0};
    struct gw_slice value;
    uint64_t count = 0;

    gw_buffer_u64(&bytes, epoch);
    gw_buffer_u64(&bytes, sequence);
    gw_row_seek_key(&key, SIM_SPACE, (struct gw_slice){bytes.data, bytes.size});
    struct gw_slice wanted = {key.data, key.size};
    size_t at = sim_disk_find(&peer->disk, wanted);
    if (at < peer->disk.count && peer->disk.rows[at].synced) {
        struct gw_slice found = sim_slice(peer->disk.rows[at].key);
        if (found.size == wanted.size && memcmp(found.data, wanted.data, wanted.size) == 0 &&
            gw_row_read_key(found, sim_slice(peer->disk.rows[at].synced), &value) == GW_STORE_OK) {
            struct gw_reader reader = gw_reader_of(value.data, value.size);
            count = gw_read_u64(&reader);
        }
    }
    gw_buffer_clear(&bytes);
    gw_buffer_clear(&key);
    return count;
}
