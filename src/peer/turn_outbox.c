/* SPDX-License-Identifier: MPL-2.0 */

/* Counting what a store holds beside the backlog. Pure over the store port. */

#include "peer/turn_outbox.h"

#include "store/row.h"

static struct gw_slice slice_of(const struct gw_buffer *buffer)
{
    return (struct gw_slice){buffer->data, buffer->size};
}

/* Visits the rows of a kind from an epoch (an outcome's number) on. */
static enum gw_store_error scan_from(struct gw_store *store, enum gw_row_kind kind, uint64_t epoch,
                                     gw_store_visit visit, void *context)
{
    struct gw_buffer from = {0}, to = {0};
    enum gw_store_error error = GW_STORE_NOMEM;

    gw_row_seek(&from, kind, epoch, 0);
    gw_row_seek_end(&to, kind, UINT64_MAX);
    if (!gw_buffer_failed(&from) && !gw_buffer_failed(&to))
        error = gw_store_scan(store, slice_of(&from), slice_of(&to), visit, context);
    gw_buffer_clear(&from);
    gw_buffer_clear(&to);
    return error;
}

struct counting {
    struct gw_recovered *recovered;
    enum gw_store_error error;
};

static bool count_one(void *context, struct gw_slice key, struct gw_slice value)
{
    struct counting *counting = context;
    struct gw_slice message;
    struct gw_row row;
    uint32_t head;

    counting->error = gw_row_read_message(key, value, &row, &head, &message);
    if (counting->error != GW_STORE_OK)
        return false;
    counting->recovered->dead_messages++;
    counting->recovered->dead_bytes += message.size;
    return true;
}

enum gw_store_error gw_turn_count_dead(struct gw_store *store, struct gw_recovered *recovered)
{
    struct counting counting = {.recovered = recovered};
    enum gw_store_error error = scan_from(store, GW_ROW_DEAD, 0, count_one, &counting);

    return error == GW_STORE_OK ? counting.error : error;
}

struct first_row {
    struct gw_row row;
    bool found;
    enum gw_store_error error;
};

static bool take_first(void *context, struct gw_slice key, struct gw_slice value)
{
    struct first_row *first = context;

    first->error = gw_row_read(key, value, &first->row);
    first->found = first->error == GW_STORE_OK;
    return false;
}

static enum gw_store_error outcome_from(struct gw_store *store, uint64_t number,
                                        struct first_row *first)
{
    *first = (struct first_row){.found = false};
    enum gw_store_error error = scan_from(store, GW_ROW_OUTCOME, number, take_first, first);

    return error == GW_STORE_OK ? first->error : error;
}

/* The numbers are dense but for those forgotten at their start, so the last one is found by
 * galloping: the port walks forwards only, and there may be a million. The row of number 0 says how
 * far they were read. */
enum gw_store_error gw_turn_find_outcomes(struct gw_store *store, struct gw_recovered *recovered)
{
    struct first_row first;
    uint64_t step = 1;
    enum gw_store_error error = outcome_from(store, 0, &first);

    recovered->outcome_read = 0;
    if (error == GW_STORE_OK && first.found && first.row.number == 0)
        recovered->outcome_read = first.row.last;
    recovered->outcome_last = recovered->outcome_read;
    while (step && error == GW_STORE_OK) {
        error = outcome_from(store, recovered->outcome_last + step, &first);
        if (first.found && error == GW_STORE_OK) {
            recovered->outcome_last = first.row.number;
            step *= 2;
        } else {
            step /= 2;
        }
    }
    return error;
}
