/* SPDX-License-Identifier: MPL-2.0 */

/* The generation file: one line, written aside and renamed, see generation.h. */

#include "store/generation.h"

#include "base/crc32c.h"
#include "store/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NAME "generation"
#define NAME_NEW "generation.new"

void gw_generation_print(const struct gw_generation *generation, char line[GW_GENERATION_LINE])
{
    char uuid[2 * sizeof generation->store + 1];

    for (size_t i = 0; i < sizeof generation->store; i++)
        snprintf(uuid + 2 * i, 3, "%02x", generation->store[i]);
    int size = snprintf(line, GW_GENERATION_LINE,
                        "godwit generation: store %s opens %" PRIu64 " process %016" PRIx64
                        " log %" PRIu64, uuid, generation->opens, generation->process,
                        generation->log);
    uint32_t crc = gw_crc32c(0, line, (size_t)size);
    snprintf(line + size, GW_GENERATION_LINE - (size_t)size, " crc %08" PRIx32 "\n", crc);
}

/* What was understood is printed again and compared: so there is one way to write each line, and
 * the checksum is checked with the rest. */
bool gw_generation_parse(const char *line, struct gw_generation *generation)
{
    struct gw_generation read = {0};
    char uuid[2 * sizeof read.store + 1] = "", again[GW_GENERATION_LINE];

    if (sscanf(line, "godwit generation: store %32[0-9a-f] opens %" SCNu64 " process %" SCNx64
               " log %" SCNu64, uuid, &read.opens, &read.process, &read.log) != 4)
        return false;
    for (size_t i = 0; i < sizeof read.store; i++) {
        unsigned byte;
        if (sscanf(uuid + 2 * i, "%2x", &byte) != 1)
            return false;
        read.store[i] = (uint8_t)byte;
    }
    gw_generation_print(&read, again);
    if (strcmp(line, again) != 0)
        return false;
    *generation = read;
    return true;
}

enum gw_generation_verdict gw_generation_judge(const struct gw_generation *file,
                                               const struct gw_generation *store)
{
    if (file->opens > 0 && store->opens > 0 &&
        memcmp(file->store, store->store, sizeof file->store) != 0)
        return GW_GENERATION_FOREIGN;
    if (store->opens < file->opens)
        return GW_GENERATION_OLD_STORE;
    if (store->opens - file->opens > 1)
        return GW_GENERATION_OLD_FILE;
    if (store->opens - file->opens == 1)
        return GW_GENERATION_BEHIND;
    return store->process == file->process ? GW_GENERATION_SAME : GW_GENERATION_FORKED;
}

enum gw_store_error gw_generation_read(int fd, struct gw_generation *generation)
{
    char line[GW_GENERATION_LINE];
    ssize_t size = gw_file_read(fd, NAME, line, sizeof line);

    if (size < 0 && errno == ENOENT)
        return GW_STORE_NOT_FOUND;
    if (size < 0)
        return errno == ELOOP || errno == EISDIR ? GW_STORE_CORRUPT : GW_STORE_IO;
    if (strlen(line) != (size_t)size || !gw_generation_parse(line, generation))
        return GW_STORE_CORRUPT;
    return GW_STORE_OK;
}

enum gw_store_error gw_generation_write(int fd, const struct gw_generation *generation)
{
    char line[GW_GENERATION_LINE];

    gw_generation_print(generation, line);
    if (gw_file_make(fd, NAME_NEW, line) != 0 || renameat(fd, NAME_NEW, fd, NAME) != 0 ||
        TEMP_FAILURE_RETRY(fsync(fd)) != 0)
        return GW_STORE_IO;
    return GW_STORE_OK;
}
