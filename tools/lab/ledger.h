/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_LEDGER_H
#define LAB_LEDGER_H

/* What the processes say that they promised and did, kept outside the code under test: the lab
 * reads the lines from pipes, which keep what a process wrote even if it was killed right after.
 *
 *     level LEVEL            of the process's own store, before the other lines: fsync (if it does
 *                            not say), os or memory
 *     accepted ID LEVEL [answer]
 *                            STORED was reported; LEVEL: fsync, os or memory. `answer`: a request,
 *                            which has ended when its sender says that it is settled, not before
 *     refused ID             NOT_STORED was reported: nobody may ever see it
 *     began ID [ATTEMPT [maybe-duplicate]]
 *                            a handler has it; written before its decision can be durable
 *     processed ID           its decision is durable
 *     settled ID HOW [maybe-processed]
 *                            the sender learned how it ended: processed, dead or withdrawn
 *
 * and an audit, which looks at the store of a process when all is over:
 *
 *     effect ID COUNT        how often its effect is in the receiver's store
 *     held ID                it is still in its sender's outbox
 *     audited                all effects and all that is held were told: what was not is not there
 *
 * ID is a message id, 32 hex digits; `ID+N` stands for it and the N that follow (N up to
 * LAB_RANGE_MAX - 1). A line that is cut off by the end of a process is not counted. */

#include "scenario.h"
#include "timeline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAB_RANGE_MAX  (1u << 20)
#define LAB_LEDGER_MAX (1u << 26) /* messages; each takes 16 bytes and a little */

struct lab_ledger;

/* Both are kept and must outlive it. NULL: out of memory. */
struct lab_ledger *lab_ledger_new(const struct lab_scenario *scenario,
                                  struct lab_timeline *timeline);
void lab_ledger_free(struct lab_ledger **ledger);
/* One line without its end; false: it is none of the ledger's. In the order in which a process
 * wrote them; those of several processes in any. */
bool lab_ledger_line(struct lab_ledger *ledger, uint64_t at_us, size_t process, const char *line);
/* How a process ended; after all its lines. */
struct lab_ending {
    bool done;   /* by itself, with status 0: as a sender it says so that all it sent is settled */
    bool killed; /* not by itself; also if it was told to end and did not, or if it crashed */
    bool power;  /* what was not synced may be gone */
    bool lost;   /* its disk went back or away, or its syncs had lied, on purpose */
};
void lab_ledger_ended(struct lab_ledger *ledger, size_t process,
                      const struct lab_ending *ending);
/* All that was accepted and must be kept has ended: processed, dead or withdrawn. Costs nothing. */
bool lab_ledger_quiet(const struct lab_ledger *ledger);

/* Numbers of messages, not of lines, but for `effects`. */
struct lab_verdict {
    uint64_t accepted, by_level[3]; /* fsync, os, memory */
    uint64_t began, settled, dead, withdrawn;
    uint64_t processed;     /* or answered */
    uint64_t effects;       /* their sum */
    uint64_t redelivered;   /* begun more than once */
    uint64_t lost;          /* accepted at a level that covers what happened, and no trace of it; or
                             * processed, and its effect is not where it must be */
    uint64_t repeated;      /* processed, or its effect counted, more than once; or begun by who had
                             * processed it */
    uint64_t reordered;     /* processed before an older one of its stream, where order counts */
    uint64_t stuck;         /* neither settled nor known to be processed when time was over */
    uint64_t unexplained;   /* contradictions: settled as processed and nobody began; processed, and
                             * nobody sent it, or its sender was told otherwise */
    uint64_t excused;       /* repeated or lost, and a fault that was asked for excuses it */
    uint64_t unread;        /* lines there was no memory for: the verdict is void */
    char first[5][240];     /* the first lost, repeated, reordered, stuck, unexplained, in words */
    bool passed;            /* none of these, and something was there to judge */
};

/* Counts until now, cheap at any time: accepted to redelivered, but for `effects`. */
const struct lab_verdict *lab_ledger_so_far(const struct lab_ledger *ledger);
/* When all processes have ended and the audits were heard. */
void lab_ledger_judge(const struct lab_ledger *ledger, struct lab_verdict *verdict);

#endif
