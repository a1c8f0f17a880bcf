/* SPDX-License-Identifier: MPL-2.0 */
/* Starting lab-peers, hearing and ending them. */

#include "peer_scene.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WORDS_MAX 40

extern char **environ;

struct scene scene;
const char *scene_program = GODWIT_BIN_DIR "/godwit-lab-peer";

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int scene_begin(void **state)
{
    const char *base = getenv("TMPDIR");

    (void)state;
    memset(&scene, 0, sizeof scene);
    for (size_t i = 0; i < SCENE_PROCESSES; i++) {
        snprintf(scene.plans[i].name, sizeof scene.plans[i].name, "p%zu", i);
        scene.processes[i].out = -1;
    }
    scene.scenario.processes = scene.plans;
    scene.scenario.process_count = SCENE_PROCESSES;
    snprintf(scene.folder, sizeof scene.folder, "%s/godwit-lab-XXXXXX",
             base && *base ? base : "/tmp");
    scene.ledger = lab_ledger_new(&scene.scenario, &scene.timeline);
    return !scene.ledger || !mkdtemp(scene.folder) ||
           lab_timeline_init(&scene.timeline, SCENE_PROCESSES);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

int scene_end(void **state)
{
    (void)state;
    if (!scene.ledger) /* that was done already */
        return 0;
    for (size_t i = 0; i < SCENE_PROCESSES; i++) {
        struct scene_process *process = &scene.processes[i];

        if (process->pid > 0) {
            kill(process->pid, SIGKILL);
            waitpid(process->pid, NULL, 0);
        }
        if (process->out >= 0)
            close(process->out);
    }
    lab_ledger_free(&scene.ledger);
    lab_timeline_clear(&scene.timeline);
    return nftw(scene.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- starting --- */

/* `command` with @ written out, cut into words. */
static void words_of(const char *command, char *text, size_t size, char **words)
{
    size_t fill = 0, count = 0;
    char *rest = NULL;

    for (; *command && fill + sizeof scene.folder < size; command++) {
        if (*command == '@')
            fill += (size_t)snprintf(text + fill, size - fill, "%s", scene.folder);
        else
            text[fill++] = *command;
    }
    text[fill] = '\0';
    words[count++] = (char *)"godwit-lab-peer";
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_true(count < WORDS_MAX);
        words[count++] = word;
    }
    words[count] = NULL;
}

void scene_start(size_t which, const char *command)
{
    struct scene_process *process = &scene.processes[which];
    char text[2048], *words[WORDS_MAX + 1];
    posix_spawn_file_actions_t actions;
    int ends[2];

    assert_int_equal(process->pid, 0);
    words_of(command, text, sizeof text, words);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    assert_int_equal(
        posix_spawn(&process->pid, scene_program, &actions, NULL, words, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    process->out = ends[0];
    process->fill = 0;
}

/* --- hearing --- */

static void take_lines(size_t which)
{
    struct scene_process *process = &scene.processes[which];
    char *begin = process->line, *end;

    process->line[process->fill] = '\0';
    while ((end = strchr(begin, '\n'))) {
        *end = '\0';
        if (!lab_ledger_line(scene.ledger, now_us(), which, begin))
            fail_msg("p%zu says: %s", which, begin);
        begin = end + 1;
    }
    process->fill -= (size_t)(begin - process->line);
    memmove(process->line, begin, process->fill);
}

/* False at the end of its output. */
static bool hear_one(size_t which)
{
    struct scene_process *process = &scene.processes[which];
    ssize_t got = read(process->out, process->line + process->fill,
                       sizeof process->line - 1 - process->fill);

    if (got < 0 && errno == EINTR)
        return true;
    if (got <= 0) {
        close(process->out);
        process->out = -1;
        return false;
    }
    process->fill += (size_t)got;
    take_lines(which);
    return true;
}

/* Some output of anybody; false: there was none in time. */
static bool hear_some_until(uint64_t until_us)
{
    struct pollfd waits[SCENE_PROCESSES];
    uint64_t now = now_us();

    for (size_t i = 0; i < SCENE_PROCESSES; i++)
        waits[i] = (struct pollfd){.fd = scene.processes[i].out, .events = POLLIN};
    if (now >= until_us ||
        poll(waits, SCENE_PROCESSES, (int)((until_us - now) / 1000) + 1) == 0)
        return false;
    for (size_t i = 0; i < SCENE_PROCESSES; i++)
        if (waits[i].revents)
            hear_one(i);
    return true;
}

static void hear_some(uint64_t until_us)
{
    if (!hear_some_until(until_us))
        fail_msg("time is over: accepted %d, processed %d, settled %d",
                 (int)lab_ledger_so_far(scene.ledger)->accepted,
                 (int)lab_ledger_so_far(scene.ledger)->processed,
                 (int)lab_ledger_so_far(scene.ledger)->settled);
}

void scene_hear_for(uint64_t milliseconds)
{
    uint64_t until_us = now_us() + milliseconds * 1000;

    while (hear_some_until(until_us))
        continue;
}

static uint64_t in_time(void)
{
    return now_us() + SCENE_WAIT_MS * UINT64_C(1000);
}

void scene_hear(uint64_t (*count)(const struct lab_verdict *so_far), uint64_t wanted)
{
    uint64_t until_us = in_time();

    while (count(lab_ledger_so_far(scene.ledger)) < wanted)
        hear_some(until_us);
}

bool scene_hear_end(size_t process)
{
    uint64_t until_us = in_time();

    while (scene.processes[process].out >= 0 && !lab_ledger_quiet(scene.ledger))
        hear_some(until_us);
    return scene.processes[process].out < 0;
}

/* --- ending --- */

static int reap(size_t which)
{
    struct scene_process *process = &scene.processes[which];
    uint64_t until_us = in_time();

    while (process->out >= 0)
        hear_some(until_us);
    assert_int_equal(waitpid(process->pid, &process->status, 0), process->pid);
    process->pid = 0;
    return WIFEXITED(process->status) ? WEXITSTATUS(process->status) : -1;
}

int scene_wait(size_t which)
{
    int status = reap(which);

    lab_ledger_ended(scene.ledger, which,
                     &(struct lab_ending){.done = status == 0, .killed = status < 0});
    return status;
}

void scene_kill(size_t which)
{
    kill(scene.processes[which].pid, SIGKILL);
    reap(which);
    lab_ledger_ended(scene.ledger, which, &(struct lab_ending){.killed = true});
}

void scene_term(size_t which)
{
    kill(scene.processes[which].pid, SIGTERM);
    assert_int_equal(reap(which), 0);
    lab_ledger_ended(scene.ledger, which, &(struct lab_ending){0});
}

void scene_audit(size_t which)
{
    char command[64];

    snprintf(command, sizeof command, "audit --dir @/p%zu", which);
    scene_start(which, command);
    assert_int_equal(reap(which), 0);
}

void scene_judge(void)
{
    lab_ledger_judge(scene.ledger, &scene.verdict);
    for (size_t i = 0; i < 5; i++)
        if (scene.verdict.first[i][0])
            print_message("%s\n", scene.verdict.first[i]);
}

uint64_t scene_processed(const struct lab_verdict *so_far)
{
    return so_far->processed;
}

uint64_t scene_settled(const struct lab_verdict *so_far)
{
    return so_far->settled;
}

uint64_t scene_accepted(const struct lab_verdict *so_far)
{
    return so_far->accepted;
}

uint64_t scene_began(const struct lab_verdict *so_far)
{
    return so_far->began;
}
