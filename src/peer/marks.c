/* SPDX-License-Identifier: MPL-2.0 */

/* The file of begun messages: see marks.h. Free slots are a stack that threads push and pop without
 * a lock; its head carries a count of the pops, so that a slot that went and came back meanwhile is
 * not taken for the one that was seen. */

#include "peer/marks.h"

#include "base/crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_BYTES 4096
#define MAGIC "godwit begun\n"
#define VERSION 1
#define NO_SLOT GW_MARKS_MAX

/* In the machine's own byte order: it is read by the next process on this machine only. */
struct header {
    char magic[16];
    uint32_t version;
    uint32_t slots;
    uint8_t store[16];
    uint32_t crc; /* of the above; written last */
};

struct slot {
    uint64_t epoch;
    uint64_t sequence;
    uint64_t number;
    _Atomic uint64_t check; /* 0: free. Written after the others, and unwritten before them */
};

struct file {
    union {
        struct header header;
        char page[HEADER_BYTES];
    };
    struct slot slots[GW_MARKS_MAX];
};

struct gw_marks {
    struct file *file;
    struct gw_begun *found;
    size_t found_count;
    bool adopted;
    _Atomic uint64_t head; /* pops << 32 | top */
    _Atomic uint32_t below[GW_MARKS_MAX];
};

static uint64_t check_of(const struct slot *slot, uint32_t index)
{
    uint32_t crc = gw_crc32c(index, slot, offsetof(struct slot, check));

    return UINT64_C(1) << 32 | crc;
}

/* --- opening --- */

