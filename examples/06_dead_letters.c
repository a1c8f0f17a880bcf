/* SPDX-License-Identifier: MPL-2.0 */

/* A message that cannot be processed does not block the others: a handler rejects it, or gives it
 * back until its attempts are used up. It becomes a dead letter, which its sender keeps, with the
 * reason, until somebody sends it again or purges it. */

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

static godwit_peer_t *open_peer(const char *name)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    godwit_peer_t *peer;

    options.name = name;
    check(godwit_peer_open(&options, &peer));
    return peer;
}

/* Takes messages until none is left at the sender. */
static void work(godwit_peer_t *sender, godwit_stage_t *stage, bool repaired)
{
    godwit_delivery_t *delivery;

    while (godwit_peer_drain(sender, GODWIT_SETTLED, 0) != GODWIT_OK) {
        if (godwit_stage_next(stage, 20, &delivery) != GODWIT_OK)
            continue;
        const char *text = godwit_delivery_data(delivery);
        if (memcmp(text, "nonsense", 8) == 0)
            check(godwit_reject(&delivery, 22, "not a job")); /* never */
        else if (memcmp(text, "too hard", 8) == 0 && !repaired)
            check(godwit_nack(&delivery, -1, "no room on the bench")); /* not now */
        else
            check(godwit_ack(&delivery));
    }
}

int main(void)
{
    char endpoint[256];
    godwit_stage_t *stage;
    godwit_dead_t *dead;
    godwit_id_t last = {0};
    godwit_destination_options_t policy = GODWIT_DESTINATION_OPTIONS_INIT;
    godwit_peer_t *sender = open_peer("sender"), *worker = open_peer("worker");

    policy.max_attempts = 3;
    policy.retry_base_ms = 10; /* then 20, 40, ... up to retry_cap_ms */
    check(godwit_destination_set(sender, "stage:jobs", &policy));
    check(godwit_peer_bind(sender, "tcp://127.0.0.1:*"));
    check(godwit_peer_endpoint(sender, endpoint, sizeof endpoint));
    check(godwit_stage_open(worker, "jobs", NULL, &stage));
    check(godwit_peer_connect(worker, endpoint));

    check(godwit_push_data(sender, "jobs", "nonsense", 8, NULL));
    check(godwit_push_data(sender, "jobs", "too hard", 8, NULL));
    check(godwit_push_data(sender, "jobs", "possible", 8, NULL));
    work(sender, stage, false);

    while (godwit_dead_next(sender, last, &dead) == GODWIT_OK) {
        bool rejected = dead->reason == GODWIT_DEATH_REJECTED;
        last = dead->id;
        printf("%.*s: %s in attempt %u, code %u, \"%s\"\n", (int)dead->size,
               (const char *)dead->data, rejected ? "rejected" : "given up", dead->attempts,
               dead->code, dead->text);
        check(rejected ? godwit_dead_purge(sender, last) : godwit_dead_requeue(sender, last, NULL));
        godwit_dead_free(&dead);
    }
    work(sender, stage, true);
    printf("dead letters left: %s\n",
           godwit_dead_next(sender, (godwit_id_t){0}, &dead) == GODWIT_ENOTFOUND ? "none" : "some");

    godwit_stage_close(&stage);
    check(godwit_peer_close(&worker));
    check(godwit_peer_close(&sender));
    return 0;
}

/* Prints:
 *   nonsense: rejected in attempt 1, code 22, "not a job"
 *   too hard: given up in attempt 3, code 0, "no room on the bench"
 *   dead letters left: none
 */
