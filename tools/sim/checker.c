/* SPDX-License-Identifier: MPL-2.0 */

/* Invariants of deliveries, of frames of other links, of crashes, and of the whole. */

/* Length: one small function for each thing that is asked, and for what excuses it. */

#include "checker.h"
#include "core/state.h"
#include "guest.h"
#include "rows.h"
#include "store/row.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

#define COMB_LOOKS 32

/* --- deliveries --- */

static const uint8_t *body_of(const struct gw_inbound *inbound, uint64_t sequence, size_t *size)
{
    uint64_t index = sequence - inbound->first;
    uint32_t begin = index ? inbound->ends[index - 1] : 0;

    *size = inbound->ends[index] - begin;
    return inbound->body->data + begin;
}

/* DATA that left before this peer lost it to others: it cannot know. */
static bool is_late(const struct sim_peer *peer, const struct sim_message *message,
                    const struct gw_inbound *inbound)
{
    return (message->forfeited_by >> peer->index & 1 ||
            sim_guest(peer->world, SIM_GUEST_MOVED)) &&
           inbound->number != message->number;
}

sim_set sim_memories_that_leave(const struct sim_world *world)
{
    sim_set bits = 0;

    for (size_t i = 0; i < SIM_PEERS_MAX; i++)
        bits |= (sim_set)((world->peers[i].leaving && world->options.memory >> i & 1) << i);
    return bits;
}

/* Another peer that has it or decided it, and from which it was not forfeited. */
static const char *forbids_elsewhere(const struct sim_peer *peer,
                                     const struct sim_message *message,
                                     const struct gw_inbound *inbound)
{
    sim_set others = (sim_set)~(1u << peer->index | sim_memories_that_leave(peer->world));
    sim_set decided = (message->decided_by | message->rejected_by | message->skipped_by) & others;
    sim_set kept = (sim_set)(message->held_by | message->claimed_by | message->refused_by) & others;

    if (is_late(peer, message, inbound) || sim_guest(peer->world, SIM_GUEST_MOVED))
        return NULL;
    if (decided & ~message->forfeited_by)
        return "which another peer has decided";
    if (kept & ~message->forfeited_by)
        return "which another peer has in hand";
    if (message->ended && !message->forfeited_by && !message->body_lost) /* it may be under way */
        return "which its sender has settled otherwise";
    if ((kept | decided) && !inbound->maybe_duplicate)
        return "which was forfeited elsewhere, and is not told so";
    return NULL;
}

/* Its sender, a memory peer, was taken to have ended for a newcomer of its name. */
static bool may_forget(const struct sim_peer *peer, const struct gw_inbound *inbound)
{
    const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, inbound->epoch);

    return sim_guest(peer->world, SIM_GUEST_FORGOTTEN) &&
           sim_peer_is_memory(&peer->world->peers[book->sender]);
}

static const char *forbids(const struct sim_peer *peer, const struct sim_message *message,
                           const struct gw_inbound *inbound)
{
    sim_set bit = (sim_set)(1u << peer->index);
    bool forgot = may_forget(peer, inbound);

    if (message->given_up)
        return "which was answered NOT_STORED";
    if (!message->durable)
        return "before it is durable at its sender";
    if ((message->decided_by | message->rejected_by | message->skipped_by) & bit && !forgot)
        return "which this peer has durably decided";
    if ((message->claimed_by | message->refused_by) & bit && !forgot)
        return "which its application has decided already";
    if (message->held_by & bit)
        return "which it has in hand";
    if (message->delivered && !inbound->redelivered && !is_late(peer, message, inbound))
        return "again, and not flagged as redelivered";
    return forbids_elsewhere(peer, message, inbound);
}

/* Rule 13: the attempt is one more than what failed and is known, and never more than what did
 * fail. What a forfeited member would tell may come too late. */
