/* SPDX-License-Identifier: MPL-2.0 */
#ifndef FAULTY_STORE_H
#define FAULTY_STORE_H

/* A store that passes everything on to another one, until the n-th call fails as the test asked.
 *
 *     store = faulty_store_open(&inside);
 *     faulty_store_fail_write(store, 3, FAULT_AFTER);
 *     ... the third write from now answers IO, and is in the store all the same ...
 *     inside = faulty_store_release(&store);       what "close and reopen" does to a disk:
 *     store = faulty_store_open(&inside);             the content stays, the fault is gone
 *
 * FAULT_BEFORE and FAULT_AFTER give the caller the same answer: whether the write is there is
 * UNKNOWN until it looks. As the port demands, every write after the failed one is POISONED. */

#include "store/store.h"

enum faulty_store_moment {
    FAULT_BEFORE, /* the inner store never sees the write */
    FAULT_AFTER   /* the inner store has it */
};

/* Takes the inner store over: *inside becomes NULL. NULL if there is no memory. */
struct gw_store *faulty_store_open(struct gw_store **inside);
/* Gives the inner store back and frees the wrapper. */
struct gw_store *faulty_store_release(struct gw_store **store);

/* The nth call from now fails with IO (1: the next one); 0: none does. */
void faulty_store_fail_write(struct gw_store *store, size_t nth, enum faulty_store_moment moment);
void faulty_store_fail_get(struct gw_store *store, size_t nth);
/* The nth scan from now fails, after it visited `rows` rows. */
void faulty_store_fail_scan(struct gw_store *store, size_t nth, size_t rows);

/* How many writes were asked for; those that were refused as POISONED do not count. */
size_t faulty_store_writes(const struct gw_store *store);
bool faulty_store_last_was_synced(const struct gw_store *store);

#endif
