/* SPDX-License-Identifier: MPL-2.0 */

/* Small files, written and read whole: see file.h. */

#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOAD_MAX ((off_t)256 << 20)

static void close_quietly(int file)
{
    int error = errno;

    close(file);
    errno = error;
}

int gw_file_write(int file, const void *bytes, size_t size)
{
    for (const char *at = bytes; size > 0;) {
        ssize_t written = TEMP_FAILURE_RETRY(write(file, at, size));
        if (written < 0)
            return -1;
        at += written;
        size -= (size_t)written;
    }
    return 0;
}

int gw_file_make(int folder, const char *name, const char *text)
{
    int file = TEMP_FAILURE_RETRY(openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW |
                                         O_CLOEXEC, 0600));

    if (file < 0)
        return -1;
    int result = gw_file_write(file, text, strlen(text));
    if (result == 0)
        result = TEMP_FAILURE_RETRY(fsync(file));
    close_quietly(file);
    return result;
}

/* Up to `size` bytes, fewer only where the file ends. */
static ssize_t read_all(int file, void *bytes, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t got = TEMP_FAILURE_RETRY(read(file, (char *)bytes + done, size - done));
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

ssize_t gw_file_read(int folder, const char *name, char *text, size_t size)
{
    int file = TEMP_FAILURE_RETRY(openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
                                         O_CLOEXEC));

    if (file < 0)
        return -1;
    ssize_t got = read_all(file, text, size - 1);
    close_quietly(file);
    if (got >= 0)
        text[got] = '\0';
    return got;
}

/* A regular file of a length that can be loaded. */
static int look_at(int file, size_t *size)
{
    struct stat status;

    if (fstat(file, &status) != 0)
        return -1;
    if (!S_ISREG(status.st_mode) || status.st_size > LOAD_MAX) {
        errno = EFBIG;
        return -1;
    }
    *size = (size_t)status.st_size;
    return 0;
}

uint8_t *gw_file_load(int folder, const char *name, size_t *size)
{
    int file = TEMP_FAILURE_RETRY(openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
                                         O_CLOEXEC));
    uint8_t *data = NULL;
    ssize_t got = -1;

    *size = 0;
    if (file < 0)
        return NULL;
    if (look_at(file, size) == 0 && (data = malloc(*size + 1)) != NULL)
        got = read_all(file, data, *size);
    close_quietly(file);
    if (got < 0) {
        int error = errno;
        free(data);
        errno = error;
        return NULL;
    }
    *size = (size_t)got;
    return data;
}

bool gw_file_is_wrong(int error)
{
    return error == ENOENT || error == ENOTDIR || error == EISDIR || error == ELOOP ||
           error == EFBIG;
}

DIR *gw_file_list(int folder, const char *name)
{
    int copy = TEMP_FAILURE_RETRY(openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DIR *stream = copy < 0 ? NULL : fdopendir(copy);

    if (copy >= 0 && !stream)
        close_quietly(copy);
    return stream;
}
