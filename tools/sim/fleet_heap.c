/* SPDX-License-Identifier: MPL-2.0 */

/* The wrappers of fleet_heap.h. One thread. */

#include "fleet_heap.h"

#include <malloc.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *memory);

static int64_t *book;

int64_t *fleet_heap_count_in(int64_t *next)
{
    int64_t *before = book;

    book = next;
    return before;
}

bool fleet_heap_counts(void)
{
    int64_t bytes = 0;
    int64_t *before = fleet_heap_count_in(&bytes);
    void *volatile probe = malloc(1);

    fleet_heap_count_in(before);
    free(probe);
    return bytes > 0;
}

static void *came(void *memory)
{
    if (book && memory)
        *book += (int64_t)malloc_usable_size(memory);
    return memory;
}

static void goes(void *memory)
{
    if (book && memory)
        *book -= (int64_t)malloc_usable_size(memory);
}

void *__wrap_malloc(size_t size)
{
    return came(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return came(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    size_t before = old ? malloc_usable_size(old) : 0;
    void *memory = __real_realloc(old, size);

    if (book && memory)
        *book += (int64_t)malloc_usable_size(memory) - (int64_t)before;
    return memory;
}

void __wrap_free(void *memory)
{
    goes(memory);
    __real_free(memory);
}
