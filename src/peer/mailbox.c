/* SPDX-License-Identifier: MPL-2.0 */

/* Two vectors and a list between the application's threads and the engine. */

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

void gw_mailbox_reset(struct gw_mailbox *mailbox)
{
    mailbox->submission_count = 0;
    mailbox->decision_count = 0;
    mailbox->commands = NULL;
    mailbox->commands_end = NULL;
}

void gw_mailbox_clear(struct gw_mailbox *mailbox)
{
    for (size_t i = 0; i < mailbox->submission_count; i++)
        gw_batch_drop(mailbox->submissions[i].batch);
    free(mailbox->submissions);
    free(mailbox->decisions);
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

int gw_mailbox_decide(struct gw_mailbox *mailbox, uint64_t epoch, uint64_t sequence,
                      uint64_t bytes)
{
    size_t oldest = mailbox->decision_count > LOOK_BACK ? mailbox->decision_count - LOOK_BACK : 0;

    for (size_t i = mailbox->decision_count; i-- > oldest;) {
        struct gw_decision *decision = &mailbox->decisions[i];

        if (decision->epoch != epoch)
            continue;
        if (decision->last + 1 == sequence)
            decision->last = sequence;
        else if (sequence + 1 == decision->first)
            decision->first = sequence;
        else
            continue;
        decision->bytes += bytes;
        return 0;
    }
    if (mailbox->decision_count == mailbox->decision_capacity &&
        grow((void **)&mailbox->decisions, &mailbox->decision_capacity,
             sizeof *mailbox->decisions) != 0)
        return -ENOMEM;
    mailbox->decisions[mailbox->decision_count++] = (struct gw_decision){
        .epoch = epoch, .first = sequence, .last = sequence, .bytes = bytes};
    return 0;
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
