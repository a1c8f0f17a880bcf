/* SPDX-License-Identifier: MPL-2.0 */

/* The book of tail.h. Nothing here may do I/O or take a lock; what needs memory reserves it first
 * and then changes. */

#include "peer/tail.h"

#include "base/plant.h"
#include "base/random.h"
#include "peer/tail_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNSUBMITTED_DEFAULT (UINT64_C(8) << 20)
#define END_BYTES           sizeof(uint32_t) /* what a message may cost beside its bytes */

/* --- life --- */

struct gw_tail *gw_tail_new(const struct gw_tail_options *options)
{
    struct gw_tail *tail = calloc(1, sizeof *tail);

    if (!tail)
        return NULL;
    tail->options = *options;
    if (tail->options.unsubmitted_max_bytes == 0)
        tail->options.unsubmitted_max_bytes = UNSUBMITTED_DEFAULT;
    if (tail->options.max_message == 0 || tail->options.max_message > GW_MESSAGE_MAX)
        tail->options.max_message = GW_MESSAGE_MAX;
    gw_outlets_init(&tail->outlets, options->seed);
    gw_epochs_init(&tail->epochs, GW_TAIL_DESTINATIONS_MAX, gw_mix64(options->seed));
    return tail;
}

void gw_tail_destroy(struct gw_tail **tail)
{
    struct gw_tail *self = *tail;

    if (!self)
        return;
    gw_outlets_clear(&self->outlets);
    gw_epochs_clear(&self->epochs);
    free(self);
    *tail = NULL;
}

/* --- quotas --- */

void gw_tail_recovered(struct gw_tail *tail, uint64_t messages, uint64_t bytes)
{
    tail->outbox_messages += messages;
    tail->outbox_bytes += bytes;
}

int gw_tail_recovered_of(struct gw_tail *tail, const struct gw_destination *destination,
                         uint64_t messages, uint64_t bytes)
{
    struct gw_outlet *outlet = gw_outlets_get(&tail->outlets, destination);

    if (!outlet)
        return -ENOMEM;
    outlet->messages += messages;
    outlet->bytes += bytes;
    gw_outlets_tidy(&tail->outlets, outlet);
    return 0;
}

int gw_tail_limit(struct gw_tail *tail, const struct gw_destination *destination,
                  uint64_t max_messages, uint64_t max_bytes)
{
    struct gw_outlet *outlet = gw_outlets_get(&tail->outlets, destination);

    if (!outlet)
        return -ENOMEM;
    outlet->max_messages = max_messages;
    outlet->max_bytes = max_bytes;
    gw_outlets_tidy(&tail->outlets, outlet);
    return 0;
}

void gw_tail_dead(struct gw_tail *tail, int64_t messages, int64_t bytes)
{
    tail->dead_messages += messages;
    tail->dead_bytes += bytes;
}

static void take_off(uint64_t *count, uint64_t less)
{
    *count -= less < *count ? less : *count;
}

void gw_tail_released(struct gw_tail *tail, const struct gw_destination *destination,
                      uint64_t messages, uint64_t bytes)
{
    struct gw_outlet *outlet = gw_outlets_find(&tail->outlets, destination);

    take_off(&tail->outbox_messages, messages);
    take_off(&tail->outbox_bytes, bytes);
    if (!outlet)
        return;
    take_off(&outlet->messages, messages);
    take_off(&outlet->bytes, bytes);
    gw_outlets_tidy(&tail->outlets, outlet);
}

static bool exceeds(uint64_t limit, uint64_t used, uint64_t more)
{
    return limit > 0 && (used > limit || more > limit - used);
}

/* True if so much more could never go there. */
static bool exceeds_all(const struct gw_tail_options *options, const struct gw_outlet *outlet,
                        uint64_t messages, uint64_t bytes)
{
    return exceeds(options->outbox_max_bytes, 0, bytes) ||
           exceeds(options->outbox_max_messages, 0, messages) ||
           (outlet && (exceeds(outlet->max_bytes, 0, bytes) ||
                       exceeds(outlet->max_messages, 0, messages)));
}

