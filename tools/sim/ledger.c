/* SPDX-License-Identifier: MPL-2.0 */

/* The book of ledger.h. */

#include "ledger.h"

#include "base/random.h"

#include <stdlib.h>
#include <string.h>

void sim_ledger_init(struct sim_ledger *ledger)
{
    memset(ledger, 0, sizeof *ledger);
    gw_map_init(&ledger->epochs, 1);
}

void sim_ledger_clear(struct sim_ledger *ledger)
{
    while (ledger->first) {
        struct sim_epoch *epoch = ledger->first;
        ledger->first = epoch->next;
        free(epoch->messages);
        free(epoch);
    }
    gw_map_clear(&ledger->epochs);
    ledger->last = NULL;
}

struct sim_epoch *sim_ledger_find(const struct sim_ledger *ledger, uint64_t epoch)
{
    return gw_map_get(&ledger->epochs, epoch);
}

struct sim_epoch *sim_ledger_draw(struct sim_ledger *ledger, uint64_t epoch, unsigned sender,
                                  uint64_t life, const struct gw_destination *destination)
{
    struct sim_epoch *book = calloc(1, sizeof *book);

    if (!book || gw_map_put(&ledger->epochs, epoch, book))
        abort();
    book->epoch = epoch;
    book->number = ++ledger->epoch_count;
    book->sender = sender;
    book->life = life;
    book->destination = *destination;
    book->unfinished = 1;
    if (ledger->last)
        ledger->last->next = book;
    else
        ledger->first = book;
    ledger->last = book;
    return book;
}

struct sim_message *sim_ledger_append(struct sim_ledger *ledger, struct sim_epoch *epoch,
                                      uint64_t id, uint32_t size)
{
    if (epoch->count == epoch->capacity) {
        epoch->capacity = epoch->capacity ? epoch->capacity * 2 : 16;
        epoch->messages = realloc(epoch->messages, epoch->capacity * sizeof *epoch->messages);
        if (!epoch->messages)
            abort();
    }
    ledger->numbered++;
    epoch->messages[epoch->count] = (struct sim_message){.id = id, .size = size};
    return &epoch->messages[epoch->count++];
}

struct sim_message *sim_epoch_message(const struct sim_epoch *epoch, uint64_t sequence)
{
    if (sequence == 0 || sequence > epoch->count)
        return NULL;
    return &epoch->messages[sequence - 1];
}

struct sim_message *sim_ledger_message(const struct sim_ledger *ledger, uint64_t epoch,
                                       uint64_t sequence)
{
    const struct sim_epoch *book = sim_ledger_find(ledger, epoch);

    return book ? sim_epoch_message(book, sequence) : NULL;
}

bool sim_message_finished(const struct sim_message *message)
{
    return message->processed || message->rejected || message->skipped || message->ended;
}

uint64_t sim_epoch_unfinished(struct sim_epoch *epoch)
{
    while (epoch->unfinished <= epoch->count &&
           sim_message_finished(&epoch->messages[epoch->unfinished - 1]))
        epoch->unfinished++;
    return epoch->unfinished;
}

#define CHECKSUM (UINT64_C(1) << 63) /* the id is one */

uint64_t sim_body_id(const uint8_t *bytes, size_t size)
{
    uint64_t hash = gw_mix64(size + 1);

    for (size_t i = 0; i < size; i++)
        hash = gw_mix64(hash ^ bytes[i]);
    return hash | CHECKSUM;
}

static uint8_t body_byte(uint64_t id, size_t at)
{
    return (uint8_t)(gw_mix64(id + at / 8) >> at % 8 * 8);
}

void sim_body_fill(uint64_t id, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = body_byte(id, i);
}

bool sim_body_is(uint64_t id, const uint8_t *bytes, size_t size)
{
    if (id & CHECKSUM)
        return sim_body_id(bytes, size) == id;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != body_byte(id, i))
            return false;
    }
    return true;
}
