/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_RUN_INSIDE_H
#define LAB_RUN_INSIDE_H

/* A run while it goes on. For run.c, lane.c, act.c and use.c only; one thread.
 *
 * Phases: faults are carried out; then what is sent is worked off (LAB_WORK); who still sends when
 * the scenario's time is over is asked to end, and the rest settles (LAB_SETTLE); then all are
 * asked to end (LAB_ENDING), and it is over. */

#include "disk.h"
#include "ledger.h"
#include "plan.h"
#include "process.h"
#include "proxy.h"
#include "run.h"

#include <limits.h>
#include <signal.h>

#define LAB_OUTPUT_MAX  500 /* lines of a process that are kept as events */
#define LAB_WORDS_MAX   6   /* its last ones, for when it fails */
#define LAB_POLITE_US   UINT64_C(5000000) /* between SIGTERM and SIGKILL */
#define LAB_NEVER       UINT64_MAX

enum lab_phase { LAB_FAULTS, LAB_WORK, LAB_SETTLE, LAB_ENDING, LAB_OVER };

enum lab_life {
    LAB_DOWN,
    LAB_UP,
    LAB_DONE, /* it ended by itself with status 0 */
};

/* What becomes of a lane's disk as soon as its process is dead. */
enum lab_deed { LAB_KEEP_DISK, LAB_CUT_POWER, LAB_PUT_BACK, LAB_EMPTY_DISK };

/* One process of the scenario, with its directory and place, over all its lives. */
struct lab_lane_state {
    struct lab_running *run;
    const struct lab_process_plan *plan;
    int index;
    struct lab_process process;
    struct lab_disk *disk;
    char program[PATH_MAX], directory[PATH_MAX];
    char **argv, **environment;
    uint16_t port; /* of its {endpoint}; kept by `held` */
    int held;
    enum lab_life life;
    uint64_t lives; /* starts */
    enum lab_deed deed;
    bool told;         /* to end, by us */
    bool sends, takes; /* it said that something was accepted; that a handler has something */
    bool lied;         /* its syncs were made to lie */
    uint64_t start_us, kill_us; /* when it is started, and killed if still there; LAB_NEVER */
    size_t fault;               /* the event that took it down, as long as it is; SIZE_MAX */
    size_t shown, unshown;      /* lines */
    char words[LAB_WORDS_MAX][200];
    size_t said;
};

/* A fault that goes on. */
struct lab_lasting {
    struct lab_order order;
    uint64_t until_us; /* LAB_NEVER: the end of the faults */
    uint64_t hits;     /* of the disk, before */
    size_t event;
};

/* A fault that is over, and nothing was processed since. */
struct lab_waiting {
    uint64_t at_us;
    size_t event;
};

struct lab_running {
    const struct lab_scenario *scenario;
    const struct lab_run_options *options;
    struct lab_result *result;
    struct lab_timeline *timeline; /* the result's */
    struct lab_ledger *ledger;
    struct lab_proxy *proxy;
    int links[LAB_LINKS_MAX]; /* the proxy's numbers of the scenario's links */
    struct lab_plan plan;
    struct lab_random_state random; /* of power cuts */
    struct lab_lane_state *lanes;
    struct lab_lasting *lasting;
    size_t lasting_count, lasting_capacity;
    struct lab_waiting *waiting;
    size_t waiting_count, waiting_capacity, recovery_capacity;
    enum lab_phase phase;
    uint64_t began_us;    /* of the clock */
    uint64_t phase_us;    /* when this phase began; this and the following since the start */
    uint64_t progress_us; /* the last line that moved a count */
    uint64_t progress, processed; /* counts then */
    uint64_t use_us, count_us;    /* when use and counts are looked at, and told, again */
    char directory[PATH_MAX];
    char scratch[PATH_MAX]; /* TMPDIR of the processes */
    int signals;            /* a signalfd */
    sigset_t before;
    bool hurry; /* asked to end twice */
};

uint64_t lab_now_us(const struct lab_running *run); /* since the start */
/* The run fails: the first reason is kept, all processes are asked to end. */
void lab_run_fail(struct lab_running *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* lane.c */
/* Both false: the run has failed. The disks of all are made before anything else (disk.h). */
bool lab_lane_make_disk(struct lab_lane_state *lane);
bool lab_lane_make_command(struct lab_lane_state *lane);
void lab_lane_clear(struct lab_lane_state *lane);
void lab_lane_start(struct lab_lane_state *lane);
void lab_lane_hear(struct lab_lane_state *lane);
/* Takes it down with that signal; then the deed, then up again at `start_us`. */
void lab_lane_down(struct lab_lane_state *lane, int number, enum lab_deed deed, uint64_t start_us,
                   size_t fault);
void lab_lane_ended(struct lab_lane_state *lane); /* its process has, and is reaped here */
void lab_lane_due(struct lab_lane_state *lane, uint64_t now_us);
uint64_t lab_lane_next_us(const struct lab_lane_state *lane);
void lab_lane_audit(struct lab_lane_state *lane);

/* act.c */
void lab_act(struct lab_running *run, const struct lab_order *order);
void lab_heal_due(struct lab_running *run, uint64_t now_us); /* LAB_NEVER: all */
uint64_t lab_heal_next_us(const struct lab_running *run);
/* Faults that still act on a process which was just started: its limits. */
void lab_act_again(struct lab_lane_state *lane);
/* A fault is over: until the next message is processed, somebody waits. */
void lab_await_recovery(struct lab_running *run, size_t event);
void lab_recovered(struct lab_running *run);

/* use.c */
void lab_use_look(struct lab_running *run);

#endif
