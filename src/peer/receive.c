/* SPDX-License-Identifier: MPL-2.0 */

/* The engine between the turn and the inboxes: what arrives goes into a queue, what a sender asks
 * back comes out of it, and what the application decided or gave back reaches the turn. The turn is
 * not to be called from within its own calls, so its answers wait for gw_engine_give_back. */

#include "peer/engine.h"

#include "store/row.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what an earlier process had begun --- */

static enum gw_store_error write_begun(struct gw_engine *engine, const struct gw_begun *begun,
                                       size_t count)
{
    struct gw_write write = {0};

    for (size_t i = 0; i < count; i++) {
        struct gw_row row = {.kind = GW_ROW_CRASHED,
                             .epoch = begun[i].epoch,
                             .first = begun[i].first,
                             .last = begun[i].last,
                             .number = begun[i].number};

        gw_row_put(&write, &row);
    }
    enum gw_store_error error = GW_STORE_NOMEM;
    if (gw_write_failed(&write)) {
        snprintf(engine->why, sizeof engine->why, "out of memory");
    } else {
        error = gw_store_write(engine->store, &write, true);
        if (error)
            snprintf(engine->why, sizeof engine->why, "%s", gw_store_why(engine->store));
    }
    gw_write_clear(&write);
    return error;
}

enum gw_store_error gw_engine_adopt_marks(struct gw_engine *engine)
{
    struct godwit_peer *peer = engine->peer;
    enum gw_store_error error = GW_STORE_OK;
    struct gw_marks *marks = NULL;
    size_t count;

    if (!peer->directory || peer->marks) /* reopened: what is begun has not died */
        return GW_STORE_OK;
    int code = gw_marks_open(peer->directory, engine->options.core.store, &marks);
    if (code) {
        snprintf(engine->why, sizeof engine->why, "%.150s/" GW_MARKS_NAME " cannot be used: %s",
                 peer->directory, strerror(-code));
        return code == -ENOMEM ? GW_STORE_NOMEM : GW_STORE_IO;
    }
    const struct gw_begun *begun = gw_marks_found(marks, &count);
    if (count > 0)
        error = write_begun(engine, begun, count);
    if (error) {
        gw_marks_close(&marks); /* they stay in the file */
        return error;
    }
    gw_marks_adopt(marks);
    peer->marks = marks;
    return GW_STORE_OK;
}

/* --- from the turn to the inboxes --- */

static uint64_t bytes_of(const struct gw_inbound *inbound, const struct gw_range *range)
{
    uint64_t first = range->first - inbound->first, last = range->last - inbound->first;

    return inbound->ends[last] - (first ? inbound->ends[first - 1] : 0);
}

static int unwant(struct gw_engine *engine, const struct gw_inbound *inbound,
                  struct gw_range range)
{
    struct gw_taken_list *unwanted = &engine->unwanted;

    if (unwanted->count == unwanted->capacity) {
        size_t capacity = unwanted->capacity ? unwanted->capacity * 2 : 8;
        struct gw_taken *more = realloc(unwanted->items, capacity * sizeof *more);

        if (!more)
            return -ENOMEM;
        unwanted->items = more;
        unwanted->capacity = capacity;
    }
    unwanted->items[unwanted->count++] =
        (struct gw_taken){range, bytes_of(inbound, &range), inbound->epoch, inbound->number};
    return 0;
}

/* Gives back what is above the sequence; the rest stays in the inbound. */
static void refuse_above(struct gw_engine *engine, struct gw_inbound *inbound, uint64_t sequence)
{
    size_t kept = 0;

    for (size_t i = 0; i < inbound->piece_count; i++) {
        struct gw_range piece = inbound->pieces[i], above = piece;

        if (piece.last <= sequence) {
            inbound->pieces[kept++] = piece;
            continue;
        }
        if (piece.first <= sequence) {
            above.first = sequence + 1;
            inbound->pieces[kept++] = (struct gw_range){piece.first, sequence};
        }
        gw_engine_check(engine, unwant(engine, inbound, above));
    }
    inbound->piece_count = kept;
}

