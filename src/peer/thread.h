/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_THREAD_H
#define GW_PEER_THREAD_H

#include <pthread.h>

/* Starts a thread with all signals blocked, since those belong to the host program, and a name of
 * at most 15 bytes for ps and gdb. 0 or a negative errno. */
int gw_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context);

#endif
