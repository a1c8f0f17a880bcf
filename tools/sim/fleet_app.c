/* SPDX-License-Identifier: MPL-2.0 */

/* The application of every peer. It sends messages that say who they are, and processes what
 * arrives at once: decides it, or passes it on in one transaction with its decision. What it has
 * processed counts when the write that decides it is durable. */

#include "fleet_heap.h"
#include "fleet_world.h"

#include <stdlib.h>
#include <string.h>

struct body { /* the first bytes of each message */
    uint64_t item;
};

static uint64_t entropy(struct fleet_peer *peer)
{
    return gw_random_next(&peer->fleet->random) | 1;
}

/* --- sending --- */

static bool send_one(struct fleet_peer *peer)
{
    struct fleet *fleet = peer->fleet;
    static uint8_t bytes[GW_MESSAGE_MAX];
    struct body body = {fleet_item(peer->index, peer->sent)};
    uint64_t epoch, sequence;

    memcpy(bytes, &body, sizeof body);
    fleet_enter(peer);
    enum gw_tail_result result = gw_tail_append(peer->tail, &peer->role.to, bytes,
                                                fleet->options.size, entropy(peer), &epoch,
                                                &sequence);
    fleet_leave(peer);
    if (result != GW_TAIL_OK)
        return false;
    if (peer->numbering.epoch != epoch)
        peer->numbering =
            (struct fleet_numbering){.epoch = epoch, .base = peer->sent - sequence + 1};
    peer->sent++;
    return true;
}

void fleet_app_send(struct fleet_peer *peer, uint64_t count)
{
    if (!peer->up || !peer->role.share)
        return;
    peer->wanted += count;
    peer->fleet->wanted += count;
    fleet_peer_run_soon(peer);
}

/* As many as the tail takes; the rest when the turn has taken these. */
static void send_wanted(struct fleet_peer *peer)
{
    while (peer->wanted && send_one(peer)) {
        peer->wanted--;
        peer->fleet->wanted--;
    }
    if (peer->wanted)
        fleet_peer_run_soon(peer);
}

/* What was accepted from the application; outputs of transactions are not told here: the bits of
 * the second hop say what became of them. */
void fleet_app_stored(struct fleet_peer *peer, uint64_t epoch, uint64_t upto)
{
    struct fleet_numbering *numbering = &peer->numbering;

    if (!peer->role.share || epoch != numbering->epoch)
        return;
    for (uint64_t s = numbering->told + 1; s <= upto; s++)
        fleet_books_accept(&peer->fleet->books,
                           fleet_item(peer->index, numbering->base + s - 1));
    numbering->told = upto;
}

/* --- what arrives --- */

void fleet_app_arrived(struct fleet_peer *peer, struct gw_inbound *inbound)
{
    struct fleet_arrived *arrived = &peer->arrived;
    int64_t *book = fleet_heap_count_in(NULL);

    if (arrived->count == arrived->capacity) {
        arrived->capacity = arrived->capacity ? arrived->capacity * 2 : 4;
        arrived->items =
            fleet_must(realloc(arrived->items, arrived->capacity * sizeof *arrived->items));
    }
    arrived->items[arrived->count++] = inbound;
    fleet_peer_run_soon(peer);
    fleet_heap_count_in(book);
}

static uint64_t item_of(struct fleet *fleet, const struct gw_inbound *inbound, uint64_t sequence)
{
    uint64_t at = sequence - inbound->first;
    uint32_t begin = at ? inbound->ends[at - 1] : 0, end = inbound->ends[at];
    struct body body;

    if (end - begin != fleet->options.size) {
        fleet_fail(fleet, "a message came with %u bytes", end - begin);
        return 0;
    }
    memcpy(&body, inbound->body->data + begin, sizeof body);
    if (!fleet_books_knows(&fleet->books, body.item))
        fleet_fail(fleet, "a message came that nobody sent");
    return fleet_books_knows(&fleet->books, body.item) ? body.item : 0;
}

static void gather(struct fleet_batch *batch, uint64_t item)
{
    if (batch->count == batch->capacity) {
        batch->capacity = batch->capacity ? batch->capacity * 2 : 16;
        batch->items = fleet_must(realloc(batch->items, batch->capacity * sizeof *batch->items));
    }
    batch->items[batch->count++] = item;
}

static void process(struct fleet_peer *peer, const struct gw_inbound *inbound,
                    const struct gw_range *piece)
{
    struct fleet *fleet = peer->fleet;

    for (uint64_t s = piece->first; s <= piece->last; s++) {
        uint64_t item = item_of(fleet, inbound, s);
        if (fleet->failed)
            return;
        if (fleet_books_begin(&fleet->books, peer->role.hop, item))
            gather(&peer->gathering, item);
    }
}

