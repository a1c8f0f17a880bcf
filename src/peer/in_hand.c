/* SPDX-License-Identifier: MPL-2.0 */

/* What the application has in its hand: begun, acknowledged, freed. A message's way through a
 * worker is two short calls, next and ack, so all that happens to it in between is guarded by one
 * lock, its inbox's, and nothing here touches what other threads share without it
 * (docs/decisions/0020-cpu-per-message.md). */

#include "peer/inbox.h"

#include <stdlib.h>

/* --- runs --- */

void gw_run_shrink(struct gw_run *run, size_t count)
{
    if (atomic_fetch_sub_explicit(&run->left, count, memory_order_acq_rel) > count)
        return;
    struct godwit_peer *peer = run->peer;
    gw_inbound_destroy(&run->inbound);
    free(run);
    gw_peer_drop(peer);
}

void gw_run_leave_queue(struct gw_run *run, size_t untaken)
{
    size_t gone = untaken + run->freed;

    run->queued = false;
    run->freed = 0;
    if (gone > 0)
        gw_run_shrink(run, gone);
}

/* With the lock: so many deliveries are not there any more. True: gw_run_shrink is yet to be told,
 * without the lock. As long as the queue keeps the run, that can wait until it leaves. */
static bool lose(struct gw_run *run, size_t count)
{
    if (run->queued)
        run->freed += count;
    return !run->queued;
}

void gw_delivery_free(struct godwit_delivery *delivery)
{
    free(delivery->headers);
    gw_run_shrink(delivery->run, 1);
}

/* --- hints --- */

static void note_handed(struct gw_handed_list *list, uint64_t epoch, uint64_t sequence)
{
    struct gw_handed *last = list->count > 0 ? &list->items[list->count - 1] : NULL;

    if (last && last->epoch == epoch && last->range.last + 1 == sequence) {
        last->range.last = sequence;
        return;
    }
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct gw_handed *more = NULL;

        if (capacity <= GW_HANDED_MAX)
            more = realloc(list->items, capacity * sizeof *more);
        if (!more)
            return;
        list->items = more;
        list->capacity = capacity;
    }
    list->items[list->count++] = (struct gw_handed){epoch, {sequence, sequence}};
}

void gw_inbox_take_handed(struct godwit_inbox *inbox, struct gw_handed_list *handed)
{
    handed->count = 0;
    pthread_mutex_lock(&inbox->lock);
    if (inbox->handed.count > 0) {
        struct gw_handed_list empty = *handed;
        *handed = inbox->handed;
        inbox->handed = empty;
    }
    pthread_mutex_unlock(&inbox->lock);
}

/* --- begun and finished --- */

/* With the lock. */
static uint32_t take_mark(struct godwit_inbox *inbox, struct gw_marks *marks)
{
    return inbox->spare_count > 0 ? inbox->spare_marks[--inbox->spare_count]
                                  : gw_marks_take(marks);
}

void gw_delivery_begin(struct godwit_inbox *inbox, struct godwit_delivery *delivery)
{
    const struct gw_inbound *inbound = delivery->run->inbound;
    struct gw_marks *marks = inbox->peer->marks;
    uint64_t sequence = inbound->first + delivery->index;
    uint32_t mark = GW_MARK_NONE;

    if (marks && (mark = take_mark(inbox, marks)) != GW_MARK_NONE)
        gw_marks_write(marks, mark, inbound->epoch, sequence, inbound->number);
    delivery->mark = mark & GW_MARK_NONE;
    delivery->begun = 1;
    note_handed(&inbox->handed, inbound->epoch, sequence);
}

/* The sender should know soon of a message that failed before: its next failure may be the end of
 * this process. The others are told with whatever the engine does next. */
bool gw_delivery_is_urgent(const struct godwit_delivery *delivery)
{
    return delivery->run->inbound->redelivered || delivery->run->inbound->attempt > 1;
}

