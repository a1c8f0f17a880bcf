/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_TESTS_SUPPORT_CORE_SENDER_H
#define GW_TESTS_SUPPORT_CORE_SENDER_H

/* More of core_driver.h, for the sending side: what the application may want of stage:work and of
 * EPOCH, what a member says besides decisions, and where a message is. */

#include "support/core_driver.h"

#define SECOND 1000000

/* "a" is open, and its member b on connection 1 has messages 1 to `count`. The link of b. */
uint64_t driver_begin(struct driver *d, uint32_t count);
uint64_t driver_begin_with(struct driver *d, uint64_t credit, uint32_t count);
uint64_t driver_begin_sealed(struct driver *d, uint32_t count); /* that it has is being stored */
void driver_begin_without(struct driver *d, uint32_t count);    /* and nobody serves: they wait */
uint64_t driver_begin_ordered(struct driver *d, uint32_t count); /* stage:work is ordered */
/* "a" was restarted with batches 1-10, 11-20 and 21-30 at b, which has told that it has what is
 * from `in_hand_from` on in hand. The link of b. */
uint64_t driver_begin_restarted(struct driver *d, uint64_t in_hand_from);
/* "a" is open, and keeps outcomes; or bodies, up to so many bytes. */
void driver_open_outcomes(struct driver *d);
void driver_open_cache(struct driver *d, uint64_t cache_bytes);
/* b comes back on another connection, and has told nothing yet but that it serves. */
uint64_t driver_come_back(struct driver *d, uint64_t conn);

/* ---- the application's words ---- */
void driver_policy(struct driver *d, const struct gw_policy *policy);
void driver_withdraw(struct driver *d, uint64_t sequence);
void driver_forfeit(struct driver *d, const char *name);
/* Stores what the last step left, once; the effects are those of its commit. */
void driver_store(struct driver *d);
/* Seals and commits until a DATA leaves; the number of its first message, 0: none. */
uint64_t driver_next_data(struct driver *d, uint64_t wait_us);

/* ---- a member's ---- */
void remote_return(struct driver *d, uint64_t conn, uint64_t link, enum gw_return_kind kind,
                   uint64_t first, uint64_t last, uint64_t number, uint32_t delay_ms);
void remote_except(struct driver *d, uint64_t conn, uint64_t link, enum gw_exception_kind kind,
                   uint64_t sequence, uint32_t code);

/* ---- looking ---- */
/* By the assignments that are stored: whose it is ("": nobody's), and the number of its offer. */
const char *driver_holder(const struct driver *d, uint64_t sequence);
uint64_t driver_number(const struct driver *d, uint64_t sequence);
/* By the core's books. */
struct gw_whereabouts driver_where(const struct driver *d, uint64_t sequence);
/* How it ended in the last step; 0: it did not. */
uint8_t driver_outcome(const struct driver *d, uint64_t sequence);

#endif
