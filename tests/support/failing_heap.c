/* SPDX-License-Identifier: MPL-2.0 */
/* See failing_heap.h. */

#define FAILING_HEAP_NOT_HERE

#include "support/failing_heap.h"

size_t heap_left = SIZE_MAX;
bool heap_refused;

static bool heap_gives(void)
{
    heap_refused |= heap_left == 0;
    if (heap_left == 0)
        return false;
    if (heap_left != SIZE_MAX)
        heap_left--;
    return true;
}

void *heap_malloc(size_t size)
{
    return heap_gives() ? malloc(size) : NULL;
}

void *heap_calloc(size_t count, size_t size)
{
    return heap_gives() ? calloc(count, size) : NULL;
}

void *heap_realloc(void *old, size_t size)
{
    return heap_gives() ? realloc(old, size) : NULL;
}
