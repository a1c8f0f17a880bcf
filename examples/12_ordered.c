/* SPDX-License-Identifier: MPL-2.0 */

/* A stage shares its messages among workers, in no promised order. Where order matters the sender
 * says so: then one worker at a time gets them, in the order of the sends, and one that has to be
 * tried again holds up those behind it. */

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

int main(void)
{
    char endpoint[256];
    godwit_stage_t *stage;
    godwit_destination_options_t policy = GODWIT_DESTINATION_OPTIONS_INIT;
    godwit_peer_t *sender = open_peer("sender"), *worker = open_peer("worker");

    policy.ordering = GODWIT_ORDERING_ORDERED; /* before the first send there */
    check(godwit_destination_set(sender, "stage:account", &policy));
    check(godwit_push_data(sender, "account", "open", 5, NULL)); /* with its NUL */
    check(godwit_push_data(sender, "account", "pay in 10", 10, NULL));
    check(godwit_push_data(sender, "account", "pay out 5", 10, NULL));
    check(godwit_push_data(sender, "account", "close", 6, NULL));

    check(godwit_peer_bind(sender, "tcp://127.0.0.1:*"));
    check(godwit_peer_endpoint(sender, endpoint, sizeof endpoint));
    check(godwit_stage_open(worker, "account", NULL, &stage));
    check(godwit_peer_connect(worker, endpoint));
    for (int done = 0; done < 4;) {
        godwit_delivery_t *delivery;
        check(godwit_stage_next(stage, -1, &delivery));
        const char *order = godwit_delivery_data(delivery);
        if (strcmp(order, "pay in 10") == 0 && godwit_delivery_attempt(delivery) == 1) {
            printf("%s: later\n", order);
            check(godwit_nack(&delivery, 50, "the till is closed")); /* for 50 ms */
        } else {
            printf("%s: done\n", order);
            check(godwit_ack(&delivery));
            done++;
        }
    }

    godwit_stage_close(&stage);
    check(godwit_peer_close(&worker));
    check(godwit_peer_close(&sender));
    return 0;
}

/* Prints:
 *   open: done
 *   pay in 10: later
 *   pay in 10: done
 *   pay out 5: done
 *   close: done
 */
