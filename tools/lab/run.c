/* SPDX-License-Identifier: MPL-2.0 */
/* One run: what it needs, its loop and phases, its end. */

#include "run_inside.h"

#include "port.h"
#include "tree.h"
#include "words.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COUNT_US UINT64_C(10000000) /* between two notes of what was counted */

#define EACH_LANE for (size_t i = 0; i < run->scenario->process_count; i++)

static uint64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t lab_now_us(const struct lab_running *run)
{
    return clock_us() - run->began_us;
}

static void note(struct lab_running *run, const char *text)
{
    lab_timeline_add(run->timeline, lab_now_us(run), LAB_EVENT_NOTE, -1, -1, "%s", text);
}

static void enter(struct lab_running *run, enum lab_phase phase)
{
    run->phase = phase;
    run->phase_us = lab_now_us(run);
}

/* --- the end --- */

/* All are asked; in LAB_POLITE_US they are killed. */
static void begin_ending(struct lab_running *run)
{
    if (run->phase >= LAB_ENDING)
        return;
    enter(run, LAB_ENDING);
    lab_use_look(run);
    EACH_LANE {
        struct lab_lane_state *lane = &run->lanes[i];
        lane->start_us = LAB_NEVER;
        if (lane->life != LAB_UP)
            continue;
        lane->told = true;
        lane->kill_us = lab_now_us(run) + LAB_POLITE_US;
        lab_process_signal(&lane->process, SIGTERM);
        lab_process_signal(&lane->process, SIGCONT); /* if it was stopped */
    }
}

void lab_run_fail(struct lab_running *run, const char *format, ...)
{
    va_list arguments;

    if (run->result->end == LAB_PASSED) {
        run->result->end = LAB_FAILED;
        va_start(arguments, format);
        vsnprintf(run->result->why, sizeof run->result->why, format, arguments);
        va_end(arguments);
    }
    if (run->lanes)
        begin_ending(run);
}

/* --- phases --- */

/* Nothing is planned, and nothing that has a length goes on. */
static bool faults_are_over(const struct lab_running *run, uint64_t now_us)
{
    const struct lab_random *random = &run->scenario->random;

    if (now_us >= run->scenario->length_us)
        return true;
    if (lab_plan_next_us(&run->plan) != LAB_NEVER || lab_heal_next_us(run) != LAB_NEVER ||
        (random->used && now_us < random->until_us))
        return false;
    EACH_LANE {
        const struct lab_lane_state *lane = &run->lanes[i];
        if (lane->life == LAB_UP ? lane->told : lane->start_us != LAB_NEVER)
            return false;
    }
    return true;
}

/* What still acts is healed, and what is down comes up. */
static void end_faults(struct lab_running *run)
{
    bool any = run->result->faults > 0;

    lab_heal_due(run, LAB_NEVER);
    EACH_LANE {
        struct lab_lane_state *lane = &run->lanes[i];
        if (lane->life == LAB_DOWN && !lane->plan->stays_down && lane->start_us == LAB_NEVER)
            lane->start_us = lab_now_us(run);
        if (lane->life == LAB_UP && lane->told && !lane->plan->stays_down &&
            lane->start_us == LAB_NEVER)
            lane->start_us = lab_now_us(run);
    }
    run->progress_us = lab_now_us(run);
    enter(run, LAB_WORK);
    if (any)
        note(run, "the faults are over");
}

/* A source accepts and takes nothing: it ends by itself when it is done. */
static bool sources_are_done(const struct lab_running *run)
{
    EACH_LANE {
        const struct lab_lane_state *lane = &run->lanes[i];
        bool comes = lane->life == LAB_DOWN && lane->start_us != LAB_NEVER;
        if (lane->sends && !lane->takes && (lane->life == LAB_UP || comes))
            return false;
    }
    return true;
}

static bool is_settled(const struct lab_running *run)
{
    return lab_ledger_so_far(run->ledger)->accepted > 0 && lab_ledger_quiet(run->ledger) &&
           sources_are_done(run);
}

/* Nothing has moved for as long as the scenario allows; who sends may be slow on purpose. */
static bool is_stuck(const struct lab_running *run, uint64_t now_us)
{
    bool idle = lab_ledger_so_far(run->ledger)->accepted > 0 && lab_ledger_quiet(run->ledger);

    return !(idle && run->phase == LAB_WORK) &&
           now_us >= run->progress_us + run->scenario->settle_us;
}

