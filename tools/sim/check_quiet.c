/* SPDX-License-Identifier: MPL-2.0 */

/* INV 31, 32, 33: once the faults are over, everything accepted settles and both sides agree. */

#include "checker.h"
#include "guest.h"
#include "rows.h"
#include "world.h"

#include <inttypes.h>
#include <stdio.h>

struct why {
    char *text;
    size_t size;
};

static bool messages_settled(struct sim_world *world, struct why *why)
{
    for (struct sim_epoch *book = world->ledger.first; book; book = book->next) {
        for (uint64_t at = 1; at <= book->count && !book->gone; at++) {
            const struct sim_message *message = sim_epoch_message(book, at);
            if (!message->durable || message->processed || message->ended)
                continue;
            snprintf(why->text, why->size,
                     "e%" PRIu64 " %" PRIu64 " of %s, accepted, is not settled (assigned to %s%s)",
                     book->number, at, world->peers[book->sender].name,
                     message->assigned ? world->peers[message->assigned - 1].name : "nobody",
                     message->begun_by ? ", where a handler has begun with it" : "");
            return false;
        }
    }
    return true;
}

/* How many members have processed it, each by intact rows. */
static unsigned times_processed(const struct sim_message *message)
{
    unsigned times = 0;

    for (unsigned bits = message->decided_by; bits; bits >>= 1)
        times += bits & 1;
    return times;
}

/* INV 26: a request ends in one reply, or it was withdrawn or buried and there is none. */
static bool request_ended(struct sim_world *world, const struct sim_epoch *book, uint64_t at,
                          const struct sim_message *message, struct why *why)
{
    if (book->destination.kind != GW_KIND_SERVICE || !message->durable || book->gone ||
        message->forfeited_by || sim_guest(world, SIM_GUEST_ANSWERED) ||
        world->options.flavour == SIM_AMNESIA ||
        (world->options.memory && message->outputs == 0) ||
        message->outputs == times_processed(message))
        return true;
    snprintf(why->text, why->size, "the request e%" PRIu64 " %" PRIu64 " has %d replies, processed "
             "%u times", book->number, at, message->outputs, times_processed(message));
    sim_fail(world, "%s", why->text);
    return false;
}

/* A transaction's outputs are there once, a plain decision has none. */
static bool outputs_match(struct sim_world *world, struct why *why)
{
    for (struct sim_epoch *book = world->ledger.first; book; book = book->next) {
        for (uint64_t at = 1; at <= book->count; at++) {
            const struct sim_message *message = sim_epoch_message(book, at);
            if (!request_ended(world, book, at, message, why))
                return false;
            if (message->outputs <= (message->transacted_by ? 1 : 0) || message->forfeited_by ||
                sim_guest(world, SIM_GUEST_ANSWERED))
                continue;
            snprintf(why->text, why->size, "e%" PRIu64 " %" PRIu64 " was sent on %d times",
                     book->number, at, message->outputs);
            sim_fail(world, "%s", why->text);
            return false;
        }
    }
    return true;
}

static bool no_rows(const struct sim_peer *peer, enum gw_row_kind kind, const char *what,
                    struct why *why)
{
    size_t at = sim_rows_seek(peer, kind, 0, 0);

    if (at == peer->disk.count || peer->disk.rows[at].key->data[0] != (uint8_t)kind)
        return true;
    snprintf(why->text, why->size, "%s still stores %s", peer->name, what);
    return false;
}

static bool old_epochs_closed(const struct sim_peer *peer, struct why *why)
{
    size_t at = sim_rows_seek(peer, GW_ROW_STREAM, 0, 0);
    struct gw_row row;

    while (sim_rows_next(peer, &at, GW_ROW_STREAM, 0, &row)) {
        const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, row.epoch);
        if (book && book->life == peer->life)
            continue;
        snprintf(why->text, why->size, "old epoch e%" PRIu64 " of %s is not closed",
                 book ? book->number : 0, peer->name);
        return false;
    }
    return true;
}

/* A newcomer that was taken for the peer, while that one was away, may have confirmed CLOSED in its
 * name: then the window stays open here for ever. It does no harm, and names are all there is to go
 * by until peers have keys. */
static bool closed_by_a_guest(const struct sim_world *world, const struct sim_epoch *book)
{
    return sim_guest(world, SIM_GUEST_ANSWERED) && book &&
           sim_rows_unsettled(&world->peers[book->sender], book->epoch) == 0;
}

/* Nor can an epoch be closed whose sender's disk is gone. */
static bool stays_open(const struct sim_world *world, const struct sim_epoch *book)
{
    return closed_by_a_guest(world, book) || (book && book->gone);
}

