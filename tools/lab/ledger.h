/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_LEDGER_H
#define LAB_LEDGER_H

/* What the processes say that they promised and did, kept outside the code under test: the lab
 * reads the lines from pipes, which keep what a process wrote even if it was killed right after.
 *
 *     accepted ID LEVEL      STORED was reported; LEVEL: fsync, os or memory
 *     began ID [ATTEMPT]     a handler has it
 *     processed ID           its decision is durable
 *     settled ID HOW         the sender learned how it ended: processed, dead, withdrawn
 *     effect ID COUNT        of an audit: how often its effect is in the receiver's store
 *
 * ID is a message id, 32 hex digits; `ID+N` stands for it and the N that follow. A line that is cut
 * off by the end of a process is not counted. */

#include "scenario.h"
#include "timeline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lab_ledger;

struct lab_ledger *lab_ledger_new(const struct lab_scenario *scenario,
                                  struct lab_timeline *timeline);
void lab_ledger_free(struct lab_ledger **ledger);
/* One line without its end; false: it is none of the ledger's. */
bool lab_ledger_line(struct lab_ledger *ledger, uint64_t at_us, size_t process, const char *line);
/* A process ended; `killed`: not by itself. `power`: what was not synced may be gone; `lost`: its
 * disk went back or away, on purpose. */
struct lab_ending {
    bool killed, power, lost;
};
void lab_ledger_ended(struct lab_ledger *ledger, uint64_t at_us, size_t process,
                      const struct lab_ending *ending);
/* All that was accepted and must be kept has ended. */
bool lab_ledger_quiet(const struct lab_ledger *ledger);
/* All senders have said that they are done (they ended by themselves with status 0), or there is
 * nothing to wait for. Kept by run.c. */

struct lab_verdict {
    uint64_t accepted, by_level[3]; /* fsync, os, memory */
    uint64_t began, processed, settled, dead, withdrawn, effects;
    uint64_t redelivered;   /* begun more than once */
    uint64_t lost;          /* accepted at a level that covers what happened, and no trace of it */
    uint64_t repeated;      /* processed, or its effect counted, more than once */
    uint64_t reordered;     /* processed before an older one of its stream, where order counts */
    uint64_t stuck;         /* neither settled nor known to be processed when time was over */
    uint64_t unexplained;   /* contradictions: settled as processed and nobody began; processed, and
                             * nobody sent it */
    uint64_t excused;       /* repeated or lost, and a fault that was asked for excuses it */
    char first[5][160];     /* the first of each, in words; "" */
    bool passed;
};

void lab_ledger_judge(const struct lab_ledger *ledger, struct lab_verdict *verdict);

#endif
