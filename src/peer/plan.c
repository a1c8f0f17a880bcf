/* SPDX-License-Identifier: MPL-2.0 */

/* From a transaction's lists to what tail and turn take: decisions as ranges, outputs as one group
 * per destination, keys as rows. */

#include "peer/transaction.h"

#include "store/row.h"

#include <stdlib.h>

static int by_id(const void *a, const void *b)
{
    const struct gw_decision *left = a, *right = b;

    if (left->epoch != right->epoch)
        return left->epoch < right->epoch ? -1 : 1;
    return left->first < right->first ? -1 : left->first > right->first;
}

static struct gw_decision decision_of(const struct godwit_txn *txn,
                                      const struct gw_txn_input *input)
{
    struct gw_decision decision = gw_delivery_decision(input->delivery);

    if (input->rejected) {
        decision.rejected = true;
        decision.code = input->code;
        decision.text = gw_reason((const char *)txn->bytes.data + input->why);
    }
    return decision;
}

static bool joins(const struct gw_decision *last, const struct gw_decision *next)
{
    return last->epoch == next->epoch && last->last + 1 == next->first && !last->rejected &&
           !next->rejected;
}

static godwit_err_t plan_decisions(const struct godwit_txn *txn, struct gw_commit *commit)
{
    struct gw_decision *decisions = calloc(txn->input_count + 1, sizeof *decisions);
    size_t kept = 0;

    if (!decisions)
        return gw_error_memory();
    for (size_t i = 0; i < txn->input_count; i++)
        decisions[i] = decision_of(txn, &txn->inputs[i]);
    qsort(decisions, txn->input_count, sizeof *decisions, by_id);
    for (size_t i = 0; i < txn->input_count; i++) {
        struct gw_decision *last = kept > 0 ? &decisions[kept - 1] : NULL;

        if (last && joins(last, &decisions[i])) {
            last->last = decisions[i].last;
            last->bytes += decisions[i].bytes;
        } else {
            decisions[kept++] = decisions[i];
        }
    }
    commit->decisions = decisions;
    commit->decision_count = kept;
    return GODWIT_OK;
}

/* Gives each output its group, and counts them. */
static void assign_groups(struct godwit_txn *txn, struct gw_txn_plan *plan)
{
    for (size_t i = 0; i < txn->output_count; i++) {
        struct gw_txn_output *output = &txn->outputs[i];
        size_t at = plan->group_count;

        while (at > 0 && !gw_destination_equal(&plan->groups[at - 1].destination,
                                               &output->destination))
            at--;
        if (at == 0) {
            at = ++plan->group_count;
            plan->groups[at - 1].destination = output->destination;
        }
        output->group = at - 1;
        plan->groups[at - 1].count++;
    }
}

static godwit_err_t plan_outputs(struct godwit_txn *txn, struct gw_txn_plan *plan)
{
    size_t count = txn->output_count, at = 0;

    if (count == 0)
        return GODWIT_OK;
    plan->groups = calloc(count, sizeof *plan->groups);
    plan->datas = calloc(count, sizeof *plan->datas);
    plan->sizes = calloc(count, sizeof *plan->sizes);
    plan->heads = calloc(count, sizeof *plan->heads);
    if (!plan->groups || !plan->datas || !plan->sizes || !plan->heads)
        return gw_error_memory();
    assign_groups(txn, plan);
    for (size_t i = 0; i < plan->group_count; i++) {
        plan->groups[i].datas = plan->datas + at;
        plan->groups[i].sizes = plan->sizes + at;
        at += plan->groups[i].count;
        plan->groups[i].count = 0; /* filled below */
    }
    for (size_t i = 0; i < count; i++) {
        const struct gw_txn_output *output = &txn->outputs[i];
        struct gw_tail_group *group = &plan->groups[output->group];
        size_t place = (size_t)(group->sizes - plan->sizes) + group->count++;

        plan->datas[place] = txn->bytes.data + output->at;
        plan->sizes[place] = output->size;
        plan->heads[place] = output->head;
        if (output->head > 0)
            group->heads = plan->heads + (group->sizes - plan->sizes);
    }
    plan->commit.batches = calloc(plan->group_count, sizeof(struct gw_batch *));
    plan->commit.destinations = calloc(plan->group_count, sizeof *plan->commit.destinations);
    return plan->commit.batches && plan->commit.destinations ? GODWIT_OK : gw_error_memory();
}

static godwit_err_t plan_keys(const struct godwit_txn *txn, struct gw_write *keys)
{
    for (size_t i = 0; i < txn->write_count; i++) {
        const struct gw_txn_write *write = &txn->writes[i];
        const uint8_t *space = txn->bytes.data + write->space;
        struct gw_slice key = {space + write->space_size, write->key_size};
        struct gw_slice value = {txn->bytes.data + write->value, write->value_size};

        if (!write->newest)
            continue;
        if (write->put)
            gw_row_put_key(keys, (const char *)space, key, value);
        else
            gw_row_delete_key(keys, (const char *)space, key);
    }
    if (txn->dead.kind)
        gw_row_delete(keys, &txn->dead);
    return gw_write_failed(keys) ? gw_error_memory() : GODWIT_OK;
}

godwit_err_t gw_txn_plan(struct godwit_txn *txn, struct gw_txn_plan *plan)
{
    godwit_err_t error;

    *plan = (struct gw_txn_plan){0};
    sem_init(&plan->commit.done, 0, 0);
    if ((error = plan_decisions(txn, &plan->commit)) || (error = plan_outputs(txn, plan)) ||
        (error = plan_keys(txn, &plan->commit.keys)))
        gw_txn_plan_clear(plan);
    return error;
}

void gw_txn_plan_clear(struct gw_txn_plan *plan)
{
    struct gw_commit *commit = &plan->commit;

    for (size_t i = 0; i < commit->batch_count && !commit->submitted; i++)
        gw_batch_drop(commit->batches[i]);
    free(commit->decisions);
    free(commit->destinations);
    free(commit->batches);
    gw_write_clear(&commit->keys);
    sem_destroy(&commit->done);
    free(plan->groups);
    free(plan->datas);
    free(plan->sizes);
    free(plan->heads);
}
