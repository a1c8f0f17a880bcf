/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_HISTOGRAM_H
#define GODWIT_BENCH_HISTOGRAM_H

/* How often each duration came, in buckets as HdrHistogram has them: below 256 ns each number has
 * its own, above that each doubling is cut into 128 equal parts, so that a value is off by less
 * than 1 %. What is longer than 36 minutes counts as that. Pure; Debian 12 has no C library for it.
 */

#include <stdint.h>

#define HISTOGRAM_LIMIT   ((UINT64_C(1) << 41) - 1) /* ns */
#define HISTOGRAM_BUCKETS (128 * 33 + 256)

struct histogram {
    uint64_t total, most; /* how many there are; the largest, exactly */
    uint64_t bucket[HISTOGRAM_BUCKETS];
};

/* An empty one is all zeros. */
void histogram_add(struct histogram *histogram, uint64_t value, uint64_t times);
void histogram_merge(struct histogram *to, const struct histogram *from);

/* The value that this share of all (0 to 1) does not exceed; 0 if there is none. */
uint64_t histogram_at(const struct histogram *histogram, double share);

/* The least value of a bucket: adding it comes back to the same one. */
uint64_t histogram_floor(unsigned bucket);

#endif
