/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_TESTS_SUPPORT_FAILING_HEAP_H
#define GW_TESTS_SUPPORT_FAILING_HEAP_H

/* Memory that runs out when the test says so, for sources that are compiled for one test with
 * `-include support/failing_heap.h`. (For a single source there is unit/failing_memory.h.)
 * A test that includes it and wants its own memory defines FAILING_HEAP_NOT_HERE before. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

extern size_t heap_left;  /* how many allocations succeed from now on; SIZE_MAX: all */
extern bool heap_refused; /* one did not; set back by the test */

void *heap_malloc(size_t size);
void *heap_calloc(size_t count, size_t size);
void *heap_realloc(void *old, size_t size);

#ifndef FAILING_HEAP_NOT_HERE
#define malloc(size) heap_malloc(size)
#define calloc(count, size) heap_calloc(count, size)
#define realloc(old, size) heap_realloc(old, size)
#endif

#endif
