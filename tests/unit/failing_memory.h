/* SPDX-License-Identifier: MPL-2.0 */
#ifndef FAILING_MEMORY_H
#define FAILING_MEMORY_H

/* Memory that runs out when the test says so. Include it, then the source under test: what that
 * source allocates comes from here. The linker then has no need of the library's copy. Both stand
 * before cmocka.h, whose macros have common names.
 *
 *     #include "failing_memory.h"
 *     #include "base/ranges.c"
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static size_t memory_left = SIZE_MAX; /* how many allocations succeed from now on */
static size_t memory_taken;           /* how many succeeded so far */

static inline int memory_gives(void)
{
    if (memory_left == 0)
        return 0;
    if (memory_left != SIZE_MAX)
        memory_left--;
    memory_taken++;
    return 1;
}

static inline void *failing_malloc(size_t size)
{
    return memory_gives() ? malloc(size) : NULL;
}

static inline void *failing_calloc(size_t count, size_t size)
{
    return memory_gives() ? calloc(count, size) : NULL;
}

static inline void *failing_realloc(void *old, size_t size)
{
    return memory_gives() ? realloc(old, size) : NULL;
}

#define malloc(size) failing_malloc(size)
#define calloc(count, size) failing_calloc(count, size)
#define realloc(old, size) failing_realloc(old, size)

#endif
