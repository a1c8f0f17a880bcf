/* SPDX-License-Identifier: MPL-2.0 */

/* Reads as much of LevelDB's format as that takes: a MANIFEST is a log file (log.h) of version
 * edits.
 *
 *     edit:     varint tag, then what the tag says; tag 2 is the log's number, 3 the next file's */

#include "store/manifest.h"

#include "base/bytes.h"
#include "store/file.h"
#include "store/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

enum gw_store_error gw_manifest_parse(const uint8_t *data, size_t size,
                                      struct gw_manifest *manifest)
{
    struct gw_buffer edit = {0};
    struct gw_slice piece;
    enum gw_log_piece type;
    bool understood = true, failed = false;
    size_t at = 0;

    *manifest = (struct gw_manifest){0};
    size = gw_log_whole(data, size);
    while (understood && !failed && gw_log_next(data, size, &at, &type, &piece)) {
        if (type == GW_LOG_FULL || type == GW_LOG_FIRST)
            gw_buffer_reset(&edit);
        gw_buffer_append(&edit, piece.data, piece.size);
        failed = gw_buffer_failed(&edit);
        if (type == GW_LOG_FULL || type == GW_LOG_LAST)
            understood = failed || read_edit(&edit, manifest);
        else if (type == GW_LOG_DAMAGED)
            understood = false;
    }
    gw_buffer_clear(&edit);
    if (failed)
        errno = ENOMEM;
    return failed ? GW_STORE_IO : understood ? GW_STORE_OK : GW_STORE_CORRUPT;
}

enum gw_store_error gw_manifest_path(int fd, const char *name, char path[64])
{
    size_t size = 0;

    snprintf(path, 64, "%s/CURRENT", name);
    char *text = (char *)gw_file_load(fd, path, &size);
    if (!text)
        return gw_file_is_wrong(errno) ? GW_STORE_CORRUPT : GW_STORE_IO;
    bool sound = size > 9 && size < 40 && strncmp(text, "MANIFEST-", 9) == 0 &&
                 text[size - 1] == '\n' && !memchr(text, '/', size) && !memchr(text, '\0', size);
    if (sound)
        snprintf(path, 64, "%s/%.*s", name, (int)size - 1, text);
    free(text);
    return sound ? GW_STORE_OK : GW_STORE_CORRUPT;
}

enum gw_store_error gw_manifest_read(int fd, const char *name, struct gw_manifest *manifest)
{
    char path[64];
    size_t size = 0;
    enum gw_store_error error = gw_manifest_path(fd, name, path);

    if (error != GW_STORE_OK)
        return error;
    uint8_t *data = gw_file_load(fd, path, &size);
    if (!data)
        return gw_file_is_wrong(errno) ? GW_STORE_CORRUPT : GW_STORE_IO;
    error = gw_manifest_parse(data, size, manifest);
    free(data);
    return error;
}

enum gw_store_error gw_manifest_newest_log(int fd, const char *name, uint64_t *newest)
{
    DIR *stream = gw_file_list(fd, name);
    struct dirent *entry;

    *newest = 0;
    if (!stream)
        return GW_STORE_IO;
    while (errno = 0, (entry = readdir(stream)) != NULL) {
        char *end;
        uint64_t number = strtoull(entry->d_name, &end, 10);
        if (end != entry->d_name && strcmp(end, ".log") == 0 && number > *newest)
            *newest = number;
    }
    int error = errno;
    closedir(stream);
    errno = error;
    return error ? GW_STORE_IO : GW_STORE_OK;
}

enum gw_store_error gw_manifest_find_log(int fd, const char *name, char missing[64])
{
    struct gw_manifest manifest;
    struct stat status;
    enum gw_store_error error = gw_manifest_read(fd, name, &manifest);

    if (error == GW_STORE_CORRUPT || (error == GW_STORE_OK && manifest.log == 0))
        return GW_STORE_OK;
    if (error != GW_STORE_OK)
        return error;
    snprintf(missing, 64, "%s/%06" PRIu64 ".log", name, manifest.log);
    if (fstatat(fd, missing, &status, 0) == 0)
        return GW_STORE_OK;
    return errno == ENOENT ? GW_STORE_NOT_FOUND : GW_STORE_IO;
}
