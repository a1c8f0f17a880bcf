/* SPDX-License-Identifier: MPL-2.0 */
/* One hash table of pointers, for blocks and epochs alike. */

#include "notes.h"

#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#define EPOCH_PART UINT64_MAX

static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

/* Where the key is, or where it would be put. */
static size_t slot_of(struct lab_key *const *slots, size_t capacity, const struct lab_key *key)
{
    size_t at = (size_t)mix(key->epoch ^ mix(key->part)) & (capacity - 1);

    while (slots[at] && (slots[at]->epoch != key->epoch || slots[at]->part != key->part))
        at = (at + 1) & (capacity - 1);
    return at;
}

static bool grow(struct lab_notes *notes)
{
    size_t capacity = notes->capacity ? notes->capacity * 2 : 256;
    struct lab_key **slots = calloc(capacity, sizeof *slots);

    if (!slots)
        return false;
    for (size_t i = 0; i < notes->capacity; i++)
        if (notes->slots[i])
            slots[slot_of(slots, capacity, notes->slots[i])] = notes->slots[i];
    free(notes->slots);
    notes->slots = slots;
    notes->capacity = capacity;
    return true;
}

/* What has the key, or a new zeroed object of `size` bytes that begins with it; NULL: no memory. */
static void *find(struct lab_notes *notes, const struct lab_key *key, size_t size, bool *made)
{
    *made = false;
    if (notes->count * 2 >= notes->capacity && !grow(notes))
        return NULL;
    size_t at = slot_of(notes->slots, notes->capacity, key);
    if (notes->slots[at])
        return notes->slots[at];

    struct lab_key *object = calloc(1, size);
    if (!object)
        return NULL;
    *object = *key;
    notes->slots[at] = object;
    notes->count++;
    *made = true;
    return object;
}

void lab_notes_clear(struct lab_notes *notes)
{
    for (struct lab_epoch *epoch = notes->first_epoch; epoch; epoch = epoch->next)
        free(epoch->tracks);
    for (size_t i = 0; i < notes->capacity; i++)
        free(notes->slots[i]);
    free(notes->slots);
    *notes = (struct lab_notes){0};
}

struct lab_epoch *lab_notes_epoch(struct lab_notes *notes, uint64_t epoch)
{
    bool made;
    struct lab_epoch *found =
        find(notes, &(struct lab_key){epoch, EPOCH_PART}, sizeof *found, &made);

    if (!found || !made)
        return found;
    found->sender = -1;
    if (notes->last_epoch)
        notes->last_epoch->next = found;
    else
        notes->first_epoch = found;
    notes->last_epoch = found;
    return found;
}

static struct lab_block *block_of(struct lab_notes *notes, uint64_t epoch, uint64_t part)
{
    struct lab_epoch *whose = lab_notes_epoch(notes, epoch);
    struct lab_block *block;
    bool made;

    if (!whose || notes->blocks >= LAB_LEDGER_MAX / LAB_BLOCK)
        return NULL;
    block = find(notes, &(struct lab_key){epoch, part}, sizeof *block, &made);
    if (!block || !made)
        return block;
    block->epoch = whose;
    if (notes->last)
        notes->last->next = block;
    else
        notes->first = block;
    notes->last = block;
    notes->blocks++;
    return block;
}

struct lab_note *lab_notes_at(struct lab_notes *notes, uint64_t epoch, uint64_t sequence,
                              struct lab_block **block)
{
    struct lab_key key = {epoch, sequence / LAB_BLOCK};
    struct lab_block *found = NULL;

    if (notes->capacity) {
        size_t at = slot_of(notes->slots, notes->capacity, &key);
        found = (struct lab_block *)notes->slots[at];
    }
    if (!found)
        found = block_of(notes, key.epoch, key.part);
    if (!found)
        return NULL;
    if (block)
        *block = found;
    return &found->notes[sequence % LAB_BLOCK];
}
