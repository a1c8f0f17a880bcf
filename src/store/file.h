/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_FILE_H
#define GW_STORE_FILE_H

/* Small files of our own, by their names below an open folder. What fails answers -1 or NULL, with
 * errno set. */

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All of the bytes, however few the disk takes at a time. */
int gw_file_write(int file, const void *bytes, size_t size);
/* Makes the file, or makes it anew, and syncs it; its name is the caller's to sync. */
int gw_file_make(int folder, const char *name, const char *text);
/* Reads at most size - 1 bytes from the beginning and ends them with a NUL; answers how many. No
 * link is followed (ELOOP), and nothing waits for a pipe. */
ssize_t gw_file_read(int folder, const char *name, char *text, size_t size);
/* A whole file, malloc'ed, with room for a byte more. NULL: what has the name is no file, or one of
 * more than 256 MiB (EFBIG), or it could not be read. */
uint8_t *gw_file_load(int folder, const char *name, size_t *size);
/* Of the errors of read and load: true if nothing is there, or something else than such a file, and
 * that will stay so; false if another try may well read it. */
bool gw_file_is_wrong(int error);
/* What is in a folder; "." is `folder` itself, which stays open. For readdir and closedir. */
DIR *gw_file_list(int folder, const char *name);

#endif
