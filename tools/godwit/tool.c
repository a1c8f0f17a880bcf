/* SPDX-License-Identifier: MPL-2.0 */
/* Finding and starting a tool. */

#include "tool.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const folders[] = {GODWIT_LIBEXEC, "."};

/* The folder of the running program. */
static bool here(char path[PATH_MAX])
{
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (size < 0) {
        fprintf(stderr, "godwit: /proc/self/exe: %s; is /proc mounted?\n", strerror(errno));
        return false;
    }
    path[size] = '\0';
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return true;
}

void tool_run(const char *name, char **argv)
{
    char folder[PATH_MAX], path[PATH_MAX + 300], program[128];
    if (!here(folder))
        return;
    snprintf(program, sizeof(program), "godwit-%s", name);
    argv[0] = program;
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        snprintf(path, sizeof(path), "%s/%s/%s", folder, folders[i], program);
        execv(path, argv);
        if (errno != ENOENT && errno != ENOTDIR) {
            fprintf(stderr, "godwit: %s: %s\n", path, strerror(errno));
            return;
        }
    }
    fprintf(stderr, "godwit: %s is not installed: looked in %s/%s and %s\n", program, folder,
            folders[0], folder);
}
