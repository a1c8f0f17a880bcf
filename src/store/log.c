/* SPDX-License-Identifier: MPL-2.0 */

/* See log.h. */

#include "store/log.h"

#include "base/crc32c.h"
#include "store/file.h"
#include "store/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 32768u
#define HEADER 7u
#define SECTOR 512u

/* --- pieces --- */

/* LevelDB keeps a checksum rotated and moved, so that one of data with checksums in it differs. */
static bool is_sound(const uint8_t *header, size_t length)
{
    uint32_t crc = gw_crc32c(0, header + HEADER - 1, length + 1);
    uint32_t kept = (crc >> 15 | crc << 17) + 0xa282ead8u;

    for (unsigned i = 0; i < 4; i++)
        if (header[i] != (uint8_t)(kept >> 8 * i))
            return false;
    return header[HEADER - 1] >= GW_LOG_FULL && header[HEADER - 1] <= GW_LOG_LAST;
}

/* Where the next header begins; false: the file ends before it does. */
static bool find_header(const uint8_t *data, size_t size, size_t *at, size_t *length)
{
    size_t left = BLOCK - *at % BLOCK;

    if (left < HEADER)
        *at += left;
    if (*at >= size || size - *at < HEADER)
        return false;
    *length = data[*at + 4] | (size_t)data[*at + 5] << 8;
    return true;
}

bool gw_log_next(const uint8_t *data, size_t size, size_t *at, enum gw_log_piece *type,
                 struct gw_slice *piece)
{
    size_t length;

    if (!find_header(data, size, at, &length))
        return false;
    if (length > size - *at - HEADER || *at % BLOCK + HEADER + length > BLOCK)
        return false;
    *type = is_sound(data + *at, length) ? (enum gw_log_piece)data[*at + HEADER - 1]
                                         : GW_LOG_DAMAGED;
    *piece = (struct gw_slice){data + *at + HEADER, length};
    *at += HEADER + length;
    return true;
}

/* --- torn records --- */

static size_t zeros_from(const uint8_t *data, size_t size)
{
    while (size > 0 && data[size - 1] == 0)
        size--;
    return size;
}

/* Whether the piece whose header is at `at`, and which is damaged, reaches into the zeros by a
 * sector. Its length may be among what was not written. */
static bool is_torn(size_t at, size_t length, size_t zeros)
{
    size_t sector = (zeros + SECTOR - 1) / SECTOR * SECTOR;

    return sector < at + HEADER + length;
}

size_t gw_log_whole(const uint8_t *data, size_t size)
{
    size_t zeros = zeros_from(data, size), at = 0, record = 0, length;
    bool inside = false; /* a record of which the last piece is to come */

    if (zeros == size)
        return size;
    while (find_header(data, size, &at, &length)) {
        if (at >= zeros)
            return inside ? record : size;
        if (!inside)
            record = at;
        if (at % BLOCK + HEADER + length <= BLOCK && length > size - at - HEADER)
            break; /* cut off by the end of the file */
        if (at % BLOCK + HEADER + length > BLOCK || !is_sound(data + at, length))
            return is_torn(at, length, zeros) ? record : size;
        enum gw_log_piece type = (enum gw_log_piece)data[at + HEADER - 1];
        inside = type == GW_LOG_FIRST || type == GW_LOG_MIDDLE;
        at += HEADER + length;
    }
    return size;
}

static int mend_file(int fd, const char *path)
{
    size_t size;
    uint8_t *data = gw_file_load(fd, path, &size);
    int result = 0;

    if (!data)
        return gw_file_is_wrong(errno) ? 0 : -1; /* LevelDB will say what is wrong */
    size_t whole = gw_log_whole(data, size);
    free(data);
    if (whole == size)
        return 0;
    int file = TEMP_FAILURE_RETRY(openat(fd, path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
    if (file < 0 || TEMP_FAILURE_RETRY(ftruncate(file, (off_t)whole)) != 0)
        result = -1;
    int error = errno;
    if (file >= 0)
        close(file);
    errno = error;
    return result;
}

static bool is_log(const char *name)
{
    size_t size = strlen(name);

    return size > 4 && strcmp(name + size - 4, ".log") == 0;
}

static int mend_folder(int fd)
{
    char manifest[64];
    DIR *stream = gw_file_list(fd, ".");
    struct dirent *entry;
    int result = 0;

    if (!stream)
        return -1;
    while (result == 0 && (errno = 0, entry = readdir(stream)) != NULL)
        if (is_log(entry->d_name))
            result = mend_file(fd, entry->d_name);
    int error = errno;
    closedir(stream);
    errno = error;
    if (error)
        return -1;
    switch (gw_manifest_path(fd, ".", manifest)) {
    case GW_STORE_OK: return mend_file(fd, manifest);
    case GW_STORE_CORRUPT: return 0;
    default: return -1;
    }
}

int gw_log_mend(const char *database)
{
    int fd = TEMP_FAILURE_RETRY(open(database, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int result = fd < 0 ? -1 : mend_folder(fd), error = errno;

    if (fd >= 0)
        close(fd);
    errno = error;
    return result;
}
