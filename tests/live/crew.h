/* SPDX-License-Identifier: MPL-2.0 */
#ifndef CREW_H
#define CREW_H

/* Honest peers at work while a test does something bad to their server.
 *
 *   honest-a, honest-b --"work"--> server --"back"--> honest-a, honest-b
 *
 * Each message is written down at both ends. crew_harmed is asked after each deed, crew_leave at
 * the end: everything sent is settled, nothing came twice, no honest link was lost. */

#include "live.h"

#define CREW_HEARTBEAT_MS 30000 /* links last 90 s in silence: hostile ones, slow machines too */

extern godwit_peer_t *crew_server;
extern char crew_endpoint[256];

void crew_come(void);
void crew_leave(void);

/* Waits until every honest peer got somewhere since the call. */
void crew_works(void);
/* The epochs in which honest-a sends to the server, and the server sends back. */
uint64_t crew_epoch_in(void);
uint64_t crew_epoch_out(void);

/* The server's counters that tell of bad peers, as they are now ... */
void crew_note(void);
/* ... and how they moved since: pairs of a name and a number, then NULL. All others of the list in
 * crew.c must not have moved. Ends with crew_works. */
void crew_moved(const char *name, ...);

/* A peer that was never there before gets a link to the server, and what it sends is settled. */
void crew_newcomer(const char *name);

size_t crew_descriptors(void); /* open in this process */
size_t crew_heap(void);        /* bytes in use; 0 under a sanitizer's allocator */

#endif