void gw_delivery_begin_late(struct godwit_delivery *delivery)
{
    struct godwit_inbox *inbox = delivery->run->inbox;
    bool wake = false;

    if (gw_forked(&inbox->peer->fork_mark))
        return;
    pthread_mutex_lock(&inbox->lock);
    if (!inbox->closing) { /* else it comes again, and nothing is charged for it */
        gw_delivery_begin(inbox, delivery);
        wake = gw_delivery_is_urgent(delivery) && gw_peer_must_wake(inbox->peer);
    }
    pthread_mutex_unlock(&inbox->lock);
    if (wake)
        gw_peer_wake(inbox->peer);
}

void gw_delivery_finish(struct godwit_delivery *delivery)
{
    if (delivery->mark == GW_MARK_NONE)
        return;
    gw_marks_unmake(delivery->run->peer->marks, delivery->mark);
    delivery->mark = GW_MARK_NONE;
}

/* The same with the lock: the slot stays here for the next message. */
static void finish(struct godwit_inbox *inbox, struct godwit_delivery *delivery)
{
    if (delivery->mark == GW_MARK_NONE)
        return;
    if (inbox->spare_count == GW_SPARE_MARKS) {
        gw_delivery_finish(delivery);
        return;
    }
    gw_marks_erase(inbox->peer->marks, delivery->mark);
    inbox->spare_marks[inbox->spare_count++] = delivery->mark;
    delivery->mark = GW_MARK_NONE;
}

/* --- acknowledged --- */

struct gw_decision gw_delivery_decision(const struct godwit_delivery *delivery)
{
    uint64_t sequence = gw_delivery_sequence(delivery);

    return (struct gw_decision){.epoch = gw_delivery_epoch(delivery),
                                .first = sequence,
                                .last = sequence,
                                .bytes = gw_delivery_end(delivery) - gw_delivery_start(delivery)};
}

/* With the lock. Neighbours, the first and the last of them. The mark goes at once, since the
 * handler is done (decision 0008). */
static godwit_err_t ack(struct godwit_inbox *inbox, struct godwit_delivery *const *deliveries,
                        size_t count)
{
    const struct godwit_delivery *first = deliveries[0], *last = deliveries[count - 1];
    struct gw_range range = {gw_delivery_sequence(first), gw_delivery_sequence(last)};
    uint64_t bytes = gw_delivery_end(last) - gw_delivery_start(first);
    godwit_err_t error = GODWIT_OK;

    /* The engine looks here once more after `closing` is set, not after that. */
    if (atomic_load(&inbox->peer->closing))
        return GODWIT_ECLOSED;
    if (first->run->generation != inbox->generation)
        error = GODWIT_ESTALE;
    else if (gw_decided_add(&inbox->acked, gw_delivery_epoch(first), range, bytes) != 0)
        return GODWIT_ENOMEM;
    for (size_t i = 0; i < count; i++)
        finish(inbox, deliveries[i]);
    return error;
}

godwit_err_t gw_inbox_ack(struct godwit_delivery **deliveries, size_t count)
{
    struct gw_run *run = deliveries[0]->run;
    struct godwit_inbox *inbox = run->inbox;
    struct godwit_peer *peer = run->peer;
    bool lazily = inbox->replies != NULL; /* nobody waits for the decision on a reply */
    bool tell = false, shrink = false;

    pthread_mutex_lock(&inbox->lock);
    godwit_err_t error = ack(inbox, deliveries, count);
    for (size_t i = 0; i < count && error != GODWIT_ENOMEM; i++) {
        free(deliveries[i]->headers);
        deliveries[i] = NULL;
    }
    if (error != GODWIT_ENOMEM)
        shrink = lose(run, count); /* if not, the run may be gone with the lock */
    if (!error)
        tell = lazily ? gw_peer_must_remind(peer) : gw_peer_must_wake(peer);
    pthread_mutex_unlock(&inbox->lock);
    if (tell && lazily)
        gw_peer_remind(peer);
    else if (tell)
        gw_peer_wake(peer);
    if (shrink)
        gw_run_shrink(run, count);
    return error;
}

void gw_inbox_take_acked(struct godwit_inbox *inbox, struct gw_decided *acked)
{
    acked->count = 0;
    pthread_mutex_lock(&inbox->lock);
    struct gw_decided empty = *acked;
    *acked = inbox->acked;
    inbox->acked = empty;
    pthread_mutex_unlock(&inbox->lock);
}
