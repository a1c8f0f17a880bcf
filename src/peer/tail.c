/* SPDX-License-Identifier: MPL-2.0 */

/* The book of tail.h. A stream is a destination of this open; it has an epoch while there is one
 * under which it may number, and a queue of batches not yet taken, of which the last may be open.
 * Nothing here may do I/O or take a lock; what needs memory reserves it first and then changes. */

#include "peer/tail.h"

#include "base/map.h"
#include "base/plant.h"
#include "base/random.h"
#include "peer/tail_epoch.h"
#include "peer/tail_piece.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define UNSUBMITTED_DEFAULT (UINT64_C(8) << 20)
#define END_BYTES           sizeof(uint32_t) /* what a message may cost beside its bytes */

struct stream {
    struct gw_destination destination;
    struct stream *next_alike; /* of the same hash */
    struct stream *next_waiting;
    struct gw_epoch *epoch; /* NULL: the next append draws one */
    struct gw_piece *first, *last; /* oldest first */
    bool open;                     /* messages may still join `last` */
    size_t room;                   /* first guess for the next body: what the last one needed */
};

struct gw_tail {
    struct gw_tail_options options;
    struct gw_map streams; /* by hash of the destination */
    size_t stream_count;
    struct gw_epochs epochs;
    struct stream *recent;                       /* of the last append */
    struct stream *waiting_first, *waiting_last; /* streams with something to take */
    uint64_t outbox_messages;
    uint64_t outbox_bytes;
    uint64_t unsubmitted;
    uint64_t unstored;
};

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
    gw_map_init(&tail->streams, options->seed);
    gw_epochs_init(&tail->epochs, GW_TAIL_DESTINATIONS_MAX, gw_mix64(options->seed));
    return tail;
}

static void destroy_pieces(struct stream *stream)
{
    while (stream->first) {
        struct gw_piece *piece = stream->first;
        stream->first = piece->next;
        gw_piece_destroy(piece);
    }
    stream->last = NULL;
    stream->open = false;
    stream->next_waiting = NULL;
}

void gw_tail_destroy(struct gw_tail **tail)
{
    struct gw_tail *self = *tail;
    struct stream *stream;

    if (!self)
        return;
    for (size_t at = 0; (stream = gw_map_next(&self->streams, &at, NULL)) != NULL;) {
        while (stream) {
            struct stream *next = stream->next_alike;
            destroy_pieces(stream);
            free(stream);
            stream = next;
        }
    }
    gw_map_clear(&self->streams);
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

void gw_tail_released(struct gw_tail *tail, uint64_t messages, uint64_t bytes)
{
    tail->outbox_messages -= messages < tail->outbox_messages ? messages : tail->outbox_messages;
    tail->outbox_bytes -= bytes < tail->outbox_bytes ? bytes : tail->outbox_bytes;
}

static bool exceeds(uint64_t limit, uint64_t used, uint64_t more)
{
    return limit > 0 && (used > limit || more > limit - used);
}

static enum gw_tail_result admit(const struct gw_tail *tail, uint64_t messages, uint64_t bytes)
{
    const struct gw_tail_options *options = &tail->options;

    if (exceeds(options->outbox_max_bytes, 0, bytes) ||
        exceeds(options->outbox_max_messages, 0, messages))
        return GW_TAIL_TOO_LARGE;
    if (exceeds(options->outbox_max_bytes, tail->outbox_bytes, bytes) ||
        exceeds(options->outbox_max_messages, tail->outbox_messages, messages))
        return GW_TAIL_FULL;
    return GW_TAIL_OK;
}

/* --- streams and their epochs --- */

/* FNV-1a, mixed: names are the host program's own, and the map mixes again with its seed. */
static uint64_t hash_of(const struct gw_destination *destination)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ destination->kind;

    for (const char *at = destination->name; *at; at++)
        hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    return gw_mix64(hash);
}

static struct stream *find_stream(struct gw_tail *tail, const struct gw_destination *destination)
{
    if (tail->recent && gw_destination_equal(&tail->recent->destination, destination))
        return tail->recent;

    struct stream *stream = gw_map_get(&tail->streams, hash_of(destination));
    while (stream && !gw_destination_equal(&stream->destination, destination))
        stream = stream->next_alike;
    if (stream)
        tail->recent = stream;
    return stream;
}

static enum gw_tail_result add_stream(struct gw_tail *tail,
                                      const struct gw_destination *destination,
                                      struct stream **result)
{
    uint64_t hash = hash_of(destination);

    if (tail->stream_count == GW_TAIL_DESTINATIONS_MAX)
        return GW_TAIL_DESTINATIONS;
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return GW_TAIL_NOMEM;
    stream->destination = *destination;
    stream->next_alike = gw_map_get(&tail->streams, hash);
    if (gw_map_put(&tail->streams, hash, stream) != 0) {
        free(stream);
        return GW_TAIL_NOMEM;
    }
    tail->stream_count++;
    *result = stream;
    return GW_TAIL_OK;
}

