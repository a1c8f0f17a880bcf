/* SPDX-License-Identifier: MPL-2.0 */

/* Invariants of writes, at the moment they are durable: what the ledger learns from rows, and what
 * rows may never do. */

#include "checker.h"
#include "rows.h"
#include "store/row.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

#define TOUCHED_MAX 32

struct touched { /* epochs that a write changes in a way that must be looked over as a whole */
    uint64_t sent[TOUCHED_MAX], received[TOUCHED_MAX];
    size_t sent_count, received_count;
};

static void touch(uint64_t *epochs, size_t *count, uint64_t epoch)
{
    for (size_t i = 0; i < *count; i++) {
        if (epochs[i] == epoch)
            return;
    }
    if (*count < TOUCHED_MAX)
        epochs[(*count)++] = epoch;
}

static struct sim_message *message_of(struct sim_peer *peer, const struct sim_epoch *book,
                                      uint64_t sequence)
{
    struct sim_message *message = book ? sim_epoch_message(book, sequence) : NULL;

    if (!message)
        sim_fail(peer->world, "%s stores a row about a message that nobody sent", peer->name);
    return message;
}

/* --- what the sender stores --- */

/* INV 6: a key names the same bytes for ever. */
static void learn_batch(struct sim_peer *peer, const struct gw_batch *batch)
{
    const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, batch->epoch);

    for (uint64_t at = batch->first; at <= gw_batch_last(batch); at++) {
        struct sim_message *message = message_of(peer, book, at);
        if (!message)
            return;
        uint32_t begin = gw_batch_offset(batch, at), end = gw_batch_offset(batch, at + 1);
        if (message->size != end - begin ||
            !sim_body_is(message->id, batch->body->data + begin, end - begin))
            sim_fail(peer->world, "%s stores other bytes under e%" PRIu64 " %" PRIu64
                     " than were accepted", peer->name, book->number, at);
        if (!message->durable && message->origin_epoch) {
            struct sim_message *origin = sim_ledger_message(
                &peer->world->ledger, message->origin_epoch, message->origin_sequence);
            if (origin)
                origin->outputs++;
        }
        message->durable = true;
    }
}

/* INV 10: settled only on a durable decision for exactly that key. */
static void learn_settled(struct sim_peer *peer, const struct sim_epoch *book, uint64_t first,
                          uint64_t last)
{
    for (uint64_t at = first; at <= last; at++) {
        const struct sim_message *message = message_of(peer, book, at);
        if (!message)
            return;
        if (!message->processed) {
            sim_fail(peer->world, "%s settles e%" PRIu64 " %" PRIu64
                     " although no receiver has durably decided it", peer->name, book->number, at);
            return;
        }
    }
}

/* Rule 7, INV 17: an assignment stands until it is released, which nothing does so far. */
static void learn_assignment(struct sim_peer *peer, const struct sim_epoch *book,
                             const struct gw_row *row)
{
    struct sim_world *world = peer->world;
    uint8_t member = 0;

    for (size_t i = 0; i < SIM_PEERS_MAX; i++) {
        if (world->peers[i].present && !world->peers[i].guest &&
            strcmp(world->peers[i].name, row->peer) == 0)
            member = (uint8_t)(i + 1);
    }
    for (uint64_t at = row->first; at <= row->last; at++) {
        struct sim_message *message = message_of(peer, book, at);
        if (!message)
            return;
        if (message->assigned && message->assigned != member && !message->processed)
            sim_fail(world, "%s moves e%" PRIu64 " %" PRIu64 " from %s to %s without a release",
                     peer->name, book->number, at, world->peers[message->assigned - 1].name,
                     row->peer);
        message->assigned = member;
    }
}

/* INV 1, 24: what was accepted and not processed is in the outbox. */
static void look_over_outbox(struct sim_peer *peer, uint64_t epoch)
{
    const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, epoch);
    uint64_t first = 0, last = 0;

    for (uint64_t at = 1; book && at <= book->count; at++) {
        const struct sim_message *message = sim_epoch_message(book, at);
        if (!message->durable || message->processed || (at >= first && at <= last))
            continue;
        if (!sim_rows_batch(peer, epoch, at, &first, &last)) {
            sim_fail(peer->world, "lost: %s deleted e%" PRIu64 " %" PRIu64
                     " from its outbox, and nobody has processed it", peer->name, book->number, at);
            return;
        }
    }
}

