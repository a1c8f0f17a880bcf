/* SPDX-License-Identifier: MPL-2.0 */

/* Invariants of what comes back undecided: returns, SKIP, and what handlers begin with. */

#include "checker.h"
#include "guest.h"
#include "rows.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

static sim_set bit_of(const struct sim_peer *peer)
{
    return (sim_set)(1u << peer->index);
}

/* --- beginning, in order (INV 8, rules 19 and 20) --- */

static bool of_stream(const struct sim_epoch *book, const struct sim_epoch *other)
{
    return other->sender == book->sender && !other->gone &&
           strcmp(other->sender_name, book->sender_name) == 0 &&
           gw_destination_equal(&other->destination, &book->destination);
}

/* An older message that neither has ended nor is in this peer's hands. One that nobody has and of
 * which the bytes are lost will not be begun any more. */
static const struct sim_message *left_behind(const struct sim_peer *peer,
                                             const struct sim_epoch *book, uint64_t before)
{
    sim_set bit = bit_of(peer);

    for (uint64_t at = book->unfinished; at < before && at <= book->count; at++) {
        const struct sim_message *message = sim_epoch_message(book, at);
        if (!message->durable || sim_message_finished(message) || message->wanted ||
            (message->claimed_by | message->refused_by) & bit ||
            (message->body_lost && !message->held_by))
            continue;
        return message;
    }
    return NULL;
}

void sim_check_begun(struct sim_peer *peer, const struct sim_item *item)
{
    struct sim_world *world = peer->world;
    const struct sim_epoch *book = sim_ledger_find(&world->ledger, item->epoch);
    const struct sim_message *message = sim_epoch_message(book, item->sequence);
    sim_set others = (sim_set)~(bit_of(peer) | sim_memories_that_leave(world));

    if (message->begun_by & others & ~message->forfeited_by &&
        !sim_guest(world, SIM_GUEST_MOVED) && !(message->forfeited_by & bit_of(peer)))
        sim_fail(world, "%s begins e%" PRIu64 " %" PRIu64 ", which a handler of another has",
                 peer->name, book->number, item->sequence);
    if (!book->ordered || message->forfeited_by)
        return;
    for (struct sim_epoch *older = world->ledger.first; older; older = older->next) {
        const struct sim_message *behind = NULL;
        if (of_stream(book, older))
            behind = left_behind(peer, older, older == book ? item->sequence : older->count + 1);
        if (behind && !(behind->begun_by & bit_of(peer)))
            sim_fail(world, "order: %s begins e%" PRIu64 " %" PRIu64
                     " before an older message of e%" PRIu64, peer->name, book->number,
                     item->sequence, older->number);
        if (older == book)
            return;
    }
}

/* --- returns --- */

/* Whether the peer may say that the offer `number` is over and undecided there. */
static const char *forbids_return(const struct sim_peer *peer, const struct sim_message *message,
                                  const struct gw_return *back)
{
    sim_set bit = bit_of(peer);
    const struct sim_at_peer *here = &message->at[peer->index];

    if ((message->decided_by | message->rejected_by | message->skipped_by) & bit)
        return "which it has decided";
    if ((message->claimed_by | message->refused_by) & bit)
        return "which its application has decided";
    if (message->held_by & bit)
        return "which it has in hand";
    if (back->kind == GW_RETURN_NACK && (!here->nacked || here->nacked > back->number))
        return "which no handler nacked";
    if (back->kind == GW_RETURN_CRASHED && here->crashed != back->number &&
        here->marked != back->number) /* a power cut may lose the mark of a later one */
        return "as begun by a process that died, and it was not";
    return NULL;
}

static void learn_return(struct sim_peer *peer, struct sim_message *message,
                         const struct gw_return *back)
{
    if (back->kind == GW_RETURN_CRASHED && message->returned != back->number)
        sim_sight(peer->world, SIM_SIGHT_crash_told, 1);
    if (back->kind == GW_RETURN_RELEASE && message->returned != back->number &&
        !message->delivered)
        sim_sight(peer->world, SIM_SIGHT_released_absent, 1);
    if (message->number != back->number)
        return; /* of an older offer: it frees nothing */
    message->returned = back->number;
    message->alone = back->kind == GW_RETURN_CRASHED;
}

void sim_check_ack_returns(struct sim_peer *peer, struct sim_epoch *book,
                           const struct gw_ack_epoch *ack)
{
    for (size_t i = 0; i < ack->return_count; i++) {
        const struct gw_return *back = &ack->returns[i];
        for (uint64_t at = back->first; at <= back->last && !peer->world->failed; at++) {
            struct sim_message *message = sim_epoch_message(book, at);
            const char *why = message ? forbids_return(peer, message, back)
                                      : "which nobody sent";
            if (why)
                sim_fail(peer->world, "%s gives back e%" PRIu64 " %" PRIu64 " (kind %d), %s",
                         peer->name, book->number, at, back->kind, why);
            else
                learn_return(peer, message, back);
        }
    }
}

/* --- SKIP --- */

/* Rule 8: the durable offer is meant; or any, of what that member does not hold by right. */
static bool may_release(const struct sim_peer *peer, const struct sim_peer *member,
                        const struct sim_epoch *book, uint64_t sequence, uint64_t number)
{
    if (peer->forfeits & 1u << member->index)
        return true;
    if (number == GW_OFFER_ANY)
        return !sim_rows_cover(peer, GW_ROW_ASSIGNMENT, book->epoch, sequence, sequence,
                               member->name);
    return sim_epoch_message(book, sequence)->number == number;
}

void sim_check_skip(struct sim_peer *peer, const struct sim_peer *other,
                    const struct gw_frame *frame)
{
    struct sim_world *world = peer->world;
    const struct sim_epoch *book = sim_ledger_find(&world->ledger, frame->u.skip.epoch);

    if (!book || book->sender != peer->index) {
        sim_fail(world, "%s asks back what it never sent", peer->name);
        return;
    }
    for (size_t i = 0; i < frame->u.skip.range_count; i++) {
        const struct gw_range *range = &frame->u.skip.ranges[i];
        for (uint64_t at = range->first; at <= range->last && !world->failed; at++) {
            const struct sim_message *message = sim_epoch_message(book, at);
            if (!message || !message->durable)
                sim_fail(world, "%s asks e%" PRIu64 " %" PRIu64 " back, which is not stored",
                         peer->name, book->number, at);
            else if (frame->u.skip.purpose == GW_SKIP_WITHDRAW &&
                     message->wanted != frame->u.skip.code)
                sim_fail(world, "%s withdraws e%" PRIu64 " %" PRIu64 ", which nobody wants back",
                         peer->name, book->number, at);
            else if (frame->u.skip.purpose == GW_SKIP_RELEASE && other && !other->guest &&
                     !may_release(peer, other, book, at, frame->u.skip.number))
                sim_fail(world, "%s asks e%" PRIu64 " %" PRIu64 " back as of another offer",
                         peer->name, book->number, at);
        }
    }
}

/* --- the end of handlers --- */

void sim_check_handlers_end(struct sim_peer *peer, bool killed)
{
    for (size_t i = 0; i < peer->app.count; i++) {
        const struct sim_item *item = &peer->app.items[i];
        struct sim_message *message =
            sim_ledger_message(&peer->world->ledger, item->epoch, item->sequence);
        message->held_by &= (sim_set)~bit_of(peer);
        message->begun_by &= (sim_set)~bit_of(peer);
        message->at[peer->index].number = 0;
        if (!item->job || !killed || sim_peer_is_memory(peer))
            continue;
        message->failures++;
        message->at[peer->index].crashed = item->number;
    }
}
