/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_SPAN_H
#define GW_CORE_SPAN_H

/* Ranges of sequences that carry facts, in an index that owns them. What begins with a gw_span can
 * be kept so: one piece of memory, without pointers to others, that may be copied when a range is
 * split.
 *
 *     [first: held by offer 7 . last]     [first: held by offer 9 . last] */

#include "core/index.h"

struct gw_span {
    uint64_t first;
    uint64_t last;
    size_t size; /* of all that begins with this span */
};

/* Position of the first span with last >= sequence; index->count if there is none. */
size_t gw_spans_find(const struct gw_index *index, uint64_t sequence);
/* Takes [first, last] away from all spans. 0, or -ENOMEM if a split found no memory. */
int gw_spans_cut(struct gw_index *index, uint64_t first, uint64_t last);
void gw_spans_clear(struct gw_index *index); /* frees the spans, too */

#endif
