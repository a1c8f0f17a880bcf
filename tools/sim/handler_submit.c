/* SPDX-License-Identifier: MPL-2.0 */

/* What the application has left for the turn: what was sent, decided, given back, and transactions.
 * The books of sim_app are kept on the way, so that the checkers see what a handler has in hand and
 * decides. */

#include "handler_inside.h"
#include "handler_libc.h"

#include "checker.h"
#include "peer/group.h"
#include "peer/inbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

/* --- transactions --- */

/* Its place in the hand; a handler that decides what it has not is told of. */
static bool find_item(struct sim_peer *peer, uint64_t epoch, uint64_t sequence, size_t *at)
{
    const struct sim_app *app = &peer->app;

    *at = sim_app_find(peer, epoch, sequence);
    if (*at < app->count && app->items[*at].epoch == epoch && app->items[*at].sequence == sequence)
        return true;
    sim_fail(peer->world, "%s decides e%" PRIu64 " %" PRIu64 ", which it has not in hand",
             peer->name, sim_trace_epoch(peer->world->trace, epoch), sequence);
    return false;
}

static void claim(struct sim_peer *peer, const struct gw_decision *decision, struct sim_item *item,
                  struct gw_write *keys)
{
    struct sim_message *message =
        sim_ledger_message(&peer->world->ledger, item->epoch, item->sequence);
    uint8_t bit = (uint8_t)(1u << peer->index);

    if (decision->rejected) {
        message->refused_by |= bit;
        message->codes[peer->index] = decision->code;
        return;
    }
    message->claimed_by |= bit;
    message->transacted_by |= bit;
    sim_app_count_effect(peer, item, keys);
}

/* Puts down what a transaction decides; the items become the transaction's. */
static void take_inputs(struct sim_peer *peer, struct gw_commit *commit,
                        struct sim_transaction *transaction)
{
    for (size_t i = 0; i < commit->decision_count; i++) {
        const struct gw_decision *decision = &commit->decisions[i];
        for (uint64_t one = decision->first; one <= decision->last; one++) {
            size_t at;
            if (!find_item(peer, decision->epoch, one, &at))
                return;
            transaction->items = must(realloc(transaction->items, (transaction->count + 1) *
                                                                      sizeof *transaction->items));
            struct sim_item *item = &transaction->items[transaction->count++];
            *item = peer->app.items[at];
            claim(peer, decision, item, &commit->keys);
            sim_app_put_down(peer, at, 1);
        }
    }
}

static void take_outputs(struct sim_peer *peer, const struct gw_commit *commit,
                         struct sim_transaction *transaction)
{
    transaction->outputs = must(calloc(commit->batch_count + 1, sizeof *transaction->outputs));
    for (size_t i = 0; i < commit->batch_count; i++) {
        const struct gw_batch *batch = commit->batches[i];
        handler_book_batch(peer, &commit->destinations[i], batch, transaction);
        sim_peer_submitted(peer, batch);
        transaction->outputs[transaction->output_count++] =
            (struct sim_output){batch->epoch, batch->first, gw_batch_last(batch)};
    }
}

static void say(struct sim_peer *peer, const struct gw_commit *commit)
{
    struct sim_trace *trace = peer->world->trace;

    sim_trace_begin(trace, peer->world->now_us, peer->label, "transaction %" PRIu64,
                    commit->token);
    for (size_t i = 0; i < commit->decision_count; i++)
        sim_trace_effect(trace, "%s e%" PRIu64 " %" PRIu64 "..%" PRIu64,
                         commit->decisions[i].rejected ? "reject" : "ack",
                         sim_trace_epoch(trace, commit->decisions[i].epoch),
                         commit->decisions[i].first, commit->decisions[i].last);
    for (size_t i = 0; i < commit->batch_count; i++)
        sim_trace_effect(trace, "send %s e%" PRIu64 " %" PRIu64 "..%" PRIu64,
                         commit->destinations[i].name,
                         sim_trace_epoch(trace, commit->batches[i]->epoch),
                         commit->batches[i]->first, gw_batch_last(commit->batches[i]));
}

