/* SPDX-License-Identifier: MPL-2.0 */

/* Invariants of writes, at the moment they are durable: what the ledger learns from rows, and what
 * rows may never do. */

#include "checker.h"
#include "guest.h"
#include "rows.h"
#include "store/row.h"
#include "world.h"

#include <inttypes.h>
#include <string.h>

#define TOUCHED_MAX    32
#define OFFERED_PREFIX 9 /* of such a row's key: its kind and the epoch; the rest is a name */

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

/* It has not come there on the present link, nor is it in that one's hand or decided: what the
 * member told at the link's start says so, and frames of older links count for nothing. */
static bool is_not_there(const struct sim_peer *peer, const struct sim_peer *member,
                         const struct sim_message *message)
{
    sim_set here = (sim_set)(message->held_by | message->claimed_by | message->refused_by |
                             message->decided_by | message->rejected_by);

    return !(here >> member->index & 1) &&
           message->data_link != peer->last_link[member->index];
}

/* Rule 7, INV 17: an assignment stands until that member gave it back, or until it is forfeited,
 * which the next one is told. */
static void learn_move(struct sim_peer *peer, const struct sim_epoch *book, uint64_t sequence,
                       struct sim_message *message, const struct gw_row *row)
{
    struct sim_world *world = peer->world;
    const struct sim_peer *old = &world->peers[message->assigned - 1];
    sim_set bit = (sim_set)(1u << old->index);

    message->forfeited_by |= bit & peer->forfeits;
    if (message->returned == message->number || sim_holder_gone(peer, message) ||
        sim_guest(world, SIM_GUEST_MOVED) || is_not_there(peer, old, message) ||
        message->data_number != message->number) /* that offer never left */
        return;
    if (!(peer->forfeits & bit)) {
        sim_fail(world, "%s moves e%" PRIu64 " %" PRIu64 " from %s to %s without a release",
                 peer->name, book->number, sequence, old->name, row->peer);
        return;
    }
    if (!row->maybe_duplicate && old != sim_peer_named(world, row->peer))
        sim_fail(world, "%s moves e%" PRIu64 " %" PRIu64 " from %s to %s, and forgets that both "
                 "may process it", peer->name, book->number, sequence, old->name, row->peer);
}

static void see_order(struct sim_peer *peer, const struct sim_epoch *book, uint64_t sequence,
                      unsigned member)
{
    const struct sim_message *before = sim_epoch_message(book, sequence - 1);

    if (book->ordered && before && before->assigned && before->assigned != member)
        sim_sight(peer->world, SIM_SIGHT_ordered_moved, 1);
    if (book->ordered && sequence == 1 && book->number > 1)
        sim_sight(peer->world, SIM_SIGHT_ordered_old, 1);
}

static void learn_assignment(struct sim_peer *peer, const struct sim_epoch *book,
                             const struct gw_row *row)
{
    const struct sim_peer *named = sim_peer_named(peer->world, row->peer);
    uint8_t member = named ? (uint8_t)(named->index + 1) : 0;

    for (uint64_t at = row->first; at <= row->last && !peer->world->failed; at++) {
        struct sim_message *message = message_of(peer, book, at);
        if (!message)
            return;
        if (message->assigned && (message->assigned != member || message->number != row->number))
            learn_move(peer, book, at, message, row);
        if (message->number == row->number && message->assigned && message->assigned != member)
            sim_fail(peer->world, "%s uses the number of an offer twice", peer->name);
        see_order(peer, book, at, member);
        message->assigned = member;
        message->assigned_process = named ? named->nonce : 0;
        message->number = row->number;
    }
}

/* INV 1, 24: what was accepted and not processed is in the outbox. */
static void look_over_outbox(struct sim_peer *peer, uint64_t epoch)
{
    const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, epoch);
    uint64_t first = 0, last = 0;

    for (uint64_t at = 1; book && at <= book->count; at++) {
        const struct sim_message *message = sim_epoch_message(book, at);
        if (!message->durable || message->processed || message->ended ||
            (at >= first && at <= last))
            continue;
        if (!sim_rows_batch(peer, epoch, at, &first, &last)) {
            sim_fail(peer->world, "lost: %s deleted e%" PRIu64 " %" PRIu64
                     " from its outbox, and nobody has processed it", peer->name, book->number, at);
            return;
        }
    }
}

