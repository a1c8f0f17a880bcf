/* SPDX-License-Identifier: MPL-2.0 */

/* Invariants of ends and beginnings: what a crash, a failed commit or a lost disk leaves, and what
 * an open finds. */

#include "checker.h"
#include "core/state.h"
#include "rows.h"
#include "world.h"

#include "store/row.h"

#include <inttypes.h>

/* --- crashes --- */

void sim_check_crashed(struct sim_peer *peer)
{
    sim_set bit = (sim_set)(1u << peer->index);

    for (struct sim_epoch *book = peer->world->ledger.first; book; book = book->next) {
        for (uint64_t at = 1; at <= book->count; at++) {
            struct sim_message *message = sim_epoch_message(book, at);
            message->held_by &= (sim_set)~bit;
            if (!(message->rejected_by & bit))
                message->refused_by &= (sim_set)~bit;
            if (!(message->claimed_by & bit) || message->decided_by & bit)
                continue;
            message->claimed_by &= (sim_set)~bit; /* decided, but not durably: it comes again */
            message->transacted_by &= (sim_set)~bit;
        }
    }
}

void sim_check_in_doubt(struct sim_peer *peer)
{
    for (struct sim_epoch *book = peer->world->ledger.first; book; book = book->next) {
        uint64_t first, last, stored = 0;
        if (book->sender != peer->index || book->life != peer->life)
            continue;
        for (uint64_t at = 1; at <= book->count; at = last + 1) {
            if (sim_message_finished(sim_epoch_message(book, at)))
                last = at;
            else if (!sim_rows_batch(peer, book->epoch, at, &first, &last))
                break;
            stored = last;
        }
        if (stored)
            gw_tail_stored(peer->tail, book->epoch, stored);
    }
}

void sim_check_given_up(struct sim_peer *peer)
{
    for (struct sim_epoch *book = peer->world->ledger.first; book; book = book->next) {
        if (book->sender != peer->index || book->life != peer->life)
            continue;
        for (uint64_t at = 1; at <= book->count; at++) {
            struct sim_message *message = sim_epoch_message(book, at);
            enum gw_tail_state state = gw_tail_state(peer->tail, book->epoch, at);
            bool stored = state >= GW_TAIL_STORED && state <= GW_TAIL_WITHDRAWN;
            if (stored != (message->durable || message->ended) ||
                (!stored && state != GW_TAIL_NOT_STORED))
                sim_fail(peer->world, "%s answers e%" PRIu64 " %" PRIu64
                         " wrongly after a failed commit (state %d)", peer->name, book->number, at,
                         (int)state);
            if (!stored)
                message->given_up = true;
        }
    }
    if (gw_tail_unstored(peer->tail))
        sim_fail(peer->world, "%s counts unstored messages after a failed commit", peer->name);
}

/* What a peer knew of a message that its disk does not know any more. */
static void forget_message(struct sim_peer *peer, struct sim_message *message)
{
    sim_set others = (sim_set)~(1u << peer->index);

    message->rejected_by &= others;
    message->skipped_by &= others;
    message->refused_by &= others;
    message->failures += message->at[peer->index].begun; /* as far as others know */
    message->at[peer->index] = (struct sim_at_peer){.number = 0};
    if (!((message->decided_by | message->claimed_by) & (sim_set)~others))
        return;
    message->decided_by &= others;
    message->claimed_by &= others;
    message->transacted_by &= others;
    message->outputs = 0;
}

void sim_check_disk_lost(struct sim_peer *peer)
{
    for (struct sim_epoch *book = peer->world->ledger.first; book; book = book->next) {
        book->gone = book->gone || book->sender == peer->index;
        for (uint64_t at = 1; at <= book->count; at++)
            forget_message(peer, sim_epoch_message(book, at));
    }
}

/* The offer of which the disk says that a handler's process died; 0: none. */
static uint64_t stored_crash(const struct sim_peer *peer, uint64_t epoch, uint64_t sequence)
{
    size_t at = sim_rows_seek(peer, GW_ROW_CRASHED, epoch, 0);
    struct gw_row row;

    while (sim_rows_next(peer, &at, GW_ROW_CRASHED, epoch, &row)) {
        if (row.first <= sequence && sequence <= row.last)
            return row.number;
    }
    return 0;
}

