/* SPDX-License-Identifier: MPL-2.0 */
/* What the disk itself takes: the message's bytes appended to a file of its own, and fdatasync. */

#include "child.h"
#include "role.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool append_all(int fd, const struct role *role, const struct payload *payload,
                       struct histogram *latency)
{
    for (uint64_t i = 0; i < role->count; i++) {
        double begin = bench_now();
        ssize_t wrote = write(fd, payload_at(payload, i), role->size);
        if (wrote != (ssize_t)role->size || fdatasync(fd)) {
            bench_complain("cannot write and sync: %s", strerror(errno));
            return false;
        }
        histogram_add(latency, (uint64_t)((bench_now() - begin) * 1e9), 1);
    }
    return true;
}

static bool measure(const struct role *role, const struct payload *payload,
                    struct histogram *latency)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/file", role->directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) {
        bench_complain("%s: %s", path, strerror(errno));
        return false;
    }
    bool good = role_ready();
    if (good) {
        role_say_begin();
        good = append_all(fd, role, payload, latency);
        role_finish(latency);
    }
    close(fd);
    return good;
}

int role_disk(const struct role *role)
{
    struct histogram *latency = calloc(1, sizeof(*latency));
    struct payload payload;
    bool good = latency && payload_init(&payload, role->size);
    if (good) {
        good = measure(role, &payload, latency);
        payload_clear(&payload);
    }
    free(latency);
    return good ? BENCH_OK : BENCH_FAILED;
}
