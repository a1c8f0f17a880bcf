/* SPDX-License-Identifier: MPL-2.0 */
/* Finding the ready scenarios. */

#include "library.h"

#include "common/suggest.h"
#include "program.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENDING ".zpl"

static const char *const places[] = {GODWIT_LAB_SHARE, "../share/godwit/scenarios", NULL};

static int by_name(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static void add(struct lab_library *library, const char *file)
{
    size_t size = strlen(file), ending = strlen(ENDING);

    if (size <= ending || strcmp(file + size - ending, ENDING) != 0 ||
        library->count == LAB_READY_MAX)
        return;
    library->names[library->count] = strndup(file, size - ending);
    library->count += library->names[library->count] != NULL;
}

bool lab_library_open(struct lab_library *library)
{
    *library = (struct lab_library){0};
    DIR *folder = lab_beside(places, library->folder) ? opendir(library->folder) : NULL;
    if (!folder) {
        fprintf(stderr, "godwit lab: the ready scenarios: %s\nmend: they belong to "
                        "share/godwit/scenarios of the folder that godwit was installed to\n",
                strerror(errno));
        return false;
    }
    for (struct dirent *entry; (entry = readdir(folder));)
        add(library, entry->d_name);
    closedir(folder);
    qsort(library->names, library->count, sizeof *library->names, by_name);
    return true;
}

void lab_library_close(struct lab_library *library)
{
    for (size_t i = 0; i < library->count; i++)
        free(library->names[i]);
    library->count = 0;
}

bool lab_library_path(const struct lab_library *library, const char *name, char path[PATH_MAX])
{
    for (size_t i = 0; i < library->count; i++) {
        if (strcmp(library->names[i], name) == 0)
            return snprintf(path, PATH_MAX, "%s/%s" ENDING, library->folder, name) < PATH_MAX;
    }
    return false;
}

bool lab_is_file(const char *word)
{
    const char *dot = strrchr(word, '.');

    return strchr(word, '/') || (dot && strcmp(dot, ENDING) == 0) || access(word, F_OK) == 0;
}

bool lab_library_find(const char *word, char path[PATH_MAX])
{
    struct lab_library library;

    if (lab_is_file(word))
        return snprintf(path, PATH_MAX, "%s", word) < PATH_MAX;
    if (!lab_library_open(&library))
        return false;
    bool found = lab_library_path(&library, word, path);
    if (!found) {
        const char *meant =
            suggest(word, (const char *const *)library.names, library.count);
        fprintf(stderr, "godwit lab: `%s` is neither a file nor a ready scenario\nmend: %s%s%s"
                        "`godwit lab list` names them\n",
                word, meant ? "did you mean `" : "", meant ? meant : "", meant ? "`? " : "");
    }
    lab_library_close(&library);
    return found;
}
