/* SPDX-License-Identifier: MPL-2.0 */
/* Reading and setting what a run yielded. */

#include "result.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void result_clear(struct result *result)
{
    free(result->latency);
    *result = (struct result){0};
}

static struct result_value *find(const struct result *result, const char *name)
{
    for (size_t i = 0; i < result->value_count; i++) {
        if (strcmp(result->value[i].name, name) == 0)
            return (struct result_value *)&result->value[i];
    }
    return NULL;
}

double result_value(const struct result *result, const char *name, double otherwise)
{
    const struct result_value *value = find(result, name);
    return value ? value->number : otherwise;
}

bool result_set(struct result *result, const char *name, double number)
{
    struct result_value *value = find(result, name);
    if (!value && result->value_count == RESULT_VALUES) {
        bench_complain("a run has no room for '%s'", name);
        return false;
    }
    if (!value)
        value = &result->value[result->value_count++];
    snprintf(value->name, sizeof(value->name), "%s", name);
    value->number = number;
    return true;
}

double result_cpu(const struct result *result, bool sends)
{
    double sum = 0;
    for (size_t i = 0; i < result->process_count; i++) {
        if (result->process[i].sends == sends)
            sum += result->process[i].cpu_seconds;
    }
    return sum;
}

static long highest(const struct result *result, bool sends, size_t offset)
{
    long most = 0;
    for (size_t i = 0; i < result->process_count; i++) {
        const struct result_process *process = &result->process[i];
        long kib;
        memcpy(&kib, (const char *)process + offset, sizeof(kib));
        if (process->sends == sends && kib > most)
            most = kib;
    }
    return most;
}

long result_peak_rss(const struct result *result, bool sends)
{
    return highest(result, sends, offsetof(struct result_process, rss_kib));
}

long result_peak_anon(const struct result *result, bool sends)
{
    return highest(result, sends, offsetof(struct result_process, anon_kib));
}

long result_peak_file(const struct result *result, bool sends)
{
    return highest(result, sends, offsetof(struct result_process, file_kib));
}