static void check_attempt(struct sim_peer *peer, const struct gw_inbound *inbound,
                          const struct sim_epoch *book, uint64_t sequence,
                          const struct sim_message *message)
{
    struct sim_world *world = peer->world;

    if (inbound->attempt < 1 ||
        (inbound->attempt > 1 + (uint64_t)message->failures &&
         !sim_guest(world, SIM_GUEST_CHARGED)))
        sim_fail(world, "%s is handed e%" PRIu64 " %" PRIu64 " as attempt %" PRIu64
                 ", but %" PRIu32 " failed", peer->name, book->number, sequence, inbound->attempt,
                 message->failures);
    if (inbound->attempt < 1 + (uint64_t)message->marked && !message->forfeited_by &&
        world->options.flavour != SIM_AMNESIA && !sim_guest(world, SIM_GUEST_CHARGED))
        sim_fail(world, "%s is handed e%" PRIu64 " %" PRIu64 " as attempt %" PRIu64
                 ", but processes died of it %" PRIu32 " times", peer->name, book->number,
                 sequence, inbound->attempt, message->marked);
    sim_sight(world, SIM_SIGHT_retried, inbound->attempt > 1);
    sim_sight(world, SIM_SIGHT_crash_charged, message->alone && inbound->attempt > 1);
    sim_sight(world, SIM_SIGHT_hint_charged,
              inbound->attempt > 1 && message->failures && !message->marked &&
                  !message->at[peer->index].nacked && world->options.memory);
}

/* What crashed its handler is offered alone: beside it, nothing of that sender and destination is
 * in hand there, whether it was forfeited there or not. Of one that was, and that ended otherwise,
 * the sender is not told when it leaves that hand. */
static void check_alone(struct sim_peer *peer, const struct sim_epoch *book, uint64_t sequence,
                        const struct sim_message *message, uint64_t attempt)
{
    const struct sim_app *app = &peer->app;

    for (size_t i = 0; i < app->count && !peer->world->failed; i++) {
        const struct sim_item *item = &app->items[i];
        const struct sim_epoch *other = sim_ledger_find(&peer->world->ledger, item->epoch);
        const struct sim_message *beside = sim_epoch_message(other, item->sequence);
        if (strcmp(other->sender_name, book->sender_name) != 0 ||
            !gw_destination_equal(&other->destination, &book->destination))
            continue;
        if (beside->ended || beside->processed || sim_guest(peer->world, SIM_GUEST_MOVED))
            continue;
        if ((message->alone && attempt > 1) || (beside->alone && item->attempt > 1 &&
                                                beside->returned != item->number))
            sim_fail(peer->world, "%s is handed e%" PRIu64 " %" PRIu64 " beside e%" PRIu64
                     " %" PRIu64 ", of which one crashed a process and is to be alone",
                     peer->name, book->number, sequence, other->number, item->sequence);
    }
    sim_sight(peer->world, SIM_SIGHT_offered_alone, message->alone && attempt > 1);
}

/* INV 4, 5, 6, 17, 25 of one message. */
static void check_message(struct sim_peer *peer, const struct gw_inbound *inbound,
                          const struct sim_epoch *book, uint64_t sequence)
{
    struct sim_world *world = peer->world;
    struct sim_message *message = sim_epoch_message(book, sequence);
    size_t size;

    if (!message || sequence < inbound->first || sequence - inbound->first >= inbound->count) {
        sim_fail(world, "%s is handed e%" PRIu64 " %" PRIu64 ", which nobody sent", peer->name,
                 book->number, sequence);
        return;
    }
    const uint8_t *body = body_of(inbound, sequence, &size);
    const char *why = forbids(peer, message, inbound);
    if (size != message->size || !sim_body_is(message->id, body, size))
        sim_fail(world, "%s is handed other bytes for e%" PRIu64 " %" PRIu64 " than were sent",
                 peer->name, book->number, sequence);
    else if (why)
        sim_fail(world, "%s is handed e%" PRIu64 " %" PRIu64 ", %s", peer->name, book->number,
                 sequence, why);
    if (world->failed)
        return;
    check_attempt(peer, inbound, book, sequence, message);
    check_alone(peer, book, sequence, message, inbound->attempt);
    message->delivered = message->at[peer->index].delivered = true;
}

/* INV 23: no more in hand from one sender than the credit it was given. */
static void check_credit(struct sim_peer *peer, const struct gw_inbound *inbound,
                         const struct sim_epoch *book)
{
    uint64_t in_hand = 0, most = 0;

    for (size_t i = 0; i < inbound->piece_count; i++)
        in_hand += inbound->pieces[i].last - inbound->pieces[i].first + 1;
    for (size_t i = 0; i < peer->app.count; i++) {
        const struct sim_epoch *other =
            sim_ledger_find(&peer->world->ledger, peer->app.items[i].epoch);
        in_hand += strcmp(other->sender_name, book->sender_name) == 0 &&
                   gw_destination_equal(&other->destination, &book->destination);
    }
    for (size_t i = 0; i < peer->serve_count; i++) {
        if (gw_destination_equal(&peer->serves[i].destination, &book->destination))
            most = peer->serves[i].credit_most;
    }
    if (in_hand > most)
        sim_fail(peer->world, "%s has %" PRIu64 " messages in hand from %s, its credit is %" PRIu64,
                 peer->name, in_hand, inbound->sender, most);
}

