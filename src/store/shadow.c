/* SPDX-License-Identifier: MPL-2.0 */

/* Makes and removes a shadow of a database folder: see shadow.h. */

#include "store/shadow.h"

#include "store/file.h"
#include "store/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COPY_SIZE 65536

struct gw_shadow {
    char *path;
    int fd; /* of the folder, locked: whoever finds one without a lock may remove it */
};

#define PREFIX "godwit-inspect-"
#define STALE_S 60 /* one that was made just now may not be locked yet */

static bool ends_with(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);

    return size > end_size && strcmp(name + size - end_size, end) == 0;
}

static int copy_bytes(int from, int to)
{
    static _Thread_local char bytes[COPY_SIZE];
    ssize_t size;

    while ((size = TEMP_FAILURE_RETRY(read(from, bytes, sizeof bytes))) > 0)
        if (gw_file_write(to, bytes, (size_t)size) != 0)
            return -1;
    return size < 0 ? -1 : 0;
}

static int copy_file(int from_folder, int to_folder, const char *name)
{
    int from = TEMP_FAILURE_RETRY(openat(from_folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    int to = from < 0 ? -1 : TEMP_FAILURE_RETRY(openat(to_folder, name, flags, 0600));
    int result = to < 0 ? -1 : copy_bytes(from, to);
    int error = errno;

    if (to >= 0)
        close(to);
    if (from >= 0)
        close(from);
    errno = error;
    return result;
}

static int link_table(const char *database, int to_folder, const char *name)
{
    char *target;

    if (asprintf(&target, "%s/%s", database, name) < 0) {
        errno = ENOMEM;
        return -1;
    }
    int result = symlinkat(target, to_folder, name);
    free(target);
    return result;
}

static int shadow_one(const char *database, int from, int to, const char *name, uint64_t next)
{
    if (ends_with(name, ".ldb") || ends_with(name, ".sst"))
        return strtoull(name, NULL, 10) < next ? link_table(database, to, name) : 0;
    if (ends_with(name, ".log") || strcmp(name, "CURRENT") == 0 ||
        strncmp(name, "MANIFEST-", 9) == 0)
        return copy_file(from, to, name);
    return 0; /* LOCK, LOG and whatever else lies there */
}

static int shadow_all(const char *database, int to)
{
    DIR *folder = opendir(database);
    struct gw_manifest manifest = {0};
    struct dirent *entry;

    if (!folder)
        return -1;
    enum gw_store_error error = gw_manifest_read(dirfd(folder), ".", &manifest);
    int result = error == GW_STORE_IO ? -1 : 0;
    if (error != GW_STORE_OK)
        manifest.next = 0; /* damaged: LevelDB says so */
    while (result == 0 && (errno = 0, entry = readdir(folder)) != NULL)
        result = shadow_one(database, dirfd(folder), to, entry->d_name, manifest.next);
    if (result == 0 && errno)
        result = -1;
    int number = errno;
    closedir(folder);
    errno = number;
    return result;
}

static int fill(struct gw_shadow *shadow, const char *database)
{
    if (!mkdtemp(shadow->path)) {
        free(shadow->path);
        shadow->path = NULL; /* nothing to remove */
        return -1;
    }
    shadow->fd = open(shadow->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (shadow->fd < 0 || flock(shadow->fd, LOCK_EX | LOCK_NB) != 0)
        return -1;
    return shadow_all(database, shadow->fd);
}

/* Whatever is in it: LevelDB has made files of its own. There are no folders in it. */
static void empty(int fd)
{
    DIR *folder = gw_file_list(fd, ".");
    struct dirent *entry;

    while (folder && (entry = readdir(folder)) != NULL)
        unlinkat(fd, entry->d_name, 0); /* "." and ".." refuse it */
    if (folder)
        closedir(folder);
}

static void remove_if_stale(int at, const char *name)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat status;

    if (fd < 0)
        return;
    if (fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
        status.st_mtime + STALE_S < time(NULL) && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        empty(fd);
        unlinkat(at, name, AT_REMOVEDIR);
    }
    close(fd);
}

/* What processes left that were killed while they looked. */
static void sweep(const char *temporary)
{
    DIR *folder = opendir(temporary);
    struct dirent *entry;

    while (folder && (entry = readdir(folder)) != NULL)
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0)
            remove_if_stale(dirfd(folder), entry->d_name);
    if (folder)
        closedir(folder);
}

enum gw_store_error gw_shadow_make(const struct gw_directory *directory, struct gw_shadow **shadow,
                                   char *why, size_t why_size)
{
    const char *temporary = getenv("TMPDIR");
    struct gw_shadow *made = calloc(1, sizeof *made);

    if (!temporary || temporary[0] != '/')
        temporary = "/tmp";
    if (!made || asprintf(&made->path, "%s/" PREFIX "XXXXXX", temporary) < 0) {
        free(made);
        snprintf(why, why_size, "out of memory");
        return GW_STORE_NOMEM;
    }
    made->fd = -1;
    sweep(temporary);
    if (fill(made, directory->database) != 0) {
        int error = errno;
        gw_shadow_remove(&made);
        snprintf(why, why_size, "%.200s cannot be looked at: making a copy of its logs below "
                 "%.100s failed (%s): make room there, or set TMPDIR", directory->path, temporary,
                 strerror(error));
        return GW_STORE_IO;
    }
    *shadow = made;
    return GW_STORE_OK;
}

const char *gw_shadow_path(const struct gw_shadow *shadow)
{
    return shadow->path;
}

void gw_shadow_remove(struct gw_shadow **shadow)
{
    struct gw_shadow *removed = *shadow;

    if (!removed)
        return;
    if (removed->fd >= 0)
        empty(removed->fd);
    if (removed->path)
        rmdir(removed->path);
    if (removed->fd >= 0)
        close(removed->fd);
    free(removed->path);
    free(removed);
    *shadow = NULL;
}
