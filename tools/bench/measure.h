/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_MEASURE_H
#define GODWIT_BENCH_MEASURE_H

/* What the system counts of a process, read from outside while it lives. */

#include "result.h"
#include <sys/types.h>

/* Reads its memory now and raises the peaks. *anon_kib (may be NULL): RssAnon + RssShmem now. False
 * if it cannot be read. */
bool measure_memory(pid_t pid, struct result_process *process, long *anon_kib);

/* Reads what it has written. False if it cannot be read. */
bool measure_writes(pid_t pid, struct result_process *process);

#endif