/* The lowest message of the epoch that was given back and is not known to the turn yet. With the
 * peer's lock. */
static uint64_t lowest_return(const struct godwit_peer *peer, uint64_t epoch)
{
    uint64_t lowest = UINT64_MAX;

    for (size_t i = 0; i < peer->mailbox.return_count; i++) {
        const struct gw_turn_return *back = &peer->mailbox.returns[i].what;

        if (back->epoch == epoch && back->first < lowest)
            lowest = back->first;
    }
    return lowest;
}

static void put(struct gw_engine *engine, struct godwit_inbox *inbox, struct gw_inbound *inbound)
{
    if (inbound->piece_count > 0)
        gw_engine_check(engine, gw_inbox_deliver(inbox, inbound));
    else
        gw_inbound_destroy(&inbound);
}

/* A return is either seen here, or comes when the run is in the queue and takes out of it what is
 * above: never between the two. */
static void put_in_order(struct gw_engine *engine, struct godwit_inbox *inbox,
                         struct gw_inbound *inbound)
{
    struct godwit_peer *peer = engine->peer;

    pthread_mutex_lock(&peer->lock);
    refuse_above(engine, inbound, lowest_return(peer, inbound->epoch));
    put(engine, inbox, inbound);
    pthread_mutex_unlock(&peer->lock);
}

void gw_engine_deliver(struct gw_engine *engine, struct gw_inbound *inbound)
{
    const struct gw_serving *serving = NULL;

    for (size_t i = 0; i < engine->serving_count && !serving; i++) {
        const struct gw_serving *one = &engine->servings[i];

        if (one->open && gw_destination_equal(&one->inbox->destination, &inbound->destination))
            serving = one;
    }
    if (!serving) { /* no longer, or not since this peer was opened: others may have it */
        refuse_above(engine, inbound, 0);
        gw_inbound_destroy(&inbound);
    } else if (inbound->ordered && !serving->inbox->replies) { /* replies are found by request */
        put_in_order(engine, serving->inbox, inbound);
    } else {
        put(engine, serving->inbox, inbound);
    }
}

void gw_engine_empty(struct gw_engine *engine, struct godwit_inbox *inbox)
{
    gw_engine_check(engine, gw_inbox_take_back(inbox, 0, NULL, 0, &engine->unwanted));
}

static int by_sequence(const void *a, const void *b)
{
    const struct gw_taken *left = a, *right = b;

    return left->range.first < right->range.first ? -1 : left->range.first > right->range.first;
}

static struct gw_recalled *recalled_of(const struct gw_recall *recall,
                                       const struct gw_taken_list *taken)
{
    struct gw_recalled *recalled = calloc(1, sizeof *recalled);

    if (!recalled)
        return NULL;
    recalled->answer = *recall;
    recalled->ranges = calloc(taken->count + 1, sizeof *recalled->ranges);
    recalled->bytes = calloc(taken->count + 1, sizeof *recalled->bytes);
    if (!recalled->ranges || !recalled->bytes) {
        free(recalled->ranges);
        free(recalled->bytes);
        free(recalled);
        return NULL;
    }
    for (size_t i = 0; i < taken->count; i++) {
        recalled->ranges[i] = taken->items[i].range;
        recalled->bytes[i] = taken->items[i].bytes;
    }
    recalled->answer.ranges = recalled->ranges;
    recalled->answer.count = taken->count;
    return recalled;
}

void gw_engine_recall(struct gw_engine *engine, const struct gw_recall *recall)
{
    struct gw_taken_list taken = {0};

    for (size_t i = 0; i < engine->serving_count; i++)
        gw_engine_check(engine, gw_inbox_take_back(engine->servings[i].inbox, recall->epoch,
                                                   recall->ranges, recall->count, &taken));
    if (taken.count > 1)
        qsort(taken.items, taken.count, sizeof *taken.items, by_sequence);
    struct gw_recalled *recalled = recalled_of(recall, &taken);
    gw_taken_clear(&taken);
    if (!recalled) {
        gw_engine_check(engine, -ENOMEM);
        return;
    }
    *engine->recalled_end = recalled;
    engine->recalled_end = &recalled->next;
}

