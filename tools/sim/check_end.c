/* SPDX-License-Identifier: MPL-2.0 */

/* Invariants of how messages end at their sender: settlements, dead letters, outcomes; and
 * transactions as a whole. */

#include "checker.h"
#include "guest.h"
#include "rows.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

struct sim_peer *sim_peer_named(struct sim_world *world, const char *name)
{
    for (size_t i = 0; i < SIM_PEERS_MAX; i++) {
        struct sim_peer *peer = &world->peers[i];
        if (peer->present && !peer->guest && strcmp(peer->name, name) == 0)
            return peer;
    }
    return NULL;
}

/* The process that held it was a memory peer's, and it has ended. */
bool sim_holder_gone(const struct sim_peer *peer, const struct sim_message *message)
{
    const struct sim_peer *holder = &peer->world->peers[message->assigned - 1];

    return sim_peer_is_memory(holder) && (!holder->up || holder->leaving ||
                                          holder->nonce != message->assigned_process);
}

/* --- settlements (INV 10, 19; rules 11 and 12) --- */

/* Wanted back, and with nobody who could still have it, unless it was forfeited there. */
static bool with_nobody(const struct sim_peer *peer, const struct sim_message *message)
{
    if (sim_guest(peer->world, SIM_GUEST_ANSWERED))
        return true; /* a newcomer may have answered for whoever has it */
    if (message->assigned && (peer->forfeits >> (message->assigned - 1) & 1 ||
                              sim_holder_gone(peer, message)))
        return true;
    return !((message->held_by | message->claimed_by | message->decided_by |
              message->refused_by | message->rejected_by) &
             ~message->forfeited_by) &&
           (!message->assigned || !message->offers || message->returned == message->number ||
            message->data_link != peer->last_link[message->assigned - 1] ||
            message->data_number != message->number ||
            message->forfeited_by & 1u << (message->assigned - 1));
}

/* The only peer that could process it keeps nothing, and its process has ended. */
static bool receiver_gone(const struct sim_peer *peer, const struct sim_epoch *book)
{
    const struct sim_peer *only;

    if (book->destination.kind != GW_KIND_REPLY)
        return false;
    only = sim_peer_named(peer->world, book->destination.name);
    return !only || sim_peer_is_memory(only);
}

/* How a message that nobody processed can have ended; 0: it has not. */
static enum gw_outcome end_of(const struct sim_peer *peer, const struct sim_epoch *book,
                              uint64_t sequence, const struct sim_message *message)
{
    struct gw_row row;

    if (message->ended)
        return (enum gw_outcome)message->ended;
    if (sim_rows_one(peer, GW_ROW_DEAD, book->epoch, sequence, &row))
        return GW_OUTCOME_DEAD;
    if (message->skipped)
        return GW_OUTCOME_WITHDRAWN;
    if (message->wanted && with_nobody(peer, message))
        return GW_OUTCOME_WITHDRAWN;
    if (receiver_gone(peer, book) || message->body_lost)
        return GW_OUTCOME_ABANDONED;
    return (enum gw_outcome)0;
}

static const enum sim_sight end_sights[] = {[GW_OUTCOME_PROCESSED] = SIM_SIGHT_answered,
                                            [GW_OUTCOME_DEAD] = SIM_SIGHT_buried_rejected,
                                            [GW_OUTCOME_WITHDRAWN] = SIM_SIGHT_withdrawn,
                                            [GW_OUTCOME_ABANDONED] = SIM_SIGHT_abandoned};

static void end_message(struct sim_peer *peer, struct sim_epoch *book, uint64_t sequence,
                        struct sim_message *message)
{
    enum gw_outcome how = end_of(peer, book, sequence, message);

