/* SPDX-License-Identifier: MPL-2.0 */
/* Log-linear buckets. */

#include "histogram.h"

#define PART_BITS 7
#define PARTS     (1u << PART_BITS) /* of each doubling */

/* With `shift` low bits dropped, a value from 2 * PARTS up has a leading 1 and PART_BITS more. */
static unsigned bucket_of(uint64_t value)
{
    if (value < 2 * PARTS)
        return (unsigned)value;
    unsigned shift = 63 - (unsigned)__builtin_clzll(value) - PART_BITS;
    return PARTS * shift + (unsigned)(value >> shift);
}

uint64_t histogram_floor(unsigned bucket)
{
    if (bucket < 2 * PARTS)
        return bucket;
    unsigned shift = bucket / PARTS - 1;
    return (uint64_t)(bucket - PARTS * shift) << shift;
}

void histogram_add(struct histogram *histogram, uint64_t value, uint64_t times)
{
    if (value > histogram->most)
        histogram->most = value;
    histogram->bucket[bucket_of(value < HISTOGRAM_LIMIT ? value : HISTOGRAM_LIMIT)] += times;
    histogram->total += times;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        to->bucket[i] += from->bucket[i];
    to->total += from->total;
    if (from->most > to->most)
        to->most = from->most;
}

uint64_t histogram_at(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->total), seen = 0;
    if ((double)wanted < share * (double)histogram->total)
        wanted++;
    if (wanted == 0)
        wanted = 1;
    for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->bucket[i];
        if (seen >= wanted) {
            uint64_t last = histogram_floor(i + 1) - 1;
            return last < histogram->most ? last : histogram->most;
        }
    }
    return histogram->most;
}
