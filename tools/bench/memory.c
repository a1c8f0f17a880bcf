/* SPDX-License-Identifier: MPL-2.0 */
/* What this process holds in memory, as the system counts it. */

#include "memory.h"
#include "bench.h"
#include <stdio.h>

long memory_kib(void)
{
    char line[256];
    long sum = 0, kib;
    int found = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "RssAnon: %ld", &kib) == 1 || sscanf(line, "RssShmem: %ld", &kib) == 1) {
            sum += kib;
            found++;
        }
    }
    if (file)
        fclose(file);
    if (found != 2)
        bench_complain("no RssAnon and RssShmem in /proc/self/status");
    return found == 2 ? sum : -1;
}

void memory_sample(long *peak)
{
    long kib = memory_kib();
    if (kib > *peak)
        *peak = kib;
}
