/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_PROGRAM_H
#define LAB_PROGRAM_H

/* Where programs and the lab's own files are. */

#include <limits.h>
#include <stdbool.h>

/* The file of a program as execvp() would find it; `godwit` alone is the command beside this
 * program (build tree) or in its bin folder (installed), then the one in PATH. False: errno. */
bool lab_program_find(const char *word, char path[PATH_MAX]);
/* The first of `places`, relative to the folder of this program, that is there; NULL at their end.
 * False: none is. */
bool lab_beside(const char *const *places, char path[PATH_MAX]);

#endif
