/* SPDX-License-Identifier: MPL-2.0 */
/* One process of a scenario: its directory and place, its starts, its lines, its ends. */

#include "run_inside.h"

#include "port.h"
#include "program.h"
#include "words.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define AUDIT_MS     60000
#define ENDPOINT     "tcp://127.0.0.1:%u"
#define ENDPOINT_MAX 40

extern char **environ;

/* --- what a command names --- */

struct filling {
    struct lab_lane_state *lane;
    char text[ENDPOINT_MAX];
};

static const char *endpoint(struct filling *filling, uint16_t port)
{
    snprintf(filling->text, sizeof filling->text, ENDPOINT, port);
    return filling->text;
}

/* The parser made sure that there is such a process, and such a link. */
static const char *place(void *context, const char *name)
{
    static const char direct[] = "direct:";
    struct filling *filling = context;
    struct lab_running *run = filling->lane->run;
    char link[sizeof run->scenario->links->name];

    if (strcmp(name, "dir") == 0)
        return filling->lane->directory;
    if (strcmp(name, "endpoint") == 0)
        return endpoint(filling, filling->lane->port);
    if (strcmp(name, "seed") == 0) {
        snprintf(filling->text, sizeof filling->text, "%llu",
                 (unsigned long long)run->result->seed);
        return filling->text;
    }
    if (strncmp(name, direct, strlen(direct)) == 0) {
        int to = lab_scenario_process(run->scenario, name + strlen(direct));
        return endpoint(filling, run->lanes[to].port);
    }
    snprintf(link, sizeof link, "%s-%s", filling->lane->plan->name, name);
    int found = lab_scenario_link(run->scenario, link);
    return endpoint(filling, lab_proxy_port(run->proxy, run->links[found]));
}

static void free_words(char **words)
{
    for (size_t i = 0; words && words[i]; i++)
        free(words[i]);
    free(words);
}

static bool fill_words(struct lab_lane_state *lane, char *const *words, char ***filled)
{
    struct filling filling = {.lane = lane};
    size_t count = 0;

    while (words[count])
        count++;
    *filled = calloc(count + 1, sizeof **filled);
    for (size_t i = 0; *filled && i < count; i++) {
        (*filled)[i] = lab_places_fill(words[i], place, &filling);
        if (!(*filled)[i])
            return false;
    }
    return *filled != NULL;
}

static bool add_variable(char **all, size_t *count, const char *text)
{
    all[*count] = strdup(text);
    return all[(*count)++] != NULL;
}

/* Everybody's, what the disk wants, and a place for files that goes when the run is over. */
static char **make_environment(const struct lab_lane_state *lane)
{
    char *const *more = lab_disk_environment(lane->disk);
    char place[PATH_MAX + 16];
    size_t most = 3, count = 0;

    for (size_t i = 0; environ[i]; i++)
        most++;
    for (size_t i = 0; more && more[i]; i++)
        most++;
    char **all = calloc(most, sizeof *all);
    bool good = all != NULL;
    for (size_t i = 0; good && environ[i]; i++) {
        if (strncmp(environ[i], "TMPDIR=", 7) != 0)
            good = add_variable(all, &count, environ[i]);
    }
    for (size_t i = 0; good && more && more[i]; i++)
        good = add_variable(all, &count, more[i]);
    snprintf(place, sizeof place, "TMPDIR=%s", lane->run->scratch);
    if (good && add_variable(all, &count, place) && add_variable(all, &count, "GODWIT_LAB=1"))
        return all;
    free_words(all);
    return NULL;
}

/* --- before and after --- */

bool lab_lane_make_disk(struct lab_lane_state *lane)
{
    struct lab_running *run = lane->run;
    const struct lab_process_plan *plan = lane->plan;
    char why[200] = "out of memory";

    snprintf(lane->directory, sizeof lane->directory, "%.*s/%s",
             (int)(sizeof lane->directory - LAB_NAME_MAX - 2), run->directory, plan->name);
    lane->disk = lab_disk_new(lane->directory, plan->disk_bytes, plan->shim, why, sizeof why);
    if (!lane->disk)
        lab_run_fail(run, "the directory of %s: %s", plan->name, why);
    return lane->disk != NULL;
}

bool lab_lane_make_command(struct lab_lane_state *lane)
{
    struct lab_running *run = lane->run;

    if (!fill_words(lane, lane->plan->argv, &lane->argv) ||
        !(lane->environment = make_environment(lane))) {
        lab_run_fail(run, "out of memory");
        return false;
    }
    if (lab_program_find(lane->argv[0], lane->program))
        return true;
    lab_run_fail(run, "the program %s of %s: %s", lane->argv[0], lane->plan->name,
                 strerror(errno));
    return false;
}

void lab_lane_clear(struct lab_lane_state *lane)
{
    if (lane->disk)
        lab_disk_free(&lane->disk, !lane->run->options->keep);
    free_words(lane->argv);
    free_words(lane->environment);
    if (lane->held >= 0)
        close(lane->held);
}

/* --- its lines --- */

