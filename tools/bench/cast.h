/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_CAST_H
#define GODWIT_BENCH_CAST_H

/* The processes of one run, and what they say. A line is a word and what belongs to it:
 *
 *     endpoint TEXT      it listens there
 *     ready              it is connected to all that it needs; it waits for a line ("go")
 *     begin SECONDS      it sends its first message now (one monotonic clock for all processes)
 *     end SECONDS        its last message is settled
 *     took COUNT SECONDS so many were received so far, the last one then
 *     value NAME NUMBER  goes into the result
 *     latency NS COUNT   so many took so long
 *     done               nothing more to do but to wait for the end of standard input
 *
 * The run takes from the first begin to the last end. */

#include "child.h"
#include "scratch.h"
#include "work.h"

struct cast {
    const struct step *step;
    struct result *result;
    double deadline_s;
    double begin_s, end_s; /* 0: not said yet */
    uint64_t took;
    size_t count;
    struct member {
        struct child child;
        const char *role;
        bool sends, ended;
        uint64_t took;
        char directory[SCRATCH_PATH]; /* "-": none */
    } member[RESULT_PROCESSES];
};

/* An empty one. NULL after a sentence. */
struct cast *cast_new(const struct step *step, struct result *result);
/* Kills what lives, removes the directories. */
void cast_free(struct cast *cast);

/* Starts one process. `number` is which of its kind it is, `count` how many messages it sends or
 * takes, `endpoints` where it dials (NULL: it listens). If the step's durability stores, it gets
 * the directory ROLE-NUMBER, or `directory` if that is not NULL. NULL after a sentence. */
struct member *cast_start(struct cast *cast, const char *role, bool sends, unsigned number,
                          uint64_t count, const char *endpoints, const char *directory);

/* Hears it until it says `word`; what comes before is taken as above. The rest of that line, valid
 * until it is heard again; NULL after a sentence. */
const char *cast_until(struct cast *cast, struct member *member, const char *word);
bool cast_go(struct member *member);
/* Waits until `count` were taken by all that take. */
bool cast_taken(struct cast *cast, uint64_t count);

/* Notes what each holds before the first message. */
void cast_idle(struct cast *cast);
/* Measures all that live, ends them, and sums up. False after a sentence. */
bool cast_end(struct cast *cast);
/* The same for one of them, before the others: a kill -9 and no complaint if `kill`. */
bool cast_end_one(struct cast *cast, struct member *member, bool kill);

/* A run as the system's fields say: listeners, diallers, go, done. */
bool run_cast(const struct step *step, struct result *result);

#endif
