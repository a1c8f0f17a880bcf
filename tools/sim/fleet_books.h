/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_FLEET_BOOKS_H
#define GW_SIM_FLEET_BOOKS_H

/* The truth about every message, kept outside the code under test: a bit for each that its sender
 * was told is stored, and one for each hop at which it was processed durably. A message is known by
 * its bytes, which say who sent it and as which of its messages, and never by an epoch or a
 * sequence: those belong to what is checked. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLEET_HOPS 2

/* A message: who sent it, and its number there. */
static inline uint64_t fleet_item(uint32_t origin, uint64_t number)
{
    return (uint64_t)origin << 32 | number;
}

struct fleet_books {
    uint64_t *from; /* where the bits of each origin begin, and one more: where all end */
    uint32_t origins;
    unsigned hops; /* that a message has to make */
    uint64_t *accepted; /* bits */
    uint64_t *processed[FLEET_HOPS];
    uint64_t accepted_count;
    uint64_t processed_count; /* each hop counts */
    uint64_t repeated;
};

/* counts[i]: how many messages origin i may send. */
void fleet_books_init(struct fleet_books *books, uint32_t origins, const uint64_t *counts,
                      unsigned hops);
void fleet_books_clear(struct fleet_books *books);
bool fleet_books_knows(const struct fleet_books *books, uint64_t item); /* such one was sent */
void fleet_books_accept(struct fleet_books *books, uint64_t item);
/* A handler runs now. False: it was processed durably before, which counts as repeated. */
bool fleet_books_begin(struct fleet_books *books, unsigned hop, uint64_t item);
/* Durable now; a second time counts as repeated. */
void fleet_books_process(struct fleet_books *books, unsigned hop, uint64_t item);
/* Accepted and not processed at every hop. */
uint64_t fleet_books_lost(const struct fleet_books *books);

#endif
