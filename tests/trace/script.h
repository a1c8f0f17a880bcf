/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_TRACE_SCRIPT_H
#define GW_TRACE_SCRIPT_H

/* A story as commands, one a line, run on the simulator's world with nothing left to chance: frames
 * take 10 ms, commits 1 ms, a cut connection comes back after 50 ms.
 *
 *   peers A B ...                   who there is; they start at once, except those named `-A`
 *   memory A                        A keeps nothing beyond its process; before `peers`
 *   memory_ttl MS | outcomes 1      before `peers`
 *   policy DEST KEY=VALUE ...       of all senders, before `peers`: ordered failover failover_ms
 *                                   retry_ms attempts deadline_ms
 *   window N | heartbeat MS | settle_delay MS | cache BYTES | outbox N   before `peers`
 *   dial A B | undial A B           A dials B
 *   serve A STAGE [N] | unserve A STAGE      with a credit of N messages (1000)
 *   send A STAGE N                  A sends N messages; STAGE may be service:X or reply:X as well
 *   run [MS]                        time passes (100)
 *   ack A EPOCH FIRST[..LAST]       A's application decides; EPOCH as in the trace: e1
 *   transact A EPOCH FIRST[..LAST] [STAGE]   by a transaction, and sends each on to STAGE
 *   begin A EPOCH FIRST[..LAST]     a handler of A begins; it may end by ack, transact, or
 *   nack A EPOCH FIRST[..LAST] [MS] | reject A EPOCH SEQUENCE CODE
 *   withdraw A EPOCH SEQUENCE       A asks it back for good
 *   forfeit A B                     an operator at A: what B holds may go to others
 *   drop A B TYPE | duplicate A B TYPE       the next such frame from A to B
 *   hold A B | release A B          what A sends to B waits, then arrives
 *   cut A B                         all connections between the two, and what is on its way
 *   stale A B                       what is on its way survives the next cut of the two, and comes
 *                                   through the next connection
 *   kill A | power A | start A | wipe A | close A
 *   fail A stored|lost              A's next commit fails
 *   guest A                         a second process under A's name; it is written A'
 *   version A N                     the next frame that A sends says wire version N
 *   quiet                           all must be settled by now
 */

#include <stdbool.h>

/* The trace is malloc'ed. False: a wrong command, or a violated invariant; it was printed. */
bool script_run(const char *path, const char *script, char **trace);

#endif
