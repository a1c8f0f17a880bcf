/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_RESULT_H
#define GODWIT_BENCH_RESULT_H

/* What one run of one system yields, whatever the work. */

#include "bench.h"
#include "histogram.h"

#define RESULT_PROCESSES 80
#define RESULT_VALUES    16
#define RESULT_NAME      24

/* One process of a run: what the system counted for it. Memory is sampled every 20 ms from outside;
 * a peak that is shorter is not seen, but in rss_kib (the kernel's own high-water mark). */
struct result_process {
    char role[RESULT_NAME];
    bool sends;         /* it produces, or asks */
    double cpu_seconds; /* user and system, from start to end */
    long rss_kib;       /* peak resident set, file pages included */
    long anon_kib;      /* peak of RssAnon + RssShmem: what the system cannot drop */
    long file_kib;      /* peak of RssFile */
    long idle_kib;      /* RssAnon + RssShmem before the first message */
    uint64_t disk_bytes;  /* write_bytes of /proc/PID/io: pages dirtied, whole ones */
    uint64_t wrote_bytes; /* wchar of /proc/PID/io: asked of write(), eventfds included */
};

/* A number that only this work has, by its name: "open_s", "fill_s", ... */
struct result_value {
    char name[RESULT_NAME];
    double number;
};

struct result {
    double seconds;     /* from the first send to the last message settled (raw: received) */
    uint64_t messages;  /* that went through in this time */
    uint64_t bytes;     /* of payload in them */
    double cpu_seconds; /* all processes, from start to end */
    uint64_t disk_bytes;
    bool disk_is_wrote;  /* the file system counts no write_bytes (tmpfs): it is wrote_bytes */
    bool wire_known;     /* false: no TCP, or the system does not tell */
    uint64_t wire_out;   /* TCP payload from those who dial; retransmissions not counted */
    uint64_t wire_in;    /* and to them */
    struct histogram *latency; /* ns; NULL if the work has none */
    struct result_process process[RESULT_PROCESSES];
    size_t process_count;
    struct result_value value[RESULT_VALUES];
    size_t value_count;
};

void result_clear(struct result *result);

/* The number of that name; `otherwise` if there is none. */
double result_value(const struct result *result, const char *name, double otherwise);
/* Sets it; false after a sentence if there are too many. */
bool result_set(struct result *result, const char *name, double number);

/* CPU seconds of a kind of process: those that send, or the others. */
double result_cpu(const struct result *result, bool sends);
/* Highest of a kind of process: those that send, or the others. */
long result_peak_rss(const struct result *result, bool sends);
long result_peak_anon(const struct result *result, bool sends);
long result_peak_file(const struct result *result, bool sends);

#endif