static void submit_commit(struct handler_process *process, struct gw_commit *commit)
{
    struct sim_peer *peer = process->sim;
    struct sim_transaction *transaction = must(calloc(1, sizeof *transaction));

    transaction->token = commit->token;
    transaction->next = peer->app.transactions;
    peer->app.transactions = transaction;
    commit->next = NULL;
    *process->commits_end = commit;
    process->commits_end = &commit->next;
    say(peer, commit);
    take_inputs(peer, commit, transaction);
    if (!peer->world->failed)
        take_outputs(peer, commit, transaction);
    if (peer->world->failed)
        return;
    commit->submitted = true;
    sim_peer_transaction(peer, &(struct gw_turn_transaction){
                                   .token = commit->token,
                                   .decisions = commit->decisions,
                                   .decision_count = commit->decision_count,
                                   .destinations = commit->destinations,
                                   .batches = commit->batches,
                                   .batch_count = commit->batch_count,
                                   .keys = &commit->keys,
                               });
}

/* --- what the application left --- */

static void submit(struct handler_process *process, struct gw_submission *submission)
{
    if (submission->commit) {
        submit_commit(process, submission->commit);
        return;
    }
    handler_book_batch(process->sim, &submission->destination, submission->batch, NULL);
    if (process->sim->world->failed)
        gw_batch_drop(submission->batch);
    else
        sim_peer_submit_batch(process->sim, &submission->destination, submission->batch);
}

static void decide(struct sim_peer *peer, const struct gw_decision *decision)
{
    for (uint64_t one = decision->first; one <= decision->last && !peer->world->failed; one++) {
        size_t at;
        if (!find_item(peer, decision->epoch, one, &at))
            return;
        if (decision->rejected)
            sim_app_reject(peer, at, decision->code);
        else
            sim_app_decide(peer, at, 1);
    }
}

static void give_back(struct sim_peer *peer, const struct gw_turn_return *back)
{
    for (uint64_t one = back->first; one <= back->last && !peer->world->failed; one++) {
        size_t at;
        if (!find_item(peer, back->epoch, one, &at))
            return;
        sim_sight(peer->world, SIM_SIGHT_nack, back->kind == GW_RETURN_NACK);
        sim_app_return(peer, at, 1, (enum gw_return_kind)back->kind, back->delay_ms);
    }
}

static void take_acked(struct sim_peer *sim, struct godwit_peer *peer)
{
    struct gw_decided acked = {0};

    for (size_t i = 0; i < peer->inbox_count; i++) {
        gw_inbox_take_acked(peer->inboxes[i], &acked);
        for (size_t at = 0; at < acked.count && !sim->world->failed; at++)
            decide(sim, &acked.items[at]);
        gw_decided_clear(&acked);
    }
}

/* The hints are no news: gw_marks_write has told the turn. */
static void forget_hints(struct godwit_peer *peer)
{
    struct gw_handed_list handed = {0};

    for (size_t i = 0; i < peer->inbox_count; i++) {
        gw_inbox_take_handed(peer->inboxes[i], &handed);
        free(handed.items);
        handed = (struct gw_handed_list){0};
    }
}

void handler_shell_submit(struct sim_peer *sim)
{
    struct handler_process *process = handler_shell_enter(sim);
    struct godwit_peer *peer = process->peer;
    const struct sim_world *world = sim->world;

    if (!peer)
        return;
    handler_shell_commands(process);
    pthread_mutex_lock(&peer->lock);
    if (gw_peer_gather(peer, UINT64_MAX) != 0)
        abort();
    gw_group_close(peer);
    struct gw_mailbox taken = peer->mailbox;
    peer->mailbox = (struct gw_mailbox){0};
    atomic_store(&peer->notified, false);
    atomic_store(&peer->reminded, false);
    atomic_store(&peer->expected, false);
    pthread_mutex_unlock(&peer->lock);
    size_t at = 0;
    while (at < taken.submission_count && !world->failed)
        submit(process, &taken.submissions[at++]);
    memmove(taken.submissions, taken.submissions + at,
            (taken.submission_count - at) * sizeof *taken.submissions);
    taken.submission_count -= at;
    take_acked(sim, peer);
    for (size_t i = 0; i < taken.rejection_count && !world->failed; i++)
        decide(sim, &taken.rejections[i].decision);
    for (size_t i = 0; i < taken.return_count && !world->failed; i++)
        give_back(sim, &taken.returns[i].what);
    gw_mailbox_clear(&taken);
    forget_hints(peer);
    if (peer->space_waiters > 0)
        pthread_cond_broadcast(&peer->space);
}