    if (!how && message->rejected)
        sim_fail(peer->world, "%s settles e%" PRIu64 " %" PRIu64
                 ", which was rejected, without its dead letter in the same write", peer->name,
                 book->number, sequence);
    else if (!how)
        sim_fail(peer->world, "%s settles e%" PRIu64 " %" PRIu64
                 " although no receiver has durably decided it", peer->name, book->number,
                 sequence);
    else if (!message->ended && how != GW_OUTCOME_DEAD)
        sim_sight(peer->world, end_sights[how], 1);
    message->ended = (uint8_t)how;
    if (how == GW_OUTCOME_WITHDRAWN && !message->skipped && message->assigned &&
        message->returned != message->number)
        message->forfeited_by |= (sim_set)(1u << (message->assigned - 1)) & peer->forfeits;
}

/* Also where somebody has processed it. */
static bool may_be_dead(const struct sim_peer *peer, const struct sim_message *message)
{
    return message->failures || message->rejected ||
           sim_guest(peer->world, SIM_GUEST_ANSWERED);
}

void sim_check_settled_row(struct sim_peer *peer, struct sim_epoch *book, uint64_t first,
                           uint64_t last)
{
    struct gw_row row;

    for (uint64_t at = first; at <= last && !peer->world->failed; at++) {
        struct sim_message *message = sim_epoch_message(book, at);
        if (!message)
            sim_fail(peer->world, "%s settles a message that nobody sent", peer->name);
        else if (!message->processed || (!message->ended && may_be_dead(peer, message) &&
                                         sim_rows_one(peer, GW_ROW_DEAD, book->epoch, at, &row)))
            end_message(peer, book, at, message);
        if (message && peer->world->options.outcomes && !message->outcome)
            sim_fail(peer->world, "%s settles e%" PRIu64 " %" PRIu64 " without an outcome",
                     peer->name, book->number, at);
    }
}

/* --- dead letters (INV 19) --- */

/* By anyone: what was forfeited several may reject, each with a code of its own. */
static bool rejected_with(const struct sim_message *message, uint32_t code)
{
    bool found = false;

    for (size_t i = 0; i < SIM_PLACES; i++)
        found = found || message->codes[i] == code;
    return found;
}

void sim_check_dead_row(struct sim_peer *peer, struct sim_epoch *book, const struct gw_row *row)
{
    struct sim_world *world = peer->world;
    struct sim_message *message = sim_epoch_message(book, row->first);
    uint64_t most = sim_peer_policy(peer, &book->destination).max_attempts;
    struct gw_slice bytes;
    struct gw_row again;

    if (!message || !sim_rows_dead(peer, book->epoch, row->first, &again, &bytes) ||
        bytes.size != message->size || !sim_body_is(message->id, bytes.data, bytes.size)) {
        sim_fail(world, "%s buries e%" PRIu64 " %" PRIu64 " with other bytes than were accepted",
                 peer->name, book->number, row->first);
        return;
    }
    if (!gw_destination_equal(&row->destination, &book->destination))
        sim_fail(world, "%s buries a message under another destination", peer->name);
    if (!sim_rows_settled(peer, book->epoch, row->first))
        sim_fail(world, "%s buries e%" PRIu64 " %" PRIu64 ", and does not settle it in that write",
                 peer->name, book->number, row->first);
    if (row->how == GW_DEATH_REJECTED &&
        (!message->rejected || !rejected_with(message, row->code)))
        sim_fail(world, "%s buries e%" PRIu64 " %" PRIu64 " as rejected with %" PRIu32
                 ", which it was not", peer->name, book->number, row->first, row->code);
    bool charged = sim_guest(world, SIM_GUEST_CHARGED);
    if (row->how == GW_DEATH_ATTEMPTS && (!most || (message->failures < most && !charged)))
        sim_fail(world, "%s buries e%" PRIu64 " %" PRIu64 " for too many attempts, but of %" PRIu64
                 " allowed only %" PRIu32 " failed", peer->name, book->number, row->first, most,
                 message->failures);
    if (row->attempts > message->failures + (row->how == GW_DEATH_REJECTED) && !charged)
        sim_fail(world, "%s writes %" PRIu64 " attempts on the dead letter e%" PRIu64 " %" PRIu64
                 ", but %" PRIu32 " failed", peer->name, row->attempts, book->number, row->first,
                 message->failures);
    sim_sight(world, row->how == GW_DEATH_REJECTED ? SIM_SIGHT_buried_rejected
                                                   : SIM_SIGHT_buried_attempts, 1);
}

