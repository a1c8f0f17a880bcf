/* SPDX-License-Identifier: MPL-2.0 */
#ifndef COUNT_H
#define COUNT_H

/* What the whole process does to the C library: godwit, libzmq and LevelDB alike. The functions
 * that are counted are defined in the test program itself, which shared libraries find before the
 * C library's. What the C library calls itself (futexes of its locks above all) is not seen. */

#include <stdint.h>

struct count {
    uint64_t allocations;  /* malloc, calloc, realloc ... */
    uint64_t copied;       /* bytes through memcpy and memmove that the compiler did not inline */
    uint64_t reads;        /* read, recv ... of sockets, eventfds and files */
    uint64_t writes;       /* write, send ... */
    uint64_t waits;        /* poll, epoll_wait */
    uint64_t syncs;        /* fdatasync, fsync */
};

/* Since the process began. Other threads may go on meanwhile. */
struct count count_now(void);
struct count count_since(const struct count *before);

#endif
