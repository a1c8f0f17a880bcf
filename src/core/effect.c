/* SPDX-License-Identifier: MPL-2.0 */
/* The list of effects of a step and the arena that they point into. */

#include "core/effect.h"

#include "base/grow.h"
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE 4096

struct gw_arena_chunk {
    struct gw_arena_chunk *next;
    size_t used;
    size_t size;
    max_align_t data[];
};

static struct gw_arena_chunk *chunk_new(size_t size)
{
    struct gw_arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (!chunk)
        return NULL;
    chunk->next = NULL;
    chunk->used = 0;
    chunk->size = size;
    return chunk;
}

static void chunks_free(struct gw_arena_chunk *chunk)
{
    while (chunk) {
        struct gw_arena_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void gw_effects_reset(struct gw_effects *effects)
{
    effects->count = 0;
    effects->failed = false;
    if (!effects->chunks)
        return;
    chunks_free(effects->chunks->next);
    effects->chunks->next = NULL;
    effects->chunks->used = 0;
}

void gw_effects_clear(struct gw_effects *effects)
{
    chunks_free(effects->chunks);
    free(effects->items);
    memset(effects, 0, sizeof *effects);
}

struct gw_effect *gw_effects_add(struct gw_effects *effects, uint8_t type)
{
    if (effects->count == effects->capacity) {
        size_t capacity = gw_grown(effects->capacity, 64);
        struct gw_effect *items = realloc(effects->items, capacity * sizeof *items);
        if (!items) {
            effects->failed = true;
            return NULL;
        }
        effects->items = items;
        effects->capacity = capacity;
    }
    struct gw_effect *effect = &effects->items[effects->count++];
    memset(effect, 0, sizeof *effect);
    effect->type = type;
    return effect;
}

void *gw_effects_allocate(struct gw_effects *effects, size_t size)
{
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct gw_arena_chunk *chunk = effects->chunks;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t usual = gw_grown(0, CHUNK_SIZE);
        chunk = chunk_new(size > usual ? size : usual);
        if (!chunk) {
            effects->failed = true;
            return NULL;
        }
        chunk->next = effects->chunks;
        effects->chunks = chunk;
    }
    void *memory = (uint8_t *)chunk->data + chunk->used;
    chunk->used += size;
    memset(memory, 0, size);
    return memory;
}
