/* SPDX-License-Identifier: MPL-2.0 */

/* Committing a transaction: one look at everything under the peer's lock, so that ids, conflicts
 * and the order of submission agree; then waiting for the engine's answer. */

#include "peer/group.h"
#include "peer/helm.h"
#include "peer/outcome.h"
#include "peer/transaction.h"

#include <errno.h>

static godwit_err_t check_deliveries(const struct godwit_txn *txn)
{
    for (size_t i = 0; i < txn->input_count; i++)
        if (txn->inputs[i].delivery->run->generation != txn->peer->generation)
            return gw_error(GODWIT_ESTALE,
                            "the store was reopened meanwhile: its messages come again");
    return GODWIT_OK;
}

static godwit_err_t check_reads(const struct godwit_txn *txn)
{
    struct godwit_peer *peer = txn->peer;

    for (size_t i = 0; i < txn->read_count; i++) {
        if (!gw_versions_changed(&peer->versions, txn->reads[i].hash, txn->reads[i].stamp))
            continue;
        atomic_fetch_add_explicit(&peer->conflicts, 1, memory_order_relaxed);
        return gw_error(GODWIT_ECONFLICT,
                        "a key that the transaction read was changed: abort it, run it again");
    }
    return GODWIT_OK;
}

static godwit_err_t number_outputs(struct godwit_txn *txn, struct gw_txn_plan *plan,
                                   struct gw_patience *patience, bool *again)
{
    struct godwit_peer *peer = txn->peer;

    /* What was sent before has lower sequences, so it goes first. */
    if (gw_peer_gather(peer, UINT64_MAX) != 0)
        return gw_error_memory();
    for (size_t i = 0; i < plan->group_count; i++)
        plan->groups[i].epoch_entropy = gw_entropy_next(&peer->entropy);
    int64_t dead_bytes = (int64_t)txn->dead_bytes, dead = txn->dead.kind ? 1 : 0;
    gw_tail_dead(peer->tail, -dead, -dead_bytes); /* its room is the new message's */
    enum gw_tail_result result = plan->group_count > 0 && gw_outcomes_full(peer)
                                     ? GW_TAIL_FULL
                                     : gw_tail_transaction(peer->tail, plan->groups,
                                                           plan->group_count);
    if (result != GW_TAIL_OK)
        gw_tail_dead(peer->tail, dead, dead_bytes);
    switch (result) {
    case GW_TAIL_OK: break;
    case GW_TAIL_SHARE_FULL:
    case GW_TAIL_FULL:
        *again = true;
        patience->share = result == GW_TAIL_SHARE_FULL;
        return gw_peer_wait_space(peer, patience);
    case GW_TAIL_NOMEM: return gw_error_memory();
    case GW_TAIL_TOO_LARGE:
        return gw_error(GODWIT_ETOOLARGE, "the transaction's messages are above what the whole "
                                         "outbox may hold");
    case GW_TAIL_DESTINATIONS:
        return gw_error(GODWIT_EINVAL, "this peer sends to %d destinations already: no more",
                        GW_TAIL_DESTINATIONS_MAX);
    }
    for (size_t i = 0; i < plan->group_count; i++) {
        plan->commit.batches[i] = plan->groups[i].batch;
        plan->commit.destinations[i] = plan->groups[i].destination;
    }
    plan->commit.batch_count = plan->group_count;
    if (plan->group_count > 0) {
        plan->commit.mark_epoch = plan->groups[0].batch->epoch;
        plan->commit.mark_last = gw_batch_last(plan->groups[0].batch);
    }
    return GODWIT_OK;
}

static void queue(struct godwit_txn *txn, struct gw_commit *commit)
{
    struct godwit_peer *peer = txn->peer;
    struct gw_submission submission = {.commit = commit};

    commit->token = ++peer->last_token;
    peer->sent += txn->output_count;
    for (size_t i = 0; i < txn->write_count; i++)
        if (txn->writes[i].newest)
            gw_versions_wrote(&peer->versions, txn->writes[i].hash, commit->token);
    gw_mailbox_submit(&peer->mailbox, &submission);
}

/* With the lock. Everything is checked again after each wait for room. */
static godwit_err_t submit(struct godwit_txn *txn, struct gw_txn_plan *plan)
{
    struct godwit_peer *peer = txn->peer;
    struct gw_patience patience = {0};
    godwit_err_t error;
    bool again;

    do {
        again = false;
        if (atomic_load(&peer->closing))
            return gw_error_closed();
        if ((error = check_deliveries(txn)) || (error = check_reads(txn)))
            return error;
        if (peer->down) {
            again = true;
            error = gw_peer_wait_space(peer, &patience);
        } else {
            error = number_outputs(txn, plan, &patience, &again);
        }
    } while (again && !error);
    if (!error)
        queue(txn, &plan->commit); /* gathering left room for it */
    return error;
}