static bool no_rows_of(const struct sim_peer *peer, enum gw_row_kind kind, const char *what,
                       struct why *why)
{
    size_t at = sim_rows_seek(peer, kind, 0, 0);
    struct gw_row row;

    while (sim_rows_next(peer, &at, kind, 0, &row)) {
        const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, row.epoch);
        if (stays_open(peer->world, book))
            continue;
        snprintf(why->text, why->size, "%s still stores %s of e%" PRIu64, peer->name, what,
                 book ? book->number : 0);
        return false;
    }
    return true;
}

/* Visitors keep nothing, and nothing is kept for them once they are gone. */
static bool nothing_of_the_gone(const struct sim_peer *peer, struct why *why)
{
    static const enum gw_row_kind kinds[] = {GW_ROW_STREAM, GW_ROW_WINDOW, GW_ROW_OFFERED};
    struct gw_row row;

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t at = sim_rows_seek(peer, kinds[i], 0, 0);
        while (sim_rows_next(peer, &at, kinds[i], 0, &row)) {
            const char *whose = kinds[i] == GW_ROW_STREAM ? row.destination.name : row.peer;
            if (whose[0] != 'v' || (kinds[i] == GW_ROW_STREAM &&
                                    row.destination.kind != GW_KIND_REPLY))
                continue;
            snprintf(why->text, why->size, "%s keeps a row of kind %c for %s, which is gone",
                     peer->name, (char)kinds[i], whose);
            return false;
        }
    }
    return true;
}

static bool windows_agree(const struct sim_peer *peer, struct why *why)
{
    const struct gw_core *core = gw_turn_core(peer->turn);
    struct gw_window_view view;

    for (size_t i = 0; gw_core_window_at(core, i, &view); i++) {
        const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, view.epoch);
        if ((!view.decided_above && !view.in_hand) || stays_open(peer->world, book))
            continue;
        snprintf(why->text, why->size,
                 "the window of e%" PRIu64 " at %s holds %" PRIu64 " decisions and %" PRIu64
                 " in hand",
                 book ? book->number : 0, peer->name, view.decided_above, view.in_hand);
        return false;
    }
    return true;
}

static bool peer_quiet(const struct sim_peer *peer, struct why *why)
{
    if (!peer->turn) {
        snprintf(why->text, why->size, "%s is down", peer->name);
        return false;
    }
    if (gw_tail_unstored(peer->tail) || gw_tail_outbox_messages(peer->tail)) {
        snprintf(why->text, why->size, "%s counts %" PRIu64 " messages in its outbox", peer->name,
                 gw_tail_outbox_messages(peer->tail));
        return false;
    }
    return no_rows(peer, GW_ROW_BATCH, "batches", why) &&
           no_rows(peer, GW_ROW_ASSIGNMENT, "assignments", why) &&
           no_rows(peer, GW_ROW_SETTLED, "settled ranges", why) &&
           no_rows(peer, GW_ROW_STORY, "stories", why) &&
           no_rows_of(peer, GW_ROW_EXCEPTION, "exceptions", why) &&
           no_rows_of(peer, GW_ROW_CRASHED, "crashes", why) && nothing_of_the_gone(peer, why) &&
           no_rows_of(peer, GW_ROW_DECIDED, "decided ranges", why) &&
           old_epochs_closed(peer, why) &&
           windows_agree(peer, why);
}

static bool dials(const struct sim_peer *from, const struct sim_peer *to)
{
    for (size_t i = 0; i < from->dial_count; i++) {
        if (from->dials[i].to == to && !from->dials[i].off)
            return true;
    }
    return false;
}

/* INV 22, 32: one link with each peer that is there to be linked with, and none with the dead. */
static bool links_agree(struct sim_peer *peer, struct why *why)
{
    uint64_t expected = 0, links = gw_turn_counters(peer->turn)[GW_COUNTER_links_now];

    for (size_t i = 0; i < SIM_PEERS_MAX; i++) {
        struct sim_peer *other = &peer->world->peers[i];
        expected += other != peer && other->present && !other->guest && !other->visitor &&
                    (dials(peer, other) || dials(other, peer));
    }
    if (links == expected)
        return true;
    snprintf(why->text, why->size, "%s has %" PRIu64 " links, not %" PRIu64, peer->name, links,
             expected);
    return false;
}

bool sim_check_quiet(struct sim_world *world, char *text, size_t size)
{
    struct why why = {text, size};

    if (!messages_settled(world, &why) || !outputs_match(world, &why))
        return false;
    for (size_t i = 0; i < SIM_PEERS_MAX; i++) {
        struct sim_peer *peer = &world->peers[i];
        if (peer->present && !peer->guest && !peer->visitor &&
            (!peer_quiet(peer, &why) || !links_agree(peer, &why)))
            return false;
    }
    return true;
}
