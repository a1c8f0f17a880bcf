/* SPDX-License-Identifier: MPL-2.0 */

/* Threads of the library. */

#include "peer/thread.h"

#include <signal.h>
#include <stdio.h>

int gw_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *context)
{
    sigset_t all, before;
    char shown[16];

    sigfillset(&all);
    int error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error)
        return -error;
    error = pthread_create(thread, NULL, run, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        return -error;
    snprintf(shown, sizeof shown, "%s", name);
    pthread_setname_np(*thread, shown); /* only a help: its failure does not matter */
    return 0;
}
