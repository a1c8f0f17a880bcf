/* SPDX-License-Identifier: MPL-2.0 */

/* How handlers end: by a decision, or by a transaction. */

#include "app.h"

#include "checker.h"
#include "core/state.h"
#include "rows.h"
#include "store/row.h"
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static struct sim_message *message_of(const struct sim_peer *peer, const struct sim_item *item)
{
    return sim_ledger_message(&peer->world->ledger, item->epoch, item->sequence);
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

    for (size_t i = at; i < at + count; i++)
        message_of(peer, &peer->app.items[i])->claimed_by |= (sim_set)(1u << peer->index);
    sim_app_put_down(peer, at, count);
    say_decision(peer, "decide", &decision);
    return sim_peer_decide(peer, &decision) == 0;
}

bool sim_app_reject(struct sim_peer *peer, size_t at, uint32_t code)
{
    struct gw_decision decision = decision_of(peer->app.items + at, 1);
    struct sim_message *message = message_of(peer, &peer->app.items[at]);

    decision.rejected = true;
    decision.code = code;
    decision.text = "never";
    message->refused_by |= (sim_set)(1u << peer->index);
    message->codes[peer->index] = code;
    sim_app_put_down(peer, at, 1);
    say_decision(peer, "reject", &decision);
    return sim_peer_decide(peer, &decision) == 0;
}

/* --- transactions --- */

static void free_transaction(struct sim_transaction *transaction)
{
    if (!transaction)
        return;
    free(transaction->items);
    free(transaction->outputs);
    free(transaction);
}

void sim_app_forget_transactions(struct sim_peer *peer)
{
    while (peer->app.transactions) {
        struct sim_transaction *transaction = peer->app.transactions;
        peer->app.transactions = transaction->next;
        free_transaction(transaction);
    }
}

/* Each message's key counts how often it was processed: read, then written one higher. */
void sim_app_count_effect(struct sim_peer *peer, const struct sim_item *item,
                          struct gw_write *keys)
{
    struct gw_buffer key = {0}, value = {0};

    gw_buffer_u64(&key, item->epoch);
    gw_buffer_u64(&key, item->sequence);
    gw_buffer_u64(&value, sim_rows_effects(peer, item->epoch, item->sequence) + 1);
    gw_row_put_key(keys, SIM_SPACE, (struct gw_slice){key.data, key.size},
                   (struct gw_slice){value.data, value.size});
    gw_buffer_clear(&key);
    gw_buffer_clear(&value);
}

static void number_outputs(struct sim_peer *peer, struct sim_transaction *transaction,
                           const struct gw_tail_group *group)
{
    transaction->outputs = must(malloc(sizeof *transaction->outputs));
    transaction->outputs[0] = (struct sim_output){group->batch->epoch, group->batch->first,
                                                  gw_batch_last(group->batch)};
    transaction->output_count = 1;
    for (size_t i = 0; i < transaction->count; i++)
        sim_app_number(peer, &group->destination, group->batch->epoch, group->batch->first + i,
                       ++peer->world->ledger.next_id, group->sizes[i], &transaction->items[i]);
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
        sizes[i] = sim_app_random_size(world, sim_lot(peer, SIM_LOT_WORK));
        datas[i] = bytes + used;
        sim_body_fill(world->ledger.next_id + 1 + i, bytes + used, sizes[i]);
        used += sizes[i];
    }
    *group = (struct gw_tail_group){.destination = *onward,
                                    .datas = datas,
                                    .sizes = sizes,
                                    .count = count,
                                    .epoch_entropy = sim_draw(sim_lot(peer, SIM_LOT_SECRETS))};
    bool taken = gw_tail_transaction(peer->tail, group, 1) == GW_TAIL_OK;
    if (taken)
        number_outputs(peer, transaction, group);
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