void sim_check_delivery(struct sim_peer *peer, const struct gw_inbound *inbound)
{
    struct sim_world *world = peer->world;
    const struct sim_epoch *book = sim_ledger_find(&world->ledger, inbound->epoch);

    if (!book || strcmp(book->sender_name, inbound->sender) != 0 ||
        inbound->ordered != book->ordered ||
        !gw_destination_equal(&book->destination, &inbound->destination)) {
        sim_fail(world, "%s is handed messages of an epoch, sender or destination that is not so",
                 peer->name);
        return;
    }
    check_credit(peer, inbound, book);
    for (size_t i = 0; i < inbound->piece_count; i++) {
        for (uint64_t at = inbound->pieces[i].first; at <= inbound->pieces[i].last; at++) {
            if (!world->failed)
                check_message(peer, inbound, book, at);
        }
    }
    if (inbound->redelivered)
        sim_sight(world, SIM_SIGHT_redelivered, 1);
    if (inbound->maybe_duplicate)
        sim_sight(world, SIM_SIGHT_maybe_duplicate, 1);
}

/* --- the sender's reports --- */

void sim_check_stored(struct sim_peer *peer, uint64_t epoch, uint64_t upto)
{
    const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, epoch);

    for (uint64_t at = book ? book->count : 0; at > 0; at--) {
        struct sim_message *message = sim_epoch_message(book, at);
        if (at > upto)
            continue;
        if (message->reported)
            return;
        if (!message->durable && !message->ended)
            sim_fail(peer->world, "%s reports e%" PRIu64 " %" PRIu64 " stored before it is durable",
                     peer->name, book->number, at);
        message->reported = true;
    }
}

void sim_check_settled(struct sim_peer *peer, uint64_t epoch, uint64_t first, uint64_t last,
                       enum gw_outcome how)
{
    struct sim_world *world = peer->world;
    const struct sim_epoch *book = sim_ledger_find(&world->ledger, epoch);
    struct gw_row row;

    for (uint64_t at = first; at <= last && !world->failed; at++) {
        struct sim_message *message = book ? sim_epoch_message(book, at) : NULL;
        if (message && how == GW_OUTCOME_ABANDONED &&
            (book->destination.kind == GW_KIND_REPLY || message->body_lost))
            message->ended = (uint8_t)how; /* processed, but by a memory that is gone, or unheard */
        if (message && how == GW_OUTCOME_WITHDRAWN && message->wanted && message->processed &&
            (message->forfeited_by || sim_guest(world, SIM_GUEST_ANSWERED) ||
             !(message->decided_by & ~peer->forfeits & ~world->options.memory)))
            message->ended = (uint8_t)how; /* of two members one had processed it: rule 12 */
        if (message && how == GW_OUTCOME_DEAD && message->processed &&
            sim_guest(world, SIM_GUEST_ANSWERED))
            message->ended = (uint8_t)how; /* buried for what a newcomer was taken for */
        if (!message || (how == GW_OUTCOME_PROCESSED ? !message->processed
                                                     : message->ended != how)) {
            sim_fail(world, "%s reports e%" PRIu64 " %" PRIu64 " settled (%d), which it is not",
                     peer->name, book ? book->number : 0, at, how);
            return;
        }
        if (!sim_rows_settled(peer, epoch, at) && sim_rows_stream(peer, epoch, &row))
            sim_fail(world, "%s reports e%" PRIu64 " %" PRIu64 " settled before it is durable",
                     peer->name, book->number, at);
        if (message->settled && book->life == peer->life)
            sim_fail(world, "%s reports e%" PRIu64 " %" PRIu64 " settled twice", peer->name,
                     book->number, at);
        message->settled = true;
        peer->app.settled++;
    }
}

/* --- the whole --- */

