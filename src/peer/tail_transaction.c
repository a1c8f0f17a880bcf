/* SPDX-License-Identifier: MPL-2.0 */

/* What transactions send: numbered all or none, in batches of their own, one for each destination;
 * or, for transactions that commit together, in batches that they share. Part of tail.h. */

#include "peer/tail.h"

#include "peer/tail_inside.h"

#include <errno.h>
#include <stdlib.h>

/* --- alone --- */

/* Builds the group's batch without a number yet. */
static enum gw_tail_result build_group(const struct gw_tail *tail, struct gw_tail_group *group)
{
    size_t bytes = 0;

    if (group->count > GW_BATCH_COUNT_MAX)
        return GW_TAIL_TOO_LARGE;
    for (size_t i = 0; i < group->count; i++) {
        if (group->sizes[i] > tail->options.max_message ||
            group->sizes[i] > GW_GROUP_BYTES_MAX - bytes)
            return GW_TAIL_TOO_LARGE;
        bytes += group->sizes[i];
    }
    if (group->count == 0)
        return GW_TAIL_OK;

    struct gw_piece *piece = gw_piece_new(0, 0, bytes);
    if (!piece)
        return GW_TAIL_NOMEM;
    for (size_t i = 0; i < group->count; i++) {
        struct gw_slice head = {group->datas[i], group->heads ? group->heads[i] : 0};
        struct gw_slice data = {group->datas[i], group->sizes[i] - head.size};
        if (head.size > 0)
            data.data += head.size;
        if (gw_piece_add(piece, head, data) != 0) {
            gw_piece_destroy(piece);
            return GW_TAIL_NOMEM;
        }
    }
    group->batch = gw_piece_finish(piece);
    return GW_TAIL_OK;
}

/* Builds the groups, and looks whether they may go where they want to. */
static enum gw_tail_result admit_groups(struct gw_tail *tail, struct gw_tail_group *groups,
                                        size_t group_count)
{
    enum gw_tail_result result = GW_TAIL_OK, full = GW_TAIL_OK;
    uint64_t messages = 0, bytes = 0;

    for (size_t i = 0; i < group_count; i++) {
        result = build_group(tail, &groups[i]);
        if (result != GW_TAIL_OK)
            return result;
        if (!groups[i].batch)
            continue;
        result = gw_tail_admit(tail, gw_outlets_find(&tail->outlets, &groups[i].destination),
                       groups[i].count, groups[i].batch->bytes);
        if (result == GW_TAIL_TOO_LARGE)
            return result;
        full = full == GW_TAIL_OK ? result : full;
        messages += groups[i].count;
        bytes += groups[i].batch->bytes;
    }
    if (messages == 0) /* even if the outbox holds more than it may: its limits are of each open */
        return GW_TAIL_OK;
    result = gw_tail_admit(tail, NULL, messages, bytes);
    return result == GW_TAIL_OK ? full : result;
}

/* All that can fail: afterwards every outlet has an epoch and every group its batch. */
static enum gw_tail_result prepare(struct gw_tail *tail, struct gw_tail_group *groups,
                                   size_t group_count)
{
    enum gw_tail_result result = admit_groups(tail, groups, group_count);

    for (size_t i = 0; result == GW_TAIL_OK && i < group_count; i++) {
        struct gw_outlet *outlet = gw_outlets_find(&tail->outlets, &groups[i].destination);
        if (groups[i].batch)
            result = gw_tail_prepare_outlet(tail, &groups[i].destination,
                                            groups[i].epoch_entropy, &outlet);
    }
    return result;
}

