/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_SCRATCH_H
#define LAB_SCRATCH_H

#include <limits.h>
#include <stdbool.h>

/* A new directory below $TMPDIR or /tmp; false after a sentence. */
bool scratch_make(char path[PATH_MAX]);
/* Takes a directory for files that are to be kept: made if it is not there, and it must be empty
 * and writable. False after a sentence and a mend. */
bool scratch_take(const char *path);

#endif
