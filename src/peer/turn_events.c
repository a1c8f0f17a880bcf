/* SPDX-License-Identifier: MPL-2.0 */
/* What the application does, as events of the core. */

#include "peer/turn_inside.h"
#include <errno.h>

static int serve_event(struct gw_turn *turn, uint64_t now_us, enum gw_event_type type,
                       const struct gw_destination *destination, uint64_t messages, uint64_t bytes)
{
    struct gw_event event = {.type = (uint8_t)type};
    event.u.serve.destination = *destination;
    event.u.serve.credit_messages = messages;
    event.u.serve.credit_bytes = bytes;
    return gw_turn_step(turn, now_us, &event);
}

int gw_turn_serve(struct gw_turn *turn, uint64_t now_us, const struct gw_destination *destination,
                  uint64_t credit_messages, uint64_t credit_bytes)
{
    return serve_event(turn, now_us, GW_EVENT_SERVE, destination, credit_messages, credit_bytes);
}

int gw_turn_unserve(struct gw_turn *turn, uint64_t now_us, const struct gw_destination *destination)
{
    return serve_event(turn, now_us, GW_EVENT_UNSERVE, destination, 0, 0);
}

int gw_turn_batch(struct gw_turn *turn, uint64_t now_us, const struct gw_destination *destination,
                  struct gw_batch *batch)
{
    struct gw_event event = {.type = GW_EVENT_BATCH};
    event.u.batch.destination = *destination;
    event.u.batch.batch = batch;
    if (turn->broken)
        gw_batch_drop(batch);
    return gw_turn_step(turn, now_us, &event);
}

int gw_turn_decide(struct gw_turn *turn, uint64_t now_us, const struct gw_decision *decision)
{
    struct gw_event event = {.type = GW_EVENT_DECIDE};
    event.u.decide = *decision;
    return gw_turn_step(turn, now_us, &event);
}

static void append_keys(struct gw_write *write, const struct gw_write *keys)
{
    for (size_t i = 0; keys && i < keys->count; i++) {
        const struct gw_write_op *op = &keys->ops[i];
        struct gw_slice key = {keys->bytes.data + op->key, op->key_size};
        struct gw_slice value = {keys->bytes.data + op->value, op->value_size};
        if (op->put)
            gw_write_put(write, key, value);
        else
            gw_write_delete(write, key);
    }
}

int gw_turn_transaction(struct gw_turn *turn, uint64_t now_us,
                        const struct gw_turn_transaction *transaction)
{
    if (turn->broken) {
        for (size_t i = 0; i < transaction->batch_count; i++)
            gw_batch_drop(transaction->batches[i]);
        return -EIO;
    }
    if (gw_core_may_decide(turn->core, transaction->decisions, transaction->decision_count))
        append_keys(&turn->writes[turn->filling], transaction->keys);
    struct gw_event event = {.type = GW_EVENT_TRANSACTION};
    event.u.transaction.token = transaction->token;
    event.u.transaction.decisions = transaction->decisions;
    event.u.transaction.decision_count = transaction->decision_count;
    event.u.transaction.destinations = transaction->destinations;
    event.u.transaction.batches = transaction->batches;
    event.u.transaction.batch_count = transaction->batch_count;
    return gw_turn_step(turn, now_us, &event);
}

int gw_turn_handed(struct gw_turn *turn, uint64_t now_us, uint64_t epoch, uint64_t first,
                   uint64_t last)
{
    struct gw_event event = {.type = GW_EVENT_HANDED};
    event.u.handed.epoch = epoch;
    event.u.handed.first = first;
    event.u.handed.last = last;
    return gw_turn_step(turn, now_us, &event);
}

int gw_turn_return(struct gw_turn *turn, uint64_t now_us, const struct gw_turn_return *back)
{
    struct gw_event event = {.type = GW_EVENT_RETURN};
    event.u.give_back.epoch = back->epoch;
    event.u.give_back.first = back->first;
    event.u.give_back.last = back->last;
    event.u.give_back.bytes = back->bytes;
    event.u.give_back.number = back->number;
    event.u.give_back.kind = back->kind;
    event.u.give_back.delay_ms = back->delay_ms;
    event.u.give_back.text = back->text;
    return gw_turn_step(turn, now_us, &event);
}

int gw_turn_recalled(struct gw_turn *turn, uint64_t now_us, const struct gw_recall *recall,
                     const uint64_t *bytes)
{
    struct gw_event event = {.type = GW_EVENT_RECALLED};
    event.u.recalled.epoch = recall->epoch;
    event.u.recalled.number = recall->number;
    event.u.recalled.purpose = recall->purpose;
    event.u.recalled.code = recall->code;
    event.u.recalled.pieces = recall->ranges;
    event.u.recalled.bytes = bytes;
    event.u.recalled.count = recall->count;
    return gw_turn_step(turn, now_us, &event);
}

int gw_turn_policy(struct gw_turn *turn, uint64_t now_us, const struct gw_destination *destination,
                   const struct gw_policy *policy)
{
    struct gw_event event = {.type = GW_EVENT_POLICY};
    event.u.policy.destination = *destination;
    event.u.policy.policy = *policy;
    return gw_turn_step(turn, now_us, &event);
}

int gw_turn_withdraw(struct gw_turn *turn, uint64_t now_us, uint64_t epoch, uint64_t sequence,
                     enum gw_withdrawal code)
{
    struct gw_event event = {.type = GW_EVENT_WITHDRAW};
    event.u.withdraw.epoch = epoch;
    event.u.withdraw.sequence = sequence;
    event.u.withdraw.code = code;
    return gw_turn_step(turn, now_us, &event);
}

int gw_turn_forfeit(struct gw_turn *turn, uint64_t now_us, const char *peer)
{
    struct gw_event event = {.type = GW_EVENT_FORFEIT};
    event.u.forfeit.peer = peer;
    return gw_turn_step(turn, now_us, &event);
}

int gw_turn_retire(struct gw_turn *turn, uint64_t now_us, uint64_t epoch)
{
    struct gw_event event = {.type = GW_EVENT_RETIRE};
    event.u.retire = epoch;
    return gw_turn_step(turn, now_us, &event);
}

void gw_turn_find(const struct gw_turn *turn, uint64_t epoch, uint64_t sequence,
                  struct gw_whereabouts *found)
{
    gw_core_find(turn->core, epoch, sequence, found);
}