/* --- from the application to the turn --- */

static void give(struct gw_engine *engine, const struct gw_taken *taken)
{
    struct gw_turn_return back = gw_release_of(taken);

    gw_engine_check(engine, gw_turn_return(engine->turn, engine->now_us, &back));
}

static struct gw_recalled *pop_recalled(struct gw_engine *engine)
{
    struct gw_recalled *first = engine->recalled;

    if (!first)
        return NULL;
    engine->recalled = first->next;
    if (!first->next)
        engine->recalled_end = &engine->recalled;
    return first;
}

static void free_recalled(struct gw_recalled *recalled)
{
    free(recalled->ranges);
    free(recalled->bytes);
    free(recalled);
}

bool gw_engine_give_back(struct gw_engine *engine)
{
    struct gw_recalled *recalled;
    bool any = engine->unwanted.count > 0 || engine->recalled;

    for (size_t i = 0; i < engine->unwanted.count && !engine->broken; i++)
        give(engine, &engine->unwanted.items[i]);
    engine->unwanted.count = 0;
    while (!engine->broken && (recalled = pop_recalled(engine)) != NULL) {
        gw_engine_check(engine, gw_turn_recalled(engine->turn, engine->now_us, &recalled->answer,
                                                 recalled->bytes));
        free_recalled(recalled);
    }
    return any;
}

void gw_engine_forget_received(struct gw_engine *engine)
{
    struct gw_recalled *recalled;

    gw_taken_clear(&engine->unwanted);
    gw_decided_clear(&engine->decided);
    free(engine->handed.items);
    engine->handed = (struct gw_handed_list){0};
    while ((recalled = pop_recalled(engine)) != NULL)
        free_recalled(recalled);
}

/* Returns how many messages that nobody waits for. */
static size_t take_acked(struct gw_engine *engine, struct godwit_inbox *inbox)
{
    size_t messages = 0;

    gw_inbox_take_acked(inbox, &engine->decided);
    for (size_t i = 0; i < engine->decided.count && !engine->broken; i++) {
        const struct gw_decision *decision = &engine->decided.items[i];

        messages += decision->last - decision->first + 1;
        gw_engine_check(engine, gw_turn_decide(engine->turn, engine->now_us, decision));
    }
    return gw_is_waited_for(&inbox->destination) ? 0 : messages;
}

static void take_begun(struct gw_engine *engine, struct godwit_inbox *inbox)
{
    gw_inbox_take_handed(inbox, &engine->handed);
    for (size_t i = 0; i < engine->handed.count && !engine->broken; i++) {
        const struct gw_handed *handed = &engine->handed.items[i];

        gw_engine_check(engine,
                        gw_turn_handed(engine->turn, engine->now_us, handed->epoch,
                                       handed->range.first, handed->range.last));
    }
}

size_t gw_engine_take_decisions(struct gw_engine *engine)
{
    struct gw_mailbox *taken = &engine->taken;
    size_t acknowledged = 0;

    if (taken->failed)
        gw_engine_check(engine, -ENOMEM);
    for (size_t i = 0; i < engine->serving_count && !engine->broken; i++)
        acknowledged += take_acked(engine, engine->servings[i].inbox);
    for (size_t i = 0; i < taken->rejection_count && !engine->broken; i++) {
        struct gw_rejection *rejection = &taken->rejections[i];

        rejection->decision.text = gw_reason(rejection->why);
        gw_engine_check(engine, gw_turn_decide(engine->turn, engine->now_us, &rejection->decision));
    }
    for (size_t i = 0; i < taken->return_count && !engine->broken; i++) {
        struct gw_giving_back *back = &taken->returns[i];

        back->what.text = gw_reason(back->why);
        gw_engine_check(engine, gw_turn_return(engine->turn, engine->now_us, &back->what));
    }
    /* What is decided by now is no news any more. */
    for (size_t i = 0; i < engine->serving_count && !engine->broken; i++)
        take_begun(engine, engine->servings[i].inbox);
    return acknowledged;
}