/* --- what the receiver stores --- */

/* INV 3, 4: one decision per key, made by the application, with its effects in the same write. */
static void learn_decision(struct sim_peer *peer, const struct sim_epoch *book, uint64_t sequence)
{
    struct sim_world *world = peer->world;
    struct sim_message *message = message_of(peer, book, sequence);
    uint8_t bit = (uint8_t)(1u << peer->index);

    if (!message || message->decided_by & bit)
        return;
    if (!(message->claimed_by & bit)) {
        sim_fail(world, "%s stores a decision on e%" PRIu64 " %" PRIu64
                 " that its application did not make", peer->name, book->number, sequence);
        return;
    }
    if (message->decided_by) {
        sim_fail(world, "one processing: %s decides e%" PRIu64 " %" PRIu64
                 ", which another peer has decided", peer->name, book->number, sequence);
        return;
    }
    message->decided_by |= bit;
    message->processed = true;
    if (message->holder == peer->index + 1)
        message->holder = 0;
    if (message->transacted && sim_rows_effects(peer, book->epoch, sequence) != 1)
        sim_fail(world, "all or none: %s decides e%" PRIu64 " %" PRIu64
                 " without the effect of its transaction", peer->name, book->number, sequence);
}

static void learn_window(struct sim_peer *peer, struct sim_epoch *book, const struct gw_row *row)
{
    uint8_t bit = (uint8_t)(1u << peer->index);

    for (uint64_t at = sim_epoch_unprocessed(book); at < row->floor; at++) {
        const struct sim_message *message = sim_epoch_message(book, at);
        if (message && !message->processed && message->claimed_by & bit) {
            learn_decision(peer, book, at);
        } else if (message && message->durable && !message->processed && !book->gone) {
            sim_fail(peer->world, "%s raises its window's floor of e%" PRIu64 " to %" PRIu64
                     ", but %" PRIu64 " is not processed", peer->name, book->number, row->floor,
                     at);
            return;
        }
    }
}

/* INV 9: windows only grow. */
static void look_over_window(struct sim_peer *peer, uint64_t epoch)
{
    const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, epoch);
    struct gw_row window = {.floor = 1};
    uint8_t bit = (uint8_t)(1u << peer->index);
    uint64_t covered;
    bool more;

    if (!book)
        return;
    sim_rows_window(peer, epoch, &window);
    covered = window.floor;
    struct gw_row row;
    size_t at = sim_rows_seek(peer, GW_ROW_DECIDED, epoch, 0);
    do {
        more = sim_rows_next(peer, &at, GW_ROW_DECIDED, epoch, &row);
        uint64_t until = more && row.first <= book->count ? row.first : book->count + 1;
        for (; covered < until; covered++) {
            if (!(sim_epoch_message(book, covered)->decided_by & bit))
                continue;
            sim_fail(peer->world, "%s forgets its durable decision on e%" PRIu64 " %" PRIu64,
                     peer->name, book->number, covered);
            return;
        }
        if (more && row.last >= covered)
            covered = row.last + 1;
    } while (more);
}

/* A key counts how often its message was processed, and comes with the decision. */
static void learn_key(struct sim_peer *peer, struct gw_slice key, struct gw_slice value)
{
    struct gw_slice user;
    size_t prefix = sizeof SIM_SPACE + 1;

    if (key.size != prefix + 16 || gw_row_read_key(key, value, &user) != GW_STORE_OK) {
        sim_fail(peer->world, "%s stores an application key that was not written so", peer->name);
        return;
    }
    struct gw_reader reader = gw_reader_of(key.data + prefix, 16);
    uint64_t epoch = gw_read_u64(&reader), sequence = gw_read_u64(&reader);
    reader = gw_reader_of(user.data, user.size);
    uint64_t count = gw_read_u64(&reader);
    const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, epoch);
    if (count != 1)
        sim_fail(peer->world, "one processing: %s has processed e%" PRIu64 " %" PRIu64 " %" PRIu64
                 " times", peer->name, book ? book->number : 0, sequence, count);
    else if (!sim_rows_decided(peer, epoch, sequence, sequence))
        sim_fail(peer->world, "all or none: %s stores the effect of e%" PRIu64 " %" PRIu64
                 " without its decision", peer->name, book ? book->number : 0, sequence);
}

