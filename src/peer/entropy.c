/* SPDX-License-Identifier: MPL-2.0 */

/* getrandom, buffered. Once it has worked it does not fail: the kernel's pool is initialised. */

#include "peer/entropy.h"

#include <errno.h>
#include <sched.h>
#include <sys/random.h>

int gw_entropy_fill(struct gw_entropy *entropy)
{
    ssize_t got;

    do {
        got = getrandom(entropy->words, sizeof entropy->words, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    entropy->left = (size_t)got / sizeof entropy->words[0];
    return 0;
}

uint64_t gw_entropy_next(struct gw_entropy *entropy)
{
    for (;;) {
        while (entropy->left > 0) {
            uint64_t word = entropy->words[--entropy->left];

            entropy->words[entropy->left] = 0; /* what was used is not kept */
            if (word)
                return word;
        }
        if (gw_entropy_fill(entropy) != 0)
            sched_yield(); /* there is no way to go on with anything weaker */
    }
}
