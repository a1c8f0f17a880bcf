/* SPDX-License-Identifier: MPL-2.0 */
/* Runs a fuzz target over saved inputs, without libFuzzer: each argument is a file or a folder of
 * files. So a normal build replays the corpus as a test. Exit 0: every input was survived. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    size_t capacity = 4096, size = 0;
    uint8_t *data = malloc(capacity);
    while (data != NULL) {
        size += fread(data + size, 1, capacity - size, file);
        if (size < capacity)
            break;
        uint8_t *grown = realloc(data, capacity *= 2);
        if (grown == NULL)
            free(data);
        data = grown;
    }
    int failed = data == NULL || ferror(file);
    fclose(file);
    if (!failed) {
        /* An exact copy, so that a sanitizer sees one byte too far. */
        uint8_t *exact = malloc(size > 0 ? size : 1);
        failed = exact == NULL;
        for (size_t i = 0; !failed && i < size; i++)
            exact[i] = data[i];
        if (!failed)
            LLVMFuzzerTestOneInput(exact, size);
        free(exact);
    }
    free(data);
    return failed ? -1 : 1;
}

static int run_path(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        perror(path);
        return -1;
    }
    if (!S_ISDIR(info.st_mode))
        return run_file(path);

    DIR *folder = opendir(path);
    if (folder == NULL) {
        perror(path);
        return -1;
    }
    int count = 0;
    for (struct dirent *entry; count >= 0 && (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        int done = run_path(name);
        count = done < 0 ? -1 : count + done;
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        int done = run_path(argv[i]);
        if (done < 0)
            return 1;
        total += done;
    }
    printf("%d inputs survived\n", total);
    return total > 0 ? 0 : 1;
}