static void end_sources(struct lab_running *run)
{
    bool any = false;

    EACH_LANE {
        struct lab_lane_state *lane = &run->lanes[i];
        if (!lane->sends || lane->takes || lane->life != LAB_UP)
            continue;
        lane->told = any = true;
        lane->start_us = LAB_NEVER;
        lab_process_signal(&lane->process, SIGTERM);
    }
    if (any)
        note(run, "time is over: who still sends is asked to end");
    run->progress_us = lab_now_us(run);
    enter(run, LAB_SETTLE);
}

static bool all_are_down(const struct lab_running *run)
{
    EACH_LANE {
        if (run->lanes[i].life == LAB_UP)
            return false;
    }
    return true;
}

static void next_phase(struct lab_running *run, uint64_t now_us)
{
    switch (run->phase) {
    case LAB_FAULTS:
        if (faults_are_over(run, now_us))
            end_faults(run);
        break;
    case LAB_WORK:
    case LAB_SETTLE:
        if (is_settled(run)) {
            note(run, "all that was accepted has ended");
            begin_ending(run);
        } else if (is_stuck(run, now_us)) {
            note(run, "nothing moves any more");
            begin_ending(run);
        } else if (run->phase == LAB_WORK && now_us >= run->scenario->length_us) {
            end_sources(run);
        }
        break;
    case LAB_ENDING:
        if (all_are_down(run))
            enter(run, LAB_OVER);
        break;
    case LAB_OVER: break;
    }
}

/* --- the loop --- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When something is due that no descriptor tells. */
static uint64_t next_us(const struct lab_running *run)
{
    uint64_t next = run->use_us, now_us = lab_now_us(run);
    const struct lab_random *random = &run->scenario->random;

    if (run->phase == LAB_FAULTS)
        next = least(next, lab_plan_next_us(&run->plan));
    if (random->used && now_us < random->until_us)
        next = least(next, random->until_us);
    next = least(next, lab_heal_next_us(run));
    EACH_LANE {
        next = least(next, lab_lane_next_us(&run->lanes[i]));
    }
    if (now_us < run->scenario->length_us)
        next = least(next, run->scenario->length_us);
    return next;
}

/* Until a line, the end of a process, a signal, or the next thing that is due. */
static void wait_a_while(const struct lab_running *run)
{
    struct pollfd fds[1 + 2 * LAB_PROCESSES_MAX];
    nfds_t count = 0;
    uint64_t now_us = lab_now_us(run), next = next_us(run);
    uint64_t ms = next > now_us ? (next - now_us + 999) / 1000 : 0;

    fds[count++] = (struct pollfd){.fd = run->signals, .events = POLLIN};
    EACH_LANE {
        const struct lab_process *process = &run->lanes[i].process;
        fds[count++] = (struct pollfd){.fd = process->out.fd, .events = POLLIN};
        fds[count++] = (struct pollfd){.fd = process->err.fd, .events = POLLIN};
    }
    poll(fds, count, ms < 1000 ? (int)ms : 1000);
}

static void hear_all(struct lab_running *run)
{
    EACH_LANE {
        if (run->lanes[i].life == LAB_UP)
            lab_lane_hear(&run->lanes[i]);
    }
}

static void reap_all(struct lab_running *run)
{
    for (pid_t pid; (pid = lab_process_ended()) > 0;) {
        struct lab_lane_state *own = NULL;
        EACH_LANE {
            if (run->lanes[i].life == LAB_UP && run->lanes[i].process.pid == pid)
                own = &run->lanes[i];
        }
        if (own)
            lab_lane_ended(own);
        else
            lab_process_reap(pid); /* an orphan that was adopted */
    }
}

static void interrupt(struct lab_running *run, uint32_t number)
{
    if (run->result->end == LAB_PASSED) {
        run->result->end = LAB_INTERRUPTED;
        snprintf(run->result->why, sizeof run->result->why, "told to end (%s)",
                 strsignal((int)number));
    }
    if (run->phase >= LAB_ENDING) { /* the second time: at once */
        EACH_LANE {
            if (run->lanes[i].life == LAB_UP)
                lab_process_signal(&run->lanes[i].process, SIGKILL);
        }
        return;
    }
    note(run, "told to end");
    begin_ending(run);
}

static void take_signals(struct lab_running *run)
{
    struct signalfd_siginfo info;

    while (read(run->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGCHLD)
            interrupt(run, info.ssi_signo);
    }
}

static void look_at_progress(struct lab_running *run)
{
    const struct lab_verdict *counts = lab_ledger_so_far(run->ledger);
    uint64_t progress = counts->accepted + counts->began + counts->processed + counts->settled +
                        counts->dead + counts->withdrawn + counts->redelivered;

    if (progress != run->progress)
        run->progress_us = lab_now_us(run);
    run->progress = progress;
    if (counts->processed > run->processed && run->waiting_count > 0)
        lab_recovered(run);
    run->processed = counts->processed;
}

