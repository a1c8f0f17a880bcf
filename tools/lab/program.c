/* SPDX-License-Identifier: MPL-2.0 */
/* Looking for files beside this program and in PATH. */

#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const command_places[] = {"godwit", GODWIT_LAB_BIN "/godwit", NULL};

bool lab_beside(const char *const *places, char path[PATH_MAX])
{
    char folder[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", folder, sizeof folder - 1);

    if (size < 0)
        return false;
    folder[size] = '\0';
    *strrchr(folder, '/') = '\0'; /* the kernel's paths are absolute */
    for (; *places; places++) {
        int used = snprintf(path, PATH_MAX, "%s/%s", folder, *places);
        if (used < PATH_MAX && access(path, F_OK) == 0)
            return true;
    }
    errno = ENOENT;
    return false;
}

static bool is_program(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return false;
    if (!S_ISREG(status.st_mode)) {
        errno = EISDIR;
        return false;
    }
    return access(path, X_OK) == 0;
}

static bool find_in_path(const char *word, char path[PATH_MAX])
{
    const char *folders = getenv("PATH");
    int error = ENOENT; /* the one that says most, as execvp() does */

    for (const char *at = folders ? folders : "/usr/local/bin:/usr/bin:/bin";;) {
        size_t size = strcspn(at, ":");
        int used = snprintf(path, PATH_MAX, "%.*s%s%s", (int)size, at, size ? "/" : "", word);
        if (used < PATH_MAX && is_program(path))
            return true;
        if (errno == EACCES)
            error = EACCES;
        if (!at[size])
            break;
        at += size + 1;
    }
    errno = error;
    return false;
}

bool lab_program_find(const char *word, char path[PATH_MAX])
{
    if (strcmp(word, "godwit") == 0 && lab_beside(command_places, path) && is_program(path))
        return true;
    if (!strchr(word, '/'))
        return find_in_path(word, path);
    if (snprintf(path, PATH_MAX, "%s", word) >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    return is_program(path);
}