static enum gw_tail_result begin_epoch(struct gw_tail *tail, struct stream *stream,
                                       uint64_t entropy)
{
    if (GW_PLANT(EPOCH_KEPT)) { /* the bug: the same number after every restart and failure */
        entropy = hash_of(&stream->destination);
        gw_epochs_forget_ended(&tail->epochs);
    }
    stream->epoch = gw_epochs_begin(&tail->epochs, entropy);
    return stream->epoch ? GW_TAIL_OK : GW_TAIL_NOMEM;
}

/* The destination's stream, made if need be, with an epoch. */
static enum gw_tail_result stream_of(struct gw_tail *tail,
                                     const struct gw_destination *destination, uint64_t entropy,
                                     struct stream **result)
{
    enum gw_tail_result error = GW_TAIL_OK;

    *result = find_stream(tail, destination);
    if (!*result)
        error = add_stream(tail, destination, result);
    if (error == GW_TAIL_OK && !(*result)->epoch)
        error = begin_epoch(tail, *result, entropy);
    return error;
}

static void count_sent(struct gw_tail *tail, struct gw_epoch *epoch, uint64_t messages,
                       uint64_t bytes)
{
    epoch->last += messages;
    epoch->bytes += bytes;
    tail->outbox_messages += messages;
    tail->outbox_bytes += bytes;
    tail->unstored += messages;
}

/* --- messages one by one --- */

static void wait_in_line(struct gw_tail *tail, struct stream *stream)
{
    stream->next_waiting = NULL;
    if (tail->waiting_last)
        tail->waiting_last->next_waiting = stream;
    else
        tail->waiting_first = stream;
    tail->waiting_last = stream;
}

static void enqueue(struct gw_tail *tail, struct stream *stream, struct gw_piece *piece)
{
    if (stream->last) {
        stream->last->next = piece;
    } else {
        stream->first = piece;
        wait_in_line(tail, stream);
    }
    stream->last = piece;
    stream->open = true;
}

/* Adds the message to a new batch, which thereby closes the one before. */
static int add_to_new_piece(struct gw_tail *tail, struct stream *stream, const void *data,
                            size_t size)
{
    size_t room = stream->room > size ? stream->room : size;

    if (stream->open)
        room = stream->last->batch->bytes > room ? stream->last->batch->bytes : room;
    if (size <= GW_BATCH_BYTES_MAX && room > GW_BATCH_BYTES_MAX)
        room = GW_BATCH_BYTES_MAX;

    struct gw_piece *piece = gw_piece_new(stream->epoch->epoch, stream->epoch->last + 1, room);
    if (!piece)
        return -ENOMEM;
    int error = gw_piece_add(piece, data, size);
    if (error) {
        gw_piece_destroy(piece);
        return error;
    }
    piece->batch->bytes_before = stream->epoch->bytes;
    enqueue(tail, stream, piece);
    return 0;
}

enum gw_tail_result gw_tail_append(struct gw_tail *tail, const struct gw_destination *destination,
                                   const void *data, size_t size, uint64_t epoch_entropy,
                                   uint64_t *epoch, uint64_t *sequence)
{
    struct stream *stream;
    int error;

    if (size > tail->options.max_message)
        return GW_TAIL_TOO_LARGE;
    enum gw_tail_result result = admit(tail, 1, size);
    if (result != GW_TAIL_OK)
        return result;
    if (tail->unsubmitted > 0 && exceeds(tail->options.unsubmitted_max_bytes, tail->unsubmitted,
                                         size + END_BYTES))
        return GW_TAIL_FULL;
    result = stream_of(tail, destination, epoch_entropy, &stream);
    if (result != GW_TAIL_OK)
        return result;

    if (stream->open && gw_piece_fits(stream->last, size))
        error = gw_piece_add(stream->last, data, size);
    else
        error = add_to_new_piece(tail, stream, data, size);
    if (error)
        return GW_TAIL_NOMEM;
    count_sent(tail, stream->epoch, 1, size);
    tail->unsubmitted += size + END_BYTES;
    *epoch = stream->epoch->epoch;
    *sequence = stream->epoch->last;
    return GW_TAIL_OK;
}

struct gw_batch *gw_tail_take(struct gw_tail *tail, struct gw_destination *destination)
{
    struct stream *stream = tail->waiting_first;

    if (!stream)
        return NULL;
    tail->waiting_first = stream->next_waiting;
    if (!tail->waiting_first)
        tail->waiting_last = NULL;