enum gw_tail_result gw_tail_admit(const struct gw_tail *tail, const struct gw_outlet *outlet,
                                  uint64_t messages, uint64_t bytes)
{
    const struct gw_tail_options *options = &tail->options;
    uint64_t dead_bytes = tail->dead_bytes > 0 ? (uint64_t)tail->dead_bytes : 0;

    if (exceeds_all(options, outlet, messages, bytes))
        return GW_TAIL_TOO_LARGE;
    if (exceeds(options->outbox_max_bytes, tail->outbox_bytes + dead_bytes, bytes) ||
        exceeds(options->outbox_max_messages, tail->outbox_messages + gw_tail_dead_messages(tail),
                messages))
        return GW_TAIL_FULL;
    if (outlet && (exceeds(outlet->max_bytes, outlet->bytes, bytes) ||
                   exceeds(outlet->max_messages, outlet->messages, messages)))
        return GW_TAIL_SHARE_FULL;
    return GW_TAIL_OK;
}

/* --- outlets and their epochs --- */

static enum gw_tail_result begin_epoch(struct gw_tail *tail, struct gw_outlet *outlet,
                                       uint64_t entropy)
{
    if (GW_PLANT(EPOCH_KEPT)) { /* the bug: the same number after every restart and failure */
        entropy = gw_destination_hash(&outlet->destination);
        gw_epochs_forget_ended(&tail->epochs);
    }
    outlet->epoch = gw_epochs_begin(&tail->epochs, entropy, &outlet->destination);
    if (!outlet->epoch)
        return GW_TAIL_NOMEM;
    tail->live++;
    return GW_TAIL_OK;
}

enum gw_tail_result gw_tail_prepare_outlet(struct gw_tail *tail,
                                           const struct gw_destination *destination,
                                           uint64_t entropy, struct gw_outlet **outlet)
{
    if (*outlet && (*outlet)->epoch)
        return GW_TAIL_OK;
    if (tail->live == GW_TAIL_DESTINATIONS_MAX)
        return GW_TAIL_DESTINATIONS;
    *outlet = gw_outlets_get(&tail->outlets, destination);
    if (!*outlet)
        return GW_TAIL_NOMEM;
    enum gw_tail_result result = begin_epoch(tail, *outlet, entropy);
    if (result != GW_TAIL_OK)
        gw_outlets_tidy(&tail->outlets, *outlet);
    return result;
}

static void end_epoch(struct gw_tail *tail, struct gw_outlet *outlet)
{
    gw_epochs_end(&tail->epochs, outlet->epoch);
    outlet->epoch = NULL;
    tail->live--;
}

void gw_tail_count_sent(struct gw_tail *tail, struct gw_outlet *outlet, uint64_t messages,
                        uint64_t bytes)
{
    outlet->epoch->last += messages;
    outlet->epoch->bytes += bytes;
    outlet->messages += messages;
    outlet->bytes += bytes;
    tail->outbox_messages += messages;
    tail->outbox_bytes += bytes;
    tail->unstored += messages;
}

/* --- messages one by one --- */

static void wait_in_line(struct gw_tail *tail, struct gw_outlet *outlet)
{
    outlet->next_waiting = NULL;
    if (tail->waiting_last)
        tail->waiting_last->next_waiting = outlet;
    else
        tail->waiting_first = outlet;
    tail->waiting_last = outlet;
}

static void enqueue(struct gw_tail *tail, struct gw_outlet *outlet, struct gw_piece *piece)
{
    if (outlet->last) {
        outlet->last->next = piece;
    } else {
        outlet->first = piece;
        wait_in_line(tail, outlet);
    }
    outlet->last = piece;
    outlet->open = true;
}

