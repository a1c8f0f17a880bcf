/* SPDX-License-Identifier: MPL-2.0 */

/* The working side: a worker of a stage is an inbox for the stage's destination. It has no state of
 * its own so far, so the inbox is the handle, under the pattern's type. */

#include "stage_name.h"

#include "godwit/pipeline.h"

static godwit_inbox_t *inbox_of(godwit_stage_t *stage)
{
    return (godwit_inbox_t *)stage;
}

godwit_err_t godwit_stage_open(godwit_peer_t *peer, const char *stage,
                               const godwit_stage_options_t *options, godwit_stage_t **result)
{
    godwit_inbox_options_t inbox_options = GODWIT_INBOX_OPTIONS_INIT;
    char destination[STAGE_DESTINATION_SIZE];
    godwit_inbox_t *inbox;

    if (options) {
        inbox_options.credit_messages = options->credit_messages;
        inbox_options.credit_bytes = options->credit_bytes;
        /* The two structs have one shape: a size of another version is refused below as it is. */
        if (options->size != sizeof *options)
            inbox_options.size = options->size;
    }
    godwit_err_t error = godwit_inbox_open(peer, stage_destination(stage, destination),
                                           &inbox_options, result ? &inbox : NULL);
    if (!error)
        *result = (godwit_stage_t *)inbox;
    return error;
}

godwit_err_t godwit_stage_next(godwit_stage_t *stage, int timeout_ms, godwit_delivery_t **delivery)
{
    return godwit_inbox_next(inbox_of(stage), timeout_ms, delivery);
}

godwit_err_t godwit_stage_next_many(godwit_stage_t *stage, int timeout_ms,
                                    godwit_delivery_t **deliveries, size_t capacity,
                                    size_t *count)
{
    return godwit_inbox_next_many(inbox_of(stage), timeout_ms, deliveries, capacity, count);
}

int godwit_stage_fd(godwit_stage_t *stage)
{
    return godwit_inbox_fd(inbox_of(stage));
}

void godwit_stage_close(godwit_stage_t **stage)
{
    if (!stage)
        return;
    godwit_inbox_t *inbox = inbox_of(*stage);

    *stage = NULL;
    godwit_inbox_close(&inbox);
}
