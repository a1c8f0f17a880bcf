/* SPDX-License-Identifier: MPL-2.0 */

/* Scratch directories: see scratch.h. */

#include "scratch.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

void scratch_make(struct scratch *scratch)
{
    snprintf(scratch->path, sizeof scratch->path, "%s/scratch-XXXXXX", GODWIT_BIN_DIR);
    assert_non_null(mkdtemp(scratch->path));
}

void scratch_make_quick(struct scratch *scratch)
{
    snprintf(scratch->path, sizeof scratch->path, "/dev/shm/godwit-scratch-XXXXXX");
    if (!mkdtemp(scratch->path))
        scratch_make(scratch);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

void scratch_remove(struct scratch *scratch)
{
    nftw(scratch->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int scratch_setup(void **state)
{
    *state = calloc(1, sizeof(struct scratch));
    assert_non_null(*state);
    scratch_make(*state);
    return 0;
}

int scratch_setup_quick(void **state)
{
    *state = calloc(1, sizeof(struct scratch));
    assert_non_null(*state);
    scratch_make_quick(*state);
    return 0;
}

int scratch_teardown(void **state)
{
    scratch_remove(*state);
    free(*state);
    return 0;
}

static char *next_buffer(void)
{
    static char buffers[4][PATH_MAX];
    static unsigned next;

    return buffers[next++ % 4];
}

const char *scratch_at(const struct scratch *scratch, const char *name)
{
    char *path = next_buffer();

    snprintf(path, PATH_MAX, "%s/%s", scratch->path, name);
    return path;
}

void file_write(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void *file_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    *size = file_size(path);
    void *data = malloc(*size + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, file), *size);
    fclose(file);
    return data;
}

void file_flip(const char *path, size_t offset, unsigned char bits)
{
    size_t size;
    unsigned char *data = file_read(path, &size);

    assert_true(offset < size);
    data[offset] ^= bits;
    file_write(path, data, size);
    free(data);
}

size_t file_size(const char *path)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return (size_t)status.st_size;
}

bool file_exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

const char *file_ending(const char *directory, const char *end)
{
    char best[NAME_MAX + 1] = "";
    DIR *stream = opendir(directory);
    struct dirent *entry;

    assert_non_null(stream);
    while ((entry = readdir(stream)) != NULL) {
        size_t size = strlen(entry->d_name);
        if (size < strlen(end) || strcmp(entry->d_name + size - strlen(end), end) != 0)
            continue;
        if (!best[0] || strcmp(entry->d_name, best) < 0)
            snprintf(best, sizeof best, "%s", entry->d_name);
    }
    closedir(stream);
    assert_true(best[0] != '\0');
    char *path = next_buffer();
    snprintf(path, PATH_MAX, "%s/%s", directory, best);
    return path;
}

unsigned folder_entries(const char *path)
{
    DIR *stream = opendir(path);
    unsigned count = 0;

    assert_non_null(stream);
    while (readdir(stream))
        count++;
    closedir(stream);
    return count - 2; /* . and .. */
}