static void claim_all(struct sim_peer *peer, const struct sim_transaction *transaction)
{
    for (size_t i = 0; i < transaction->count; i++) {
        struct sim_message *message = message_of(peer, &transaction->items[i]);
        message->claimed_by |= (sim_set)(1u << peer->index);
        message->transacted_by |= (sim_set)(1u << peer->index);
    }
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
        free_transaction(transaction);
        return false; /* the outbox is full: later */
    }
    sim_peer_submit(peer); /* what was appended before goes first */
    for (size_t i = 0; i < count; i++)
        sim_app_count_effect(peer, &transaction->items[i], &keys);
    claim_all(peer, transaction);
    sim_app_put_down(peer, at, count);
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
    if (onward)
        sim_peer_submitted(peer, group.batch);
    bool taken = sim_peer_transaction(peer, &turn) == 0;
    gw_write_clear(&keys);
    return taken;
}

/* Takes it out of the list of those that wait. */
static struct sim_transaction *take_transaction(struct sim_peer *peer, uint64_t token)
{
    struct sim_transaction **place = &peer->app.transactions;

    while (*place && (*place)->token != token)
        place = &(*place)->next;
    struct sim_transaction *transaction = *place;
    if (transaction)
        *place = transaction->next;
    else
        sim_fail(peer->world, "%s reports a transaction that is not waiting", peer->name);
    return transaction;
}

/* Committed: all of it must be durable now. */
void sim_app_transaction(struct sim_peer *peer, uint64_t token)
{
    struct sim_transaction *transaction = take_transaction(peer, token);

    for (size_t i = 0; transaction && i < transaction->count; i++) {
        const struct sim_item *item = &transaction->items[i];
        const struct sim_message *message = message_of(peer, item);
        if (!((message->decided_by | message->rejected_by) >> peer->index & 1) &&
            !sim_rows_decided(peer, item->epoch, item->sequence, item->sequence))
            sim_fail(peer->world, "%s reports a transaction committed before it is durable",
                     peer->name);
    }
    free_transaction(transaction);
}

static void cancel(struct sim_peer *peer, const struct sim_output *output)
{
    for (uint64_t at = output->first; at <= output->last; at++) {
        struct sim_message *message = sim_ledger_message(&peer->world->ledger, output->epoch, at);
        message->wanted = GW_WITHDRAW_CANCELLED;
        message->wanted_life = peer->life;
        message->origin_epoch = 0;
    }
}

/* What lies below the floor was settled without it, and is not given back. */
static bool comes_again(const struct sim_peer *peer, const struct sim_item *item)
{
    const struct gw_window *window =
        gw_map_get(&gw_turn_core(peer->turn)->windows, item->epoch);

    return window && item->sequence >= window->floor;
}

/* Its outputs end unsent, its other inputs go back. */
static void undo(struct sim_peer *peer, const struct sim_transaction *transaction)
{
    sim_set others = (sim_set)~(1u << peer->index);

    for (size_t i = 0; i < transaction->count; i++) {
        struct sim_message *message = message_of(peer, &transaction->items[i]);
        message->claimed_by &= others;
        message->refused_by &= others;
        message->transacted_by &= others;
        message->held_by &= others;
        message->at[peer->index].number = 0;
        if (comes_again(peer, &transaction->items[i]))
            sim_app_hold_back(peer, &transaction->items[i]);
    }
    for (size_t i = 0; i < transaction->output_count; i++)
        cancel(peer, &transaction->outputs[i]);
}

/* Rule 14: an input moved on, so nothing of it counts. */
void sim_app_stale(struct sim_peer *peer, uint64_t token)
{
    struct sim_transaction *transaction = take_transaction(peer, token);
    bool stale = false;

    if (!transaction)
        return;
    for (size_t i = 0; i < transaction->count; i++) {
        const struct sim_item *item = &transaction->items[i];
        stale = stale || sim_is_stale(peer, item->epoch, message_of(peer, item));
    }
    if (!stale)
        sim_fail(peer->world, "%s refuses a transaction of which no input moved on", peer->name);
    sim_sight(peer->world, SIM_SIGHT_stale_transaction, 1);
    undo(peer, transaction);
    free_transaction(transaction);
}