static void look_at_streams(struct sim_peer *peer)
{
    struct gw_stream_view view;
    size_t open = 0, old = 0;

    if (peer->several_epochs)
        return;
    for (size_t i = 0; gw_core_stream_at(gw_turn_core(peer->turn), i, &view); i++) {
        open += view.unsettled > 0;
        old += view.unsettled > 0 && view.old;
    }
    if (old > 0 && open > 1) {
        peer->several_epochs = true;
        sim_sight(peer->world, SIM_SIGHT_several_epochs, 1);
    }
}

/* No frame was changed, none lost (DATA without its OPEN), none doubled (credit taken twice). */
static bool honest(const struct sim_world *world)
{
    const uint64_t *faults = world->stats.faults;

    return !world->options.scripted && !faults[SIM_FAULT_frame_garbage] &&
           !faults[SIM_FAULT_frame_truncated] && !faults[SIM_FAULT_frame_duplicated] &&
           !faults[SIM_FAULT_frame_lost] && !faults[SIM_FAULT_frame_old] &&
           !faults[SIM_FAULT_frame_replayed];
}

/* However they ended. */
static uint64_t ends_counted(const uint64_t *counters)
{
    return counters[GW_COUNTER_settled] + counters[GW_COUNTER_withdrawn] +
           counters[GW_COUNTER_abandoned] + counters[GW_COUNTER_dead_letters];
}

/* In a comb each look takes as long as thousands in another world: there one in some will do. */
static const char *broken_book(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;

    if (world->options.flavour == SIM_COMB && world->looks++ % COMB_LOOKS)
        return NULL;
    return gw_core_check(gw_turn_core(peer->turn));
}

void sim_check_step(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;
    const uint64_t *counters = gw_turn_counters(peer->turn);
    const char *broken = broken_book(peer);

    if (broken)
        sim_fail(world, "a book of the core of %s is broken: %s", peer->name, broken);
    if (counters[GW_COUNTER_delivered] != peer->app.delivered)
        sim_fail(world, "%s counts %" PRIu64 " delivered, but %" PRIu64 " were", peer->name,
                 counters[GW_COUNTER_delivered], peer->app.delivered);
    if (ends_counted(counters) != peer->app.settled)
        sim_fail(world, "%s counts %" PRIu64 " settled, but %" PRIu64 " were reported", peer->name,
                 ends_counted(counters), peer->app.settled);
    if (counters[GW_COUNTER_violations] && honest(world))
        sim_fail(world, "%s accuses an honest peer of breaking the protocol", peer->name);
    look_at_streams(peer);
}

void sim_check_farewell(struct sim_peer *peer)
{
    static const struct {
        enum gw_counter counter;
        enum sim_sight sight;
    } seen[] = {
        {GW_COUNTER_duplicates_dropped, SIM_SIGHT_duplicate_dropped},
        {GW_COUNTER_below_floor, SIM_SIGHT_below_floor},
        {GW_COUNTER_credit_zero, SIM_SIGHT_credit_zero},
        {GW_COUNTER_window_full, SIM_SIGHT_window_full},
        {GW_COUNTER_epochs_closed, SIM_SIGHT_epoch_closed},
        {GW_COUNTER_tombstones_answered, SIM_SIGHT_tombstone_answered},
        {GW_COUNTER_unknown_epoch, SIM_SIGHT_unknown_epoch},
        {GW_COUNTER_partial_acks, SIM_SIGHT_partial_ack},
        {GW_COUNTER_resent, SIM_SIGHT_resent},
        {GW_COUNTER_batches_loaded, SIM_SIGHT_loaded},
        {GW_COUNTER_resets_sent, SIM_SIGHT_reset},
        {GW_COUNTER_stale_frames, SIM_SIGHT_stale_frame},
        {GW_COUNTER_crossed, SIM_SIGHT_crossing},
        {GW_COUNTER_links_replaced, SIM_SIGHT_replaced},
        {GW_COUNTER_gaps, SIM_SIGHT_gap},
        {GW_COUNTER_probes, SIM_SIGHT_probe},
        {GW_COUNTER_bad_checksum, SIM_SIGHT_bad_checksum},
        {GW_COUNTER_malformed, SIM_SIGHT_malformed},
        {GW_COUNTER_lost_bodies, SIM_SIGHT_body_lost},
    };
    const uint64_t *counters = gw_turn_counters(peer->turn);

    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++)
        sim_sight(peer->world, seen[i].sight, counters[seen[i].counter]);
}
