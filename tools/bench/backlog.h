/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_BACKLOG_H
#define GODWIT_BENCH_BACKLOG_H

/* A backlog: everything is pushed while nobody is there, then one worker takes it all. What it
 * measures is memory: anonymous and shared pages (RssAnon + RssShmem), sampled by each process
 * about itself; pages of files, which the system may drop at will, are not counted. */

#include "bench.h"

/* Measures each durability in each round and prints it. Processes and directories are then gone
 * again. False after a sentence. */
bool backlog_all(const struct bench_options *options);

#endif
