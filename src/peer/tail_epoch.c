/* SPDX-License-Identifier: MPL-2.0 */

/* The books of tail_epoch.h: found by number, and the ended ones also in the order they ended. */

#include "peer/tail_epoch.h"

#include "base/random.h"

#include <stdlib.h>

void gw_epochs_init(struct gw_epochs *epochs, size_t ended_most, uint64_t seed)
{
    *epochs = (struct gw_epochs){.ended_most = ended_most};
    gw_map_init(&epochs->map, seed);
}

static void destroy(struct gw_epoch *epoch)
{
    gw_ranges_clear(&epoch->settled);
    gw_ranges_clear(&epoch->dead);
    gw_ranges_clear(&epoch->withdrawn);
    free(epoch);
}

void gw_epochs_clear(struct gw_epochs *epochs)
{
    struct gw_epoch *epoch;

    for (size_t at = 0; (epoch = gw_map_next(&epochs->map, &at, NULL)) != NULL;)
        destroy(epoch);
    gw_map_clear(&epochs->map);
    gw_epochs_init(epochs, epochs->ended_most, epochs->map.seed);
}

struct gw_epoch *gw_epochs_begin(struct gw_epochs *epochs, uint64_t number,
                                 const struct gw_destination *destination)
{
    struct gw_epoch *epoch = calloc(1, sizeof *epoch);

    if (!epoch)
        return NULL;
    /* A number twice in one open is as good as impossible from a CSPRNG, but would be loss. */
    while (number == 0 || gw_map_get(&epochs->map, number))
        number = gw_mix64(number + 1);
    epoch->epoch = number;
    epoch->destination = *destination;
    epoch->floor = 1;
    if (gw_map_put(&epochs->map, number, epoch) != 0) {
        free(epoch);
        return NULL;
    }
    return epoch;
}

static void forget_oldest_ended(struct gw_epochs *epochs)
{
    struct gw_epoch *epoch = epochs->ended_first;

    epochs->ended_first = epoch->next_ended;
    if (!epochs->ended_first)
        epochs->ended_last = NULL;
    epochs->ended_count--;
    gw_map_remove(&epochs->map, epoch->epoch);
    destroy(epoch);
}

void gw_epochs_forget_ended(struct gw_epochs *epochs)
{
    while (epochs->ended_first)
        forget_oldest_ended(epochs);
}

void gw_epochs_end(struct gw_epochs *epochs, struct gw_epoch *epoch)
{
    epoch->ended = true;
    if (epochs->ended_last)
        epochs->ended_last->next_ended = epoch;
    else
        epochs->ended_first = epoch;
    epochs->ended_last = epoch;
    if (++epochs->ended_count > epochs->ended_most)
        forget_oldest_ended(epochs);
}

struct gw_epoch *gw_epochs_find(const struct gw_epochs *epochs, uint64_t number)
{
    return gw_map_get(&epochs->map, number);
}

static int remember(struct gw_ranges *set, uint64_t first, uint64_t last)
{
    int error = gw_ranges_add(set, first, last);

    if (!error && set->count > GW_EXCEPTIONS_MAX)
        gw_ranges_trim_below(set, set->items[1].first);
    return error;
}

int gw_epoch_settle(struct gw_epoch *epoch, uint64_t first, uint64_t last, enum gw_outcome how)
{
    int error = 0;

    if (how == GW_OUTCOME_DEAD)
        error = remember(&epoch->dead, first, last);
    else if (how == GW_OUTCOME_WITHDRAWN || how == GW_OUTCOME_ABANDONED)
        error = remember(&epoch->withdrawn, first, last);
    if (error || last < epoch->floor)
        return error;
    error = gw_ranges_add(&epoch->settled, first > epoch->floor ? first : epoch->floor, last);
    if (error)
        return error;
    epoch->floor = gw_ranges_first_gap(&epoch->settled, epoch->floor);
    gw_ranges_trim_below(&epoch->settled, epoch->floor);
    return 0;
}

bool gw_epoch_is_settled(const struct gw_epoch *epoch, uint64_t sequence)
{
    return sequence < epoch->floor || gw_ranges_contains(&epoch->settled, sequence);
}
