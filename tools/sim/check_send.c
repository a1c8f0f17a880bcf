/* SPDX-License-Identifier: MPL-2.0 */

/* Invariants of frames, at the moment they leave: nothing may be said that is not durable. */

#include "checker.h"
#include "core/state.h"
#include "rows.h"
#include "wire/wire.h"
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool sim_decode(struct sim_world *world, struct gw_slice header, struct gw_frame *frame)
{
    const char *why;

    return gw_decode(world->decoder, header.data, header.size, frame, &why) == GW_DECODE_OK;
}

/* --- floors --- */

/* INV 10, rule 16: a floor is the word that everything below is settled, so it may be said only
 * when the store says so, and when it is true. */
static void check_floor(struct sim_peer *peer, const char *frame, uint64_t epoch, uint64_t floor)
{
    struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, epoch);

    if (!book) {
        sim_fail(peer->world, "%s names an epoch in %s that nobody drew", peer->name, frame);
        return;
    }
    if (book->gone)
        return;
    uint64_t unsettled = sim_rows_unsettled(peer, epoch);
    if (book->sender != peer->index)
        sim_fail(peer->world, "%s publishes a floor of another's epoch e%" PRIu64, peer->name,
                 book->number);
    else if (floor > sim_epoch_unfinished(book))
        sim_fail(peer->world,
                 "published floor above the lowest unsettled message: %s says floor %" PRIu64
                 " of e%" PRIu64 " in %s, but %" PRIu64 " is not settled",
                 peer->name, floor, book->number, frame, sim_epoch_unfinished(book));
    else if (unsettled && floor > unsettled)
        sim_fail(peer->world,
                 "published floor above what is durably settled: %s says floor %" PRIu64
                 " of e%" PRIu64 " in %s, but its rows say %" PRIu64,
                 peer->name, floor, book->number, frame, unsettled);
}

/* --- DATA --- */

static bool bytes_match(const struct sim_epoch *book, uint64_t first, uint64_t count,
                        struct gw_slice body)
{
    size_t at = 0;

    for (uint64_t i = 0; i < count; i++) {
        const struct sim_message *message = sim_epoch_message(book, first + i);
        if (!message || message->size > body.size - at ||
            !sim_body_is(message->id, body.data + at, message->size))
            return false;
        at += message->size;
    }
    return at == body.size;
}

/* Counts the offers and sees whether a part of a batch goes out again. */
static void note_offers(struct sim_peer *peer, const struct sim_epoch *book,
                        const struct gw_frame *frame, bool whole_batch)
{
    uint64_t first = frame->u.data.first, count = frame->u.data.count, link = frame->link;
    bool again = false;

    for (uint64_t i = 0; i < count; i++) {
        struct sim_message *message = sim_epoch_message(book, first + i);
        again = again || message->offers > 0;
        message->offers++;
        message->data_link = link;
        message->data_number = frame->u.data.number;
    }
    if (again && !whole_batch)
        sim_sight(peer->world, SIM_SIGHT_resent_part, 1);
}

/* P06: a crash of the sender forgets no attempt, so each is durable before the next one leaves. */
static void check_attempt(struct sim_peer *peer, const struct sim_epoch *book, uint64_t sequence,
                          uint64_t attempt)
{
    struct gw_row story = {.attempts = 1};

    if (attempt > 1)
        sim_rows_one(peer, GW_ROW_STORY, book->epoch, sequence, &story);
    if (attempt > story.attempts)
        sim_fail(peer->world, "%s sends e%" PRIu64 " %" PRIu64 " as attempt %" PRIu64
                 ", but its rows know of %" PRIu64, peer->name, book->number, sequence, attempt,
                 story.attempts);
}

/* The offer is the one that is durable; what is wanted back is asked for, not sent (rule 9). A
 * message is sent again for evidence only, and that ends the link: so no delay makes it leave
 * twice on one (fault N07). */