static struct gw_decision decision_of(const struct gw_inbound *inbound,
                                      const struct gw_range *piece)
{
    uint64_t at = piece->first - inbound->first;
    uint32_t begin = at ? inbound->ends[at - 1] : 0;

    return (struct gw_decision){.epoch = inbound->epoch,
                                .first = piece->first,
                                .last = piece->last,
                                .bytes = inbound->ends[piece->last - inbound->first] - begin};
}

/* The same bytes to the next hop. */
static struct gw_tail_group group_of(struct fleet_peer *peer, const struct gw_inbound *inbound,
                                     const struct gw_range *piece)
{
    size_t count = piece->last - piece->first + 1;
    const void **datas = fleet_must(malloc(count * sizeof *datas));
    size_t *sizes = fleet_must(malloc(count * sizeof *sizes));
    struct gw_tail_group group = {.destination = peer->role.to,
                                  .datas = datas,
                                  .sizes = sizes,
                                  .count = count,
                                  .epoch_entropy = entropy(peer)};

    for (size_t i = 0; i < count; i++) {
        sizes[i] = peer->fleet->options.size;
        datas[i] = inbound->body->data + (piece->first - inbound->first + i) * sizes[i];
    }
    if (peer->role.replies) {
        group.destination.kind = GW_KIND_REPLY;
        memcpy(group.destination.name, inbound->sender, sizeof inbound->sender);
    }
    return group;
}

static void pass_on(struct fleet_peer *peer, const struct gw_inbound *inbound,
                    const struct gw_range *piece)
{
    struct gw_tail_group group = group_of(peer, inbound, piece);
    struct gw_decision decision = decision_of(inbound, piece);
    struct gw_turn_transaction transaction = {.token = ++peer->token,
                                              .decisions = &decision,
                                              .decision_count = 1,
                                              .destinations = &group.destination,
                                              .batches = &group.batch,
                                              .batch_count = 1};
    int error = 0;

    fleet_enter(peer);
    enum gw_tail_result result = gw_tail_transaction(peer->tail, &group, 1);
    fleet_leave(peer);
    fleet_peer_submit(peer);
    fleet_enter(peer);
    if (result == GW_TAIL_OK)
        error = gw_turn_transaction(peer->turn, peer->fleet->now_us, &transaction);
    fleet_leave(peer);
    if (result != GW_TAIL_OK)
        fleet_fail(peer->fleet, "peer %u cannot pass on what it got: the tail says %d",
                   peer->index, (int)result);
    if (error)
        fleet_after(peer, error);
    free((void *)group.datas);
    free((void *)group.sizes);
}

static void handle_piece(struct fleet_peer *peer, const struct gw_inbound *inbound,
                         const struct gw_range *piece)
{
    process(peer, inbound, piece);
    if (peer->role.passes_on) {
        pass_on(peer, inbound, piece);
        return;
    }
    struct gw_decision decision = decision_of(inbound, piece);
    fleet_enter(peer);
    int error = gw_turn_decide(peer->turn, peer->fleet->now_us, &decision);
    fleet_leave(peer);
    if (error)
        fleet_after(peer, error);
}

static void handle_arrived(struct fleet_peer *peer)
{
    for (size_t i = 0; i < peer->arrived.count; i++) {
        struct gw_inbound *inbound = peer->arrived.items[i];
        for (size_t j = 0; j < inbound->piece_count && !peer->fleet->failed; j++)
            handle_piece(peer, inbound, &inbound->pieces[j]);
        fleet_enter(peer);
        gw_inbound_destroy(&inbound);
        fleet_leave(peer);
    }
    peer->arrived.count = 0;
}

void fleet_app_run(struct fleet_peer *peer)
{
    handle_arrived(peer);
    send_wanted(peer);
}

/* --- what is durable --- */

void fleet_app_sealed(struct fleet_peer *peer)
{
    struct fleet_batch empty = peer->flying;

    peer->flying = peer->gathering;
    peer->gathering = empty;
}

void fleet_app_durable(struct fleet_peer *peer)
{
    for (size_t i = 0; i < peer->flying.count; i++)
        fleet_books_process(&peer->fleet->books, peer->role.hop, peer->flying.items[i]);
    peer->flying.count = 0;
}

void fleet_app_ended(struct fleet_peer *peer)
{
    fleet_enter(peer);
    for (size_t i = 0; i < peer->arrived.count; i++)
        gw_inbound_destroy(&peer->arrived.items[i]);
    fleet_leave(peer);
    peer->arrived.count = 0;
    peer->gathering.count = peer->flying.count = 0;
    peer->fleet->wanted -= peer->wanted;
    peer->wanted = 0;
    peer->numbering = (struct fleet_numbering){.epoch = 0};
}
