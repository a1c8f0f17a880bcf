/* SPDX-License-Identifier: MPL-2.0 */
/* See span.h. */

#include "core/span.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t gw_spans_find(const struct gw_index *index, uint64_t sequence)
{
    size_t at = gw_index_find(index, sequence);
    if (at == index->count)
        return 0;
    const struct gw_span *span = gw_index_at(index, at);
    return span->last >= sequence ? at : at + 1;
}

static int split(struct gw_index *index, struct gw_span *span, uint64_t first, uint64_t last)
{
    struct gw_span *rest = malloc(span->size);
    if (!rest)
        return -ENOMEM;
    memcpy(rest, span, span->size);
    rest->first = last + 1;
    if (gw_index_add(index, rest->first, rest)) {
        free(rest);
        return -ENOMEM;
    }
    span->last = first - 1;
    return 0;
}

int gw_spans_cut(struct gw_index *index, uint64_t first, uint64_t last)
{
    size_t at = gw_spans_find(index, first);
    while (at < index->count) {
        struct gw_span *span = gw_index_at(index, at);
        if (span->first > last)
            break;
        if (span->first < first && span->last > last)
            return split(index, span, first, last);
        if (span->first < first) {
            span->last = first - 1;
            at++;
        } else if (span->last > last) {
            span->first = last + 1; /* its place among the others stays */
            index->items[index->head + at].first = last + 1;
            break;
        } else {
            gw_index_remove_at(index, at);
            free(span);
        }
    }
    return 0;
}

void gw_spans_clear(struct gw_index *index)
{
    for (size_t i = 0; i < index->count; i++)
        free(gw_index_at(index, i));
    gw_index_clear(index);
}
