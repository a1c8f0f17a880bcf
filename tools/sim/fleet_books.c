/* SPDX-License-Identifier: MPL-2.0 */

/* The bits of fleet_books.h. */

#include "fleet_books.h"

#include <stdlib.h>

static uint64_t words_of(const struct fleet_books *books)
{
    return books->from[books->origins] / 64 + 1;
}

static uint64_t *bits(const struct fleet_books *books)
{
    uint64_t *words = calloc(words_of(books), sizeof *words);

    if (!words)
        abort();
    return words;
}

void fleet_books_init(struct fleet_books *books, uint32_t origins, const uint64_t *counts,
                      unsigned hops)
{
    *books = (struct fleet_books){.origins = origins, .hops = hops};
    books->from = calloc(origins + 1, sizeof *books->from);
    if (!books->from)
        abort();
    for (uint32_t i = 0; i < origins; i++)
        books->from[i + 1] = books->from[i] + counts[i];
    books->accepted = bits(books);
    for (unsigned hop = 0; hop < hops; hop++)
        books->processed[hop] = bits(books);
}

void fleet_books_clear(struct fleet_books *books)
{
    free(books->from);
    free(books->accepted);
    for (unsigned hop = 0; hop < FLEET_HOPS; hop++)
        free(books->processed[hop]);
    *books = (struct fleet_books){.origins = 0};
}

static uint64_t place(const struct fleet_books *books, uint64_t item)
{
    return books->from[item >> 32] + (item & UINT32_MAX);
}

static bool get(const uint64_t *words, uint64_t at)
{
    return words[at / 64] >> at % 64 & 1;
}

/* False if it was set already. */
static bool set(uint64_t *words, uint64_t at)
{
    bool was = get(words, at);

    words[at / 64] |= UINT64_C(1) << at % 64;
    return !was;
}

bool fleet_books_knows(const struct fleet_books *books, uint64_t item)
{
    uint64_t origin = item >> 32;

    return origin < books->origins &&
           (item & UINT32_MAX) < books->from[origin + 1] - books->from[origin];
}

void fleet_books_accept(struct fleet_books *books, uint64_t item)
{
    books->accepted_count += set(books->accepted, place(books, item));
}

bool fleet_books_begin(struct fleet_books *books, unsigned hop, uint64_t item)
{
    bool again = get(books->processed[hop], place(books, item));

    books->repeated += again;
    return !again;
}

void fleet_books_process(struct fleet_books *books, unsigned hop, uint64_t item)
{
    if (set(books->processed[hop], place(books, item)))
        books->processed_count++;
    else
        books->repeated++;
}

uint64_t fleet_books_lost(const struct fleet_books *books)
{
    uint64_t lost = 0;

    for (uint64_t i = 0; i < words_of(books); i++) {
        uint64_t done = books->processed[0][i];
        for (unsigned hop = 1; hop < books->hops; hop++)
            done &= books->processed[hop][i];
        lost += (uint64_t)__builtin_popcountll(books->accepted[i] & ~done);
    }
    return lost;
}