static void tell_counts(struct lab_running *run)
{
    const struct lab_verdict *counts = lab_ledger_so_far(run->ledger);

    run->count_us += COUNT_US;
    lab_timeline_add(run->timeline, lab_now_us(run), LAB_EVENT_NOTE, -1, -1,
                     "%llu accepted, %llu processed, %llu settled",
                     (unsigned long long)counts->accepted, (unsigned long long)counts->processed,
                     (unsigned long long)counts->settled);
}

static void do_due(struct lab_running *run)
{
    uint64_t now_us = lab_now_us(run);

    while (run->phase == LAB_FAULTS && lab_plan_next_us(&run->plan) <= now_us) {
        struct lab_order order;
        lab_plan_take(&run->plan, &order);
        lab_act(run, &order);
    }
    lab_heal_due(run, now_us);
    EACH_LANE {
        lab_lane_due(&run->lanes[i], now_us);
    }
    if (run->use_us <= now_us)
        lab_use_look(run);
    if (run->count_us <= now_us)
        tell_counts(run);
}

static void go_on(struct lab_running *run)
{
    EACH_LANE {
        if (run->phase == LAB_FAULTS)
            lab_lane_start(&run->lanes[i]);
    }
    while (run->phase != LAB_OVER) {
        wait_a_while(run);
        hear_all(run);
        reap_all(run);
        take_signals(run);
        look_at_progress(run);
        do_due(run);
        next_phase(run, lab_now_us(run));
    }
}

/* --- before --- */

static bool make_directory(struct lab_running *run)
{
    const char *base = getenv("TMPDIR");

    if (run->options->directory) {
        snprintf(run->directory, sizeof run->directory, "%s", run->options->directory);
        if (mkdir(run->directory, 0777) == 0 || errno == EEXIST)
            return true;
    } else {
        snprintf(run->directory, sizeof run->directory, "%s/godwit-lab-XXXXXX",
                 base && *base ? base : "/tmp");
        if (mkdtemp(run->directory))
            return true;
    }
    lab_run_fail(run, "%s: %s", run->directory, strerror(errno));
    run->directory[0] = '\0';
    return false;
}

/* What a process leaves there when it is killed is not left behind. */
static bool make_scratch(struct lab_running *run)
{
    snprintf(run->scratch, sizeof run->scratch, "%.*s/.tmp", PATH_MAX - 8, run->directory);
    if (mkdir(run->scratch, 0777) == 0)
        return true;
    lab_run_fail(run, "%s: %s", run->scratch, strerror(errno));
    return false;
}

static bool hold_ports(struct lab_running *run)
{
    EACH_LANE {
        run->lanes[i].held = lab_port_hold(&run->lanes[i].port);
        if (run->lanes[i].held < 0) {
            lab_run_fail(run, "no free port: %s", strerror(errno));
            return false;
        }
    }
    return true;
}

static bool make_links(struct lab_running *run)
{
    run->proxy = lab_proxy_new(run->result->seed);
    for (size_t i = 0; run->proxy && i < run->scenario->link_count; i++) {
        run->links[i] = lab_proxy_link(run->proxy, run->lanes[run->scenario->links[i].to].port);
        if (run->links[i] < 0)
            lab_proxy_free(&run->proxy);
    }
    if (run->proxy)
        return true;
    lab_run_fail(run, "the proxy: %s", strerror(errno));
    return false;
}

static bool make_lanes(struct lab_running *run)
{
    EACH_LANE {
        run->lanes[i] = (struct lab_lane_state){.run = run,
                                                .plan = &run->scenario->processes[i],
                                                .index = (int)i,
                                                .process = LAB_PROCESS_NONE,
                                                .held = -1,
                                                .start_us = LAB_NEVER,
                                                .kill_us = LAB_NEVER,
                                                .fault = SIZE_MAX};
    }
    EACH_LANE {
        if (!lab_lane_make_disk(&run->lanes[i]))
            return false;
    }
    if (!hold_ports(run) || !make_links(run))
        return false;
    EACH_LANE {
        if (!lab_lane_make_command(&run->lanes[i]))
            return false;
    }
    return true;
}

/* SIGCHLD wakes the loop; the others end the run well. The proxy's thread inherits the mask. */
static bool catch_signals(struct lab_running *run)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, &run->before);
    run->signals = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    if (run->signals >= 0)
        return true;
    lab_run_fail(run, "signalfd: %s", strerror(errno));
    return false;
}