/* --- what the receiver stores --- */

/* Whether another's decision may stand beside one of this peer: only one that was forfeited, or
 * made before a memory peer that leaves for good could tell its own. */
static bool decided_elsewhere(const struct sim_peer *peer, const struct sim_message *message)
{
    const struct sim_world *world = peer->world;
    sim_set others = (sim_set)((message->decided_by | message->rejected_by) &
                               ~(1u << peer->index | sim_memories_that_leave(world)));

    if (sim_peer_is_memory(peer) && peer->leaving)
        return false;
    if (message->forfeited_by & 1u << peer->index || sim_guest(world, SIM_GUEST_MOVED))
        return false;
    return (others & ~message->forfeited_by) != 0;
}

static void see_decision(struct sim_peer *peer, const struct sim_epoch *book,
                         const struct sim_message *message)
{
    struct sim_world *world = peer->world;
    sim_set bit = (sim_set)(1u << peer->index);

    if (message->forfeited_by & bit && message->assigned != peer->index + 1)
        sim_sight(world, SIM_SIGHT_late_decision, 1);
    if (message->decided_by & ~bit)
        sim_sight(world, SIM_SIGHT_processed_twice, 1);
    if (message->wanted)
        sim_sight(world, SIM_SIGHT_data_beats_skip, 1);
    const struct sim_message *request =
        sim_ledger_message(&world->ledger, message->origin_epoch, message->origin_sequence);
    if (!request || book->destination.kind != GW_KIND_REPLY)
        return;
    sim_sight(world, SIM_SIGHT_answered, 1);
    sim_sight(world, SIM_SIGHT_answered_late, request->sent_process != peer->process);
}

/* INV 3, 4: one decision per key, made by the application, with its effects in the same write. */
static void learn_decision(struct sim_peer *peer, const struct sim_epoch *book, uint64_t sequence)
{
    struct sim_world *world = peer->world;
    struct sim_message *message = message_of(peer, book, sequence);
    sim_set bit = (sim_set)(1u << peer->index);

    if (!message || (message->decided_by | message->rejected_by | message->skipped_by) & bit)
        return;
    if (!(message->claimed_by & bit)) {
        sim_fail(world, "%s stores a decision on e%" PRIu64 " %" PRIu64
                 " that its application did not make", peer->name, book->number, sequence);
        return;
    }
    if (decided_elsewhere(peer, message)) {
        sim_fail(world, "one processing: %s decides e%" PRIu64 " %" PRIu64
                 ", which another peer has decided", peer->name, book->number, sequence);
        return;
    }
    if (message->ended && message->ended != GW_OUTCOME_ABANDONED && !message->forfeited_by &&
        !sim_guest(world, SIM_GUEST_ANSWERED) && !(sim_peer_is_memory(peer) && peer->leaving)) {
        sim_fail(world, "%s decides e%" PRIu64 " %" PRIu64 ", which its sender has settled "
                 "otherwise (%d)", peer->name, book->number, sequence, message->ended);
        return;
    }
    see_decision(peer, book, message);
    message->decided_by |= bit;
    message->processed = true;
    message->held_by &= (sim_set)~bit;
    if (message->transacted_by & bit && sim_rows_effects(peer, book->epoch, sequence) != 1)
        sim_fail(world, "all or none: %s decides e%" PRIu64 " %" PRIu64
                 " without the effect of its transaction", peer->name, book->number, sequence);
}

