/* SPDX-License-Identifier: MPL-2.0 */

/* What runs in production: the service `tickets`, with two threads. The wrong handler differs from
 * the right one in a single call, and passes every test in which one asks after the other. */

#include "tickets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sells the ticket after the last one, of which the key told `value`. Key and reply are in the
 * call's transaction: nothing has happened yet. */
static uint32_t sell(godwit_call_t *call, godwit_err_t error, char *value, size_t size)
{
    char text[32] = "0";

    if (error && error != GODWIT_ENOTFOUND)
        return GODWIT_CALL_RETRY;
    if (!error)
        snprintf(text, sizeof text, "%.*s", (int)size, value);
    godwit_free(value);
    size = (size_t)snprintf(text, sizeof text, "%ld", atol(text) + 1);
    if (godwit_txn_put(godwit_call_txn(call), OFFICE, SOLD, strlen(SOLD), text, size) ||
        godwit_call_reply(call, text, size))
        return GODWIT_CALL_RETRY;
    return 0;
}

/* The transaction knows what it read: if the other thread sells meanwhile, the commit finds the key
 * changed, and the handler runs again. */
uint32_t sell_right(void *peer, godwit_call_t *call)
{
    void *value = NULL;
    size_t size = 0;

    (void)peer;
    godwit_err_t error =
        godwit_txn_get(godwit_call_txn(call), OFFICE, SOLD, strlen(SOLD), &value, &size);
    return sell(call, error, value, size);
}

/* It does not: both threads may read the same number, and sell the same ticket. */
uint32_t sell_wrong(void *peer, godwit_call_t *call)
{
    void *value = NULL;
    size_t size = 0;
    godwit_err_t error = godwit_get(peer, OFFICE, SOLD, strlen(SOLD), &value, &size);

    return sell(call, error, value, size);
}
