/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_OPTIONS_H
#define GODWIT_BENCH_OPTIONS_H

#include "bench.h"

/* What was asked for. OPTIONS_RUN: measure; else end with the status that stands for it. */
enum options_verdict { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_WRONG };

/* Reads the command line. Prints the help, or a sentence about what is wrong. */
enum options_verdict options_read(int argc, char **argv, struct bench_options *options);

#endif
