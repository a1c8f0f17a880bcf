/* SPDX-License-Identifier: MPL-2.0 */

/* Threads as fibers, and what handler_libc.h puts in place of the C library's. A thread that waits
 * gives the stack back to the world; an event of the world resumes it. What wakes it comes a little
 * later than it was signalled, each time another while, so that threads overtake each other. */

#include "handler_inside.h"
#include "handler_libc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define S          UINT64_C(1000000)
#define BEGIN_S    1767225600 /* 2026-01-01: the wall clock when a world begins */
#define WAKE_US    200
#define STICKY_US  1          /* a thread that was signalled runs after what woke it */

static void resume(struct sim_world *world, void *subject, uint64_t ticket, uint64_t unused);

static void resume_at(struct handler_thread *thread, uint64_t at_us)
{
    sim_world_at(handler_world.sim, at_us, resume, thread, ++thread->ticket, 0);
}

static void resume_soon(struct handler_thread *thread)
{
    struct sim_lot *lot = sim_lot(thread->process->sim, SIM_LOT_WORK);

    resume_at(thread, handler_world.sim->now_us + sim_between(lot, STICKY_US, WAKE_US));
}

/* --- a thread runs --- */

static void start(void *context)
{
    struct handler_thread *thread = context;

    thread->run(thread->context);
}

static const char *in_call(const struct handler_thread *thread, char *text, size_t size)
{
    if (thread->call)
        snprintf(text, size, thread->inside ? "in %s" : "after its %s", thread->call);
    else
        snprintf(text, size, "before it called anything");
    return text;
}

static void tell_end(const struct handler_thread *thread, enum sim_fiber_state state)
{
    const char *name = handler_world.told->name, *who = thread->process->sim->name;
    char where[96];

    in_call(thread, where, sizeof where);
    if (state == SIM_FIBER_FAULTED)
        sim_fail(handler_world.sim, "%s died of signal %d (%s) at %s, %s", name,
                 sim_fiber_signal(), strsignal(sim_fiber_signal()), who, where);
    else if (state == SIM_FIBER_OVERFLOW)
        sim_fail(handler_world.sim, "%s needs more than %u KiB of stack at %s, %s", name,
                 SIM_FIBER_STACK >> 10, who, where);
    else
        sim_fail(handler_world.sim, "%s has not come back for %d s of real time at %s, %s: an "
                 "endless loop, or it waits for something that is not in the simulator", name,
                 SIM_FIBER_PATIENCE_S, who, where);
}

/* Killed from within: what the monkey would do from outside. */
void handler_kill_process(struct handler_process *process, enum sim_death death)
{
    struct sim_peer *peer = process->sim;

    sim_peer_crash(peer, death);
    sim_peer_start_later(peer, sim_between(sim_lot(peer, SIM_LOT_STARTS), 0, S));
}

static void run(struct handler_thread *thread)
{
    struct handler_process *process = thread->process;

    handler_variables_of(process);
    handler_world.drawing = process;
    godwit_set_last_error(GODWIT_OK, thread->sentence);
    handler_world.running = thread;
    enum sim_fiber_state state = sim_fiber_resume(thread->fiber);
    handler_world.running = NULL;
    snprintf(thread->sentence, sizeof thread->sentence, "%s", godwit_last_error());
    if (state != SIM_FIBER_YIELDED)
        thread->fiber = NULL;
    if (state != SIM_FIBER_YIELDED && state != SIM_FIBER_ENDED)
        tell_end(thread, state);
    if (thread->death && !handler_world.sim->failed)
        handler_kill_process(process, (enum sim_death)(thread->death - 1));
}

static void resume(struct sim_world *world, void *subject, uint64_t ticket, uint64_t unused)
{
    struct handler_thread *thread = subject;

    (void)unused;
    if (!thread->fiber || thread->ticket != ticket)
        return;
    if (thread->process->sim->paused_until_us > world->now_us)
        resume_at(thread, thread->process->sim->paused_until_us);
    else
        run(thread);
}

/* --- their life --- */

struct handler_thread *handler_thread_start(struct handler_process *process,
                                            void *(*function)(void *context), void *context)
{
    struct handler_thread *thread = handler_world.threads;
    struct handler_thread *end = thread + SIM_FIBERS_MAX;

    while (thread < end && thread->fiber)
        thread++;
    if (thread == end)
        return NULL;
    *thread = (struct handler_thread){.process = process,
                                      .run = function,
                                      .context = context,
                                      .ticket = thread->ticket,
                                      .fiber = sim_fiber_new(start, thread)};
    if (!thread->fiber)
        return NULL;
    resume_soon(thread);
    return thread;
}

void handler_threads_end(struct handler_process *process)
{
    for (size_t i = 0; i < SIM_FIBERS_MAX; i++) {
        if (handler_world.threads[i].process == process)
            sim_fiber_drop(&handler_world.threads[i].fiber);
    }
}

static struct handler_thread *running(void)
{
    if (!handler_world.running) {
        fprintf(stderr, "godwit-sim: a call that waits, outside of any thread\n");
        abort();
    }
    return handler_world.running;
}

/* Until it is woken, or the time has come. */
static bool block(const void *what, uint64_t until_us)
{
    struct handler_thread *thread = running();

    thread->waits = what;
    thread->woken = false;
    thread->ticket++;
    if (until_us != GW_NEVER)
        resume_at(thread, until_us);
    sim_fiber_yield();
    thread->waits = NULL;
    return thread->woken;
}

void handler_thread_pause(uint64_t us)
{
    block(NULL, handler_world.sim->now_us + us);
}

