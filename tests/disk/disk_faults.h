/* SPDX-License-Identifier: MPL-2.0 */
#ifndef DISK_FAULTS_H
#define DISK_FAULTS_H

/* A disk that fails when told so. Linked into a test program, these definitions of open, read,
 * write, fsync, fdatasync and rename come before the C library's, for LevelDB's calls as for our
 * own; each hands on to the real one unless a fault says otherwise. (A library to be preloaded does
 * the same, tools/lab/shim, but sanitizers do not start below one, and a test could not turn the
 * fault off so easily.)
 *
 *     struct disk_fault full = {.below = directory, .call = DISK_WRITE, .error = ENOSPC};
 *     disk_fault_add(&full);      every write below the directory fails from now on
 *     ...
 *     disk_faults_clear();        the disk is well again; what hangs goes on */

#include <stdbool.h>

enum disk_call { DISK_WRITE, DISK_SYNC, DISK_OPEN, DISK_RENAME, DISK_READ };

struct disk_fault {
    const char *below;  /* a directory; the string has to live until the clear */
    const char *name;   /* only files with this in their path; NULL: all */
    enum disk_call call; /* open: those that may write or make */
    unsigned first;     /* the first call that is hit, counted from the add; 0 and 1: the next */
    unsigned count;     /* so many calls; 0: all from there on */
    int error;          /* errno; 0: the call succeeds, short, late or both */
    bool done;          /* of a sync that fails: what it should do is done */
    bool half;          /* a write: half of the bytes only (with an error: they are there) */
    unsigned delay_ms;  /* before the call */
    bool hang;          /* the call waits for the clear */
    bool die;           /* the process ends at once, as by kill -9, without the call */
};

#define DISK_DEATH 99 /* status of a process that died of a fault */

void disk_fault_add(const struct disk_fault *fault);
void disk_faults_clear(void);
unsigned disk_fault_hits(void); /* since the last add */

#endif