/* Adds the message to a new batch, which thereby closes the one before. */
static int add_to_new_piece(struct gw_tail *tail, struct gw_outlet *outlet, struct gw_slice head,
                            struct gw_slice data)
{
    size_t size = head.size + data.size;
    size_t room = outlet->room > size ? outlet->room : size;

    if (outlet->open)
        room = outlet->last->batch->bytes > room ? outlet->last->batch->bytes : room;
    if (size > GW_BATCH_BYTES_MAX)
        room = size; /* it stays alone */
    else if (room > GW_BATCH_BYTES_MAX)
        room = GW_BATCH_BYTES_MAX;

    struct gw_piece *piece = gw_piece_new(outlet->epoch->epoch, outlet->epoch->last + 1, room);
    if (!piece)
        return -ENOMEM;
    int error = gw_piece_add(piece, head, data);
    if (error) {
        gw_piece_destroy(piece);
        return error;
    }
    piece->batch->bytes_before = outlet->epoch->bytes;
    enqueue(tail, outlet, piece);
    return 0;
}

enum gw_tail_result gw_tail_append_headed(struct gw_tail *tail,
                                          const struct gw_destination *destination,
                                          struct gw_slice head, struct gw_slice data,
                                          uint64_t epoch_entropy, uint64_t *epoch,
                                          uint64_t *sequence)
{
    size_t size = head.size + data.size;
    int error;

    if (head.size > GW_HEADS_MAX || size > tail->options.max_message)
        return GW_TAIL_TOO_LARGE;
    struct gw_outlet *outlet = gw_outlets_find(&tail->outlets, destination);
    enum gw_tail_result result = gw_tail_admit(tail, outlet, 1, size);
    if (result != GW_TAIL_OK)
        return result;
    if (tail->unsubmitted > 0 && exceeds(tail->options.unsubmitted_max_bytes, tail->unsubmitted,
                                         size + END_BYTES))
        return GW_TAIL_FULL;
    result = gw_tail_prepare_outlet(tail, destination, epoch_entropy, &outlet);
    if (result != GW_TAIL_OK)
        return result;

    if (outlet->open && gw_piece_fits(outlet->last, size))
        error = gw_piece_add(outlet->last, head, data);
    else
        error = add_to_new_piece(tail, outlet, head, data);
    if (error)
        return GW_TAIL_NOMEM;
    gw_tail_count_sent(tail, outlet, 1, size);
    tail->unsubmitted += size + END_BYTES;
    *epoch = outlet->epoch->epoch;
    *sequence = outlet->epoch->last;
    return GW_TAIL_OK;
}

enum gw_tail_result gw_tail_append(struct gw_tail *tail, const struct gw_destination *destination,
                                   const void *data, size_t size, uint64_t epoch_entropy,
                                   uint64_t *epoch, uint64_t *sequence)
{
    return gw_tail_append_headed(tail, destination, (struct gw_slice){0},
                                 (struct gw_slice){data, size}, epoch_entropy, epoch, sequence);
}

struct gw_batch *gw_tail_take(struct gw_tail *tail, struct gw_destination *destination)
{
    struct gw_outlet *outlet = tail->waiting_first;

    if (!outlet)
        return NULL;
    tail->waiting_first = outlet->next_waiting;
    if (!tail->waiting_first)
        tail->waiting_last = NULL;

    struct gw_piece *piece = outlet->first;
    outlet->first = piece->next;
    if (outlet->first) {
        wait_in_line(tail, outlet);
    } else {
        outlet->last = NULL;
        outlet->open = false;
    }
    struct gw_batch *batch = gw_piece_finish(piece);
    outlet->room = batch->bytes;
    tail->unsubmitted -= batch->bytes + batch->count * (uint64_t)END_BYTES;
    *destination = outlet->destination;
    return batch;
}

/* --- what became of them --- */