static void check_offer(struct sim_peer *peer, const struct sim_epoch *book,
                        const struct gw_frame *frame)
{
    for (uint64_t i = 0; i < frame->u.data.count && !peer->world->failed; i++) {
        uint64_t at = frame->u.data.first + i;
        const struct sim_message *message = sim_epoch_message(book, at);
        if (message->number != frame->u.data.number)
            sim_fail(peer->world, "%s sends e%" PRIu64 " %" PRIu64
                     " under another number than its assignment has", peer->name, book->number,
                     at);
        else if (message->taken_life == peer->life && message->taken == message->number)
            sim_fail(peer->world, "%s sends e%" PRIu64 " %" PRIu64
                     " once more under an offer that was given back", peer->name, book->number,
                     at);
        else if (message->wanted && message->wanted_life == peer->life)
            sim_fail(peer->world, "%s sends e%" PRIu64 " %" PRIu64
                     ", which is wanted back", peer->name, book->number, at);
        else if (message->data_link == frame->link && message->data_number == message->number)
            sim_fail(peer->world, "%s sends e%" PRIu64 " %" PRIu64
                     " once more on a link on which nothing was lost", peer->name, book->number,
                     at);
        else if (message->ended)
            sim_fail(peer->world, "%s sends e%" PRIu64 " %" PRIu64
                     ", which it has settled", peer->name, book->number, at);
        else if (message->told_life == peer->life)
            sim_fail(peer->world, "%s sends e%" PRIu64 " %" PRIu64
                     ", which a member has told to be decided", peer->name, book->number, at);
        else
            check_attempt(peer, book, at, frame->u.data.attempt);
    }
}

/* INV 2's other half, rule 7: message and assignment are durable before the bytes leave. */
static void check_data(struct sim_peer *peer, const struct sim_peer *other,
                       const struct gw_frame *frame, struct gw_slice body)
{
    struct sim_world *world = peer->world;
    uint64_t epoch = frame->u.data.epoch, first = frame->u.data.first;
    uint64_t last = first + frame->u.data.count - 1;
    const struct sim_epoch *book = sim_ledger_find(&world->ledger, epoch);
    uint64_t batch_first, batch_last;

    if (!book || book->sender != peer->index || last > book->count) {
        sim_fail(world, "%s sends DATA that it never numbered", peer->name);
        return;
    }
    check_floor(peer, "DATA", epoch, frame->u.data.floor);
    if (!sim_rows_batch(peer, epoch, first, &batch_first, &batch_last) || batch_last < last)
        sim_fail(world, "%s sends e%" PRIu64 " %" PRIu64 "..%" PRIu64
                 " before the batch is durable", peer->name, book->number, first, last);
    else if (!bytes_match(book, first, frame->u.data.count, body))
        sim_fail(world, "%s sends other bytes under e%" PRIu64 " %" PRIu64 "..%" PRIu64
                 " than were accepted", peer->name, book->number, first, last);
    else if (other && !sim_rows_cover(peer, GW_ROW_ASSIGNMENT, epoch, first, last, other->name))
        sim_fail(world, "%s sends e%" PRIu64 " %" PRIu64 "..%" PRIu64
                 " to %s before that assignment is durable", peer->name, book->number, first,
                 last, other->name);
    else if (last - frame->u.data.floor >= world->options.window && last >= frame->u.data.floor)
        sim_fail(world, "%s offers e%" PRIu64 " %" PRIu64 ", beyond floor %" PRIu64 " + W",
                 peer->name, book->number, last, frame->u.data.floor);
    else if (other && !other->guest)
        check_offer(peer, book, frame);
    if (!world->failed)
        note_offers(peer, book, frame, first == batch_first && last == batch_last);
}

/* --- ACK --- */

/* An exception is never named among the processed ones. */
static void check_processed(struct sim_peer *peer, const struct sim_epoch *book, uint64_t at)
{
    const struct sim_message *message = sim_epoch_message(book, at);
    sim_set bit = (sim_set)(1u << peer->index);

    if (message && (message->rejected_by | message->skipped_by) & bit)
        sim_fail(peer->world, "%s names e%" PRIu64 " %" PRIu64
                 " as processed, which it rejected or skipped", peer->name, book->number, at);
}

static void check_exception(struct sim_peer *peer, const struct sim_epoch *book,
                            const struct gw_exception *exception)
{
    const struct sim_message *message = sim_epoch_message(book, exception->sequence);
    sim_set bit = (sim_set)(1u << peer->index);
    bool skipped = exception->kind == GW_EXCEPTION_SKIPPED;

    if (!message || !((skipped ? message->skipped_by : message->rejected_by) & bit))
        sim_fail(peer->world, "honest ACK: %s tells e%" PRIu64 " %" PRIu64
                 " rejected or skipped before that is durable", peer->name, book->number,
                 exception->sequence);
    else if (exception->code != (skipped ? message->wanted : message->codes[peer->index]))
        sim_fail(peer->world, "%s tells another code of e%" PRIu64 " %" PRIu64, peer->name,
                 book->number, exception->sequence);
}