/* INV 13 of the rules, P06: what is charged did fail. */
void sim_check_story_row(struct sim_peer *peer, struct sim_epoch *book, const struct gw_row *row)
{
    const struct sim_message *message = sim_epoch_message(book, row->first);

    if (!message || (row->attempts > message->failures + 1 &&
                     !sim_guest(peer->world, SIM_GUEST_CHARGED)))
        sim_fail(peer->world, "%s charges e%" PRIu64 " %" PRIu64 " with attempt %" PRIu64
                 ", but only %" PRIu32 " failed", peer->name, book->number, row->first,
                 row->attempts, message ? message->failures : 0);
}

/* --- outcomes (INV 27) --- */

static const char *contradicts(const struct sim_peer *peer, const struct sim_epoch *book,
                               uint64_t at, const struct sim_message *message,
                               const struct gw_row *row)
{
    uint8_t how = row->how;


    if (!message)
        return "which nobody sent";
    if (message->outcome)
        return "which has an outcome already";
    if (how == GW_OUTCOME_PROCESSED)
        return message->processed ? NULL : "as processed, which nobody did";
    if (sim_guest(peer->world, SIM_GUEST_ANSWERED) ||
        (how == GW_OUTCOME_ABANDONED && receiver_gone(peer, book)))
        return NULL;
    if (how == GW_OUTCOME_ABANDONED && message->body_lost) /* whoever had it may have it still */
        return row->maybe_duplicate ? NULL : "whose bytes are lost, as if nobody ever had them";
    if (message->decided_by & ~message->forfeited_by & ~peer->forfeits &
            ~peer->world->options.memory && /* which is gone with its memory */
        !row->maybe_duplicate)              /* else it says that it may have been (rule 12) */
        return "otherwise, though it was processed";
    return end_of(peer, book, at, message) == (enum gw_outcome)how ? NULL
                                                                   : "otherwise than it ended";
}

void sim_check_outcome_row(struct sim_peer *peer, struct sim_epoch *book,
                           const struct gw_row *row)
{
    for (uint64_t at = row->first; at <= row->last && !peer->world->failed; at++) {
        struct sim_message *message = sim_epoch_message(book, at);
        const char *why = contradicts(peer, book, at, message, row);
        if (why)
            sim_fail(peer->world, "%s writes the outcome of e%" PRIu64 " %" PRIu64 " (%d), %s",
                     peer->name, book->number, at, row->how, why);
        else if (!sim_rows_settled(peer, book->epoch, at))
            sim_fail(peer->world, "%s writes the outcome of e%" PRIu64 " %" PRIu64
                     " before it is settled", peer->name, book->number, at);
        else
            message->outcome = row->how;
    }
    sim_sight(peer->world, SIM_SIGHT_outcome_rows, 1);
}

/* --- transactions (INV 3, 4) --- */

/* It may have moved on, or its sender is gone: a decision that comes now is none. */
bool sim_is_stale(const struct sim_peer *peer, uint64_t epoch, const struct sim_message *message)
{
    const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, epoch);

    return message->forfeited_by || book->gone || message->ended ||
           (sim_guest(peer->world, SIM_GUEST_ANSWERED) && message->processed) ||
           peer->world->peers[book->sender].forfeits >> peer->index & 1;
}

struct parts { /* of a transaction: decisions, effects, outputs */
    size_t stored, of;
};

static void count_part(struct parts *parts, bool stored)
{
    parts->stored += stored;
    parts->of++;
}

