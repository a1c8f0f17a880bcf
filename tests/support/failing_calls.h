/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_TESTS_SUPPORT_FAILING_CALLS_H
#define GW_TESTS_SUPPORT_FAILING_CALLS_H

/* Calls of the C library that fail on demand, for all sources that are linked into a program
 * statically: ours. Shared libraries (LevelDB, libzmq) keep theirs; some of those abort when memory
 * runs out. A program asks for it in its CMakeLists.txt: `godwit_failing_calls(test_X)`.
 *
 *     calls_fail((struct failing_calls){.kinds = CALLS_MEMORY, .first = n, .count = 1});
 *     ... what is tested: the n-th allocation fails ...
 *     unsigned failed = calls_mend();     0: there were fewer than n
 *
 * Calls of all threads are counted together. */

#include <stdbool.h>

enum failing_kinds {
    CALLS_MEMORY = 1,      /* malloc and what allocates: always ENOMEM */
    CALLS_DESCRIPTORS = 2, /* what makes a descriptor */
    CALLS_FILES = 4,       /* what is done to files, names and folders, without read and write */
    CALLS_BYTES = 8,       /* read, pread, write */
    CALLS_THREADS = 16     /* new threads: always EAGAIN */
};

struct failing_calls {
    unsigned kinds;
    unsigned first; /* the first call that fails, counted from now: 1 is the next; 0: none does */
    unsigned count; /* so many fail; 0: all from there on */
    int error;      /* errno */
    bool half;      /* of bytes: the call does half of it, and no error */
};

void calls_fail(struct failing_calls faults);
/* All is well again. How many calls failed since calls_fail. */
unsigned calls_mend(void);
/* The last call that failed: "fsync". Lives for ever; "nothing": none did. */
const char *calls_failed_last(void);

/* For wrappers of a test's own: true, with errno set, if this call is to fail. */
bool calls_one_fails(enum failing_kinds kind, const char *name);

#endif
