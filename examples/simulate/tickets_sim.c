/* SPDX-License-Identifier: MPL-2.0 */

/* What the simulator is told of the ticket office. -DSELL=sell_wrong chooses the other handler. */

#include "tickets.h"

#include <godwit/simulate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SELL
#define SELL sell_right
#endif

static size_t make(uint64_t number, uint64_t random, void *data, size_t capacity)
{
    (void)number;
    (void)random;
    return (size_t)snprintf(data, capacity, "one ticket, please");
}

/* What the handlers get. */
static void *start(godwit_peer_t *peer)
{
    return peer;
}

/* By the books of all offices: each has its own. */
static long booked(godwit_sim_view_t *view)
{
    long sum = 0;

    for (size_t i = 0; i < godwit_sim_peer_count(view); i++) {
        char text[32];
        void *value;
        size_t size;
        if (godwit_get(godwit_sim_peer(view, i), OFFICE, SOLD, strlen(SOLD), &value, &size))
            continue;
        snprintf(text, sizeof text, "%.*s", (int)size, (char *)value);
        godwit_free(value);
        sum += atol(text);
    }
    return sum;
}

/* A request that is processed has its ticket, or will have it when its reply arrives. */
static void check(godwit_sim_view_t *view)
{
    long sold = 0, books = booked(view);

    for (size_t i = 0; i < godwit_sim_message_count(view); i++)
        sold += godwit_sim_message(view, i)->processed;
    if (sold != books)
        godwit_sim_violated(view, "%ld tickets were sold, but the books say %ld", sold, books);
}

static const godwit_sim_part_t parts[] = {
    {.destination = "service:tickets", .on_call = SELL, .threads = 2, .make = make},
};

GODWIT_SIMULATION("tickets", parts, start, check)
