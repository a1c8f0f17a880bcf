/* SPDX-License-Identifier: MPL-2.0 */
/* Directories for the files of runs. */

#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool scratch_make(char path[PATH_MAX])
{
    const char *base = getenv("TMPDIR");

    snprintf(path, PATH_MAX, "%.*s/godwit-lab-XXXXXX", PATH_MAX - 32,
             base && *base ? base : "/tmp");
    if (mkdtemp(path))
        return true;
    fprintf(stderr, "godwit lab: %s: %s\nmend: TMPDIR names a directory for the files of runs\n",
            path, strerror(errno));
    return false;
}

static bool is_empty(const char *path)
{
    DIR *folder = opendir(path);
    bool empty = folder != NULL;

    for (struct dirent *entry; folder && (entry = readdir(folder));)
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    if (folder)
        closedir(folder);
    return empty;
}

bool scratch_take(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "godwit lab: --keep %s: %s\nmend: name a directory that can be made\n",
                path, strerror(errno));
        return false;
    }
    if (access(path, W_OK | X_OK) != 0) {
        fprintf(stderr, "godwit lab: --keep %s: %s\nmend: name a directory that you may write to\n",
                path, strerror(errno));
        return false;
    }
    if (is_empty(path))
        return true;
    fprintf(stderr, "godwit lab: --keep %s: there is something in it\n"
                    "mend: name a new directory, or an empty one\n", path);
    return false;
}
