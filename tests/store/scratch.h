/* SPDX-License-Identifier: MPL-2.0 */
#ifndef SCRATCH_H
#define SCRATCH_H

/* A directory of a test's own below the build directory, gone afterwards; and the small deeds done
 * to the files in it. Every function fails the test rather than return an error. */

#include <stdbool.h>
#include <stddef.h>

struct scratch {
    char path[1024];
};

void scratch_make(struct scratch *scratch);
/* In memory if that can be had: for tests of thousands of small files. */
void scratch_make_quick(struct scratch *scratch);
void scratch_remove(struct scratch *scratch);
/* The same for cmocka: *state is the scratch of each test. */
int scratch_setup(void **state);
int scratch_setup_quick(void **state);
int scratch_teardown(void **state);
/* "<scratch>/name" in a buffer that the fourth call after this one uses again. */
const char *scratch_at(const struct scratch *scratch, const char *name);

void file_write(const char *path, const void *data, size_t size);
void *file_read(const char *path, size_t *size); /* malloc'ed */
void file_flip(const char *path, size_t offset, unsigned char bits);
size_t file_size(const char *path);
bool file_exists(const char *path);
unsigned folder_entries(const char *path);
/* The first file of a directory, by name, that ends so: "db/000003.log" for ("...", ".log"). */
const char *file_ending(const char *directory, const char *end);

#endif