static void check_ack_epoch(struct sim_peer *peer, const struct sim_peer *other,
                            const struct gw_ack_epoch *ack)
{
    struct sim_world *world = peer->world;
    struct sim_epoch *book = sim_ledger_find(&world->ledger, ack->epoch);

    if (!book || (other && book->sender != other->index && !other->guest)) {
        sim_fail(world, "%s acknowledges an epoch that is not of the receiver of its ACK",
                 peer->name);
        return;
    }
    if (ack->floor > sim_epoch_unfinished(book) && !book->gone)
        sim_fail(world, "%s says that all of e%" PRIu64 " below %" PRIu64
                 " is settled, but %" PRIu64 " is not", peer->name, book->number,
                 ack->floor, sim_epoch_unfinished(book));
    for (size_t i = 0; i < ack->decided_count && !world->failed; i++) {
        const struct gw_range *range = &ack->decided[i];
        if (!sim_rows_decided(peer, ack->epoch, range->first, range->last))
            sim_fail(world,
                     "honest ACK: %s acknowledges e%" PRIu64 " %" PRIu64 "..%" PRIu64
                     " before the decision is durable",
                     peer->name, book->number, range->first, range->last);
        for (uint64_t at = range->first; at <= range->last && !world->failed; at++)
            check_processed(peer, book, at);
    }
    for (size_t i = 0; i < ack->exception_count && !world->failed; i++)
        check_exception(peer, book, &ack->exceptions[i]);
    sim_check_ack_returns(peer, book, ack);
}

static bool decided_any(const struct sim_peer *peer, uint64_t epoch)
{
    const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, epoch);

    for (uint64_t at = 1; book && at <= book->count; at++) {
        const struct sim_message *message = sim_epoch_message(book, at);
        if ((message->decided_by | message->rejected_by | message->skipped_by) &
            1u << peer->index)
            return true;
    }
    return false;
}

static void check_ack(struct sim_peer *peer, const struct sim_peer *other,
                      const struct gw_frame *frame)
{
    for (size_t i = 0; i < frame->u.ack.epoch_count; i++)
        check_ack_epoch(peer, other, &frame->u.ack.epochs[i]);
    for (size_t i = 0; i < frame->u.ack.closed_count; i++) {
        struct gw_row row;
        bool known = sim_rows_window(peer, frame->u.ack.closed[i], &row);
        if (known ? !row.flag : decided_any(peer, frame->u.ack.closed[i]))
            sim_fail(peer->world, "%s confirms an epoch closed before its tombstone is durable",
                     peer->name);
    }
}

/* --- the rest --- */

static void check_open(struct sim_peer *peer, const struct sim_peer *other,
                       const struct gw_frame *frame)
{
    struct gw_row row;
    size_t at = sim_rows_seek(peer, GW_ROW_OFFERED, frame->u.open.epoch, 0);

    check_floor(peer, "OPEN", frame->u.open.epoch, frame->u.open.floor);
    if (other && peer->world->options.memory >> other->index & 1)
        return; /* each process of a memory peer begins anew */
    while (frame->u.open.fresh && other &&
           sim_rows_next(peer, &at, GW_ROW_OFFERED, frame->u.open.epoch, &row)) {
        if (row.flag && strcmp(row.peer, other->name) == 0)
            sim_fail(peer->world, "%s announces an epoch as fresh to %s, which has decided in it",
                     peer->name, other->name);
    }
}

static void check_closed(struct sim_peer *peer, const struct gw_frame *frame)
{
    struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, frame->u.closed.epoch);

    if (!book || book->sender != peer->index) {
        sim_fail(peer->world, "%s closes an epoch that is not its own", peer->name);
        return;
    }
    for (uint64_t i = 1; i <= book->count; i++) {
        const struct sim_message *message = sim_epoch_message(book, i);
        if (message->durable && (!sim_message_finished(message) || i > frame->u.closed.last))
            sim_fail(peer->world, "%s closes e%" PRIu64 " although %" PRIu64 " is not settled",
                     peer->name, book->number, i);
    }
}