void gw_tail_stored(struct gw_tail *tail, uint64_t epoch, uint64_t upto)
{
    struct gw_epoch *book = gw_epochs_find(&tail->epochs, epoch);

    if (!book)
        return;
    if (upto > book->last)
        upto = book->last;
    if (upto <= book->stored)
        return;
    if (!book->ended)
        tail->unstored -= upto - book->stored;
    book->stored = upto;
}

int gw_tail_settled(struct gw_tail *tail, uint64_t epoch, uint64_t first, uint64_t last,
                    enum gw_outcome how)
{
    struct gw_epoch *book = gw_epochs_find(&tail->epochs, epoch);

    return book ? gw_epoch_settle(book, first, last, how) : 0;
}

bool gw_tail_retire(struct gw_tail *tail, uint64_t epoch)
{
    struct gw_epoch *book = gw_epochs_find(&tail->epochs, epoch);

    if (!book || book->ended || book->floor <= book->last)
        return false;
    struct gw_outlet *outlet = gw_outlets_find(&tail->outlets, &book->destination);
    end_epoch(tail, outlet);
    gw_outlets_tidy(&tail->outlets, outlet);
    return true;
}

void gw_tail_failed(struct gw_tail *tail)
{
    struct gw_outlet *next;

    for (struct gw_outlet *outlet = gw_outlets_all(&tail->outlets); outlet; outlet = next) {
        next = outlet->next_waiting;
        gw_outlet_drop_pieces(outlet);
        if (outlet->epoch)
            end_epoch(tail, outlet);
        outlet->messages = 0;
        outlet->bytes = 0;
        gw_outlets_tidy(&tail->outlets, outlet);
    }
    tail->waiting_first = NULL;
    tail->waiting_last = NULL;
    tail->outbox_messages = 0;
    tail->outbox_bytes = 0;
    tail->dead_messages = 0;
    tail->dead_bytes = 0;
    tail->unsubmitted = 0;
    tail->unstored = 0;
}

enum gw_tail_state gw_tail_state(const struct gw_tail *tail, uint64_t epoch, uint64_t sequence)
{
    const struct gw_epoch *book = gw_epochs_find(&tail->epochs, epoch);

    if (!book || sequence == 0 || sequence > book->last)
        return GW_TAIL_UNKNOWN;
    if (gw_epoch_is_settled(book, sequence)) {
        if (gw_ranges_contains(&book->dead, sequence))
            return GW_TAIL_DEAD;
        return gw_ranges_contains(&book->withdrawn, sequence) ? GW_TAIL_WITHDRAWN
                                                              : GW_TAIL_SETTLED;
    }
    if (sequence <= book->stored)
        return GW_TAIL_STORED;
    return book->ended ? GW_TAIL_NOT_STORED : GW_TAIL_WAITING;
}

const struct gw_destination *gw_tail_destination(const struct gw_tail *tail, uint64_t epoch)
{
    const struct gw_epoch *book = gw_epochs_find(&tail->epochs, epoch);

    return book ? &book->destination : NULL;
}

bool gw_tail_has_epoch(struct gw_tail *tail, const struct gw_destination *destination)
{
    const struct gw_outlet *outlet = gw_outlets_find(&tail->outlets, destination);

    return outlet && outlet->epoch && outlet->epoch->last > 0;
}

uint64_t gw_tail_dead_messages(const struct gw_tail *tail)
{
    return tail->dead_messages > 0 ? (uint64_t)tail->dead_messages : 0;
}

uint64_t gw_tail_outbox_messages(const struct gw_tail *tail)
{
    return tail->outbox_messages;
}

uint64_t gw_tail_outbox_bytes(const struct gw_tail *tail)
{
    return tail->outbox_bytes;
}

uint64_t gw_tail_unstored(const struct gw_tail *tail)
{
    return tail->unstored;
}

uint64_t gw_tail_unsubmitted(const struct gw_tail *tail)
{
    return tail->unsubmitted;
}