static void number_group(struct gw_tail *tail, struct gw_tail_group *group)
{
    struct gw_outlet *outlet = gw_outlets_find(&tail->outlets, &group->destination);
    struct gw_batch *batch = group->batch;

    outlet->open = false;
    batch->epoch = outlet->epoch->epoch;
    batch->first = outlet->epoch->last + 1;
    batch->bytes_before = outlet->epoch->bytes;
    gw_tail_count_sent(tail, outlet, batch->count, batch->bytes);
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

/* --- together --- */

#define LOOK_BACK 16 /* parts: of more destinations in turn, some batches are not joined */

struct gw_bundle_part {
    struct gw_piece *piece; /* NULL: finished */
    uint64_t round;         /* the last one that joined it, and what was there before */
    uint32_t count;
    uint32_t bytes;
};

void gw_bundle_begin(struct gw_bundle *bundle)
{
    bundle->round++;
}

/* The batch that the destination's next message may join. NULL: none. */
static struct gw_bundle_part *find_part(const struct gw_bundle *bundle,
                                        const struct gw_outlet *outlet, size_t size)
{
    size_t oldest = bundle->count > LOOK_BACK ? bundle->count - LOOK_BACK : 0;

    for (size_t i = bundle->count; i-- > oldest;) {
        struct gw_bundle_part *part = &bundle->parts[i];
        const struct gw_batch *batch = part->piece->batch;

        if (batch->epoch == outlet->epoch->epoch)
            return gw_batch_last(batch) == outlet->epoch->last && gw_piece_fits(part->piece, size)
                       ? part
                       : NULL;
    }
    return NULL;
}

/* Room for one part more: 0 or -ENOMEM. */
static int make_room(struct gw_bundle *bundle)
{
    size_t capacity = bundle->capacity ? bundle->capacity * 2 : 4;

    if (bundle->count < bundle->capacity)
        return 0;
    struct gw_destination *destinations =
        realloc(bundle->destinations, capacity * sizeof *destinations);
    if (destinations)
        bundle->destinations = destinations;
    struct gw_batch **batches = realloc(bundle->batches, capacity * sizeof(struct gw_batch *));
    if (batches)
        bundle->batches = batches;
    struct gw_bundle_part *parts = realloc(bundle->parts, capacity * sizeof *parts);
    if (parts)
        bundle->parts = parts;
    if (!destinations || !batches || !parts)
        return -ENOMEM;
    bundle->capacity = capacity;
    return 0;
}

/* An empty one, behind the others. NULL: no memory. */
static struct gw_bundle_part *add_part(struct gw_bundle *bundle, const struct gw_outlet *outlet,
                                       size_t room)
{
    struct gw_piece *piece = NULL;

    if (make_room(bundle) == 0)
        piece = gw_piece_new(outlet->epoch->epoch, outlet->epoch->last + 1, room);
    if (!piece)
        return NULL;
    piece->batch->bytes_before = outlet->epoch->bytes;
    bundle->destinations[bundle->count] = outlet->destination;
    bundle->batches[bundle->count] = NULL;
    struct gw_bundle_part *part = &bundle->parts[bundle->count++];
    *part = (struct gw_bundle_part){.piece = piece};
    return part;
}

static void drop_last_part(struct gw_bundle *bundle)
{
    gw_piece_destroy(bundle->parts[--bundle->count].piece);
}

/* Nothing changed unless GW_TAIL_OK. */
static enum gw_tail_result join(struct gw_bundle *bundle, const struct gw_outlet *outlet,
                                struct gw_slice head, struct gw_slice data)
{
    size_t size = head.size + data.size;
    struct gw_bundle_part *part = find_part(bundle, outlet, size);
    bool is_new = !part;

    if (is_new && !(part = add_part(bundle, outlet, size)))
        return GW_TAIL_NOMEM;
    const struct gw_batch *batch = part->piece->batch;
    struct gw_bundle_part before = {part->piece, bundle->round, batch->count, batch->bytes};
    if (gw_piece_add(part->piece, head, data) != 0) {
        if (is_new)
            drop_last_part(bundle);
        return GW_TAIL_NOMEM;
    }
    if (part->round != bundle->round)
        *part = before;
    return GW_TAIL_OK;
}

enum gw_tail_result gw_tail_join(struct gw_tail *tail, struct gw_bundle *bundle,
                                 const struct gw_destination *destination, struct gw_slice head,
                                 struct gw_slice data, uint64_t epoch_entropy, uint64_t *epoch)
{
    size_t size = head.size + data.size;

    if (head.size > GW_HEADS_MAX || size > tail->options.max_message)
        return GW_TAIL_TOO_LARGE;
    if (tail->unsubmitted > 0)
        return GW_TAIL_FULL;
    struct gw_outlet *outlet = gw_outlets_find(&tail->outlets, destination);
    enum gw_tail_result result = gw_tail_admit(tail, outlet, 1, size);
    if (result == GW_TAIL_OK)
        result = gw_tail_prepare_outlet(tail, destination, epoch_entropy, &outlet);
    if (result == GW_TAIL_OK)
        result = join(bundle, outlet, head, data);
    if (result != GW_TAIL_OK)
        return result;
    gw_tail_count_sent(tail, outlet, 1, size);
    *epoch = outlet->epoch->epoch;
    return GW_TAIL_OK;
}

/* Its numbers go back too: nobody has seen them. */
static void uncount(struct gw_tail *tail, const struct gw_destination *destination,
                    uint64_t messages, uint64_t bytes)
{
    struct gw_outlet *outlet = gw_outlets_find(&tail->outlets, destination);

    outlet->epoch->last -= messages;
    outlet->epoch->bytes -= bytes;
    outlet->messages -= messages;
    outlet->bytes -= bytes;
    tail->outbox_messages -= messages;
    tail->outbox_bytes -= bytes;
    tail->unstored -= messages;
}

void gw_tail_unjoin(struct gw_tail *tail, struct gw_bundle *bundle)
{
    for (size_t i = bundle->count; i-- > 0;) { /* new parts are the last ones */
        struct gw_bundle_part *part = &bundle->parts[i];
        struct gw_batch *batch = part->piece->batch;

        if (part->round != bundle->round)
            continue;
        uncount(tail, &bundle->destinations[i], batch->count - part->count,
                batch->bytes - part->bytes);
        batch->count = part->count;
        batch->bytes = part->bytes;
        if (batch->count == 0)
            drop_last_part(bundle);
    }
    bundle->round++;
}

void gw_bundle_finish(struct gw_bundle *bundle)
{
    for (size_t i = 0; i < bundle->count; i++) {
        bundle->batches[i] = gw_piece_finish(bundle->parts[i].piece);
        bundle->parts[i].piece = NULL;
    }
}

void gw_bundle_clear(struct gw_bundle *bundle)
{
    for (size_t i = 0; i < bundle->count; i++)
        gw_piece_destroy(bundle->parts[i].piece);
    free(bundle->destinations);
    free(bundle->batches);
    free(bundle->parts);
    *bundle = (struct gw_bundle){0};
}