static godwit_err_t answer(const struct gw_commit *commit)
{
    if (commit->result == GODWIT_ENOTSTORED)
        return gw_error(GODWIT_ENOTSTORED, "the store failed and the transaction is not in it");
    if (commit->result == GODWIT_ESTALE)
        return gw_error(GODWIT_ESTALE, "a message that it decides was settled without it, or is "
                                       "not in hand any more: nothing of it happened");
    if (commit->result)
        return gw_error(GODWIT_EIO, "the store failed and could not be reopened before the close: "
                                   "whether the transaction is in it shows at the next open");
    return GODWIT_OK;
}

/* The handlers are done: a process that dies before the commit is stored did not die on these
 * messages. */
static void finish_deliveries(struct godwit_txn *txn)
{
    for (size_t i = 0; i < txn->input_count; i++)
        gw_delivery_finish(txn->inputs[i].delivery);
}

/* *over: the engine had it, so the transaction is not there any more, whatever the result. */
static godwit_err_t commit(struct godwit_txn *txn, struct gw_txn_plan *plan, bool *over)
{
    struct godwit_peer *peer = txn->peer;

    pthread_mutex_lock(&peer->lock);
    godwit_err_t error = submit(txn, plan);
    pthread_mutex_unlock(&peer->lock);
    if (error)
        return error;
    *over = true;
    finish_deliveries(txn);
    gw_helm_work(peer->engine, true);
    while (sem_wait(&plan->commit.done) != 0)
        continue; /* a signal handler ran */
    return answer(&plan->commit);
}

/* Only a look: all that it read must still hold. */
static godwit_err_t commit_nothing(struct godwit_txn *txn)
{
    pthread_mutex_lock(&txn->peer->lock);
    godwit_err_t error = check_reads(txn);
    pthread_mutex_unlock(&txn->peer->lock);
    return error;
}

static godwit_err_t run(struct godwit_txn *txn, bool *over, godwit_id_t *id)
{
    struct gw_txn_plan plan;
    godwit_err_t error;

    if (txn->input_count + txn->output_count + txn->write_count == 0 && !txn->dead.kind)
        return commit_nothing(txn);
    if ((error = gw_txn_plan(txn, &plan)) != GODWIT_OK)
        return error;
    error = commit(txn, &plan, over);
    *id = (godwit_id_t){plan.commit.mark_epoch, plan.commit.mark_last};
    gw_txn_plan_clear(&plan);
    return error;
}

/* True if it is on its way, and its deliveries are done with. */
static bool join(struct godwit_txn *txn)
{
    struct godwit_peer *peer = txn->peer;

    pthread_mutex_lock(&peer->lock);
    bool joined = gw_group_join(txn);
    pthread_mutex_unlock(&peer->lock);
    if (joined) {
        finish_deliveries(txn);
        gw_peer_expect(peer);
    }
    return joined;
}

godwit_err_t godwit_txn_commit_async(godwit_txn_t **txn)
{
    if (!txn || !*txn || gw_peer_enter((*txn)->peer) != GODWIT_OK)
        return godwit_txn_commit(txn); /* which says why not */
    struct godwit_peer *peer = (*txn)->peer;
    bool joined = join(*txn);
    if (joined) {
        gw_txn_destroy(*txn, true);
        *txn = NULL;
    }
    gw_peer_leave(peer);
    return joined ? GODWIT_OK : godwit_txn_commit(txn);
}

godwit_err_t godwit_txn_commit(godwit_txn_t **txn)
{
    godwit_id_t id;

    return gw_txn_commit(txn, &id);
}

godwit_err_t gw_txn_commit(struct godwit_txn **txn, godwit_id_t *id)
{
    if (!txn || !*txn)
        return gw_error(GODWIT_EINVAL, "txn is NULL: it was committed or aborted already");
    struct godwit_peer *peer = (*txn)->peer;
    bool over = false;
    godwit_err_t error = gw_peer_enter(peer);

    if (error == GODWIT_EFORK)
        return error;
    gw_peer_hold(peer); /* the transaction may hold the last reference */
    if (!error) {
        error = run(*txn, &over, id);
        if (error == GODWIT_ESTALE)
            finish_deliveries(*txn);
        gw_peer_leave(peer);
    }
    if (!error || over || error == GODWIT_ESTALE || error == GODWIT_ECLOSED) {
        gw_txn_destroy(*txn, true);
        *txn = NULL;
    }
    gw_peer_drop(peer);
    return error;
}