static int open_file(const char *directory, int *fd)
{
    struct stat status;
    char *path;

    if (asprintf(&path, "%s/" GW_MARKS_NAME, directory) < 0)
        return -ENOMEM;
    *fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    int error = *fd < 0 ? errno : 0;
    free(path);
    if (error)
        return -error;
    if (fstat(*fd, &status) != 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EINVAL;
    if (status.st_size != (off_t)sizeof(struct file) &&
        ftruncate(*fd, (off_t)sizeof(struct file)) != 0)
        return -errno;
    /* All of it now: a disk that is full later must not be met by a store into the mapping. */
    do
        error = posix_fallocate(*fd, 0, (off_t)sizeof(struct file));
    while (error == EINTR);
    return -error;
}

static int map_file(const char *directory, struct file **file)
{
    int fd = -1;
    int error = open_file(directory, &fd);

    if (!error) {
        *file = mmap(NULL, sizeof **file, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (*file == MAP_FAILED)
            error = -errno;
    }
    if (error)
        *file = NULL;
    if (fd >= 0)
        close(fd);
    return error;
}

static uint32_t header_crc(const struct header *header)
{
    return gw_crc32c(0, header, offsetof(struct header, crc));
}

static struct header header_for(const uint8_t store[16])
{
    struct header header = {.magic = MAGIC, .version = VERSION, .slots = GW_MARKS_MAX};

    memcpy(header.store, store, sizeof header.store);
    header.crc = header_crc(&header);
    return header;
}

static void wipe(struct file *file)
{
    for (size_t i = 0; i < GW_MARKS_MAX; i++)
        if (atomic_load_explicit(&file->slots[i].check, memory_order_relaxed) != 0)
            atomic_store_explicit(&file->slots[i].check, 0, memory_order_relaxed);
}

static int by_offer(const void *a, const void *b)
{
    const struct gw_begun *left = a, *right = b;

    if (left->epoch != right->epoch)
        return left->epoch < right->epoch ? -1 : 1;
    if (left->first != right->first)
        return left->first < right->first ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

static size_t join(struct gw_begun *begun, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        struct gw_begun *last = kept > 0 ? &begun[kept - 1] : NULL;

        if (last && last->epoch == begun[i].epoch && last->number == begun[i].number &&
            begun[i].first <= last->last + 1)
            last->last = begun[i].last;
        else
            begun[kept++] = begun[i];
    }
    return kept;
}

static int read_slots(struct gw_marks *marks)
{
    const struct slot *slots = marks->file->slots;

    marks->found = calloc(GW_MARKS_MAX, sizeof *marks->found);
    if (!marks->found)
        return -ENOMEM;
    for (uint32_t i = 0; i < GW_MARKS_MAX; i++) {
        uint64_t check = atomic_load_explicit(&slots[i].check, memory_order_relaxed);

        if (check == 0 || check != check_of(&slots[i], i) || slots[i].epoch == 0 ||
            slots[i].sequence == 0 || slots[i].sequence == UINT64_MAX)
            continue;
        marks->found[marks->found_count++] = (struct gw_begun){
            slots[i].epoch, slots[i].sequence, slots[i].sequence, slots[i].number};
    }
    qsort(marks->found, marks->found_count, sizeof *marks->found, by_offer);
    marks->found_count = join(marks->found, marks->found_count);
    return 0;
}

int gw_marks_open(const char *directory, const uint8_t store[16], struct gw_marks **result)
{
    const struct header header = header_for(store);
    struct gw_marks *marks = calloc(1, sizeof *marks);

    *result = NULL;
    if (!marks)
        return -ENOMEM;
    int error = map_file(directory, &marks->file);
    if (!error && memcmp(&marks->file->header, &header, sizeof header) != 0) {
        wipe(marks->file);
        marks->file->header = header;
    }
    if (!error)
        error = read_slots(marks);
    if (error)
        gw_marks_close(&marks);
    *result = marks;
    return error;
}

const struct gw_begun *gw_marks_found(const struct gw_marks *marks, size_t *count)
{
    *count = marks->found_count;
    return marks->found;
}

void gw_marks_adopt(struct gw_marks *marks)
{
    wipe(marks->file);
    free(marks->found);
    marks->found = NULL;
    marks->found_count = 0;
    for (uint32_t i = 0; i < GW_MARKS_MAX; i++)
        atomic_init(&marks->below[i], i + 1);
    atomic_init(&marks->head, 0);
    marks->adopted = true;
}

/* --- marking --- */

static uint64_t head_of(uint64_t pops, uint32_t top)
{
    return pops << 32 | top;
}

static uint32_t pop(struct gw_marks *marks)
{
    uint64_t head = atomic_load_explicit(&marks->head, memory_order_acquire);
    uint64_t next;
    uint32_t top;

    do {
        top = (uint32_t)head;
        if (top == NO_SLOT)
            return NO_SLOT;
        next = head_of((head >> 32) + 1,
                       atomic_load_explicit(&marks->below[top], memory_order_relaxed));
    } while (!atomic_compare_exchange_weak_explicit(&marks->head, &head, next,
                                                    memory_order_acquire, memory_order_acquire));
    return top;
}

static void push(struct gw_marks *marks, uint32_t slot)
{
    uint64_t head = atomic_load_explicit(&marks->head, memory_order_relaxed);

    do {
        atomic_store_explicit(&marks->below[slot], (uint32_t)head, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&marks->head, &head, head_of(head >> 32, slot),
                                                    memory_order_release, memory_order_relaxed));
}

uint32_t gw_marks_take(struct gw_marks *marks)
{
    uint32_t slot = pop(marks);

    return slot == NO_SLOT ? GW_MARK_NONE : slot;
}

void gw_marks_write(struct gw_marks *marks, uint32_t mark, uint64_t epoch, uint64_t sequence,
                    uint64_t number)
{
    struct slot *slot = &marks->file->slots[mark];

    slot->epoch = epoch;
    slot->sequence = sequence;
    slot->number = number;
    atomic_store_explicit(&slot->check, check_of(slot, mark), memory_order_release);
}

void gw_marks_erase(struct gw_marks *marks, uint32_t mark)
{
    atomic_store_explicit(&marks->file->slots[mark].check, 0, memory_order_relaxed);
}

void gw_marks_give(struct gw_marks *marks, uint32_t mark)
{
    push(marks, mark);
}

uint32_t gw_marks_make(struct gw_marks *marks, uint64_t epoch, uint64_t sequence, uint64_t number)
{
    uint32_t mark = gw_marks_take(marks);

    if (mark != GW_MARK_NONE)
        gw_marks_write(marks, mark, epoch, sequence, number);
    return mark;
}

void gw_marks_unmake(struct gw_marks *marks, uint32_t mark)
{
    gw_marks_erase(marks, mark);
    gw_marks_give(marks, mark);
}

void gw_marks_close(struct gw_marks **pointer)
{
    struct gw_marks *marks = *pointer;

    if (!marks)
        return;
    if (marks->file && marks->adopted)
        wipe(marks->file);
    if (marks->file)
        munmap(marks->file, sizeof *marks->file);
    free(marks->found);
    free(marks);
    *pointer = NULL;
}
