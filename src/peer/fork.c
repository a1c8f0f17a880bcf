/* SPDX-License-Identifier: MPL-2.0 */

/* The page that tells a forked child. */

#include "peer/fork.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

#define PAGE_BYTES 4096 /* the kernel rounds up where pages are larger */

int gw_fork_mark_init(struct gw_fork_mark *mark)
{
    void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED)
        return -errno;
    mark->pid = madvise(page, PAGE_BYTES, MADV_WIPEONFORK) == 0 ? 0 : getpid();
    mark->page = page;
    *mark->page = 1;
    return 0;
}

void gw_fork_mark_clear(struct gw_fork_mark *mark)
{
    if (mark->page)
        munmap((void *)mark->page, PAGE_BYTES);
    mark->page = NULL;
}

bool gw_forked_slow(const struct gw_fork_mark *mark)
{
    return mark->pid != getpid();
}