static void learn_rejection(struct sim_peer *peer, const struct sim_epoch *book,
                            const struct gw_row *row, struct sim_message *message)
{
    sim_set bit = (sim_set)(1u << peer->index);

    if (!(message->refused_by & bit) || message->codes[peer->index] != row->code)
        sim_fail(peer->world, "%s stores a rejection of e%" PRIu64 " %" PRIu64
                 " that its application did not make", peer->name, book->number, row->first);
    else if (decided_elsewhere(peer, message) && !(message->rejected_by & bit))
        sim_fail(peer->world, "%s rejects e%" PRIu64 " %" PRIu64 ", which another has decided",
                 peer->name, book->number, row->first);
    message->rejected_by |= bit;
    message->rejected = true;
    message->held_by &= (sim_set)~bit;
}

/* Of DATA and SKIP one wins: what is skipped is in nobody's hand here, and never was decided. */
static void learn_skip(struct sim_peer *peer, const struct sim_epoch *book,
                       const struct gw_row *row, struct sim_message *message)
{
    struct sim_world *world = peer->world;
    sim_set bit = (sim_set)(1u << peer->index);

    if (message->held_by & bit)
        sim_fail(world, "%s skips e%" PRIu64 " %" PRIu64 ", which is in hand there", peer->name,
                 book->number, row->first);
    else if ((message->claimed_by | message->refused_by) & bit)
        sim_fail(world, "%s skips e%" PRIu64 " %" PRIu64 ", which its application has decided",
                 peer->name, book->number, row->first);
    else if (message->wanted != row->code)
        sim_fail(world, "%s skips e%" PRIu64 " %" PRIu64 ", which nobody asked for", peer->name,
                 book->number, row->first);
    else if (decided_elsewhere(peer, message))
        sim_fail(world, "%s skips e%" PRIu64 " %" PRIu64 ", which another has decided",
                 peer->name, book->number, row->first);
    if (!(message->skipped_by & bit))
        sim_sight(world, message->at[peer->index].delivered ? SIM_SIGHT_skipped
                                                            : SIM_SIGHT_skip_beats_data, 1);
    message->skipped_by |= bit;
    message->skipped = true;
}

static void learn_exception(struct sim_peer *peer, const struct sim_epoch *book,
                            const struct gw_row *row)
{
    struct sim_message *message = message_of(peer, book, row->first);
    sim_set bit = (sim_set)(1u << peer->index);

    if (!message)
        return;
    if (message->decided_by & bit ||
        (row->how == GW_EXCEPTION_SKIPPED ? message->rejected_by : message->skipped_by) & bit)
        sim_fail(peer->world, "%s changes its decision on e%" PRIu64 " %" PRIu64, peer->name,
                 book->number, row->first);
    else if (row->how == GW_EXCEPTION_REJECTED)
        learn_rejection(peer, book, row, message);
    else
        learn_skip(peer, book, row, message);
}

/* Rule 13: only what a handler had begun when its process died. */
static void learn_crashed(struct sim_peer *peer, const struct sim_epoch *book,
                          const struct gw_row *row)
{
    for (uint64_t at = row->first; at <= row->last; at++) {
        struct sim_message *message = message_of(peer, book, at);
        if (!message)
            return;
        struct sim_at_peer *here = &message->at[peer->index];
        if (here->crashed != row->number)
            sim_fail(peer->world, "%s stores that a process died of e%" PRIu64 " %" PRIu64
                     ", and none did", peer->name, book->number, at);
        struct gw_row window; /* without one nobody is told before the epoch is named again */
        message->marked += here->marked != row->number &&
                           sim_rows_window(peer, row->epoch, &window);
        here->marked = row->number;
    }
}

static void learn_window(struct sim_peer *peer, struct sim_epoch *book, const struct gw_row *row)
{
    sim_set bit = (sim_set)(1u << peer->index);

    for (uint64_t at = sim_epoch_unfinished(book); at < row->floor; at++) {
        const struct sim_message *message = sim_epoch_message(book, at);
        if (message && !sim_message_finished(message) && message->claimed_by & bit) {
            learn_decision(peer, book, at);
        } else if (message && message->durable && !sim_message_finished(message) &&
                   !book->gone) {
            sim_fail(peer->world, "%s raises its window's floor of e%" PRIu64 " to %" PRIu64
                     ", but %" PRIu64 " is not settled", peer->name, book->number, row->floor,
                     at);
            return;
        }
    }
}

