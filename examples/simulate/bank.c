/* SPDX-License-Identifier: MPL-2.0 */

/* What runs in production: a worker of the stage `deposit` hands its deliveries to one of these.
 * The wrong one looks as good as the right one, and passes every test in which nothing dies. */

#include "bank.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct deposit {
    char account[16];
    long amount;
};

static struct deposit read_deposit(const godwit_delivery_t *delivery)
{
    struct deposit deposit = {.amount = 0};
    char text[64];

    snprintf(text, sizeof text, "%.*s", (int)godwit_delivery_size(delivery),
             (const char *)godwit_delivery_data(delivery));
    if (sscanf(text, "%15s %ld", deposit.account, &deposit.amount) != 2)
        deposit.amount = 0;
    return deposit;
}

/* Adds it in the transaction: nothing has happened yet. */
static void add(godwit_txn_t *txn, const struct deposit *deposit)
{
    size_t length = strlen(deposit->account), size;
    char text[32] = "0";
    void *value;

    if (godwit_txn_get(txn, BALANCES, deposit->account, length, &value, &size) == GODWIT_OK) {
        snprintf(text, sizeof text, "%.*s", (int)size, (char *)value);
        godwit_free(value);
    }
    size = (size_t)snprintf(text, sizeof text, "%ld", atol(text) + deposit->amount);
    godwit_txn_put(txn, BALANCES, deposit->account, length, text, size);
}

/* A commit that did not happen: the message comes again, by itself or because it is given back. */
static void try_again(godwit_txn_t **txn, godwit_delivery_t *delivery)
{
    if (!*txn)
        return; /* the delivery went with the transaction */
    godwit_txn_abort(txn);
    godwit_nack(&delivery, -1, godwit_last_error());
}

/* The new balance and the word that the deposit is done are one write: both happen, or none. */
void deposit_right(void *state, godwit_peer_t *peer, godwit_delivery_t *delivery)
{
    struct deposit deposit = read_deposit(delivery);
    godwit_txn_t *txn = NULL;

    (void)state;
    if (godwit_txn_begin(peer, &txn))
        return;
    add(txn, &deposit);
    godwit_txn_ack(txn, delivery);
    if (godwit_txn_commit(&txn))
        try_again(&txn, delivery);
}

/* They are two: a process that dies between them has the deposit in the balance, and gets it
 * again. */
void deposit_wrong(void *state, godwit_peer_t *peer, godwit_delivery_t *delivery)
{
    struct deposit deposit = read_deposit(delivery);
    godwit_txn_t *txn = NULL;

    (void)state;
    if (godwit_txn_begin(peer, &txn))
        return;
    add(txn, &deposit);
    if (godwit_txn_commit(&txn)) {
        godwit_txn_abort(&txn);
        godwit_nack(&delivery, -1, godwit_last_error());
    } else {
        godwit_ack(&delivery);
    }
}