static bool prepare(struct lab_running *run)
{
    struct lab_result *result = run->result;

    run->lanes = calloc(run->scenario->process_count, sizeof *run->lanes);
    result->uses = calloc(run->scenario->process_count, sizeof *result->uses);
    if (lab_timeline_init(&result->timeline, run->scenario->process_count) != 0 || !run->lanes ||
        !result->uses) {
        lab_run_fail(run, "out of memory");
        return false;
    }
    run->timeline->shown = run->options->shown;
    run->timeline->context = run->options->context;
    result->seed = run->options->seed ? run->options->seed : lab_seed(run->scenario);
    run->random.at = result->seed;
    lab_plan_begin(&run->plan, run->scenario, result->seed);
    run->ledger = lab_ledger_new(run->scenario, run->timeline);
    if (!run->ledger) {
        lab_run_fail(run, "out of memory");
        return false;
    }
    return catch_signals(run) && make_directory(run) && make_scratch(run) && make_lanes(run);
}

/* --- after --- */

static void audit_all(struct lab_running *run)
{
    if (run->result->end != LAB_PASSED)
        return;
    EACH_LANE {
        if (run->lanes[i].plan->audit)
            lab_lane_audit(&run->lanes[i]);
    }
}

static void tell_unshown(struct lab_running *run)
{
    EACH_LANE {
        if (run->lanes[i].unshown > 0)
            lab_timeline_add(run->timeline, lab_now_us(run), LAB_EVENT_NOTE, (int)i, -1,
                             "%zu further lines are not shown", run->lanes[i].unshown);
    }
}

static void judge(struct lab_running *run)
{
    struct lab_result *result = run->result;

    lab_ledger_judge(run->ledger, &result->verdict);
    if (result->end != LAB_PASSED || result->verdict.passed)
        return;
    if (result->verdict.accepted == 0) {
        result->end = LAB_FAILED;
        snprintf(result->why, sizeof result->why,
                 "no process said that something was accepted: there is nothing to judge");
        return;
    }
    result->end = LAB_BROKEN;
    for (size_t i = 0; i < sizeof result->verdict.first / sizeof *result->verdict.first; i++) {
        if (!result->why[0])
            snprintf(result->why, sizeof result->why, "%s", result->verdict.first[i]);
    }
}

static void clean_up(struct lab_running *run)
{
    lab_proxy_free(&run->proxy);
    if (!lab_processes_end())
        lab_run_fail(run, "a process that was started still lives");
    for (size_t i = 0; run->lanes && i < run->scenario->process_count; i++) {
        if (run->lanes[i].plan)
            lab_lane_clear(&run->lanes[i]);
    }
    if (run->scratch[0])
        lab_tree_delete(run->scratch);
    if (run->directory[0] && !run->options->keep && rmdir(run->directory) != 0)
        lab_run_fail(run, "%s stays: %s", run->directory, strerror(errno));
    lab_ledger_free(&run->ledger);
    if (run->signals >= 0)
        close(run->signals);
    sigprocmask(SIG_SETMASK, &run->before, NULL);
    free(run->lanes);
    free(run->lasting);
    free(run->waiting);
}

void lab_run(const struct lab_scenario *scenario, const struct lab_run_options *options,
             struct lab_result *result)
{
    struct lab_running run = {.scenario = scenario,
                              .options = options,
                              .result = result,
                              .timeline = &result->timeline,
                              .began_us = clock_us(),
                              .use_us = 1000000,
                              .count_us = COUNT_US,
                              .signals = -1};

    *result = (struct lab_result){0};
    sigprocmask(SIG_SETMASK, NULL, &run.before);
    if (lab_scenario_needs(scenario, result->why, sizeof result->why)) {
        result->end = LAB_SKIPPED;
        return;
    }
    lab_processes_adopt();
    if (prepare(&run)) {
        run.began_us = clock_us();
        go_on(&run);
        audit_all(&run);
        tell_unshown(&run);
        judge(&run);
    }
    result->took_us = lab_now_us(&run);
    result->timeline.shown = NULL;
    clean_up(&run);
}

void lab_result_clear(struct lab_result *result)
{
    lab_timeline_clear(&result->timeline);
    free(result->recoveries);
    free(result->uses);
    *result = (struct lab_result){0};
}

int lab_end_status(enum lab_end end)
{
    switch (end) {
    case LAB_PASSED: return 0;
    case LAB_BROKEN: return 1;
    case LAB_SKIPPED: return 77;
    case LAB_INTERRUPTED: return 130;
    default: return 2;
    }
}
