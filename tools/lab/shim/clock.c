/* SPDX-License-Identifier: MPL-2.0 */

/* The wall clock, moved by as much as the orders say; the monotonic clocks are left alone. Waits
 * that end at a time of the wall clock end when the moved one shows it. See shim.h. */

#include "shim.h"

#include <pthread.h>
#include <semaphore.h>
#include <sys/time.h>
#include <time.h>

#define SECOND_US 1000000

static int64_t offset_us(void)
{
    struct lab_orders *orders = shim_orders();

    return orders ? atomic_load_explicit(&orders->clock_us, memory_order_relaxed) : 0;
}

static void hit(void)
{
    atomic_fetch_add_explicit(&shim_orders()->hits[LAB_HIT_CLOCK], 1, memory_order_relaxed);
}

static void move(struct timespec *time, int64_t by_us)
{
    int64_t nanoseconds = time->tv_nsec + by_us % SECOND_US * 1000;

    time->tv_sec += (time_t)(by_us / SECOND_US);
    if (nanoseconds < 0) {
        nanoseconds += 1000000000;
        time->tv_sec--;
    } else if (nanoseconds >= 1000000000) {
        nanoseconds -= 1000000000;
        time->tv_sec++;
    }
    time->tv_nsec = (long)nanoseconds;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    NEXT(clock_gettime);
    int result = next(clock, now);
    int64_t by = offset_us();
    if (result == 0 && by != 0 &&
        (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI)) {
        hit();
        move(now, by);
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec time;

    NEXT(gettimeofday);
    if (offset_us() == 0)
        return next(now, zone);
    clock_gettime(CLOCK_REALTIME, &time);
    *now = (struct timeval){time.tv_sec, time.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *now)
{
    struct timespec precise;

    clock_gettime(CLOCK_REALTIME_COARSE, &precise);
    if (now)
        *now = precise.tv_sec;
    return precise.tv_sec;
}

int timespec_get(struct timespec *now, int base)
{
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}

/* --- waits --- */

/* What the system's own clock shows when the moved one shows `until`. */
static const struct timespec *unmoved(const struct timespec *until, struct timespec *copy)
{
    int64_t by = offset_us();

    if (by == 0 || !until)
        return until;
    *copy = *until;
    move(copy, -by);
    return copy;
}

static int64_t distance(clockid_t clock, const struct timespec *until)
{
    struct timespec now;

    clock_gettime(clock, &now);
    int64_t seconds = (int64_t)until->tv_sec - (int64_t)now.tv_sec;
    return seconds < 0 ? -seconds : seconds;
}

/* A condition does not say which clock it goes by: the one that the time is nearer to. */
static const struct timespec *unmoved_if_wall(const struct timespec *until, struct timespec *copy)
{
    if (offset_us() == 0 || !until ||
        distance(CLOCK_MONOTONIC, until) < distance(CLOCK_REALTIME, until))
        return until;
    return unmoved(until, copy);
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    static __typeof__(pthread_cond_timedwait) *next;
    struct timespec copy;

    if (!next) /* on x86-64 there is an older one of another layout */
        *(void **)&next = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    return next(cond, mutex, unmoved_if_wall(until, &copy));
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict until)
{
    struct timespec copy;

    NEXT(pthread_mutex_timedlock);
    return next(mutex, unmoved(until, &copy));
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until)
{
    struct timespec copy;

    NEXT(sem_timedwait);
    return next(semaphore, unmoved(until, &copy));
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until,
                    struct timespec *left)
{
    struct timespec copy;

    NEXT(clock_nanosleep);
    if (clock == CLOCK_REALTIME && flags & TIMER_ABSTIME)
        until = unmoved(until, &copy);
    return next(clock, flags, until, left);
}
