/* SPDX-License-Identifier: MPL-2.0 */

/* What a handler asks the C library for, and gets of its world: time and sleep, random numbers,
 * threads and their locks, and an end of its process that does not end the simulator. The program
 * defines these names itself and shows them, so that a shared object finds them here first; on no
 * thread of a handler they are the C library's as ever. */

#include "handler_inside.h"
#include "handler_libc.h"

#undef pthread_create
#undef pthread_join
#undef pthread_mutex_lock
#undef pthread_mutex_unlock
#undef pthread_cond_wait
#undef pthread_cond_timedwait
#undef pthread_cond_signal
#undef pthread_cond_broadcast
#undef clock_gettime
#undef gettimeofday
#undef nanosleep
#undef getrandom

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

/* The C library's function of that name. */
#define REAL(name)                                              \
    static __typeof__(name) *real;                              \
    if (!real)                                                  \
        real = (__typeof__(real))(uintptr_t)dlsym(RTLD_NEXT, #name)

static bool inside(void)
{
    return handler_world.running != NULL;
}

/* --- the end of a process --- */

static _Noreturn void end_process(const char *how, int status)
{
    struct sim_world *world = handler_world.sim;

    if (!inside()) { /* in check or make */
        sim_fail(world, "check or make of %s calls %s(%d)", handler_world.told->name, how, status);
        for (;;)
            sim_fiber_yield();
    }
    sim_trace_begin(world->trace, world->now_us, handler_world.running->process->sim->label,
                    "  ~ its process ends: %s(%d)", how, status);
    handler_thread_die(SIM_KILLED);
}

SHOWN void exit(int status)
{
    REAL(exit);
    if (sim_fiber_running())
        end_process("exit", status);
    real(status);
    abort(); /* it does not return */
}

SHOWN void _exit(int status)
{
    if (sim_fiber_running())
        end_process("_exit", status);
    for (;;)
        syscall(SYS_exit_group, status);
}

/* --- time --- */

SHOWN int clock_gettime(clockid_t clock, struct timespec *now)
{
    REAL(clock_gettime);
    return inside() ? gw_sim_clock_gettime(clock, now) : real(clock, now);
}

SHOWN int gettimeofday(struct timeval *now, void *zone)
{
    REAL(gettimeofday);
    return inside() ? gw_sim_gettimeofday(now, zone) : real(now, zone);
}

SHOWN time_t time(time_t *result)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (result)
        *result = now.tv_sec;
    return now.tv_sec;
}

SHOWN int nanosleep(const struct timespec *pause, struct timespec *left)
{
    REAL(nanosleep);
    return inside() ? gw_sim_nanosleep(pause, left) : real(pause, left);
}

SHOWN int usleep(useconds_t us)
{
    return nanosleep(&(struct timespec){.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000},
                     NULL);
}

SHOWN unsigned sleep(unsigned seconds)
{
    nanosleep(&(struct timespec){.tv_sec = seconds}, NULL);
    return 0;
}

/* --- random numbers --- */

static uint64_t draw(void)
{
    return sim_draw(sim_lot(handler_world.running->process->sim, SIM_LOT_SECRETS));
}

SHOWN ssize_t getrandom(void *to, size_t size, unsigned flags)
{
    REAL(getrandom);
    return inside() ? gw_sim_getrandom(to, size, flags) : real(to, size, flags);
}

SHOWN int rand(void)
{
    REAL(rand);
    return inside() ? (int)(draw() & RAND_MAX) : real();
}

SHOWN long random(void)
{
    REAL(random);
    return inside() ? (long)(draw() & RAND_MAX) : real();
}

/* --- threads --- */

SHOWN int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                         void *(*function)(void *), void *context)
{
    REAL(pthread_create);
    return inside() ? gw_sim_pthread_create(thread, attributes, function, context)
                    : real(thread, attributes, function, context);
}

SHOWN int pthread_join(pthread_t thread, void **result)
{
    REAL(pthread_join);
    return inside() ? gw_sim_pthread_join(thread, result) : real(thread, result);
}

SHOWN int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    REAL(pthread_mutex_lock);
    return inside() ? gw_sim_pthread_mutex_lock(mutex) : real(mutex);
}

int handler_mutex_unlock(pthread_mutex_t *mutex)
{
    REAL(pthread_mutex_unlock);
    return real(mutex);
}

SHOWN int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    return inside() ? gw_sim_pthread_mutex_unlock(mutex) : handler_mutex_unlock(mutex);
}

SHOWN int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex)
{
    REAL(pthread_cond_wait);
    return inside() ? gw_sim_pthread_cond_wait(cond, mutex) : real(cond, mutex);
}

SHOWN int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex,
                                 const struct timespec *until)
{
    REAL(pthread_cond_timedwait);
    return inside() ? gw_sim_pthread_cond_timedwait(cond, mutex, until)
                    : real(cond, mutex, until);
}

SHOWN int pthread_cond_signal(pthread_cond_t *cond)
{
    REAL(pthread_cond_signal);
    return inside() ? gw_sim_pthread_cond_signal(cond) : real(cond);
}

SHOWN int pthread_cond_broadcast(pthread_cond_t *cond)
{
    REAL(pthread_cond_broadcast);
    return inside() ? gw_sim_pthread_cond_broadcast(cond) : real(cond);
}
