/* SPDX-License-Identifier: MPL-2.0 */
#ifndef BAD_DISK_H
#define BAD_DISK_H

/* A disk that fails when a test wants it. Linked with --wrap=gw_leveldb_open. */

#include <stdatomic.h>

enum fault { NO_FAULT, FAIL_BEFORE_WRITE, FAIL_AFTER_WRITE };

extern atomic_int fault;      /* for the next write; once */
extern atomic_int bad_opens;  /* so many opens fail first */
extern atomic_int bad_scans;  /* so many scans fail, at their end */
extern const char *faulty_at; /* the directory of the store that may fail */

#endif
