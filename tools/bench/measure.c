/* SPDX-License-Identifier: MPL-2.0 */
/* /proc/PID/status and /proc/PID/io. */

#include "measure.h"
#include <inttypes.h>
#include <stdio.h>

static FILE *proc_open(pid_t pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    return fopen(path, "re");
}

bool measure_memory(pid_t pid, struct result_process *process, long *anon_kib)
{
    char line[256];
    long anon = 0, kib;
    int found = 0;
    FILE *file = proc_open(pid, "status");
    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "RssAnon: %ld", &kib) == 1 || sscanf(line, "RssShmem: %ld", &kib) == 1) {
            anon += kib;
            found++;
        } else if (sscanf(line, "RssFile: %ld", &kib) == 1 && kib > process->file_kib) {
            process->file_kib = kib;
        }
    }
    if (file)
        fclose(file);
    if (found != 2)
        return false;
    if (anon > process->anon_kib)
        process->anon_kib = anon;
    if (anon_kib)
        *anon_kib = anon;
    return true;
}

bool measure_writes(pid_t pid, struct result_process *process)
{
    char line[256];
    int found = 0;
    FILE *file = proc_open(pid, "io");
    while (file && fgets(line, sizeof(line), file)) {
        found += sscanf(line, "wchar: %" SCNu64, &process->wrote_bytes) == 1;
        found += sscanf(line, "write_bytes: %" SCNu64, &process->disk_bytes) == 1;
    }
    if (file)
        fclose(file);
    return found == 2;
}