/* INV 9: windows only grow. */
static void look_over_window(struct sim_peer *peer, uint64_t epoch)
{
    const struct sim_world *world = peer->world;
    const struct sim_epoch *book = sim_ledger_find(&world->ledger, epoch);
    struct gw_row window = {.floor = 1};
    sim_set bit = (sim_set)(1u << peer->index);
    bool more;

    if (!book)
        return;
    if (!sim_rows_window(peer, epoch, &window) &&
        (book->gone || world->peers[book->sender].leaving || sim_guest(world, SIM_GUEST_FORGOTTEN)))
        return; /* of a memory peer that ended */
    if (sim_guest(world, SIM_GUEST_FORGOTTEN) && world->options.memory >> book->sender & 1)
        return; /* it was taken for ended, and came again */
    uint64_t covered = window.floor;
    struct gw_row row;
    size_t at = sim_rows_seek(peer, GW_ROW_DECIDED, epoch, 0);
    do {
        more = sim_rows_next(peer, &at, GW_ROW_DECIDED, epoch, &row);
        uint64_t until = more && row.first <= book->count ? row.first : book->count + 1;
        for (; covered < until; covered++) {
            const struct sim_message *message = sim_epoch_message(book, covered);
            if (!((message->decided_by | message->rejected_by | message->skipped_by) & bit))
                continue;
            sim_fail(peer->world, "%s forgets its durable decision on e%" PRIu64 " %" PRIu64,
                     peer->name, book->number, covered);
            return;
        }
        if (more && row.last >= covered)
            covered = row.last + 1;
    } while (more);
}

static bool of_space(struct gw_slice key, const char *space)
{
    struct gw_buffer start = {0};

    gw_row_seek_key(&start, space, (struct gw_slice){0});
    bool is = key.size >= start.size && memcmp(key.data, start.data, start.size) == 0;
    gw_buffer_clear(&start);
    return is;
}

