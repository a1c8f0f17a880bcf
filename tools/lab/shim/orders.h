/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_ORDERS_H
#define LAB_ORDERS_H

/* The page of memory through which the lab tells the shim in a process what to do, and hears how
 * often it did. Both map the file `orders` of a folder that the environment names. A change takes
 * effect with the next call. */

#include <stdatomic.h>
#include <stdint.h>

#define LAB_SHIM_VARIABLE "GODWIT_LAB_SHIM" /* the folder of `orders`, `journal` */
#define LAB_ORDERS_NAME "orders"
#define LAB_JOURNAL_NAME "journal"
#define LAB_ORDERS_VERSION 3
#define LAB_ORDERS_PATH_MAX 1024

enum lab_hit { LAB_HIT_WRITE, LAB_HIT_SYNC, LAB_HIT_OPEN, LAB_HIT_CLOCK, LAB_HITS };

struct lab_orders {
    uint32_t version;
    char directory[LAB_ORDERS_PATH_MAX]; /* canonical: only what is below it is touched */
    char keep[LAB_ORDERS_PATH_MAX];      /* a folder on the same file system, see change.h */

    _Atomic int32_t write_error;  /* errno; 0: writes succeed */
    _Atomic int32_t sync_error;
    _Atomic int32_t open_error;   /* of opens and renames */
    _Atomic uint32_t short_writes; /* each write takes half */
    _Atomic uint32_t sync_hangs;   /* syncs wait until this is 0 again */
    _Atomic uint32_t sync_lies;    /* syncs succeed and do nothing */
    _Atomic uint64_t sync_low_us, sync_high_us; /* each sync takes that much longer */
    _Atomic int64_t clock_us;      /* added to the wall clock */
    _Atomic uint64_t ends_at;      /* the process kills itself so many places from here; 0: not */

    _Atomic uint64_t hits[LAB_HITS];
    _Atomic uint64_t drawn;         /* the state of the delays' draw */
    _Atomic int32_t journal_error; /* why the journal ends too early; 0: it does not */
};

#endif
