/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_SCENARIO_H
#define LAB_SCENARIO_H

/* A scenario as plain data: which processes, what happens to them and when, what is promised. It is
 * read from a ZPL file (RFC 4/ZPL, by zconfig); docs/lab.md describes the words.
 *
 *     about = A worker is killed, and a connection cut
 *     processes
 *         worker = godwit lab-peer work --bind {endpoint} --dir {dir}
 *         sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 5000
 *     actions
 *         1.0 = kill worker for 500ms
 *         2.5 = cut sender-worker
 *
 * Everything is checked here, before anything starts: whoever runs a struct lab_scenario may rely
 * on it. */

#include "verb.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAB_NAME_MAX      32
#define LAB_PROCESSES_MAX 64
#define LAB_LINKS_MAX     256
#define LAB_ACTIONS_MAX   1000
#define LAB_SECONDS_MAX   (30 * 24 * 3600)
#define LAB_COVERS_MAX    32

struct lab_process_plan {
    char name[LAB_NAME_MAX + 1];
    char **argv;        /* with {substitutions} still in it, NULL at the end */
    char **audit;       /* run when all is over: prints `effect` lines; NULL: none */
    uint64_t disk_bytes; /* its directory is a tmpfs of that size; 0: an ordinary directory */
    uint64_t file_limit, memory_limit; /* RLIMIT_NOFILE, RLIMIT_AS; 0: as they are */
    bool stays_down;    /* not started again when the faults are over */
    uint64_t restart_us; /* after an error it is started again; 0: an error fails the run */
    bool shim;          /* an action needs the preloaded shim: its disk or clock is played with */
    int line;
};

struct lab_link_plan { /* made where a command names another process: {worker} in sender's */
    char name[2 * LAB_NAME_MAX + 2]; /* "sender-worker" */
    size_t from, to;                 /* processes: who dials, who binds */
};

struct lab_action {
    uint64_t at_us;       /* since the start */
    struct lab_order order;
    int line;
};

struct lab_random { /* from time to time one of some orders, by a seed */
    bool used;
    uint64_t seed;
    uint64_t from_us, until_us;
    uint64_t every_us;    /* on average */
    struct lab_order *orders;
    size_t count;
};

struct lab_scenario {
    char *path;           /* as it was given */
    char *text;           /* the file as it was read */
    char *title;          /* name of the file without folder and ending */
    char *about;
    char *covers[LAB_COVERS_MAX]; /* ids of the catalogue of faults; NULL at the end */
    uint64_t length_us;   /* all faults are over by then, and who still sends is asked to end */
    uint64_t settle_us;   /* without progress after the faults; what waits then is stuck */
    bool smoke;           /* one of the quick ones that `godwit lab all --smoke` runs */
    bool ordered;         /* order is promised and judged */
    bool repeats_excused; /* receivers lose or restore their disk: repeats are told, no more */
    struct lab_process_plan *processes;
    size_t process_count;
    struct lab_link_plan *links;
    size_t link_count;
    struct lab_action *actions; /* by time */
    size_t action_count;
    struct lab_random random;
};

struct lab_mistake {
    int line;             /* 0: of the file as a whole */
    char what[200];       /* "unknown action `kil`" */
    char mend[400];       /* "did you mean `kill`? Known are: ..." */
};

/* NULL: `mistake` says where, what and how to mend it. */
struct lab_scenario *lab_scenario_read(const char *path, struct lab_mistake *mistake);
/* The text alone: programs and ports are not looked for. `size` bytes, no end needed. */
struct lab_scenario *lab_scenario_parse(const char *path, const char *text, size_t size,
                                        struct lab_mistake *mistake);
/* That the programs are there and ports given by hand are free; part of lab_scenario_read. */
bool lab_scenario_check(const struct lab_scenario *scenario, struct lab_mistake *mistake);
void lab_scenario_free(struct lab_scenario **scenario);
/* -1: there is none of that name. */
int lab_scenario_process(const struct lab_scenario *scenario, const char *name);
int lab_scenario_link(const struct lab_scenario *scenario, const char *name);
/* What must be there and is not: root for a tmpfs, the shim, a program. NULL: nothing; otherwise a
 * sentence, and the scenario is skipped, visibly. */
const char *lab_scenario_needs(const struct lab_scenario *scenario, char *why, size_t size);

#endif
