/* SPDX-License-Identifier: MPL-2.0 */

/* The scripted application of app.h. */

#include "app.h"

#include "rows.h"
#include "store/row.h"
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RANGE_MAX 12 /* messages in one decision of the random application */

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* --- life --- */

static void work_later(struct sim_peer *peer);
static void send_later(struct sim_peer *peer);

static void forget_transactions(struct sim_peer *peer)
{
    while (peer->app.transactions) {
        struct sim_transaction *transaction = peer->app.transactions;
        peer->app.transactions = transaction->next;
        free(transaction->items);
        free(transaction);
    }
}

void sim_app_start(struct sim_peer *peer)
{
    if (peer->world->options.send_pause_us)
        send_later(peer);
}

void sim_app_restart(struct sim_peer *peer)
{
    struct sim_app *app = &peer->app;

    if (app->transactions)
        sim_sight(peer->world, SIM_SIGHT_transaction_in_doubt, 1);
    forget_transactions(peer);
    app->count = 0;
    app->delivered = 0;
    app->settled = 0;
    app->working = false;
}

void sim_app_clear(struct sim_peer *peer)
{
    forget_transactions(peer);
    free(peer->app.items);
    peer->app.items = NULL;
}

/* --- sending --- */

static void number(struct sim_peer *peer, const struct gw_destination *destination, uint64_t epoch,
                   uint64_t sequence, uint64_t id, size_t size, const struct sim_item *origin)
{
    struct sim_world *world = peer->world;
    struct sim_epoch *book = sim_ledger_find(&world->ledger, epoch);

    if (!book)
        book = sim_ledger_draw(&world->ledger, epoch, peer->index, peer->life, destination);
    if (book->sender != peer->index || book->life != peer->life) {
        sim_fail(world, "epoch freshness: %s continues e%" PRIu64 " of an earlier open",
                 peer->name, book->number);
        return;
    }
    if (sequence != book->count + 1) {
        sim_fail(world, "%s numbers a message %" PRIu64 " after %zu", peer->name, sequence,
                 book->count);
        return;
    }
    struct sim_message *message = sim_ledger_append(&world->ledger, book, id, (uint32_t)size);
    if (origin) {
        message->origin_epoch = origin->epoch;
        message->origin_sequence = origin->sequence;
    }
}

static size_t random_size(struct sim_world *world)
{
    size_t most = world->options.body_max;

    if (sim_chance(world, 20000))
        return 0;
    return sim_between(world, 1, sim_chance(world, 100000) ? most * 8 : most);
}

size_t sim_app_send(struct sim_peer *peer, const struct gw_destination *destination, size_t count)
{
    struct sim_world *world = peer->world;
    size_t taken = 0;

    while (taken < count && !world->failed) {
        uint64_t epoch, sequence, id = world->ledger.next_id + 1;
        size_t size = random_size(world);
        uint8_t *bytes = must(malloc(size + 1));
        sim_body_fill(id, bytes, size);
        enum gw_tail_result result = gw_tail_append(
            peer->tail, destination, bytes, size, gw_random_next(&world->random), &epoch,
            &sequence);
        free(bytes);
        if (result != GW_TAIL_OK) {
            sim_sight(world, SIM_SIGHT_outbox_full, result == GW_TAIL_FULL);
            break;
        }
        world->ledger.next_id++;
        number(peer, destination, epoch, sequence, id, size, NULL);
        taken++;
    }
    if (taken)
        sim_peer_run_soon(peer);
    return taken;
}

static const struct gw_destination work = {GW_KIND_STAGE, "work"};
static const struct gw_destination done = {GW_KIND_STAGE, "done"};

static void send_burst(struct sim_world *world, void *subject, uint64_t process, uint64_t unused)
{
    struct sim_peer *peer = subject;
    uint64_t left = world->options.messages - world->sent_messages;

    (void)unused;
    if (!peer->up || peer->process != process || !peer->turn || peer->leaving || !left)
        return;
    if (peer->paused_until_us <= world->now_us) {
        uint64_t burst = sim_between(world, 1, world->options.burst);
        world->sent_messages += sim_app_send(peer, &work, burst < left ? burst : left);
    }
    send_later(peer);
}

static void send_later(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;

    if (!(world->options.senders & 1u << peer->index))
        return;
    sim_world_after(world, sim_between(world, 0, world->options.send_pause_us), send_burst, peer,
                    peer->process, 0);
}

/* --- what is in hand --- */

static bool item_before(const struct sim_item *item, uint64_t epoch, uint64_t sequence)
{
    return item->epoch != epoch ? item->epoch < epoch : item->sequence < sequence;
}

