/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_BOARD_H
#define TREEHASH_BOARD_H

/* A board: named numbers that a process shows to others through a small mapped file. They outlive a
 * kill -9 of the process, which is what the demo needs to watch and to sum up. Each start of a
 * process has a board of its own. Without a file the numbers are shown to nobody. */

#include <godwit/peer.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TH_BOARD_SLOTS 120
#define TH_BOARD_NAME 48

struct th_board_page {
    atomic_uint count;
    struct {
        char name[TH_BOARD_NAME]; /* never changes once counted */
        atomic_ullong value;
    } slots[TH_BOARD_SLOTS];
};

struct th_board {
    struct th_board_page *page;
    bool shared;
    uint64_t refreshed_ms;
};

/* Makes the file (NULL: none). Ends the process with a message if it cannot. */
void th_board_open(struct th_board *board, const char *path);
/* Maps another process's board for reading; false if it is not there yet. */
bool th_board_watch(struct th_board *board, const char *path);
void th_board_close(struct th_board *board);

void th_board_set(struct th_board *board, const char *name, uint64_t value);
void th_board_add(struct th_board *board, const char *name, uint64_t value);
uint64_t th_board_get(const struct th_board *board, const char *name); /* 0 if not there */

/* Copies all counters of the peer to the board as "godwit.NAME", at most every 20 ms. */
void th_board_refresh(struct th_board *board, godwit_peer_t *peer);

#endif
