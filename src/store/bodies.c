/* SPDX-License-Identifier: MPL-2.0 */

/* Files of bodies: see bodies.h. The table of files is the writer's alone; who reads needs only the
 * reference, and opens the file for each body: that costs microseconds beside a body of many
 * kilobytes, and no descriptor is held. */

#include "store/bodies.h"

#include "base/crc32c.h"
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_SIZE 24   /* 20 digits and a NUL */
#define NAME_DIGITS 8  /* at least */

struct body_file {
    uint64_t number;
    uint64_t bytes;
    uint64_t live;  /* bytes that references lead to */
    uint64_t count; /* of those references */
};

struct gw_bodies {
    int directory;
    int folder;
    ino_t inode;             /* of the folder */
    struct body_file *files; /* by number */
    size_t file_count;
    size_t file_capacity;
    uint64_t bytes, live; /* of all of them */
    uint64_t references;  /* with those to files that are gone */
    uint64_t next;        /* number of the next new one: above all that were ever referred to */
    uint64_t spares[GW_BODIES_SPARES]; /* numbers of files to be used again */
    size_t spare_count;
    int fd;               /* of the last one, which is appended to; -1: none is */
    bool full;            /* a write to it failed: who knows how long it is */
    bool owed;            /* something in it is to be synced */
    bool named;           /* its name is durable */
    bool untidy;          /* there may be files to be removed */
    pthread_rwlock_t reading;
};

static void name_of(uint64_t number, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%0*" PRIu64, NAME_DIGITS, number);
}

/* 0: not a name of ours. */
static uint64_t number_of(const char *name)
{
    char again[NAME_SIZE];
    uint64_t number = strtoull(name, NULL, 10);

    name_of(number, again);
    return strcmp(name, again) == 0 ? number : 0;
}

/* --- the table --- */

