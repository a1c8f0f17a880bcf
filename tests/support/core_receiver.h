/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_TESTS_SUPPORT_CORE_RECEIVER_H
#define GW_TESTS_SUPPORT_CORE_RECEIVER_H

/* More of core_driver.h, for the receiving side: what a handler does besides deciding, DATA and
 * SKIP with all that they may say, and what the ACKs of the last step tell. */

#include "support/core_driver.h"

/* "b" is open and serves with that credit; s is linked on connection 1 and opens EPOCH. The link
 * of s. */
uint64_t driver_open_window(struct driver *d, uint64_t messages);
uint64_t driver_open_ordered(struct driver *d, uint64_t messages);
/* The same with credit for 100, and messages 1 to `count` are in hand, of offer 10. */
uint64_t driver_hold(struct driver *d, uint64_t count);
uint64_t driver_hold_ordered(struct driver *d, uint64_t count);
/* driver_open_window with a W of that many messages, and credit for them. */
uint64_t driver_open_wide(struct driver *d, uint64_t window);
/* s has another link, and opens EPOCH again. */
uint64_t driver_again(struct driver *d);

/* ---- the application's words ---- */
void driver_reject(struct driver *d, uint64_t epoch, uint64_t sequence, uint32_t code,
                   const char *text);
void driver_handed(struct driver *d, uint64_t epoch, uint64_t first, uint64_t last);
void driver_return(struct driver *d, uint64_t epoch, uint64_t first, uint64_t last,
                   enum gw_return_kind kind);
void driver_nack(struct driver *d, uint64_t epoch, uint64_t sequence, uint32_t delay_ms,
                 const char *text);
/* The answer to the n-th RECALL of the last step: it gives up [first, last] (0, 0: nothing). */
void driver_recalled(struct driver *d, size_t n, uint64_t first, uint64_t last);

/* ---- the sender's ---- */
void remote_open_ordered(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch);
void remote_offer(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch, uint64_t first,
                  uint64_t count, uint64_t number); /* DATA of that offer */
void remote_offer_again(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                        uint64_t first, uint64_t count, uint64_t number); /* redelivered */
void remote_release(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                    uint64_t first, uint64_t last, uint64_t number);
void remote_withdraw(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                     uint64_t first, uint64_t last, uint32_t code);
#define REMOTE_SKIP_NUMBER 77 /* of remote_withdraw */

/* ---- looking: the n-th of the last step's ACKs, NULL or {0, 0} if there is none ---- */
const struct gw_exception *driver_exception(const struct driver *d, uint64_t epoch, size_t n);
const struct gw_return *driver_returned(const struct driver *d, uint64_t epoch, size_t n);
struct gw_range driver_hinted(const struct driver *d, uint64_t epoch, size_t n);
struct gw_range driver_told_in_hand(const struct driver *d, uint64_t epoch, size_t n);
/* The n-th piece of the last step's DELIVER, and the n-th range of its RECALLs. */
struct gw_range driver_delivered(const struct driver *d, size_t n);
struct gw_range driver_recall(const struct driver *d, size_t n);
void assert_returned(const struct driver *d, size_t n, uint64_t first, uint64_t last,
                     uint64_t number, enum gw_return_kind kind); /* of EPOCH */
uint64_t driver_credit(const struct driver *d); /* messages, in the last step's ACK; 0: not told */

#endif
