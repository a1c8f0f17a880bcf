/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_PROGRAM_H
#define TREEHASH_PROGRAM_H

/* What walk, hash, collect and ask have in common: their options, opening the peer, ending. */

#include <godwit.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TH_LIST_MAX 16

struct th_options {
    const char *name;                 /* the peer's name */
    const char *store;                /* the peer's directory */
    const char *bind;                 /* an endpoint to listen on, or NULL */
    const char *connect[TH_LIST_MAX]; /* endpoints to dial */
    size_t connects;
    const char *board; /* see board.h, or NULL */

    const char *root;                /* walk: the tree */
    const char *worker[TH_LIST_MAX]; /* walk: the workers' names, the same at each start */
    size_t workers;
    uint64_t batch_files;    /* walk: most files in one transaction */
    uint64_t batch_bytes;    /* walk: a transaction ends at the file that reaches this size */
    uint64_t ahead_messages; /* walk: how far it may be ahead of the workers; ... */
    uint64_t ahead_bytes;    /* ... a send beyond that waits */
    uint32_t max_attempts;   /* walk: a message that failed so often becomes a dead letter */
    uint32_t failover_ms;    /* walk: 0: a lost worker's files wait for it; else go to others */
    const char *dead;        /* walk: where it lists the dead letters, or NULL */
    const char *poison;      /* hash: the path on which its planted bug crashes, or NULL */
    const char *paths;       /* ask: a file of paths to ask for, each ended by a NUL */
    const char *answers;     /* ask: where it writes what it was answered */
    const char *manifest;    /* collect: where it writes the manifest */
    const char *counts;      /* collect: where it writes the counts */
    int linger_ms;           /* collect: how long it stays once everything has arrived */
};

/* Reads the command line; ends the process with a message if it is wrong. */
struct th_options th_options_read(int argc, char **argv);

/* Opens the peer, binds and connects as the options say; ends the process if that fails. The board
 * gets "durability.LEVEL". */
struct th_board;
godwit_peer_t *th_peer_open(const struct th_options *options, struct th_board *board);

/* Commits. False: nothing of it happened and its deliveries come again, go on. Ends the process on
 * any other failure, which is as good as a crash: the next start goes on from the last commit. */
bool th_commit(godwit_txn_t **txn);

/* Ends the process with a message on the log if `error` is one. */
void th_check(godwit_err_t error, const char *what);

/* Prints "program: ..." and ends the process with status 1. */
void th_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* From now on SIGTERM, SIGINT and SIGHUP only raise th_stop, from 0. */
extern volatile sig_atomic_t th_stop;
void th_catch_stop(void);

/* A file that appears under its name only when it is whole: begun with a draft's name (room for
 * TH_DRAFT_MAX), then ended. Both end the process with a message if they cannot. */
#define TH_DRAFT_MAX 4200
FILE *th_file_begin(const char *path, char draft[TH_DRAFT_MAX]);
void th_file_end(FILE *file, const char *draft, const char *path);

uint64_t th_now_ms(void); /* monotonic */

#endif