static void check_identity(struct sim_peer *peer, const struct gw_frame *frame)
{
    if (strcmp(frame->u.identity.name, peer->name) != 0 || frame->u.identity.open != peer->opens)
        sim_fail(peer->world, "%s introduces itself as another", peer->name);
}

/* --- links: who used which, on what --- */

static void book_link(struct sim_peer *peer, uint64_t conn, uint64_t link)
{
    struct sim_world *world = peer->world;
    struct sim_connection *connection = sim_net_connection(world, peer, conn);

    if (!connection)
        return;
    if (world->link_count == world->link_capacity) {
        world->link_capacity = world->link_capacity ? world->link_capacity * 2 : 32;
        world->links = realloc(world->links, world->link_capacity * sizeof *world->links);
        if (!world->links)
            abort();
    }
    world->links[world->link_count++] = (struct sim_link_book){
        .link = link,
        .ends = {connection->ends[SIM_DIALLER], peer},
        .lives = {0, peer->life},
        .conns = {connection->conns[SIM_DIALLER], conn},
    };
}

static bool on_conn(const struct sim_link_book *book, unsigned end, const struct sim_peer *peer,
                    uint64_t conn)
{
    return book->ends[end] == peer && book->conns[end] == conn;
}

/* Who is at the other end of a link that this peer has; its process may have died meanwhile. */
static const struct sim_peer *linked(const struct sim_peer *peer, uint64_t link)
{
    for (size_t i = 0; i < SIM_PEERS_MAX; i++) {
        const struct sim_peer *other = &peer->world->peers[i];
        const struct gw_remote *remote =
            other->name[0] ? gw_remote_find(gw_turn_core(peer->turn), other->name) : NULL;
        if (remote && remote->link.id == link)
            return other;
    }
    return NULL;
}

/* READY or anything later: this end uses the link, and no older one on that connection. */
static void use_link(struct sim_peer *peer, const struct sim_peer *other, uint64_t conn,
                     const struct gw_frame *frame)
{
    struct sim_world *world = peer->world;
    size_t used = 0;

    if (!other)
        other = linked(peer, frame->link);
    if (other)
        peer->last_link[other->index] = frame->link;

    while (used < world->link_count && world->links[used].link != frame->link)
        used++;
    if (used == world->link_count)
        return;
    for (unsigned end = 0; end < 2; end++) {
        if (!on_conn(&world->links[used], end, peer, conn))
            continue;
        if (end == SIM_DIALLER && frame->type == GW_FRAME_READY)
            world->links[used].lives[end] = peer->life;
        world->links[used].moved_on[end] = false; /* a WELCOME that comes twice is taken twice */
        for (size_t i = 0; i < used; i++) {
            if (on_conn(&world->links[i], end, peer, conn))
                world->links[i].moved_on[end] = true;
        }
    }
}

void sim_check_send(struct sim_peer *peer, uint64_t conn, const struct gw_frame *frame,
                    struct gw_slice body)
{
    const struct sim_peer *other = sim_net_other_end(peer->world, peer, conn);

    switch (frame->type) {
    case GW_FRAME_HELLO:
        check_identity(peer, frame);
        return;
    case GW_FRAME_WELCOME:
        check_identity(peer, frame);
        book_link(peer, conn, frame->link);
        return;
    case GW_FRAME_REFUSE:
    case GW_FRAME_RESET:
        return;
    case GW_FRAME_PING:
    case GW_FRAME_PONG:
        for (size_t i = 0; i < frame->u.ping.floor_count; i++)
            check_floor(peer, "PING", frame->u.ping.floors[i].epoch,
                        frame->u.ping.floors[i].floor);
        break;
    case GW_FRAME_OPEN:
        check_open(peer, other, frame);
        break;
    case GW_FRAME_DATA:
        check_data(peer, other, frame, body);
        break;
    case GW_FRAME_ACK:
        check_ack(peer, other, frame);
        break;
    case GW_FRAME_CLOSED:
        check_closed(peer, frame);
        break;
    case GW_FRAME_SKIP:
        sim_check_skip(peer, other, frame);
        break;
    default:
        break;
    }
    use_link(peer, other, conn, frame);
}
