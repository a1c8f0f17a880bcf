/* SPDX-License-Identifier: MPL-2.0 */

/* Headers are named bytes beside a message's own: who reads them need not understand the body.
 * Outcomes tell the sender how each message ended, exactly one for each, also after a restart,
 * until it says that it has read them. */

#include <godwit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(godwit_err_t error)
{
    if (error) {
        fprintf(stderr, "%s: %s\n", godwit_error_name(error), godwit_last_error());
        exit(1);
    }
}

static godwit_peer_t *open_peer(const char *name, bool outcomes)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    godwit_peer_t *peer;

    options.name = name;
    options.outcomes = outcomes;
    check(godwit_peer_open(&options, &peer));
    return peer;
}

static godwit_id_t push(godwit_peer_t *sender, const char *body, const char *type)
{
    godwit_message_t *message;
    godwit_id_t id;

    check(godwit_message_new(body, strlen(body), &message));
    check(godwit_message_set_header(message, "content-type", type, strlen(type)));
    check(godwit_push(sender, "print", &message, &id)); /* takes the message */
    return id;
}

/* Prints text, refuses the rest, without a look at the body. */
static void work(godwit_stage_t *stage)
{
    godwit_delivery_t *delivery;
    const void *type;
    size_t size;

    check(godwit_stage_next(stage, -1, &delivery));
    check(godwit_delivery_header(delivery, "content-type", &type, &size));
    if (size == 4 && memcmp(type, "text", 4) == 0)
        check(godwit_ack(&delivery));
    else
        check(godwit_reject(&delivery, 415, "not text"));
}

/* An outcome speaks of a range of messages: here always of the one that was sent last. */
static void tell(godwit_peer_t *sender, const char *body, godwit_id_t id)
{
    static uint64_t last;
    godwit_outcome_t outcome;

    check(godwit_outcome_next(sender, last, -1, &outcome));
    if (outcome.first.epoch == id.epoch && outcome.first.sequence == id.sequence)
        printf("%s: %s\n", body, godwit_place_name(outcome.how));
    last = outcome.number;
    check(godwit_outcome_done(sender, last)); /* read: it will not be told again */
}

int main(void)
{
    char endpoint[256];
    godwit_stage_t *stage;
    godwit_peer_t *sender = open_peer("sender", true), *worker = open_peer("worker", false);

    check(godwit_peer_bind(sender, "tcp://127.0.0.1:*"));
    check(godwit_peer_endpoint(sender, endpoint, sizeof endpoint));
    check(godwit_stage_open(worker, "print", NULL, &stage));

    godwit_id_t typo = push(sender, "Helo", "text");
    check(godwit_withdraw(sender, typo)); /* no worker has it yet: it never leaves */
    tell(sender, "Helo", typo);

    check(godwit_peer_connect(worker, endpoint));
    godwit_id_t hello = push(sender, "Hello", "text");
    work(stage);
    tell(sender, "Hello", hello);

    godwit_id_t tweet = push(sender, "tweet", "sound");
    work(stage);
    tell(sender, "tweet", tweet);

    godwit_stage_close(&stage);
    check(godwit_peer_close(&worker));
    check(godwit_peer_close(&sender));
    return 0;
}

/* Prints:
 *   Helo: withdrawn
 *   Hello: processed
 *   tweet: dead
 */
