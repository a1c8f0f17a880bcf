/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_CLOCK_H
#define GW_PEER_CLOCK_H

/* The monotonic clock, and waiting by it. The wall clock decides nothing. */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

uint64_t gw_clock_us(void);

/* A point in time for condition variables made by gw_cond_init. */
struct gw_deadline {
    struct timespec at;
    bool never;
};

struct gw_deadline gw_deadline_in(int timeout_ms); /* -1: never */
struct gw_deadline gw_deadline_at(uint64_t time_us);   /* of gw_clock_us; UINT64_MAX: never */
uint64_t gw_deadline_us(const struct gw_deadline *deadline);
bool gw_deadline_passed(const struct gw_deadline *deadline);
struct gw_deadline gw_deadline_earlier(const struct gw_deadline *a, const struct gw_deadline *b);
int gw_cond_init(pthread_cond_t *cond);            /* on CLOCK_MONOTONIC; 0 or an errno */
/* Waits for a signal; false when the deadline passed. Spurious returns are true. */
bool gw_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct gw_deadline *deadline);

#endif
