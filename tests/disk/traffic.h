/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

/* Two peers with disks that send to each other, each message written down at both ends, while a
 * test does something to a disk.
 *
 *     left ── stage "right" ──▶ right          a worker takes messages into transactions that put a
 *     left ◀── stage "left" ─── right          key for each: what is counted is what is committed
 *
 * Senders ask for every id how it ended. traffic_end checks the books: whatever was accepted was
 * processed once, and nothing that was not. */

#include "../live/live.h"

enum side { LEFT, RIGHT, SIDES };

#define TRAFFIC_HEARTBEAT_MS 200

extern godwit_peer_t *traffic_peer[SIDES];
extern char traffic_directory[SIDES][160];

/* Directories are made below `base` (NULL: below TMPDIR, by live_directory). */
void traffic_begin(const char *base);
/* Waits until each side had `more` messages stored and processed since the call. */
void traffic_gets_on(unsigned more);
/* How many messages a side's sender had accepted so far. */
unsigned traffic_stored(enum side side);
void traffic_end(void);

void pause_ms(unsigned ms); /* between looks, never instead of them */

#endif
