/* SPDX-License-Identifier: MPL-2.0 */

/* What the simulator is told of the bank: which handler serves, what clients deposit, and what must
 * hold. -DDEPOSIT=deposit_wrong chooses the other handler. */

#include "bank.h"

#include <godwit/simulate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef DEPOSIT
#define DEPOSIT deposit_right
#endif

static const char *const accounts[] = {"alice", "bob", "carol"};

static size_t make(uint64_t number, uint64_t random, void *data, size_t capacity)
{
    (void)number;
    return (size_t)snprintf(data, capacity, "%s %d", accounts[random % 3],
                            (int)(random / 3 % 90) + 10);
}

/* Of all peers: each has the deposits that it has processed. */
static long balance(godwit_sim_view_t *view, const char *account)
{
    long sum = 0;

    for (size_t i = 0; i < godwit_sim_peer_count(view); i++) {
        char text[32];
        void *value;
        size_t size;
        if (godwit_get(godwit_sim_peer(view, i), BALANCES, account, strlen(account), &value, &size))
            continue;
        snprintf(text, sizeof text, "%.*s", (int)size, (char *)value);
        godwit_free(value);
        sum += atol(text);
    }
    return sum;
}

static long deposited(const godwit_sim_view_t *view, const char *account)
{
    long sum = 0;

    for (size_t i = 0; i < godwit_sim_message_count(view); i++) {
        const godwit_sim_message_t *message = godwit_sim_message(view, i);
        char text[64], whose[16];
        long amount;
        snprintf(text, sizeof text, "%.*s", (int)message->size, (const char *)message->data);
        if (message->processed && sscanf(text, "%15s %ld", whose, &amount) == 2 &&
            strcmp(whose, account) == 0)
            sum += amount;
    }
    return sum;
}

static void check(godwit_sim_view_t *view)
{
    for (size_t i = 0; godwit_sim_settled(view) && i < 3; i++) {
        long has = balance(view, accounts[i]), given = deposited(view, accounts[i]);
        if (has != given)
            godwit_sim_violated(view, "%s has %ld, but was given %ld", accounts[i], has, given);
    }
}

static const godwit_sim_part_t parts[] = {
    {.destination = "stage:deposit", .on_delivery = DEPOSIT, .make = make},
};

GODWIT_SIMULATION("bank", parts, NULL, check)