    struct gw_piece *piece = stream->first;
    stream->first = piece->next;
    if (stream->first) {
        wait_in_line(tail, stream);
    } else {
        stream->last = NULL;
        stream->open = false;
    }
    struct gw_batch *batch = gw_piece_finish(piece);
    stream->room = batch->bytes;
    tail->unsubmitted -= batch->bytes + batch->count * (uint64_t)END_BYTES;
    *destination = stream->destination;
    return batch;
}

/* --- transactions --- */

/* Builds the group's batch without a number yet. */
static enum gw_tail_result build_group(const struct gw_tail *tail, struct gw_tail_group *group)
{
    size_t bytes = 0;

    if (group->count > GW_BATCH_COUNT_MAX)
        return GW_TAIL_TOO_LARGE;
    for (size_t i = 0; i < group->count; i++) {
        if (group->sizes[i] > tail->options.max_message || group->sizes[i] > GW_BODY_MAX - bytes)
            return GW_TAIL_TOO_LARGE;
        bytes += group->sizes[i];
    }
    if (group->count == 0)
        return GW_TAIL_OK;

    struct gw_piece *piece = gw_piece_new(0, 0, bytes);
    if (!piece)
        return GW_TAIL_NOMEM;
    for (size_t i = 0; i < group->count; i++) {
        if (gw_piece_add(piece, group->datas[i], group->sizes[i]) != 0) {
            gw_piece_destroy(piece);
            return GW_TAIL_NOMEM;
        }
    }
    group->batch = gw_piece_finish(piece);
    return GW_TAIL_OK;
}

/* All that can fail: afterwards every stream has an epoch and every group its batch. */
static enum gw_tail_result prepare(struct gw_tail *tail, struct gw_tail_group *groups,
                                   size_t group_count)
{
    uint64_t messages = 0, bytes = 0;

    for (size_t i = 0; i < group_count; i++) {
        enum gw_tail_result result = build_group(tail, &groups[i]);
        if (result != GW_TAIL_OK)
            return result;
        messages += groups[i].count;
        bytes += groups[i].batch ? groups[i].batch->bytes : 0;
    }
    enum gw_tail_result result = admit(tail, messages, bytes);
    for (size_t i = 0; result == GW_TAIL_OK && i < group_count; i++) {
        struct stream *stream;
        if (groups[i].batch)
            result = stream_of(tail, &groups[i].destination, groups[i].epoch_entropy, &stream);
    }
    return result;
}

static void number_group(struct gw_tail *tail, struct gw_tail_group *group)
{
    struct stream *stream = find_stream(tail, &group->destination);
    struct gw_batch *batch = group->batch;

    stream->open = false;
    batch->epoch = stream->epoch->epoch;
    batch->first = stream->epoch->last + 1;
    batch->bytes_before = stream->epoch->bytes;
    count_sent(tail, stream->epoch, batch->count, batch->bytes);
}

enum gw_tail_result gw_tail_transaction(struct gw_tail *tail, struct gw_tail_group *groups,
                                        size_t group_count)
{
    for (size_t i = 0; i < group_count; i++)
        groups[i].batch = NULL;
    enum gw_tail_result result = prepare(tail, groups, group_count);
    for (size_t i = 0; i < group_count; i++) {
        if (result != GW_TAIL_OK) {
            gw_batch_drop(groups[i].batch);
            groups[i].batch = NULL;
        } else if (groups[i].batch) {
            number_group(tail, &groups[i]);
        }
    }
    return result;
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

int gw_tail_settled(struct gw_tail *tail, uint64_t epoch, uint64_t first, uint64_t last)
{
    struct gw_epoch *book = gw_epochs_find(&tail->epochs, epoch);

    return book ? gw_epoch_settle(book, first, last) : 0;
}

void gw_tail_failed(struct gw_tail *tail)
{
    struct stream *stream;

    for (size_t at = 0; (stream = gw_map_next(&tail->streams, &at, NULL)) != NULL;) {
        for (; stream; stream = stream->next_alike) {
            destroy_pieces(stream);
            if (stream->epoch)
                gw_epochs_end(&tail->epochs, stream->epoch);
            stream->epoch = NULL;
        }
    }
    tail->waiting_first = NULL;
    tail->waiting_last = NULL;
    tail->outbox_messages = 0;
    tail->outbox_bytes = 0;
    tail->unsubmitted = 0;
    tail->unstored = 0;
}

enum gw_tail_state gw_tail_state(const struct gw_tail *tail, uint64_t epoch, uint64_t sequence)
{
    const struct gw_epoch *book = gw_epochs_find(&tail->epochs, epoch);

    if (!book || sequence == 0 || sequence > book->last)
        return GW_TAIL_UNKNOWN;
    if (gw_epoch_is_settled(book, sequence))
        return GW_TAIL_SETTLED;
    if (sequence <= book->stored)
        return GW_TAIL_STORED;
    return book->ended ? GW_TAIL_NOT_STORED : GW_TAIL_WAITING;
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