/* --- the write as a whole --- */

static void learn_put(struct sim_peer *peer, const struct gw_row *row, struct touched *touched)
{
    struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, row->epoch);

    if (row->kind == GW_ROW_META)
        return;
    if (!book) {
        sim_fail(peer->world, "%s stores a row of an epoch that nobody drew", peer->name);
        return;
    }
    switch (row->kind) {
    case GW_ROW_STREAM:
        learn_settled(peer, book, 1, row->floor - 1 < book->count ? row->floor - 1 : book->count);
        break;
    case GW_ROW_SETTLED:
        learn_settled(peer, book, row->first, row->last);
        break;
    case GW_ROW_ASSIGNMENT:
        learn_assignment(peer, book, row);
        break;
    case GW_ROW_DECIDED:
        for (uint64_t at = row->first; at <= row->last && !peer->world->failed; at++)
            learn_decision(peer, book, at);
        break;
    case GW_ROW_WINDOW:
        learn_window(peer, book, row);
        touch(touched->received, &touched->received_count, row->epoch);
        break;
    default:
        break;
    }
}

static uint64_t epoch_of(struct gw_slice key)
{
    struct gw_reader reader = gw_reader_of(key.data, key.size);

    gw_read_u8(&reader);
    return gw_read_u64(&reader);
}

static void learn_delete(struct sim_peer *peer, struct gw_slice key, struct touched *touched)
{
    switch (key.data[0]) {
    case GW_ROW_BATCH:
    case GW_ROW_STREAM:
        touch(touched->sent, &touched->sent_count, epoch_of(key));
        break;
    case GW_ROW_DECIDED:
        touch(touched->received, &touched->received_count, epoch_of(key));
        break;
    case GW_ROW_WINDOW:
        sim_fail(peer->world, "%s deletes a window: not even its tombstone stays", peer->name);
        break;
    default:
        break;
    }
}

/* The row that a key has now, all of it durable; NULL if a later part of the write deleted it. */
static const struct sim_value *stored(const struct sim_peer *peer, struct gw_slice key)
{
    size_t at = sim_disk_find(&peer->disk, key);

    if (at == peer->disk.count)
        return NULL;
    const struct sim_row *row = &peer->disk.rows[at];
    if (row->key->size != key.size || memcmp(row->key->data, key.data, key.size) != 0)
        return NULL;
    return row->synced;
}

static void learn_op(struct sim_peer *peer, struct gw_slice key, const struct sim_value *value,
                     bool keys, struct touched *touched)
{
    struct gw_batch *batch;
    struct gw_row row;

    if ((key.data[0] == GW_ROW_KEY) != keys)
        return;
    if (keys) {
        learn_key(peer, key, sim_slice(value));
    } else if (key.data[0] == GW_ROW_BATCH) {
        if (gw_row_read_batch(key, sim_slice(value), true, &batch) != GW_STORE_OK) {
            sim_fail(peer->world, "%s stores a batch that cannot be read back", peer->name);
            return;
        }
        learn_batch(peer, batch);
        gw_batch_drop(batch);
    } else if (gw_row_read(key, sim_slice(value), &row) == GW_STORE_OK) {
        learn_put(peer, &row, touched);
    } else {
        sim_fail(peer->world, "%s stores a row that cannot be read back", peer->name);
    }
}

void sim_check_written(struct sim_peer *peer, const struct gw_write *write)
{
    struct touched touched = {.sent_count = 0};

    for (unsigned pass = 0; pass < 2; pass++) { /* keys refer to decisions of the same write */
        for (size_t i = 0; i < write->count && !peer->world->failed; i++) {
            const struct gw_write_op *op = &write->ops[i];
            struct gw_slice key = {write->bytes.data + op->key, op->key_size};
            const struct sim_value *value = op->put ? stored(peer, key) : NULL;
            if (value)
                learn_op(peer, key, value, pass == 1, &touched);
            else if (!op->put && pass == 0)
                learn_delete(peer, key, &touched);
        }
    }
    for (size_t i = 0; i < touched.sent_count && !peer->world->failed; i++)
        look_over_outbox(peer, touched.sent[i]);
    for (size_t i = 0; i < touched.received_count && !peer->world->failed; i++)
        look_over_window(peer, touched.received[i]);
}
