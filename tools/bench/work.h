/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_WORK_H
#define GODWIT_BENCH_WORK_H

/* What can be measured. A work ("stage", "request", ...) is a list of systems; a system that has
 * durabilities is measured at each that was asked for. One such measurement is a *step*. A round
 * runs all steps once, one after the other, so that a busy minute of the machine meets all of them
 * and a ratio compares two runs of the same round.
 *
 *     steps_make -> for each round, for each step: step->system->run(step, &result)
 */

#include "bench.h"
#include "result.h"

struct step;

/* Runs once. What it started is gone afterwards. False after a sentence; *result is then of no use,
 * and is to be cleared all the same. */
typedef bool (*run_fn)(const struct step *step, struct result *result);

/* At which durabilities a system is measured. */
enum levels { LEVELS_NONE, LEVELS_SYNC /* fsync */, LEVELS_STORED /* os and fsync */, LEVELS_ALL };

/* Those who listen say how many they took: not at all; after the run, which is held to the number;
 * or that is the end of the run (raw has no acknowledgements). */
enum counted { COUNTED_NOT, COUNTED_CHECK, COUNTED_END };

struct system {
    const char *name;  /* "raw", "handmade", "leveldb", "disk": as in --against; or "godwit" */
    const char *shape; /* which variation of the work; "" if there is one */
    enum levels levels;
    run_fn run;
    /* For run_cast (cast.h): what each process does. */
    const char *listens, *dials;         /* roles; NULL: none */
    unsigned listeners, diallers;        /* how many; 0: as many as --members */
    bool listeners_send;                 /* else the diallers do */
    enum counted counted;                /* what it means that the listeners took all */
    unsigned many;                       /* for the roles: links or requests in flight; MANY_... */
    uint64_t most, most_fsync;           /* messages of a slow system's run; 0: no limit */
    unsigned times;                      /* this many times --count; 0: once */
    bool holds;                          /* all messages are on disk at once */
    unsigned files;                      /* descriptors for each of `many`, in one process */
};

#define MANY_INFLIGHT UINT32_MAX       /* as --inflight says */
#define MANY_LINKS    (UINT32_MAX - 1) /* as --links says */

struct step {
    const struct bench_options *options;
    const struct system *system;
    const char *level; /* durability; "" if it has none */
    size_t size;       /* bytes of one message */
    uint64_t count;    /* messages of one run */
    unsigned listeners, diallers, many;
};

/* Which of its numbers a ratio compares. */
enum quantity {
    QUANTITY_RATE,  /* messages per second */
    QUANTITY_BYTES, /* payload per second */
    QUANTITY_P50,   /* of the latency: less is better */
    QUANTITY_CPU,   /* CPU seconds per message: less is better */
    QUANTITY_BESIDE, /* the value beside_rate; the rate of a run that has none */
    QUANTITY_LINK_KIB, /* no ratio: memory of the hub for each idle link of system and shape
                        * `against`, from what it holds with one link of shape "one" */
};

/* quantity of (system, shape) / quantity of (against, against_shape) at the same durability (or
 * at none, if that one has none) and size, of the same round. */
struct ratio {
    const char *name; /* "ratio_raw" */
    const char *shape;
    enum quantity quantity;
    const char *against, *against_shape;
    unsigned plus_disk; /* so many times the median of fdatasync is added to what it is against */
    const char *only;   /* at this durability; NULL: at each */
};

#define WORK_SYSTEMS 12
#define WORK_RATIOS  10
#define WORK_SIZES   8

struct work {
    const char *name;
    const char *about; /* what is measured, a line or two for the table */
    const char *unit;  /* of a rate: "messages", "requests" */
    struct system systems[WORK_SYSTEMS]; /* up to the first without a name */
    struct ratio ratios[WORK_RATIOS];    /* of godwit's steps; the same */
    const char *against;                 /* which others by default, with commas */
    size_t sizes[WORK_SIZES];            /* measured when no --size is said; none: 100 */
    uint64_t count;                      /* default; 0: what makes about 256 MiB */
    unsigned runs, timeout_s;            /* defaults */
    const char *missing; /* why it cannot be measured; NULL: it can */
};

/* NULL if there is none of this name. */
const struct work *work_named(const char *name);
/* The work at this place, NULL past the last. */
const struct work *work_at(size_t index);

#define STEPS 128

struct steps {
    struct step step[STEPS];
    size_t count;
};

/* The first of the names in the list (with commas, or "none") that this work has no system of, and
 * what follows it. NULL: it has all. */
const char *work_lacks(const struct work *work, const char *against);

/* All steps of a round. Options are complete. False after a sentence: too many, or none. */
bool steps_make(const struct bench_options *options, struct steps *steps);

/* What a ratio comes to in the round of which `results` holds each step's; NAN if it has no meaning
 * for this step or the other one was not measured. */
double ratio_of(const struct steps *steps, const struct ratio *ratio, size_t step,
                const struct result *const *results);

/* Bytes that a step may hold on disk at once. */
uint64_t step_disk_bytes(const struct step *step);

/* Runs that are more than a cast: backlog.c, recover.c. */
bool run_backlog(const struct step *step, struct result *result);
bool run_recover(const struct step *step, struct result *result);

#endif
