/* SPDX-License-Identifier: MPL-2.0 */
/* One writer per board; readers see each number whole, since it is one atomic. */

#include "board.h"
#include "program.h"
#include <fcntl.h>
#include <godwit.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define REFRESH_MS 20

static struct th_board_page *map(int fd, int protection, int flags)
{
    void *page = mmap(NULL, sizeof(struct th_board_page), protection, flags, fd, 0);
    return page == MAP_FAILED ? NULL : page;
}

void th_board_open(struct th_board *board, const char *path)
{
    *board = (struct th_board){.shared = path != NULL};
    if (!path) {
        board->page = map(-1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
    } else {
        int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || ftruncate(fd, sizeof(struct th_board_page)))
            th_die("%s: %m", path);
        board->page = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
        close(fd);
    }
    if (!board->page)
        th_die("no memory for the board");
}

bool th_board_watch(struct th_board *board, const char *path)
{
    struct stat status;
    *board = (struct th_board){.shared = true};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (fstat(fd, &status) == 0 && (size_t)status.st_size >= sizeof(struct th_board_page))
        board->page = map(fd, PROT_READ, MAP_SHARED);
    close(fd);
    return board->page != NULL;
}

void th_board_close(struct th_board *board)
{
    if (board->page)
        munmap(board->page, sizeof(*board->page));
    board->page = NULL;
}

static atomic_ullong *find(const struct th_board *board, const char *name)
{
    if (!board->page)
        return NULL;
    unsigned count = atomic_load_explicit(&board->page->count, memory_order_acquire);
    for (unsigned i = 0; i < count && i < TH_BOARD_SLOTS; i++) {
        if (strcmp(board->page->slots[i].name, name) == 0)
            return &board->page->slots[i].value;
    }
    return NULL;
}

/* The slot of that name, made if missing; NULL if the board is full. */
static atomic_ullong *slot(struct th_board *board, const char *name)
{
    atomic_ullong *value = find(board, name);
    unsigned count = atomic_load_explicit(&board->page->count, memory_order_relaxed);
    if (value || count == TH_BOARD_SLOTS)
        return value;
    snprintf(board->page->slots[count].name, TH_BOARD_NAME, "%s", name);
    atomic_store_explicit(&board->page->count, count + 1, memory_order_release);
    return &board->page->slots[count].value;
}

void th_board_set(struct th_board *board, const char *name, uint64_t value)
{
    atomic_ullong *at = slot(board, name);
    if (at)
        atomic_store_explicit(at, value, memory_order_relaxed);
}

void th_board_add(struct th_board *board, const char *name, uint64_t value)
{
    th_board_set(board, name, th_board_get(board, name) + value);
}

uint64_t th_board_get(const struct th_board *board, const char *name)
{
    const atomic_ullong *at = find(board, name);
    return at ? atomic_load_explicit(at, memory_order_relaxed) : 0;
}

void th_board_refresh(struct th_board *board, godwit_peer_t *peer)
{
    uint64_t now = th_now_ms();
    if (!board->shared || now < board->refreshed_ms + REFRESH_MS)
        return;
    board->refreshed_ms = now;
    const char *counter;
    for (size_t i = 0; (counter = godwit_counter_name(i)); i++) {
        char name[TH_BOARD_NAME];
        uint64_t value;
        snprintf(name, sizeof(name), "godwit.%s", counter);
        if (godwit_peer_counter(peer, counter, &value) == GODWIT_OK)
            th_board_set(board, name, value);
    }
}
