/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_FLEET_HEAP_H
#define GW_SIM_FLEET_HEAP_H

/* Bytes that the code under test holds, counted where it allocates: the program is linked with
 * --wrap for malloc, calloc, realloc and free, so that every call in it passes fleet_heap.c. What
 * libraries allocate inside themselves does not (msgpack-c's arena of each decoder: 192 KiB of
 * addresses, of which frames touch little). Counted is what the heap gave (malloc_usable_size). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From now on allocations and frees count in *book; NULL: nowhere. Returns the book before. */
int64_t *fleet_heap_count_in(int64_t *book);
/* False where the program was linked without the wrappers: then every book says 0. */
bool fleet_heap_counts(void);

#endif
