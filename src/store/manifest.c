/* SPDX-License-Identifier: MPL-2.0 */

/* Reads as much of LevelDB's format as that takes: a MANIFEST is a log file of version edits.
 *
 *     log file: blocks of 32 KiB; record = crc32 (4), length (2), type (1), bytes; type 1 is a
 *               whole one, 2 the first part, 3 one in the middle, 4 the last; at most 6 bytes pad
 *     edit:     varint tag, then what the tag says; tag 2 is the log's number, 3 the next file's */

#include "store/manifest.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 32768u
#define HEADER 7u
#define SIZE_MAX_READ ((off_t)256 << 20)

enum record_type { FULL = 1, FIRST = 2, MIDDLE = 3, LAST = 4 };

enum tag {
    COMPARATOR = 1,
    LOG_NUMBER = 2,
    NEXT_FILE = 3,
    LAST_SEQUENCE = 4,
    COMPACT_POINTER = 5,
    DELETED_FILE = 6,
    NEW_FILE = 7,
    PREVIOUS_LOG = 9
};

static void skip_string(struct gw_reader *reader)
{
    uint64_t size = gw_read_varint(reader);

    if (size > gw_reader_left(reader))
        reader->failed = true;
    else
        gw_read_slice(reader, (size_t)size);
}

static void skip_numbers(struct gw_reader *reader, unsigned count)
{
    while (count-- > 0)
        gw_read_varint(reader);
}

/* False: an edit that is not understood. */
static bool read_edit(const struct gw_buffer *edit, struct gw_manifest *manifest)
{
    struct gw_reader reader = gw_reader_of(edit->data, edit->size);

    while (gw_reader_left(&reader) > 0 && !reader.failed) {
        switch (gw_read_varint(&reader)) {
        case COMPARATOR: skip_string(&reader); break;
        case LOG_NUMBER: manifest->log = gw_read_varint(&reader); break;
        case NEXT_FILE: manifest->next = gw_read_varint(&reader); break;
        case LAST_SEQUENCE:
        case PREVIOUS_LOG: skip_numbers(&reader, 1); break;
        case COMPACT_POINTER:
            skip_numbers(&reader, 1);
            skip_string(&reader);
            break;
        case DELETED_FILE: skip_numbers(&reader, 2); break;
        case NEW_FILE:
            skip_numbers(&reader, 3);
            skip_string(&reader);
            skip_string(&reader);
            break;
        default: return false;
        }
    }
    return !reader.failed;
}

/* LevelDB keeps a checksum rotated and moved, so that one of data with checksums in it differs. */
static bool is_sound(const uint8_t *header, size_t length)
{
    uint32_t crc = gw_crc32c(0, header + HEADER - 1, length + 1);
    uint32_t kept = (crc >> 15 | crc << 17) + 0xa282ead8u;

    for (unsigned i = 0; i < 4; i++)
        if (header[i] != (uint8_t)(kept >> 8 * i))
            return false;
    return true;
}

/* The next piece of a record: false at the end, or where a cut begins. Of type 0: damaged. */
static bool next_piece(const uint8_t *data, size_t size, size_t *at, uint8_t *type,
                       struct gw_slice *piece)
{
    size_t left = BLOCK - *at % BLOCK;

    if (left < HEADER)
        *at += left;
    if (*at >= size || size - *at < HEADER)
        return false;
    size_t length = data[*at + 4] | (size_t)data[*at + 5] << 8;
    *type = data[*at + 6];
    if (length > size - *at - HEADER || *at % BLOCK + HEADER + length > BLOCK)
        return false;
    if (!is_sound(data + *at, length))
        *type = 0;
    *piece = (struct gw_slice){data + *at + HEADER, length};
    *at += HEADER + length;
    return true;
}

bool gw_manifest_parse(const uint8_t *data, size_t size, struct gw_manifest *manifest)
{
    struct gw_buffer edit = {0};
    struct gw_slice piece;
    size_t at = 0;
    uint8_t type;
    bool understood = true;

    *manifest = (struct gw_manifest){0};
    while (understood && next_piece(data, size, &at, &type, &piece)) {
        if (type == FULL || type == FIRST)
            gw_buffer_reset(&edit);
        gw_buffer_append(&edit, piece.data, piece.size);
        if (type == FULL || type == LAST)
            understood = !gw_buffer_failed(&edit) && read_edit(&edit, manifest);
        else if (type != FIRST && type != MIDDLE)
            understood = false;
    }
    gw_buffer_clear(&edit);
    return understood;
}

/* The whole file below `fd`; NULL if that cannot be. */
static uint8_t *read_file(int fd, const char *path, size_t *size)
{
    int file = TEMP_FAILURE_RETRY(openat(fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat status;
    uint8_t *data = NULL;

    if (file < 0)
        return NULL;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= SIZE_MAX_READ)
        data = malloc((size_t)status.st_size + 1);
    for (*size = 0; data && *size < (size_t)status.st_size;) {
        ssize_t got = TEMP_FAILURE_RETRY(read(file, data + *size, (size_t)status.st_size - *size));
        if (got <= 0)
            break;
        *size += (size_t)got;
    }
    close(file);
    return data;
}

/* The MANIFEST's name, which is what CURRENT holds. */
static bool read_current(int fd, const char *name, char path[64])
{
    size_t size = 0;

    snprintf(path, 64, "%s/CURRENT", name);
    char *text = (char *)read_file(fd, path, &size);
    bool sound = text && size > 9 && size < 40 && strncmp(text, "MANIFEST-", 9) == 0 &&
                 text[size - 1] == '\n' && !memchr(text, '/', size) && !memchr(text, '\0', size);
    if (sound)
        snprintf(path, 64, "%s/%.*s", name, (int)size - 1, text);
    free(text);
    return sound;
}

bool gw_manifest_read(int fd, const char *name, struct gw_manifest *manifest)
{
    char path[64];
    size_t size = 0;

    if (!read_current(fd, name, path))
        return false;
    uint8_t *data = read_file(fd, path, &size);
    bool understood = data && gw_manifest_parse(data, size, manifest);
    free(data);
    return understood;
}

uint64_t gw_manifest_newest_log(int fd, const char *name)
{
    DIR *stream = gw_file_list(fd, name);
    struct dirent *entry;
    uint64_t newest = 0;

    while (stream && (entry = readdir(stream)) != NULL) {
        char *end;
        uint64_t number = strtoull(entry->d_name, &end, 10);
        if (end != entry->d_name && strcmp(end, ".log") == 0 && number > newest)
            newest = number;
    }
    if (stream)
        closedir(stream);
    return newest;
}

bool gw_manifest_log_missing(int fd, const char *name, char missing[64])
{
    struct gw_manifest manifest;
    struct stat status;

    if (!gw_manifest_read(fd, name, &manifest) || manifest.log == 0)
        return false;
    snprintf(missing, 64, "%s/%06" PRIu64 ".log", name, manifest.log);
    return fstatat(fd, missing, &status, 0) != 0 && errno == ENOENT;
}
