/* SPDX-License-Identifier: MPL-2.0 */

/* Vectors and a list between the application's threads and the engine. */

#include "peer/mailbox.h"

#include <errno.h>
#include <stdlib.h>

/* Threads that ack in turn leave interleaved sequences: looking back a little joins them. */
#define LOOK_BACK 4

static int grow(void **items, size_t *capacity, size_t item_size)
{
    size_t wanted = *capacity ? *capacity * 2 : 16;
    void *more = realloc(*items, wanted * item_size);

    if (!more)
        return -ENOMEM;
    *items = more;
    *capacity = wanted;
    return 0;
}

void gw_mailbox_forget(struct gw_mailbox *mailbox)
{
    mailbox->rejection_count = 0;
    mailbox->return_count = 0;
    mailbox->failed = false;
}

void gw_commit_done(struct gw_commit *commit)
{
    if (commit->over)
        commit->over(commit);
    else
        sem_post(&commit->done); /* with that it is gone */
}

void gw_mailbox_reset(struct gw_mailbox *mailbox)
{
    mailbox->submission_count = 0;
    gw_mailbox_forget(mailbox);
    mailbox->commands = NULL;
    mailbox->commands_end = NULL;
}

void gw_mailbox_clear(struct gw_mailbox *mailbox)
{
    for (size_t i = 0; i < mailbox->submission_count; i++)
        gw_batch_drop(mailbox->submissions[i].batch);
    free(mailbox->submissions);
    free(mailbox->rejections);
    free(mailbox->returns);
    *mailbox = (struct gw_mailbox){0};
}

int gw_mailbox_reserve(struct gw_mailbox *mailbox)
{
    if (mailbox->submission_count < mailbox->submission_capacity)
        return 0;
    return grow((void **)&mailbox->submissions, &mailbox->submission_capacity,
                sizeof *mailbox->submissions);
}

void gw_mailbox_submit(struct gw_mailbox *mailbox, const struct gw_submission *submission)
{
    mailbox->submissions[mailbox->submission_count++] = *submission;
}

int gw_decided_add(struct gw_decided *decided, uint64_t epoch, struct gw_range range,
                   uint64_t bytes)
{
    size_t oldest = decided->count > LOOK_BACK ? decided->count - LOOK_BACK : 0;

    for (size_t i = decided->count; i-- > oldest;) {
        struct gw_decision *decision = &decided->items[i];

        if (decision->epoch != epoch)
            continue;
        if (decision->last + 1 == range.first)
            decision->last = range.last;
        else if (range.last + 1 == decision->first)
            decision->first = range.first;
        else
            continue;
        decision->bytes += bytes;
        return 0;
    }
    if (decided->count == decided->capacity &&
        grow((void **)&decided->items, &decided->capacity, sizeof *decided->items) != 0)
        return -ENOMEM;
    decided->items[decided->count++] = (struct gw_decision){
        .epoch = epoch, .first = range.first, .last = range.last, .bytes = bytes};
    return 0;
}

int gw_decided_reserve(struct gw_decided *decided, size_t more)
{
    while (decided->capacity - decided->count < more)
        if (grow((void **)&decided->items, &decided->capacity, sizeof *decided->items) != 0)
            return -ENOMEM;
    return 0;
}

void gw_decided_clear(struct gw_decided *decided)
{
    free(decided->items);
    *decided = (struct gw_decided){0};
}

size_t gw_reason_copy(char to[GW_TEXT_MAX + 1], const char *why)
{
    size_t size = 0;

    for (; why && why[size] && size < GW_TEXT_MAX; size++)
        to[size] = why[size] >= ' ' && why[size] <= '~' ? why[size] : '?';
    to[size] = '\0';
    return size;
}

int gw_mailbox_reject(struct gw_mailbox *mailbox, const struct gw_decision *decision,
                      const char *why)
{
    if (mailbox->rejection_count == mailbox->rejection_capacity &&
        grow((void **)&mailbox->rejections, &mailbox->rejection_capacity,
             sizeof *mailbox->rejections) != 0)
        return -ENOMEM;
    struct gw_rejection *rejection = &mailbox->rejections[mailbox->rejection_count++];
    rejection->decision = *decision;
    rejection->decision.rejected = true;
    rejection->decision.text = NULL;
    gw_reason_copy(rejection->why, why);
    return 0;
}

int gw_mailbox_return(struct gw_mailbox *mailbox, const struct gw_turn_return *what,
                      const char *why)
{
    if (mailbox->return_count == mailbox->return_capacity &&
        grow((void **)&mailbox->returns, &mailbox->return_capacity,
             sizeof *mailbox->returns) != 0)
        return -ENOMEM;
    struct gw_giving_back *back = &mailbox->returns[mailbox->return_count++];
    back->what = *what;
    back->what.text = NULL;
    gw_reason_copy(back->why, why);
    return 0;
}

struct gw_turn_return gw_release_of(const struct gw_taken *taken)
{
    return (struct gw_turn_return){
        .epoch = taken->epoch,
        .first = taken->range.first,
        .last = taken->range.last,
        .bytes = taken->bytes,
        .number = taken->number,
        .kind = GW_RETURN_RELEASE,
    };
}

void gw_mailbox_command(struct gw_mailbox *mailbox, struct gw_command *command)
{
    command->next = NULL;
    if (mailbox->commands_end)
        *mailbox->commands_end = command;
    else
        mailbox->commands = command;
    mailbox->commands_end = &command->next;
}
