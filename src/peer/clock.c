/* SPDX-License-Identifier: MPL-2.0 */

/* CLOCK_MONOTONIC, the only clock of the library. */

#include "peer/clock.h"

#include <errno.h>

uint64_t gw_clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct gw_deadline gw_deadline_in(int timeout_ms)
{
    struct gw_deadline deadline = {.never = timeout_ms < 0};

    if (deadline.never)
        return deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline.at);
    deadline.at.tv_sec += timeout_ms / 1000;
    deadline.at.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (deadline.at.tv_nsec >= 1000000000) {
        deadline.at.tv_nsec -= 1000000000;
        deadline.at.tv_sec++;
    }
    return deadline;
}

struct gw_deadline gw_deadline_at(uint64_t time_us)
{
    struct gw_deadline deadline = {.never = time_us == UINT64_MAX};

    if (!deadline.never) {
        deadline.at.tv_sec = (time_t)(time_us / 1000000);
        deadline.at.tv_nsec = (long)(time_us % 1000000) * 1000;
    }
    return deadline;
}

uint64_t gw_deadline_us(const struct gw_deadline *deadline)
{
    if (deadline->never)
        return UINT64_MAX;
    return (uint64_t)deadline->at.tv_sec * 1000000 + (uint64_t)deadline->at.tv_nsec / 1000;
}

bool gw_deadline_passed(const struct gw_deadline *deadline)
{
    struct timespec now;

    if (deadline->never)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > deadline->at.tv_sec ||
           (now.tv_sec == deadline->at.tv_sec && now.tv_nsec >= deadline->at.tv_nsec);
}

struct gw_deadline gw_deadline_earlier(const struct gw_deadline *a, const struct gw_deadline *b)
{
    if (a->never || b->never)
        return a->never ? *b : *a;
    if (a->at.tv_sec != b->at.tv_sec)
        return a->at.tv_sec < b->at.tv_sec ? *a : *b;
    return a->at.tv_nsec < b->at.tv_nsec ? *a : *b;
}

int gw_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);

    if (error)
        return error;
    error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (!error)
        error = pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
    return error;
}

bool gw_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct gw_deadline *deadline)
{
    if (deadline->never) {
        pthread_cond_wait(cond, mutex);
        return true;
    }
    return pthread_cond_timedwait(cond, mutex, &deadline->at) != ETIMEDOUT;
}