_Noreturn void handler_thread_die(enum sim_death death)
{
    running()->death = 1 + (unsigned)death;
    for (;;)
        sim_fiber_yield();
}

/* --- for check, make --- */

struct call {
    void (*run)(void *context);
    void *context;
};

static void start_call(void *context)
{
    struct call *call = context;

    call->run(call->context);
}

void handler_thread_call(void (*function)(void *context), void *context, const char *what)
{
    struct call call = {function, context};
    struct sim_fiber *fiber = sim_fiber_new(start_call, &call);

    if (!fiber)
        abort();
    handler_variables_of(NULL);
    switch (sim_fiber_resume(fiber)) {
    case SIM_FIBER_ENDED: return;
    case SIM_FIBER_FAULTED:
        sim_fail(handler_world.sim, "%s of %s died of signal %d (%s)", what,
                 handler_world.told->name, sim_fiber_signal(), strsignal(sim_fiber_signal()));
        return;
    case SIM_FIBER_OVERFLOW:
    case SIM_FIBER_STUCK:
    case SIM_FIBER_YIELDED:
        sim_fail(handler_world.sim, "%s of %s does not end, or needs more than %u KiB of stack",
                 what, handler_world.told->name, SIM_FIBER_STACK >> 10);
    }
}

/* --- what the library asks of the C library --- */

int gw_sim_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *context)
{
    struct handler_thread *made = handler_thread_start(running()->process, function, context);

    (void)attributes;
    if (!made)
        return EAGAIN;
    made->users = running()->users;
    *thread = (pthread_t)(made - handler_world.threads) + 1;
    return 0;
}

/* Looks now and then: it is for ends, which do not hurry. */
int gw_sim_pthread_join(pthread_t thread, void **result)
{
    const struct handler_thread *other = &handler_world.threads[(size_t)thread - 1];

    (void)result;
    while (other->fiber && other->process == running()->process)
        handler_thread_pause(1000);
    return 0;
}

int gw_sim_pthread_setname_np(pthread_t thread, const char *name)
{
    (void)thread, (void)name;
    return 0;
}

static void wake(const void *what, bool all)
{
    for (size_t i = 0; i < SIM_FIBERS_MAX; i++) {
        struct handler_thread *thread = &handler_world.threads[i];
        if (!thread->fiber || thread->waits != what)
            continue;
        thread->waits = NULL;
        thread->woken = true;
        resume_soon(thread);
        if (!all)
            return;
    }
}

/* Some are held while their holder waits for something else. */
int gw_sim_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    while (pthread_mutex_trylock(mutex) != 0) {
        handler_world.locked_out++;
        block(mutex, GW_NEVER);
        handler_world.locked_out--;
    }
    return 0;
}

int gw_sim_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    handler_mutex_unlock(mutex);
    if (handler_world.locked_out > 0) /* too many, when some were dropped: then it is only slow */
        wake(mutex, false);
    return 0;
}

int gw_sim_pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    gw_sim_pthread_mutex_unlock(mutex);
    block(cond, GW_NEVER);
    return gw_sim_pthread_mutex_lock(mutex);
}

/* Of a duration, or of a time by either clock. */
static uint64_t microseconds(const struct timespec *time)
{
    uint64_t seconds = (uint64_t)time->tv_sec;

    if (seconds >= BEGIN_S)
        seconds -= BEGIN_S;
    return seconds * S + (uint64_t)(time->tv_nsec + 999) / 1000;
}

int gw_sim_pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                  const struct timespec *until)
{
    gw_sim_pthread_mutex_unlock(mutex);
    bool woken = block(cond, microseconds(until));
    gw_sim_pthread_mutex_lock(mutex);
    return woken ? 0 : ETIMEDOUT;
}

int gw_sim_pthread_cond_signal(pthread_cond_t *cond)
{
    wake(cond, false);
    return 0;
}

int gw_sim_pthread_cond_broadcast(pthread_cond_t *cond)
{
    wake(cond, true);
    return 0;
}

#undef sem_post /* here the real one is meant */

int gw_sim_sem_wait(sem_t *semaphore)
{
    while (sem_trywait(semaphore) != 0)
        block(semaphore, GW_NEVER);
    return 0;
}

int gw_sim_sem_post(sem_t *semaphore)
{
    sem_post(semaphore);
    wake(semaphore, false);
    return 0;
}

/* The monotonic clock begins with the world. */
int gw_sim_clock_gettime(clockid_t clock, struct timespec *now)
{
    uint64_t now_us = handler_world.sim->now_us;

    *now = (struct timespec){.tv_sec = (time_t)(now_us / S), .tv_nsec = (long)(now_us % S) * 1000};
    if (clock != CLOCK_MONOTONIC)
        now->tv_sec += BEGIN_S;
    return 0;
}

int gw_sim_gettimeofday(struct timeval *now, void *zone)
{
    uint64_t now_us = handler_world.sim->now_us;

    (void)zone;
    *now = (struct timeval){.tv_sec = (time_t)(now_us / S) + BEGIN_S,
                            .tv_usec = (suseconds_t)(now_us % S)};
    return 0;
}

int gw_sim_nanosleep(const struct timespec *pause, struct timespec *left)
{
    (void)left;
    handler_thread_pause(microseconds(pause));
    return 0;
}

/* What a peer draws depends on nothing but what it drew before. */
ssize_t gw_sim_getrandom(void *to, size_t size, unsigned flags)
{
    struct handler_process *process = handler_world.drawing;
    uint8_t *at = to;

    (void)flags;
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = sim_draw(sim_lot(process->sim, SIM_LOT_SECRETS));
        memcpy(at + i, &word, size - i < 8 ? size - i : 8);
    }
    return (ssize_t)size;
}