static void show(struct lab_lane_state *lane, const struct lab_line *line)
{
    struct lab_running *run = lane->run;

    snprintf(lane->words[lane->said++ % LAB_WORDS_MAX], sizeof *lane->words, "%s", line->text);
    if (lane->shown < LAB_OUTPUT_MAX) {
        lane->shown++;
        lab_timeline_add(run->timeline, lab_now_us(run), LAB_EVENT_OUTPUT, lane->index, -1, "%s",
                         line->text);
    } else {
        lane->unshown++;
    }
}

static void take_line(void *context, const struct lab_line *line)
{
    struct lab_lane_state *lane = context;
    struct lab_running *run = lane->run;

    if (!line->error && line->whole &&
        lab_ledger_line(run->ledger, lab_now_us(run), (size_t)lane->index, line->text)) {
        lane->sends = lane->sends || strncmp(line->text, "accepted ", 9) == 0;
        lane->takes = lane->takes || strncmp(line->text, "began ", 6) == 0;
        return;
    }
    if (line->error || line->whole || !lane->told) /* not what a kill cut off */
        show(lane, line);
}

void lab_lane_hear(struct lab_lane_state *lane)
{
    lab_process_hear(&lane->process, take_line, lane);
}

/* --- its starts --- */

void lab_lane_start(struct lab_lane_state *lane)
{
    struct lab_running *run = lane->run;
    struct lab_start start = {.program = lane->program,
                              .argv = lane->argv,
                              .environment = lane->environment,
                              .file_limit = lane->plan->file_limit,
                              .memory_limit = lane->plan->memory_limit};
    int error = lane->lives++ > 0 && lab_disk_ready(lane->disk) != 0 ? errno : 0;

    if (!error)
        error = lab_process_start(&lane->process, &start);
    lane->start_us = lane->kill_us = LAB_NEVER;
    if (error) {
        lab_run_fail(run, "%s cannot be started: %s", lane->plan->name, strerror(error));
        return;
    }
    lane->life = LAB_UP;
    lane->told = false;
    lab_timeline_add(run->timeline, lab_now_us(run), LAB_EVENT_START, lane->index, -1,
                     lane->fault == SIZE_MAX ? "starts" : "starts again");
    if (lane->fault != SIZE_MAX) {
        lab_timeline_over(run->timeline, lane->fault, lab_now_us(run));
        lab_await_recovery(run, lane->fault);
        lane->fault = SIZE_MAX;
    }
    lab_act_again(lane);
}

uint64_t lab_lane_next_us(const struct lab_lane_state *lane)
{
    if (lane->life == LAB_UP)
        return lane->kill_us;
    return lane->start_us;
}

void lab_lane_due(struct lab_lane_state *lane, uint64_t now_us)
{
    if (lab_lane_next_us(lane) > now_us)
        return;
    if (lane->life != LAB_UP) {
        lab_lane_start(lane);
        return;
    }
    lane->kill_us = LAB_NEVER;
    lab_timeline_add(lane->run->timeline, now_us, LAB_EVENT_NOTE, lane->index, -1,
                     "did not end when it was asked to: killed");
    lab_process_signal(&lane->process, SIGKILL);
}

/* --- its ends --- */

static void tell_power_cut(struct lab_lane_state *lane)
{
    struct lab_running *run = lane->run;
    uint64_t bytes = 0, files = 0;

    if (lab_disk_power_cut(lane->disk, lab_random_next(&run->random), &bytes, &files) != 0)
        lab_run_fail(run, "the power cut of %s: %s", lane->plan->name, strerror(errno));
    else
        lab_timeline_add(run->timeline, lab_now_us(run), LAB_EVENT_NOTE, lane->index, -1,
                         "the power cut took %llu unsynced bytes and %llu files",
                         (unsigned long long)bytes, (unsigned long long)files);
}

static void do_deed(struct lab_lane_state *lane)
{
    switch (lane->deed) {
    case LAB_KEEP_DISK: break;
    case LAB_CUT_POWER: tell_power_cut(lane); break;
    case LAB_PUT_BACK:
        if (lab_disk_restore(lane->disk) != 0)
            lab_run_fail(lane->run, "`restore %s`: %s", lane->plan->name,
                         errno == ENOENT ? "there was no `save` before" : strerror(errno));
        break;
    case LAB_EMPTY_DISK:
        if (lab_disk_empty(lane->disk) != 0)
            lab_run_fail(lane->run, "`lose-disk %s`: %s", lane->plan->name, strerror(errno));
        break;
    }
    lane->deed = LAB_KEEP_DISK;
}

/* The ledger hears of the end before anybody looks at the disk again. */
static void tell_ledger(struct lab_lane_state *lane, bool done, bool killed)
{
    struct lab_ending ending = {
        .done = done,
        .killed = killed,
        .power = lane->deed == LAB_CUT_POWER,
        .lost = lane->deed == LAB_PUT_BACK || lane->deed == LAB_EMPTY_DISK ||
                (lane->deed == LAB_CUT_POWER && lane->lied),
    };

    lab_ledger_ended(lane->run->ledger, (size_t)lane->index, &ending);
    do_deed(lane);
}