/* A key counts how often its message was processed, and comes with the decision. */
static void learn_key(struct sim_peer *peer, struct gw_slice key, struct gw_slice value)
{
    struct gw_slice user;
    size_t prefix = sizeof SIM_SPACE + 1;

    if (peer->world->hooks && !of_space(key, SIM_SPACE))
        return; /* a handler's */
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

/* Rows are learned in this order: a settlement rests on what stands in the same write. */
enum { PASS_EXCEPTIONS, PASS_FACTS, PASS_OUTCOMES, PASS_SETTLEMENTS, PASS_KEYS, PASSES };

static unsigned pass_of(uint8_t kind)
{
    switch (kind) {
    case GW_ROW_EXCEPTION:
        return PASS_EXCEPTIONS;
    case GW_ROW_OUTCOME:
        return PASS_OUTCOMES;
    case GW_ROW_STREAM:
    case GW_ROW_SETTLED:
        return PASS_SETTLEMENTS;
    case GW_ROW_KEY:
        return PASS_KEYS;
    default:
        return PASS_FACTS;
    }
}

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
        sim_check_settled_row(peer, book, 1,
                              row->floor - 1 < book->count ? row->floor - 1 : book->count);
        break;
    case GW_ROW_SETTLED:
        sim_check_settled_row(peer, book, row->first, row->last);
        break;
    case GW_ROW_ASSIGNMENT:
        learn_assignment(peer, book, row);
        break;
    case GW_ROW_DECIDED:
        for (uint64_t at = row->first; at <= row->last && !peer->world->failed; at++)
            learn_decision(peer, book, at);
        break;
    case GW_ROW_EXCEPTION:
        learn_exception(peer, book, row);
        break;
    case GW_ROW_CRASHED:
        learn_crashed(peer, book, row);
        break;
    case GW_ROW_STORY:
        sim_check_story_row(peer, book, row);
        break;
    case GW_ROW_DEAD:
        sim_check_dead_row(peer, book, row);
        break;
    case GW_ROW_OUTCOME:
        sim_check_outcome_row(peer, book, row);
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

/* A window is kept for ever, as a tombstone at least, but for those of memory peers that ended. */
static void learn_forgotten(struct sim_peer *peer, uint64_t epoch)
{
    struct sim_world *world = peer->world;
    const struct sim_epoch *book = sim_ledger_find(&world->ledger, epoch);

    if (!book || !(world->options.memory >> book->sender & 1) ||
        !(book->gone || world->peers[book->sender].leaving ||
          sim_guest(world, SIM_GUEST_FORGOTTEN)))
        sim_fail(world, "%s deletes a window: not even its tombstone stays", peer->name);
}

/* Who may know of an epoch is kept in mind until each of them has closed it, or is a memory peer
 * that ended. One whose disk forgot since that it did has not told. */
static void learn_unoffered(struct sim_peer *peer, struct gw_slice key)
{
    struct sim_world *world = peer->world;
    const struct sim_epoch *book = sim_ledger_find(&world->ledger, epoch_of(key));
    char name[GW_NAME_MAX + 1] = "";
    struct gw_row window;

    memcpy(name, key.data + OFFERED_PREFIX, key.size - OFFERED_PREFIX);
    const struct sim_peer *member = sim_peer_named(world, name);
    if (!member || sim_peer_is_memory(member) || sim_guest(world, SIM_GUEST_ANSWERED) || !book ||
        book->reopened_by >> member->index & 1)
        return;
    if (sim_rows_window(member, book->epoch, &window) && !window.flag)
        sim_fail(world, "%s forgets that %s was offered e%" PRIu64 ", whose window is open there",
                 peer->name, name, book->number);
}

static void learn_delete(struct sim_peer *peer, struct gw_slice key, struct touched *touched)
{
    switch (key.data[0]) {
    case GW_ROW_BATCH:
    case GW_ROW_STREAM:
        touch(touched->sent, &touched->sent_count, epoch_of(key));
        break;
    case GW_ROW_DECIDED:
    case GW_ROW_EXCEPTION:
        touch(touched->received, &touched->received_count, epoch_of(key));
        break;
    case GW_ROW_WINDOW:
        learn_forgotten(peer, epoch_of(key));
        break;
    case GW_ROW_OFFERED:
        learn_unoffered(peer, key);
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
                     struct touched *touched)
{
    struct gw_batch *batch;
    struct gw_row row;

    if (key.data[0] == GW_ROW_KEY) {
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

/* A row that the same write deletes: only an exception is a fact all the same, which a floor has
 * passed at once. */
static void learn_passed(struct sim_peer *peer, struct gw_slice key, struct gw_slice value)
{
    struct gw_row row;
    const struct sim_epoch *book;

    if (key.data[0] != GW_ROW_EXCEPTION || gw_row_read(key, value, &row) != GW_STORE_OK)
        return;
    book = sim_ledger_find(&peer->world->ledger, row.epoch);
    if (book)
        learn_exception(peer, book, &row);
}

void sim_check_written(struct sim_peer *peer, const struct gw_write *write)
{
    struct touched touched = {.sent_count = 0};

    for (unsigned pass = 0; pass < PASSES; pass++) {
        for (size_t i = 0; i < write->count && !peer->world->failed; i++) {
            const struct gw_write_op *op = &write->ops[i];
            struct gw_slice key = {write->bytes.data + op->key, op->key_size};
            if (pass_of(key.data[0]) != pass)
                continue;
            const struct sim_value *value = op->put ? stored(peer, key) : NULL;
            if (value)
                learn_op(peer, key, value, &touched);
            else if (op->put)
                learn_passed(peer, key, (struct gw_slice){write->bytes.data + op->value,
                                                          op->value_size});
            else
                learn_delete(peer, key, &touched);
        }
    }
    for (size_t i = 0; i < touched.sent_count && !peer->world->failed; i++)
        look_over_outbox(peer, touched.sent[i]);
    for (size_t i = 0; i < touched.received_count && !peer->world->failed; i++)
        look_over_window(peer, touched.received[i]);
    sim_check_all_or_none(peer);
}