/* What is open of the batch ends as abandoned, unless somebody has it and processes it. */
void sim_check_body_lost(struct sim_peer *peer, const struct sim_row *row)
{
    struct gw_batch *batch;

    if (gw_row_read_batch(sim_slice(row->key), sim_slice(row->live), false, &batch) !=
        GW_STORE_OK) {
        sim_fail(peer->world, "%s cannot read the facts of a batch without its body", peer->name);
        return;
    }
    struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, batch->epoch);
    for (uint64_t at = batch->first; book && at <= gw_batch_last(batch); at++) {
        struct sim_message *message = sim_epoch_message(book, at);
        if (message)
            message->body_lost = true;
    }
    gw_batch_drop(batch);
}

/* Before the disk is as it was some time ago. */
void sim_check_rolls_back(struct sim_peer *peer)
{
    struct gw_row window;

    for (struct sim_epoch *book = peer->world->ledger.first; book; book = book->next)
        if (sim_rows_window(peer, book->epoch, &window) && window.flag)
            book->reopened_by |= (sim_set)(1u << peer->index);
}

/* A receiver whose disk is older than it was forgets what it decided since; the rest it knows. */
void sim_check_rolled_back(struct sim_peer *peer)
{
    struct gw_row row;

    for (struct sim_epoch *book = peer->world->ledger.first; book; book = book->next) {
        for (uint64_t at = 1; at <= book->count; at++) {
            bool known = sim_rows_decided(peer, book->epoch, at, at) ||
                         sim_rows_one(peer, GW_ROW_EXCEPTION, book->epoch, at, &row);
            if (known)
                continue;
            struct sim_message *message = sim_epoch_message(book, at);
            uint64_t crash = stored_crash(peer, book->epoch, at);
            forget_message(peer, message);
            message->at[peer->index].crashed = message->at[peer->index].marked = crash;
        }
    }
}

/* INV 9, 30: an open knows every window that is stored, tombstones too, and no other. */
static void check_windows(struct sim_peer *peer)
{
    const struct gw_core *core = gw_turn_core(peer->turn);
    size_t at = sim_rows_seek(peer, GW_ROW_WINDOW, 0, 0), rows = 0;
    struct gw_row row;

    while (sim_rows_next(peer, &at, GW_ROW_WINDOW, 0, &row)) {
        const struct gw_window *window = gw_map_get(&core->windows, row.epoch);
        rows++;
        if (!window || window->floor != row.floor || window->closed != row.flag)
            sim_fail(peer->world, "%s opens its store and forgets the window of e%" PRIu64,
                     peer->name, sim_ledger_find(&peer->world->ledger, row.epoch)->number);
    }
    if (rows != core->windows.count)
        sim_fail(peer->world, "%s opens its store and knows %zu windows, but %zu are stored",
                 peer->name, core->windows.count, rows);
}

/* INV 1: after any crash, what was accepted and is not processed is in the outbox; and the quota
 * counts what is there. */
void sim_check_opened(struct sim_peer *peer, uint64_t messages, uint64_t bytes)
{
    struct sim_world *world = peer->world;
    uint64_t first = 0, last = 0, rows_messages, rows_bytes;

    sim_rows_outbox(peer, &rows_messages, &rows_bytes);
    if (messages != rows_messages || bytes != rows_bytes)
        sim_fail(world, "%s recovers %" PRIu64 " messages of %" PRIu64 " bytes, but its outbox "
                 "holds %" PRIu64 " of %" PRIu64, peer->name, messages, bytes, rows_messages,
                 rows_bytes);
    check_windows(peer);
    for (struct sim_epoch *book = world->ledger.first; book; book = book->next) {
        if (book->sender != peer->index || book->gone)
            continue;
        first = last = 0;
        for (uint64_t at = 1; at <= book->count; at++) {
            const struct sim_message *message = sim_epoch_message(book, at);
            if (!message->durable || message->processed || message->ended ||
                (at >= first && at <= last))
                continue;
            if (!sim_rows_batch(peer, book->epoch, at, &first, &last)) {
                sim_fail(world, "lost: e%" PRIu64 " %" PRIu64 " was accepted by %s and is gone",
                         book->number, at, peer->name);
                return;
            }
        }
    }
}

void sim_check_quota(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;
    uint64_t messages, bytes;

    if (world->failed || peer->broken || world->options.flavour == SIM_COMB)
        return;
    sim_rows_outbox(peer, &messages, &bytes);
    messages += gw_tail_unstored(peer->tail);
    if (gw_tail_outbox_messages(peer->tail) != messages)
        sim_fail(world, "%s counts %" PRIu64 " messages in its outbox, but there are %" PRIu64,
                 peer->name, gw_tail_outbox_messages(peer->tail), messages);
}
