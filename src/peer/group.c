/* SPDX-License-Identifier: MPL-2.0 */

/* See group.h. A transaction joins if nothing stands in its way; whatever does is told, or waited
 * for, by the commit that is waited for (commit.c). */

#include "peer/group.h"

#include "peer/inbox.h"
#include "peer/outcome.h"

#include <stdlib.h>

struct gw_group {
    struct gw_commit commit;
    struct godwit_peer *peer;
    struct gw_bundle bundle;
    struct gw_decided decided;
    size_t operations;
    size_t bytes;
};

static struct gw_group *group_of(struct gw_commit *commit)
{
    return (struct gw_group *)commit; /* its first member */
}

/* --- life --- */

static void free_group(struct gw_group *group)
{
    gw_bundle_clear(&group->bundle);
    gw_decided_clear(&group->decided);
    free(group);
}

static void over(struct gw_commit *commit)
{
    struct gw_group *group = group_of(commit);

    for (size_t i = 0; i < commit->batch_count && !commit->submitted; i++)
        gw_batch_drop(commit->batches[i]);
    group->peer->async_operations -= group->operations;
    group->peer->async_bytes -= group->bytes;
    free_group(group);
}

void gw_group_close(struct godwit_peer *peer)
{
    struct gw_group *group = peer->group;

    if (!group)
        return;
    peer->group = NULL;
    gw_bundle_finish(&group->bundle);
    group->commit.batches = group->bundle.batches;
    group->commit.destinations = group->bundle.destinations;
    group->commit.batch_count = group->bundle.count;
    group->commit.decisions = group->decided.items;
    group->commit.decision_count = group->decided.count;
    if (group->bundle.count > 0) {
        group->commit.mark_epoch = group->bundle.batches[0]->epoch;
        group->commit.mark_last = gw_batch_last(group->bundle.batches[0]);
    }
}

/* Behind all that was sent so far. NULL: no memory. */
static struct gw_group *begin(struct godwit_peer *peer)
{
    struct gw_submission submission;

    gw_group_close(peer);
    struct gw_group *group = calloc(1, sizeof *group);
    if (!group || gw_peer_gather(peer, UINT64_MAX) != 0) {
        free(group);
        return NULL;
    }
    group->peer = peer;
    group->commit.over = over;
    group->commit.token = peer->last_token + 1;
    submission = (struct gw_submission){.commit = &group->commit};
    gw_mailbox_submit(&peer->mailbox, &submission); /* gathering left room for it */
    peer->group = group;
    return group;
}

static bool is_newest(const struct godwit_peer *peer, const struct gw_group *group)
{
    const struct gw_mailbox *mailbox = &peer->mailbox;

    return mailbox->submission_count > 0 &&
           mailbox->submissions[mailbox->submission_count - 1].commit == &group->commit;
}

/* --- joining --- */

static bool may_be_joined(const struct godwit_txn *txn, const struct gw_group *group)
{
    return group && is_newest(txn->peer, group) && gw_tail_unsubmitted(txn->peer->tail) == 0 &&
           group->operations + txn->operations <= GW_TXN_OPERATIONS_MAX &&
           group->bytes + txn->output_bytes <= GW_TXN_BYTES_MAX;
}

/* Whoever runs next may read the keys, and a conflict is its caller's to handle. */
static bool is_plain(const struct godwit_txn *txn)
{
    for (size_t i = 0; i < txn->input_count; i++)
        if (txn->inputs[i].rejected ||
            txn->inputs[i].delivery->run->generation != txn->peer->generation)
            return false;
    return txn->write_count + txn->read_count == 0 && !txn->dead.kind &&
           txn->input_count + txn->output_count > 0;
}

static bool is_welcome(const struct godwit_txn *txn)
{
    const struct godwit_peer *peer = txn->peer;

    return !peer->down && !atomic_load(&peer->closing) &&
           !(txn->output_count > 0 && gw_outcomes_full(peer)) &&
           peer->async_operations + txn->operations <= GW_ASYNC_OPERATIONS_MAX &&
           peer->async_bytes + txn->output_bytes <= GW_ASYNC_BYTES_MAX;
}

static bool join_outputs(const struct godwit_txn *txn, struct gw_group *group)
{
    struct godwit_peer *peer = txn->peer;
    uint64_t epoch;

    gw_bundle_begin(&group->bundle);
    for (size_t i = 0; i < txn->output_count; i++) {
        const struct gw_txn_output *output = &txn->outputs[i];
        struct gw_slice head = {txn->bytes.data + output->at, output->head};
        struct gw_slice data = {head.data + head.size, output->size - head.size};

        if (gw_tail_join(peer->tail, &group->bundle, &output->destination, head, data,
                         peer->spare_epoch, &epoch) != GW_TAIL_OK) {
            gw_tail_unjoin(peer->tail, &group->bundle);
            return false;
        }
        gw_peer_epoch_drawn(peer, epoch);
    }
    return true;
}

/* Cannot fail: there is room. */
static void join_inputs(const struct godwit_txn *txn, struct gw_group *group)
{
    for (size_t i = 0; i < txn->input_count; i++) {
        struct gw_decision one = gw_delivery_decision(txn->inputs[i].delivery);

        gw_decided_add(&group->decided, one.epoch, (struct gw_range){one.first, one.last},
                       one.bytes);
    }
}

static void count(const struct godwit_txn *txn, struct gw_group *group)
{
    struct godwit_peer *peer = txn->peer;

    group->commit.joined++;
    group->operations += txn->operations;
    group->bytes += txn->output_bytes;
    peer->async_operations += txn->operations;
    peer->async_bytes += txn->output_bytes;
    peer->sent += txn->output_count;
}

bool gw_group_join(struct godwit_txn *txn)
{
    struct godwit_peer *peer = txn->peer;
    struct gw_group *group = peer->group;

    if (!is_plain(txn) || !is_welcome(txn))
        return false;
    if (!may_be_joined(txn, group) && !(group = begin(peer)))
        return false;
    bool first = group->commit.joined == 0;
    if (gw_decided_reserve(&group->decided, txn->input_count) != 0 || !join_outputs(txn, group)) {
        if (first) { /* it is empty, and still the newest */
            peer->mailbox.submission_count--;
            peer->group = NULL;
            free_group(group);
        }
        return false;
    }
    join_inputs(txn, group);
    count(txn, group);
    peer->last_token = group->commit.token;
    return true;
}
