/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_LIBRARY_H
#define LAB_LIBRARY_H

/* The ready scenarios: NAME.zpl in share/godwit/scenarios beside what is installed, or in the build
 * tree a link to tools/lab/scenarios. */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define LAB_READY_MAX 500

struct lab_library {
    char folder[PATH_MAX];
    char *names[LAB_READY_MAX]; /* sorted, without ending */
    size_t count;
};

/* False after a sentence: there is no such folder. */
bool lab_library_open(struct lab_library *library);
void lab_library_close(struct lab_library *library);
/* The file of a ready scenario; false: there is none of that name. */
bool lab_library_path(const struct lab_library *library, const char *name, char path[PATH_MAX]);
/* Is a file of the user's meant, and not the name of a ready one? */
bool lab_is_file(const char *word);
/* The file that `word` means; false after a sentence and a mend: neither a file nor a name. */
bool lab_library_find(const char *word, char path[PATH_MAX]);

#endif