void lab_lane_down(struct lab_lane_state *lane, int number, enum lab_deed deed, uint64_t start_us,
                   size_t fault)
{
    if (lane->fault == SIZE_MAX)
        lane->fault = fault;
    lane->deed = deed;
    if (lane->life == LAB_UP) {
        lane->told = true;
        lane->start_us = start_us;
        lane->kill_us = number == SIGKILL ? LAB_NEVER : lab_now_us(lane->run) + LAB_POLITE_US;
        lab_process_signal(&lane->process, number);
        return;
    }
    tell_ledger(lane, false, true);
    if (lane->life == LAB_DOWN)
        lane->start_us = start_us;
}

/* "status 3", "signal 11 (Segmentation fault)". */
static void describe(int status, char *text, size_t size)
{
    if (WIFEXITED(status))
        snprintf(text, size, "status %d", WEXITSTATUS(status));
    else
        snprintf(text, size, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
}

/* What nobody asked for, whatever it was told. */
static bool is_crash(int status)
{
    if (!WIFSIGNALED(status))
        return false;
    switch (WTERMSIG(status)) {
    case SIGSEGV:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGSYS: return true;
    default: return false;
    }
}

static void fail_with_words(struct lab_lane_state *lane, const char *who, const char *how)
{
    char words[220] = "";
    size_t used = 0, from = lane->said > LAB_WORDS_MAX ? lane->said - LAB_WORDS_MAX : 0;

    for (size_t i = from; i < lane->said && used < sizeof words; i++)
        used += (size_t)snprintf(words + used, sizeof words - used, "%s%s",
                                 used ? " | " : "; it said: ", lane->words[i % LAB_WORDS_MAX]);
    lab_run_fail(lane->run, "%s%s ended by itself with %s%s", who, lane->plan->name, how, words);
}

/* Nobody told it to, or it crashed when it was told. */
static void ended_badly(struct lab_lane_state *lane, const char *how)
{
    struct lab_running *run = lane->run;

    lane->life = LAB_DOWN;
    tell_ledger(lane, false, true);
    if (lane->plan->restart_us > 0 && run->phase < LAB_ENDING) {
        lane->start_us = lab_now_us(run) + lane->plan->restart_us;
        lane->fault = lab_timeline_add(run->timeline, lab_now_us(run), LAB_EVENT_END, lane->index,
                                       -1, "ended by itself with %s, and is started again", how);
        return;
    }
    lab_timeline_add(run->timeline, lab_now_us(run), LAB_EVENT_END, lane->index, -1,
                     "ended by itself with %s", how);
    fail_with_words(lane, "", how);
}

void lab_lane_ended(struct lab_lane_state *lane)
{
    struct lab_running *run = lane->run;
    int status = lab_process_finish(&lane->process, take_line, lane);
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    char how[80];

    describe(status, how, sizeof how);
    lane->kill_us = LAB_NEVER;
    if (is_crash(status) || (!lane->told && !good)) {
        ended_badly(lane, how);
        return;
    }
    lane->life = lane->told ? LAB_DOWN : LAB_DONE;
    lab_timeline_add(run->timeline, lab_now_us(run), LAB_EVENT_END, lane->index, -1, "%s%s",
                     lane->told ? "ended with " : "is done", lane->told ? how : "");
    tell_ledger(lane, !lane->told, lane->told && !good);
}

/* --- its audit --- */

/* Runs to its end, or for AUDIT_MS. */
static int hear_audit(struct lab_lane_state *lane, struct lab_process *audit)
{
    for (int ms = 0; ms < AUDIT_MS; ms += 10) {
        struct pollfd fds[] = {{audit->out.fd, POLLIN, 0}, {audit->err.fd, POLLIN, 0}};
        poll(fds, 2, 10);
        lab_process_hear(audit, take_line, lane);
        for (pid_t pid; (pid = lab_process_ended()) > 0;) {
            if (pid == audit->pid)
                return lab_process_finish(audit, take_line, lane);
            lab_process_reap(pid);
        }
    }
    lab_process_signal(audit, SIGKILL);
    return lab_process_finish(audit, take_line, lane);
}

void lab_lane_audit(struct lab_lane_state *lane)
{
    struct lab_start start = {.environment = environ};
    struct lab_process audit = LAB_PROCESS_NONE;
    char program[PATH_MAX], how[80], **argv = NULL;
    int error = ENOMEM;

    if (fill_words(lane, lane->plan->audit, &argv))
        error = lab_program_find(argv[0], program) ? 0 : errno;
    start.program = program;
    start.argv = argv;
    if (!error)
        error = lab_process_start(&audit, &start);
    if (error) {
        lab_run_fail(lane->run, "the audit of %s cannot be started: %s", lane->plan->name,
                     strerror(error));
    } else {
        int status = hear_audit(lane, &audit);
        describe(status, how, sizeof how);
        if (status != 0)
            fail_with_words(lane, "the audit of ", how);
    }
    free_words(argv);
}