size_t sim_app_find(const struct sim_peer *peer, uint64_t epoch, uint64_t sequence)
{
    const struct sim_app *app = &peer->app;
    size_t low = 0, high = app->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (item_before(&app->items[middle], epoch, sequence))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void take(struct sim_peer *peer, const struct gw_inbound *inbound, uint64_t sequence)
{
    struct sim_app *app = &peer->app;
    size_t at = sim_app_find(peer, inbound->epoch, sequence);
    const struct sim_epoch *book = sim_ledger_find(&peer->world->ledger, inbound->epoch);

    if (app->count == app->capacity) {
        app->capacity = app->capacity ? app->capacity * 2 : 32;
        app->items = must(realloc(app->items, app->capacity * sizeof *app->items));
    }
    memmove(app->items + at + 1, app->items + at, (app->count - at) * sizeof *app->items);
    app->count++;
    app->items[at] = (struct sim_item){.epoch = inbound->epoch,
                                       .sequence = sequence,
                                       .size = sim_epoch_message(book, sequence)->size,
                                       .sender = book->sender};
}

void sim_app_deliver(struct sim_peer *peer, const struct gw_inbound *inbound)
{
    for (size_t i = 0; i < inbound->piece_count; i++) {
        for (uint64_t at = inbound->pieces[i].first; at <= inbound->pieces[i].last; at++) {
            take(peer, inbound, at);
            peer->app.delivered++;
        }
    }
    if (!peer->app.manual)
        work_later(peer);
}

static void put_down(struct sim_peer *peer, size_t at, size_t count)
{
    struct sim_app *app = &peer->app;

    app->count -= count;
    memmove(app->items + at, app->items + at + count, (app->count - at) * sizeof *app->items);
}

static struct sim_message *claim(struct sim_peer *peer, const struct sim_item *item)
{
    struct sim_message *message =
        sim_ledger_message(&peer->world->ledger, item->epoch, item->sequence);

    message->claimed_by |= (uint8_t)(1u << peer->index);
    return message;
}

static struct gw_decision decision_of(const struct sim_item *items, size_t count)
{
    struct gw_decision decision = {.epoch = items[0].epoch,
                                   .first = items[0].sequence,
                                   .last = items[count - 1].sequence};

    for (size_t i = 0; i < count; i++)
        decision.bytes += items[i].size;
    return decision;
}

static void say_decision(struct sim_peer *peer, const char *what,
                         const struct gw_decision *decision)
{
    sim_trace_begin(peer->world->trace, peer->world->now_us, peer->label,
                    "%s e%" PRIu64 " %" PRIu64 "..%" PRIu64, what,
                    sim_trace_epoch(peer->world->trace, decision->epoch), decision->first,
                    decision->last);
}

bool sim_app_decide(struct sim_peer *peer, size_t at, size_t count)
{
    struct gw_decision decision = decision_of(peer->app.items + at, count);

    for (size_t i = 0; i < count; i++)
        claim(peer, &peer->app.items[at + i]);
    put_down(peer, at, count);
    say_decision(peer, "decide", &decision);
    return sim_peer_decide(peer, &decision) == 0;
}

/* --- transactions --- */

/* Each message's key counts how often it was processed: read, then written one higher. */
static void write_keys(struct sim_peer *peer, const struct sim_item *items, size_t count,
                       struct gw_write *keys)
{
    for (size_t i = 0; i < count; i++) {
        struct gw_buffer key = {0}, value = {0};
        gw_buffer_u64(&key, items[i].epoch);
        gw_buffer_u64(&key, items[i].sequence);
        gw_buffer_u64(&value, sim_rows_effects(peer, items[i].epoch, items[i].sequence) + 1);
        gw_row_put_key(keys, SIM_SPACE, (struct gw_slice){key.data, key.size},
                       (struct gw_slice){value.data, value.size});
        gw_buffer_clear(&key);
        gw_buffer_clear(&value);
    }
}

/* One output per input, numbered in the ledger if the tail takes them. */
static bool make_outputs(struct sim_peer *peer, struct sim_transaction *transaction,
                         const struct gw_destination *onward, struct gw_tail_group *group)
{
    struct sim_world *world = peer->world;
    size_t count = transaction->count;
    uint8_t *bytes = must(malloc(count * world->options.body_max * 8 + 1));
    const void **datas = must(calloc(count, sizeof *datas));
    size_t *sizes = must(calloc(count, sizeof *sizes)), used = 0;

    for (size_t i = 0; i < count; i++) {
        sizes[i] = random_size(world);
        datas[i] = bytes + used;
        sim_body_fill(world->ledger.next_id + 1 + i, bytes + used, sizes[i]);
        used += sizes[i];
    }
    *group = (struct gw_tail_group){.destination = *onward,
                                    .datas = datas,
                                    .sizes = sizes,
                                    .count = count,
                                    .epoch_entropy = gw_random_next(&world->random)};
    bool taken = gw_tail_transaction(peer->tail, group, 1) == GW_TAIL_OK;
    for (size_t i = 0; taken && i < count; i++)
        number(peer, onward, group->batch->epoch, group->batch->first + i,
               ++world->ledger.next_id, sizes[i], &transaction->items[i]);
    free(datas);
    free(sizes);
    free(bytes);
    return taken && !world->failed;
}

static struct sim_transaction *new_transaction(struct sim_peer *peer, size_t at, size_t count)
{
    struct sim_transaction *transaction = must(calloc(1, sizeof *transaction));

    transaction->token = ++peer->app.next_token;
    transaction->count = count;
    transaction->items = must(malloc(count * sizeof *transaction->items));
    memcpy(transaction->items, peer->app.items + at, count * sizeof *transaction->items);
    return transaction;
}

bool sim_app_transact(struct sim_peer *peer, size_t at, size_t count,
                      const struct gw_destination *onward)
{
    struct sim_transaction *transaction = new_transaction(peer, at, count);
    struct gw_decision decision = decision_of(transaction->items, count);
    struct gw_tail_group group = {0};
    struct gw_write keys = {0};

    if (onward && !make_outputs(peer, transaction, onward, &group)) {
        gw_batch_drop(group.batch);
        free(transaction->items);
        free(transaction);
        return false; /* the outbox is full: later */
    }
    sim_peer_submit(peer); /* what was appended before goes first */
    write_keys(peer, transaction->items, count, &keys);
    for (size_t i = 0; i < count; i++)
        claim(peer, &transaction->items[i])->transacted = true;
    put_down(peer, at, count);
    transaction->next = peer->app.transactions;
    peer->app.transactions = transaction;
    say_decision(peer, onward ? "transact, send on" : "transact", &decision);
    struct gw_turn_transaction turn = {
        .token = transaction->token,
        .decisions = &decision,
        .decision_count = 1,
        .destinations = &group.destination,
        .batches = &group.batch,
        .batch_count = onward ? 1 : 0,
        .keys = &keys,
    };
    bool taken = sim_peer_transaction(peer, &turn) == 0;
    gw_write_clear(&keys);
    return taken;
}

/* Committed: all of it must be durable now. */
void sim_app_transaction(struct sim_peer *peer, uint64_t token)
{
    struct sim_transaction **place = &peer->app.transactions;

    while (*place && (*place)->token != token)
        place = &(*place)->next;
    struct sim_transaction *transaction = *place;
    if (!transaction) {
        sim_fail(peer->world, "%s reports a transaction that is not waiting", peer->name);
        return;
    }
    for (size_t i = 0; i < transaction->count; i++) {
        const struct sim_item *item = &transaction->items[i];
        const struct sim_message *message =
            sim_ledger_message(&peer->world->ledger, item->epoch, item->sequence);
        if (!(message->decided_by & 1u << peer->index))
            sim_fail(peer->world, "%s reports a transaction committed before it is durable",
                     peer->name);
    }
    *place = transaction->next;
    free(transaction->items);
    free(transaction);
}

/* --- working at random --- */

/* How many items from `at` on are one range. */
static size_t range_at(const struct sim_app *app, size_t at, size_t most)
{
    size_t count = 1;

    while (count < most && at + count < app->count &&
           app->items[at + count].epoch == app->items[at].epoch &&
           app->items[at + count].sequence == app->items[at].sequence + count)
        count++;
    return count;
}

static void decide_something(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;
    size_t at = sim_between(world, 0, peer->app.count - 1);
    size_t most = sim_chance(world, 500000) ? 1 : sim_between(world, 1, RANGE_MAX);
    size_t count = range_at(&peer->app, at, most);
    const struct sim_epoch *book = sim_ledger_find(&world->ledger, peer->app.items[at].epoch);
    bool onward = world->options.sinks && strcmp(book->destination.name, work.name) == 0 &&
                  sim_chance(world, 800000);

    if (sim_chance(world, world->options.transaction_chance))
        sim_app_transact(peer, at, count, onward ? &done : NULL);
    else
        sim_app_decide(peer, at, count);
}

/* The comb: all in hand, then every second message, which leaves more ranges than an ACK can hold,
 * then the rest. */
static void decide_comb(struct sim_peer *peer)
{
    struct sim_app *app = &peer->app;
    bool first = app->count == app->delivered;

    if (app->delivered < peer->world->options.messages)
        return;
    for (size_t i = app->count; i-- > 0 && !peer->world->failed;) {
        if (!first || app->items[i].sequence % 2 == 0)
            sim_app_decide(peer, i, 1);
    }
}

static void work_once(struct sim_world *world, void *subject, uint64_t life, uint64_t unused)
{
    struct sim_peer *peer = subject;

    (void)unused;
    if (!peer->turn || peer->life != life)
        return;
    peer->app.working = false;
    if (peer->leaving || !peer->app.count)
        return;
    if (peer->paused_until_us <= world->now_us) {
        if (world->options.flavour == SIM_COMB)
            decide_comb(peer);
        else
            decide_something(peer);
    }
    if (peer->app.count)
        work_later(peer);
}

static void work_later(struct sim_peer *peer)
{
    struct sim_world *world = peer->world;

    if (peer->app.working)
        return;
    peer->app.working = true;
    sim_world_after(world, sim_between(world, 0, world->options.work_us), work_once, peer,
                    peer->life, 0);
}
