/* SPDX-License-Identifier: MPL-2.0 */
#ifndef SYNC_STORY_H
#define SYNC_STORY_H

/* What sync_story.c sends, and sync_judge.c knows. Messages are numbered from 1, and as the only
 * stream of a new store, message N has sequence N. The receiver answers those above SYNC_ANSWERED,
 * by transactions that nobody waits for: they are many, and small. */

#define SYNC_LONE        20
#define SYNC_BULK        2000
#define SYNC_LARGE       8
#define SYNC_ANSWERED    (SYNC_LONE + SYNC_BULK + SYNC_LARGE)
#define SYNC_ANSWERS     500
#define SYNC_MESSAGES    (SYNC_ANSWERED + SYNC_ANSWERS)
#define SYNC_SMALL_BYTES 100
#define SYNC_LARGE_BYTES (300 * 1024)

#endif
