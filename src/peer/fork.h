/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_FORK_H
#define GW_PEER_FORK_H

/* Tells a forked child without a system call per check: a page that the kernel empties in a child
 * (MADV_WIPEONFORK, hazard FK01). On a kernel without it, the process id is compared. */

#include <stdbool.h>
#include <sys/types.h>

struct gw_fork_mark {
    volatile unsigned char *page; /* 1 in the process that made it, 0 in its children */
    pid_t pid;                    /* 0: the page is enough */
};

int gw_fork_mark_init(struct gw_fork_mark *mark); /* 0 or a negative errno */
void gw_fork_mark_clear(struct gw_fork_mark *mark);
bool gw_forked_slow(const struct gw_fork_mark *mark);

static inline bool gw_forked(const struct gw_fork_mark *mark)
{
    return *mark->page == 0 || (mark->pid != 0 && gw_forked_slow(mark));
}

#endif