static void count_input(const struct sim_peer *peer, const struct sim_item *item,
                        struct parts *parts)
{
    const struct sim_message *message =
        sim_ledger_message(&peer->world->ledger, item->epoch, item->sequence);
    sim_set bit = (sim_set)(1u << peer->index);

    count_part(parts, (message->decided_by | message->rejected_by) & bit ||
                          sim_rows_decided(peer, item->epoch, item->sequence, item->sequence));
    if (!(message->refused_by & bit)) /* a refusal has no effect */
        count_part(parts, sim_rows_effects(peer, item->epoch, item->sequence) != 0);
}

static void count_output(const struct sim_peer *peer, const struct sim_output *output,
                         struct parts *parts)
{
    for (uint64_t at = output->first; at <= output->last; at++) {
        const struct sim_message *message =
            sim_ledger_message(&peer->world->ledger, output->epoch, at);
        count_part(parts, message->durable || message->ended); /* asked back meanwhile */
    }
}

void sim_check_all_or_none(struct sim_peer *peer)
{
    for (struct sim_transaction *one = peer->app.transactions; one; one = one->next) {
        struct parts parts = {0};
        for (size_t i = 0; i < one->count; i++)
            count_input(peer, &one->items[i], &parts);
        for (size_t i = 0; i < one->output_count; i++)
            count_output(peer, &one->outputs[i], &parts);
        if (parts.stored && parts.stored < parts.of)
            sim_fail(peer->world, "all or none: %s stores %zu of %zu parts of a transaction",
                     peer->name, parts.stored, parts.of);
    }
}

/* --- notes --- */

static void learn_link_down(struct sim_peer *peer, const struct sim_peer *other, uint64_t why)
{
    if (why == GW_DOWN_SILENT)
        sim_check_silent(peer, other);
    peer->down_known |= (sim_set)(1u << other->index);
    peer->down_us[other->index] = sim_peer_clock(peer);
}

/* Rules of failover: only a policy or an operator forfeits, and a policy only after its time
 * without a link. */
static void learn_forfeit(struct sim_peer *peer, const struct sim_peer *other)
{
    sim_set bit = (sim_set)(1u << other->index);
    bool failover = false;
    uint64_t least_us = UINT64_MAX;

    for (size_t i = 0; i < peer->world->policy_count; i++) {
        const struct gw_policy *policy = &peer->world->policies[i].policy;
        failover = failover || policy->failover;
        if (policy->failover && policy->failover_us < least_us)
            least_us = policy->failover_us;
    }
    peer->forfeits |= bit;
    sim_sight(peer->world, SIM_SIGHT_forfeited, 1);
    if (peer->forfeit_asked & bit)
        return;
    if (!failover)
        sim_fail(peer->world, "%s forfeits what %s holds, which nobody asked for", peer->name,
                 other->name);
    else if (!(peer->down_known & bit) ||
             sim_peer_clock(peer) - peer->down_us[other->index] < least_us)
        sim_fail(peer->world, "%s forfeits what %s holds before its time", peer->name,
                 other->name);
}

void sim_check_note(struct sim_peer *peer, uint8_t note, const char *name, uint64_t a)
{
    const struct sim_peer *other = sim_peer_named(peer->world, name);

    if (note == GW_NOTE_GONE)
        sim_sight(peer->world, SIM_SIGHT_client_gone, 1);
    if (!other)
        return;
    if (note == GW_NOTE_LINK_UP)
        peer->down_known &= (sim_set)~(1u << other->index);
    else if (note == GW_NOTE_LINK_DOWN)
        learn_link_down(peer, other, a);
    else if (note == GW_NOTE_REFUSING && a == GW_REFUSE_IDENTITY)
        sim_check_doubted(peer, other);
    else if (note == GW_NOTE_FORFEITED)
        learn_forfeit(peer, other);
}
