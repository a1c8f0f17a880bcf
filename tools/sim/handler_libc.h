/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_HANDLER_LIBC_H
#define GW_SIM_HANDLER_LIBC_H

/* Put in front of the library's own sources (-include) when they are compiled for the simulator:
 * what they want of threads, clocks and random numbers they get of handler_thread.c, in virtual
 * time. */

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>

__typeof__(pthread_create) gw_sim_pthread_create;
__typeof__(pthread_join) gw_sim_pthread_join;
__typeof__(pthread_mutex_lock) gw_sim_pthread_mutex_lock;
__typeof__(pthread_mutex_unlock) gw_sim_pthread_mutex_unlock;
__typeof__(pthread_cond_wait) gw_sim_pthread_cond_wait;
__typeof__(pthread_cond_timedwait) gw_sim_pthread_cond_timedwait;
__typeof__(pthread_cond_signal) gw_sim_pthread_cond_signal;
__typeof__(pthread_cond_broadcast) gw_sim_pthread_cond_broadcast;
__typeof__(sem_wait) gw_sim_sem_wait;
__typeof__(sem_post) gw_sim_sem_post;
int gw_sim_pthread_setname_np(pthread_t thread, const char *name);
int gw_sim_clock_gettime(clockid_t clock, struct timespec *now);
int gw_sim_gettimeofday(struct timeval *now, void *zone);
int gw_sim_nanosleep(const struct timespec *pause, struct timespec *left);
ssize_t gw_sim_getrandom(void *to, size_t size, unsigned flags);

#define pthread_create         gw_sim_pthread_create
#define pthread_join           gw_sim_pthread_join
#define pthread_mutex_lock     gw_sim_pthread_mutex_lock
#define pthread_mutex_unlock   gw_sim_pthread_mutex_unlock
#define pthread_cond_wait      gw_sim_pthread_cond_wait
#define pthread_cond_timedwait gw_sim_pthread_cond_timedwait
#define pthread_cond_signal    gw_sim_pthread_cond_signal
#define pthread_cond_broadcast gw_sim_pthread_cond_broadcast
#define sem_wait               gw_sim_sem_wait
#define sem_post               gw_sim_sem_post
#define pthread_setname_np     gw_sim_pthread_setname_np
#define clock_gettime          gw_sim_clock_gettime
#define gettimeofday           gw_sim_gettimeofday
#define nanosleep              gw_sim_nanosleep
#define getrandom              gw_sim_getrandom

#endif