static struct body_file *find(const struct gw_bodies *bodies, uint64_t number)
{
    size_t low = 0, high = bodies->file_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (bodies->files[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < bodies->file_count && bodies->files[low].number == number ? &bodies->files[low]
                                                                           : NULL;
}

static int add_file(struct gw_bodies *bodies, uint64_t number, uint64_t bytes)
{
    if (bodies->file_count == bodies->file_capacity) {
        size_t capacity = bodies->file_capacity ? bodies->file_capacity * 2 : 16;
        struct body_file *files = realloc(bodies->files, capacity * sizeof *files);
        if (!files) {
            errno = ENOMEM;
            return -1;
        }
        bodies->files = files;
        bodies->file_capacity = capacity;
    }
    bodies->files[bodies->file_count++] = (struct body_file){.number = number, .bytes = bytes};
    bodies->bytes += bytes;
    if (number >= bodies->next)
        bodies->next = number + 1;
    return 0;
}

/* The one that is appended to. */
static struct body_file *current(const struct gw_bodies *bodies)
{
    return bodies->fd >= 0 ? &bodies->files[bodies->file_count - 1] : NULL;
}

static void leave_current(struct gw_bodies *bodies)
{
    if (bodies->fd >= 0)
        close(bodies->fd);
    bodies->fd = -1;
    bodies->full = false;
    bodies->untidy = true;
}

/* --- opening --- */

static int compare_files(const void *a, const void *b)
{
    const struct body_file *left = a, *right = b;

    return left->number < right->number ? -1 : left->number > right->number;
}

static int list_files(struct gw_bodies *bodies)
{
    DIR *stream = gw_file_list(bodies->folder, ".");
    struct dirent *entry;
    int result = 0;

    if (!stream)
        return -1;
    while (result == 0 && (errno = 0, entry = readdir(stream)) != NULL) {
        struct stat status;
        uint64_t number = number_of(entry->d_name);
        if (number == 0)
            continue;
        result = fstatat(bodies->folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW);
        if (result == 0 && S_ISREG(status.st_mode))
            result = add_file(bodies, number, (uint64_t)status.st_size);
    }
    int error = errno;
    closedir(stream);
    errno = error;
    if (result != 0 || error)
        return -1;
    if (bodies->file_count > 0)
        qsort(bodies->files, bodies->file_count, sizeof *bodies->files, compare_files);
    return 0;
}

int gw_bodies_open(int directory, bool look, struct gw_bodies **result)
{
    struct gw_bodies *bodies = calloc(1, sizeof *bodies);
    struct stat status;

    if (!bodies) {
        errno = ENOMEM;
        return -1;
    }
    pthread_rwlock_init(&bodies->reading, NULL);
    bodies->directory = directory;
    bodies->fd = -1;
    bodies->next = 1;
    bodies->untidy = true;
    bodies->folder = TEMP_FAILURE_RETRY(openat(directory, GW_BODIES, O_RDONLY | O_DIRECTORY |
                                               O_NOFOLLOW | O_CLOEXEC));
    if (bodies->folder < 0 || fstat(bodies->folder, &status) != 0 ||
        (!look && list_files(bodies) != 0)) {
        int error = errno;
        gw_bodies_close(&bodies);
        errno = error;
        return -1;
    }
    bodies->inode = status.st_ino;
    *result = bodies;
    return 0;
}

static void remove_file(const struct gw_bodies *bodies, uint64_t number)
{
    char name[NAME_SIZE];

    name_of(number, name);
    unlinkat(bodies->folder, name, 0);
}

void gw_bodies_close(struct gw_bodies **bodies)
{
    struct gw_bodies *closed = *bodies;

    if (!closed)
        return;
    while (closed->spare_count > 0)
        remove_file(closed, closed->spares[--closed->spare_count]);
    if (closed->fd >= 0)
        close(closed->fd);
    if (closed->folder >= 0)
        close(closed->folder);
    pthread_rwlock_destroy(&closed->reading);
    free(closed->files);
    free(closed);
    *bodies = NULL;
}

bool gw_bodies_found(struct gw_bodies *bodies, const struct gw_body *body)
{
    const struct body_file *file = find(bodies, body->file);

    if (body->file >= bodies->next) /* a new file must not be taken for one that was lost */
        bodies->next = body->file + 1;
    gw_bodies_keep(bodies, body);
    return !body->synced || (file && body->offset <= file->bytes &&
                             body->size <= file->bytes - body->offset);
}

/* --- writing --- */

/* The longest file that this process may write: beyond it a write is a signal, not an error. */
static uint64_t length_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return UINT64_MAX;
    return limit.rlim_cur;
}

/* Gives a spare file this name. Its bytes stay: no reference leads to them, and one that a power
 * cut brings back has the checksum of others. */
static bool use_spare(struct gw_bodies *bodies, const char *name)
{
    char old[NAME_SIZE];

    if (bodies->spare_count == 0)
        return false;
    uint64_t number = bodies->spares[--bodies->spare_count];
    name_of(number, old);
    if (renameat(bodies->folder, old, bodies->folder, name) == 0)
        return true;
    remove_file(bodies, number);
    return false;
}

static int begin_file(struct gw_bodies *bodies)
{
    char name[NAME_SIZE];

    if (gw_bodies_sync(bodies) != 0)
        return -1;
    leave_current(bodies);
    name_of(bodies->next, name);
    int made = use_spare(bodies, name) ? 0 : O_CREAT | O_EXCL;
    int fd = TEMP_FAILURE_RETRY(openat(bodies->folder, name, O_WRONLY | made | O_NOFOLLOW |
                                       O_CLOEXEC, 0600));
    if (fd < 0 || add_file(bodies, bodies->next, 0) != 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        unlinkat(bodies->folder, name, 0); /* else the next try would find it there */
        errno = error;
        return -1;
    }
    bodies->fd = fd;
    bodies->named = false;
    return 0;
}

static bool fits(const struct gw_bodies *bodies, uint64_t size, uint64_t limit)
{
    const struct body_file *file = current(bodies);

    if (!file || bodies->full)
        return false;
    if (limit > GW_BODIES_FILE_SIZE)
        limit = GW_BODIES_FILE_SIZE;
    return file->bytes == 0 || (file->bytes <= limit && size <= limit - file->bytes);
}

/* What a full disk took of a body would keep it full, and to open the store again needs room. */
static void cut_off(struct gw_bodies *bodies, uint64_t size)
{
    int error = errno;

    bodies->full = true;
    (void)!TEMP_FAILURE_RETRY(ftruncate(bodies->fd, (off_t)size)); /* else it goes with the file */
    errno = error;
}

int gw_bodies_append(struct gw_bodies *bodies, const void *data, struct gw_body *body)
{
    uint64_t limit = length_limit();

    if (body->size > limit) {
        errno = EFBIG;
        return -1;
    }
    if (!fits(bodies, body->size, limit) && begin_file(bodies) != 0)
        return -1;
    struct body_file *file = current(bodies);
    if (gw_file_write(bodies->fd, data, body->size) != 0) {
        cut_off(bodies, file->bytes);
        return -1;
    }
    body->file = file->number;
    body->offset = file->bytes;
    file->bytes += body->size;
    bodies->bytes += body->size;
    bodies->owed |= body->synced;
    return 0;
}

int gw_bodies_sync(struct gw_bodies *bodies)
{
    if (!bodies->owed)
        return 0;
    if (TEMP_FAILURE_RETRY(fdatasync(bodies->fd)) != 0)
        return -1;
    if (!bodies->named && TEMP_FAILURE_RETRY(fsync(bodies->folder)) != 0)
        return -1;
    bodies->named = true;
    bodies->owed = false;
    return 0;
}

/* A reference that was not synced may lead to a file that is gone. */
void gw_bodies_keep(struct gw_bodies *bodies, const struct gw_body *body)
{
    struct body_file *file = find(bodies, body->file);

    bodies->references++;
    if (!file)
        return;
    file->live += body->size;
    file->count++;
    bodies->live += body->size;
}

void gw_bodies_drop(struct gw_bodies *bodies, const struct gw_body *body)
{
    struct body_file *file = find(bodies, body->file);

    bodies->references--;
    if (!file)
        return;
    file->live -= body->size;
    file->count--;
    bodies->live -= body->size;
    bodies->untidy |= file->count == 0;
}

void gw_bodies_tidy(struct gw_bodies *bodies)
{
    size_t kept = 0;

    if (!bodies->untidy || pthread_rwlock_trywrlock(&bodies->reading) != 0)
        return;
    for (size_t i = 0; i < bodies->file_count; i++) {
        const struct body_file *file = &bodies->files[i];
        if (file->count > 0 || file == current(bodies)) {
            bodies->files[kept++] = *file;
            continue;
        }
        if (bodies->spare_count < GW_BODIES_SPARES)
            bodies->spares[bodies->spare_count++] = file->number;
        else
            remove_file(bodies, file->number);
        bodies->bytes -= file->bytes;
    }
    bodies->file_count = kept;
    bodies->untidy = false;
    pthread_rwlock_unlock(&bodies->reading);
}

/* --- reading --- */

void gw_bodies_begin_reading(struct gw_bodies *bodies)
{
    pthread_rwlock_rdlock(&bodies->reading);
}

void gw_bodies_end_reading(struct gw_bodies *bodies)
{
    pthread_rwlock_unlock(&bodies->reading);
}

static enum gw_store_error read_all(int fd, const struct gw_body *body, uint8_t *data)
{
    for (uint64_t done = 0; done < body->size;) {
        ssize_t got = TEMP_FAILURE_RETRY(pread(fd, data + done, body->size - done,
                                               (off_t)(body->offset + done)));
        if (got < 0)
            return GW_STORE_IO;
        if (got == 0)
            return GW_STORE_CORRUPT;
        done += (uint64_t)got;
    }
    return gw_crc32c(0, data, body->size) == body->crc ? GW_STORE_OK : GW_STORE_CORRUPT;
}

enum gw_store_error gw_bodies_read(struct gw_bodies *bodies, const struct gw_body *body,
                                   uint8_t *data)
{
    char name[NAME_SIZE];

    name_of(body->file, name);
    int fd = TEMP_FAILURE_RETRY(openat(bodies->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
                                       O_CLOEXEC));
    if (fd < 0)
        return errno == ENOENT || errno == ELOOP ? GW_STORE_CORRUPT : GW_STORE_IO;
    enum gw_store_error error = read_all(fd, body, data);
    int number = errno;
    close(fd);
    errno = number;
    return error;
}

/* --- looking --- */

bool gw_bodies_present(const struct gw_bodies *bodies)
{
    struct stat folder, file;

    if (fstatat(bodies->directory, GW_BODIES, &folder, AT_SYMLINK_NOFOLLOW) != 0 ||
        folder.st_ino != bodies->inode)
        return false;
    return bodies->fd < 0 || (fstat(bodies->fd, &file) == 0 && file.st_nlink > 0);
}

uint64_t gw_bodies_bytes(const struct gw_bodies *bodies)
{
    return bodies->bytes;
}

uint64_t gw_bodies_live(const struct gw_bodies *bodies)
{
    return bodies->live;
}

uint64_t gw_bodies_references(const struct gw_bodies *bodies)
{
    return bodies->references;
}

uint64_t gw_bodies_emptiest(const struct gw_bodies *bodies)
{
    const struct body_file *least = NULL;

    for (size_t i = 0; i < bodies->file_count; i++) {
        const struct body_file *file = &bodies->files[i];
        if (file != current(bodies) && file->count > 0 && (!least || file->live < least->live))
            least = file;
    }
    return least ? least->number : 0;
}
