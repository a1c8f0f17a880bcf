/* SPDX-License-Identifier: MPL-2.0 */

/* The sending side's book: ids are dense, batches whole and in order, quotas exact. Guards promise
 * 2 (nothing that got an id is forgotten) and 6 (bounded). */

/* Length: one book, and a test for each of its promises. */

#include "failing_memory.h"
#include "base/blob.c"
#include "base/map.c"
#include "core/batch.c"
#include "peer/tail.c"
#include "peer/tail_epoch.c"
#include "peer/tail_outlet.c"
#include "peer/tail_piece.c"
#include "peer/tail_transaction.c"
#undef malloc
#undef calloc
#undef realloc

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct gw_destination work = {.kind = GW_KIND_STAGE, .name = "work"};
static const struct gw_destination play = {.kind = GW_KIND_STAGE, .name = "play"};
static uint8_t sample[GW_MESSAGE_MAX];

static struct gw_tail *new_tail(struct gw_tail_options options)
{
    struct gw_tail *tail = gw_tail_new(&options);

    assert_non_null(tail);
    for (size_t i = 0; i < sizeof sample; i++)
        sample[i] = (uint8_t)(i * 7);
    return tail;
}

/* Appends; returns the sequence, or 0 if refused. A new epoch gets the number given as entropy. */
static uint64_t append(struct gw_tail *tail, const struct gw_destination *to, size_t size,
                       uint64_t entropy)
{
    uint64_t epoch, sequence;

    if (gw_tail_append(tail, to, sample, size, entropy, &epoch, &sequence) != GW_TAIL_OK)
        return 0;
    return sequence;
}

static struct gw_batch *take(struct gw_tail *tail, const struct gw_destination *from)
{
    struct gw_destination destination;
    struct gw_batch *batch = gw_tail_take(tail, &destination);

    assert_non_null(batch);
    assert_true(gw_destination_equal(&destination, from));
    assert_int_equal(batch->body->size, batch->bytes);
    assert_int_equal(gw_batch_offset(batch, gw_batch_last(batch) + 1), batch->bytes);
    return batch;
}

static int settle(struct gw_tail *tail, uint64_t epoch, uint64_t first, uint64_t last)
{
    return gw_tail_settled(tail, epoch, first, last, GW_OUTCOME_PROCESSED);
}

static void assert_nothing_waits(struct gw_tail *tail)
{
    struct gw_destination destination;

    assert_null(gw_tail_take(tail, &destination));
}

static void sequences_are_dense_from_one_and_an_epoch_is_drawn_once(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});
    uint64_t epoch, sequence;

    for (uint64_t i = 1; i <= 5; i++) {
        assert_int_equal(gw_tail_append(tail, &work, "abc", 3, 40 + i, &epoch, &sequence),
                         GW_TAIL_OK);
        assert_int_equal(epoch, 41);
        assert_int_equal(sequence, i);
    }
    assert_int_equal(append(tail, &play, 1, 50), 1);

    struct gw_batch *batch = take(tail, &work);
    assert_int_equal(batch->epoch, 41);
    assert_int_equal(batch->first, 1);
    assert_int_equal(batch->count, 5);
    assert_int_equal(batch->fixed, 3);
    assert_null(batch->ends);
    assert_memory_equal(batch->body->data, "abcabcabcabcabc", 15);
    gw_batch_drop(batch);
    gw_batch_drop(take(tail, &play));
    assert_nothing_waits(tail);
    gw_tail_destroy(&tail);
    assert_null(tail);
}

static void a_different_length_brings_the_ends_of_all(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});
    size_t offset = 0;

    for (size_t i = 0; i < 300; i++)
        assert_int_equal(append(tail, &work, i < 100 ? 10 : i % 5, 9), i + 1);
    struct gw_batch *batch = take(tail, &work);
    assert_non_null(batch->ends);
    for (size_t i = 0; i < 300; i++) {
        size_t size = i < 100 ? 10 : i % 5;
        assert_int_equal(gw_batch_offset(batch, i + 1), offset);
        assert_memory_equal(batch->body->data + offset, sample, size);
        offset += size;
    }
    assert_int_equal(batch->bytes, offset);
    gw_batch_drop(batch);
    gw_tail_destroy(&tail);
}

static void empty_messages_are_messages(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});
    uint64_t epoch, sequence;

    assert_int_equal(gw_tail_append(tail, &work, NULL, 0, 9, &epoch, &sequence), GW_TAIL_OK);
    assert_int_equal(gw_tail_append(tail, &work, NULL, 0, 9, &epoch, &sequence), GW_TAIL_OK);
    struct gw_batch *batch = take(tail, &work);
    assert_int_equal(batch->count, 2);
    assert_int_equal(batch->bytes, 0);
    assert_null(batch->ends);
    gw_batch_drop(batch);
    assert_int_equal(append(tail, &work, 0, 9), 3);
    assert_int_equal(append(tail, &work, 1, 9), 4);
    batch = take(tail, &work);
    assert_int_equal(batch->first, 3);
    assert_int_equal(gw_batch_offset(batch, 4), 0);
    gw_batch_drop(batch);
    gw_tail_destroy(&tail);
}

static void a_batch_closes_at_its_limits_and_a_large_message_is_alone(void **state)
{
    (void)state;
    static const size_t sizes[] = {100000, 100000, 56 * 1024, 100000, 300000, 0, 7};
    static const uint32_t counts[] = {3, 1, 1, 2};
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});
    uint64_t first = 1, before = 0;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        assert_int_equal(append(tail, &work, sizes[i], 9), i + 1);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct gw_batch *batch = take(tail, &work);
        assert_int_equal(batch->first, first);
        assert_int_equal(batch->count, counts[i]);
        assert_int_equal(batch->bytes_before, before);
        first += batch->count;
        before += batch->bytes;
        gw_batch_drop(batch);
    }
    assert_nothing_waits(tail);

    for (uint64_t i = 0; i <= GW_BATCH_COUNT_MAX; i++)
        assert_int_equal(append(tail, &play, 1, 8), i + 1);
    struct gw_batch *full = take(tail, &play), *rest = take(tail, &play);
    assert_int_equal(full->count, GW_BATCH_COUNT_MAX);
    assert_int_equal(rest->count, 1);
    gw_batch_drop(full);
    gw_batch_drop(rest);
    gw_tail_destroy(&tail);
}

static void a_batch_may_be_filled_to_the_last_byte(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});

    append(tail, &work, GW_BATCH_BYTES_MAX - 1, 9);
    append(tail, &work, 1, 9);
    append(tail, &work, 0, 9);
    append(tail, &work, 1, 9);
    struct gw_batch *full = take(tail, &work), *rest = take(tail, &work);
    assert_int_equal(full->bytes, GW_BATCH_BYTES_MAX);
    assert_int_equal(full->count, 3);
    assert_int_equal(rest->bytes, 1);
    gw_batch_drop(full);
    gw_batch_drop(rest);
    gw_tail_destroy(&tail);
}

static void a_lone_message_takes_little_memory(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});

    append(tail, &work, 100, 9);
    assert_int_equal(gw_outlets_find(&tail->outlets, &work)->last->capacity, SMALLEST_ROOM);
    gw_tail_destroy(&tail);
}

static void destinations_are_handed_over_in_turn(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});

    append(tail, &work, 200000, 9);
    append(tail, &work, 200000, 9);
    append(tail, &play, 1, 8);
    append(tail, &work, 1, 9);
    const struct gw_destination *const order[] = {&work, &play, &work};
    static const uint64_t firsts[] = {1, 1, 2};
    for (size_t i = 0; i < 3; i++) {
        struct gw_batch *batch = take(tail, order[i]);
        assert_int_equal(batch->first, firsts[i]);
        gw_batch_drop(batch);
    }
    assert_nothing_waits(tail);
    assert_int_equal(append(tail, &work, 1, 9), 4);
    gw_batch_drop(take(tail, &work));
    gw_tail_destroy(&tail);
}

static void the_quota_counts_from_append_to_release(void **state)
{
    (void)state;
    struct gw_tail *tail =
        new_tail((struct gw_tail_options){.outbox_max_bytes = 100, .outbox_max_messages = 4});

    gw_tail_recovered(tail, 1, 30);
    assert_int_equal(append(tail, &work, 70, 9), 1);
    assert_int_equal(append(tail, &work, 1, 9), 0);
    gw_batch_drop(take(tail, &work));
    gw_tail_stored(tail, 9, 1);
    assert_int_equal(append(tail, &work, 1, 9), 0);
    assert_int_equal(settle(tail, 9, 1, 1), 0);
    assert_int_equal(append(tail, &work, 1, 9), 0);
    gw_tail_released(tail, &play, 1, 30);
    assert_int_equal(gw_tail_outbox_messages(tail), 1);
    assert_int_equal(gw_tail_outbox_bytes(tail), 70);
    for (uint64_t i = 2; i <= 4; i++)
        assert_int_equal(append(tail, &work, 1, 9), i);
    assert_int_equal(append(tail, &work, 1, 9), 0); /* a fifth message */
    assert_int_equal(gw_tail_unstored(tail), 3);

    uint64_t epoch = 0, sequence = 0;
    assert_int_equal(gw_tail_append(tail, &work, sample, 101, 9, &epoch, &sequence),
                     GW_TAIL_TOO_LARGE);
    assert_int_equal(gw_tail_append(tail, &work, sample, 5, 9, &epoch, &sequence), GW_TAIL_FULL);
    assert_int_equal(epoch | sequence, 0);
    gw_tail_destroy(&tail);
}

static void what_the_turn_did_not_take_is_bounded_but_one_message_always_fits(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){.unsubmitted_max_bytes = 1000});

    assert_int_equal(append(tail, &work, 5000, 9), 1);
    assert_int_equal(append(tail, &work, 1, 9), 0);
    assert_int_equal(append(tail, &play, 0, 8), 0);
    gw_batch_drop(take(tail, &work));
    assert_int_equal(append(tail, &work, 900, 9), 2);
    assert_int_equal(append(tail, &work, 92, 9), 3);
    assert_int_equal(append(tail, &work, 0, 9), 0);
    gw_batch_drop(take(tail, &work));
    assert_int_equal(tail->unsubmitted, 0);
    gw_tail_destroy(&tail);
}

static void a_message_above_the_limit_is_refused(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){.max_message = 10});
    uint64_t epoch, sequence;

    assert_int_equal(gw_tail_append(tail, &work, sample, 11, 9, &epoch, &sequence),
                     GW_TAIL_TOO_LARGE);
    assert_int_equal(append(tail, &work, 10, 9), 1);
    gw_tail_destroy(&tail);
}

static void a_message_is_followed_from_waiting_to_settled(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});

    for (int i = 0; i < 10; i++)
        append(tail, &work, 5, 9);
    assert_int_equal(gw_tail_state(tail, 9, 0), GW_TAIL_UNKNOWN);
    assert_int_equal(gw_tail_state(tail, 9, 11), GW_TAIL_UNKNOWN);
    assert_int_equal(gw_tail_state(tail, 8, 1), GW_TAIL_UNKNOWN);
    assert_int_equal(gw_tail_state(tail, 9, 1), GW_TAIL_WAITING);
    gw_tail_stored(tail, 9, 6);
    gw_tail_stored(tail, 9, 3); /* older news change nothing */
    assert_int_equal(gw_tail_state(tail, 9, 6), GW_TAIL_STORED);
    assert_int_equal(gw_tail_state(tail, 9, 7), GW_TAIL_WAITING);
    assert_int_equal(gw_tail_unstored(tail), 4);
    assert_int_equal(settle(tail, 9, 2, 3), 0);
    assert_int_equal(gw_tail_state(tail, 9, 1), GW_TAIL_STORED);
    assert_int_equal(gw_tail_state(tail, 9, 3), GW_TAIL_SETTLED);
    assert_int_equal(settle(tail, 9, 1, 1), 0);
    assert_int_equal(gw_epochs_find(&tail->epochs, 9)->floor, 4);
    assert_int_equal(gw_epochs_find(&tail->epochs, 9)->settled.count, 0);
    assert_int_equal(settle(tail, 9, 1, 3), 0);
    assert_int_equal(settle(tail, 77, 1, 3), 0); /* of an earlier open */
    assert_int_equal(gw_tail_state(tail, 9, 4), GW_TAIL_STORED);
    gw_tail_stored(tail, 9, 1000);
    assert_int_equal(gw_tail_unstored(tail), 0);
    assert_int_equal(gw_tail_state(tail, 9, 11), GW_TAIL_UNKNOWN);
    gw_tail_destroy(&tail);
}

static struct gw_tail_group group_to(const struct gw_destination *to, const void *const *datas,
                                     const size_t *sizes, size_t count, uint64_t entropy)
{
    return (struct gw_tail_group){.destination = *to, .datas = datas, .sizes = sizes,
                                  .count = count, .epoch_entropy = entropy};
}

static void a_transaction_comes_behind_what_was_appended_before(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});
    const void *datas[] = {"one", "three"};
    const size_t sizes[] = {3, 5};
    struct gw_tail_group groups[] = {group_to(&work, datas, sizes, 2, 7),
                                     group_to(&play, datas, sizes, 1, 8),
                                     group_to(&play, NULL, NULL, 0, 8)};

    append(tail, &work, 10, 9);
    assert_int_equal(gw_tail_transaction(tail, groups, 3), GW_TAIL_OK);
    assert_int_equal(append(tail, &work, 10, 9), 4);

    struct gw_batch *before = take(tail, &work), *after_it = take(tail, &work);
    assert_int_equal(before->count, 1);
    assert_int_equal(after_it->first, 4);
    assert_int_equal(after_it->bytes_before, 18);
    assert_int_equal(groups[0].batch->epoch, 9);
    assert_int_equal(groups[0].batch->first, 2);
    assert_int_equal(groups[0].batch->bytes_before, 10);
    assert_memory_equal(groups[0].batch->body->data, "onethree", 8);
    assert_int_equal(gw_batch_offset(groups[0].batch, 3), 3);
    assert_int_equal(groups[1].batch->epoch, 8);
    assert_int_equal(groups[1].batch->first, 1);
    assert_null(groups[2].batch);
    assert_int_equal(gw_tail_outbox_bytes(tail), 31);
    assert_int_equal(gw_tail_unstored(tail), 5);
    gw_batch_drop(before);
    gw_batch_drop(after_it);
    gw_batch_drop(groups[0].batch);
    gw_batch_drop(groups[1].batch);
    gw_tail_destroy(&tail);
}

static void a_refused_transaction_gives_no_ids(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){.outbox_max_bytes = 20});
    const void *datas[] = {"0123456789", "0123456789", "x"};
    const size_t sizes[] = {10, 10, 1};
    struct gw_tail_group groups[] = {group_to(&work, datas, sizes, 1, 9),
                                     group_to(&play, datas, sizes, 3, 8)};

    assert_int_equal(gw_tail_transaction(tail, groups, 2), GW_TAIL_TOO_LARGE);
    assert_null(groups[0].batch);
    groups[1].count = 1;
    assert_int_equal(append(tail, &work, 1, 9), 1);
    assert_int_equal(gw_tail_transaction(tail, groups, 2), GW_TAIL_FULL);
    assert_null(groups[0].batch);
    assert_int_equal(gw_tail_outbox_bytes(tail), 1);
    assert_int_equal(append(tail, &work, 1, 9), 2);
    struct gw_batch *batch = take(tail, &work);
    assert_int_equal(batch->count, 2);
    gw_batch_drop(batch);
    gw_tail_destroy(&tail);
}

/* It was opened with lower limits than before. */
static void a_transaction_of_no_messages_needs_no_room(void **state)
{
    (void)state;
    struct gw_tail *tail =
        new_tail((struct gw_tail_options){.outbox_max_bytes = 20, .outbox_max_messages = 2});
    struct gw_tail_group group = group_to(&work, NULL, NULL, 0, 9);

    gw_tail_recovered(tail, 3, 30);
    assert_int_equal(gw_tail_transaction(tail, NULL, 0), GW_TAIL_OK);
    assert_int_equal(gw_tail_transaction(tail, &group, 1), GW_TAIL_OK);
    gw_tail_destroy(&tail);
}

static void a_failed_store_ends_every_epoch_and_gives_up_what_was_not_stored(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){.outbox_max_messages = 3});

    append(tail, &work, 10, 9);
    gw_batch_drop(take(tail, &work));
    gw_tail_stored(tail, 9, 1);
    append(tail, &work, 10, 9);
    append(tail, &play, 10, 8);
    gw_tail_failed(tail);

    assert_nothing_waits(tail);
    assert_int_equal(gw_tail_state(tail, 9, 1), GW_TAIL_STORED);
    assert_int_equal(gw_tail_state(tail, 9, 2), GW_TAIL_NOT_STORED);
    assert_int_equal(gw_tail_state(tail, 8, 1), GW_TAIL_NOT_STORED);
    assert_int_equal(gw_tail_unstored(tail), 0);
    assert_int_equal(gw_tail_outbox_messages(tail), 0);
    gw_tail_recovered(tail, 1, 10);
    assert_int_equal(append(tail, &work, 10, 19), 1);
    assert_int_equal(append(tail, &work, 10, 19), 2);
    assert_int_equal(append(tail, &work, 10, 19), 0);
    assert_int_equal(settle(tail, 9, 1, 1), 0);
    assert_int_equal(gw_tail_state(tail, 9, 1), GW_TAIL_SETTLED);
    gw_tail_stored(tail, 9, 2); /* late, but true */
    assert_int_equal(gw_tail_state(tail, 9, 2), GW_TAIL_STORED);
    assert_int_equal(gw_tail_unstored(tail), 2);
    struct gw_batch *batch = take(tail, &work);
    assert_int_equal(batch->epoch, 19);
    assert_int_equal(batch->bytes_before, 0);
    gw_batch_drop(batch);
    gw_tail_destroy(&tail);
}

static void an_epoch_is_never_given_twice(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});

    append(tail, &work, 1, 9);
    append(tail, &play, 1, 9);
    gw_tail_failed(tail);
    append(tail, &work, 1, 9);
    append(tail, &play, 1, 0);
    assert_int_equal(tail->epochs.map.count, 4);
    assert_int_not_equal(gw_outlets_find(&tail->outlets, &play)->epoch->epoch, 0);
    gw_tail_destroy(&tail);
}

static void destinations_and_ended_epochs_are_bounded(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){.seed = 3});
    struct gw_destination to = {.kind = GW_KIND_PEER};
    uint64_t epoch, sequence;

    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i <= GW_TAIL_DESTINATIONS_MAX; i++) {
            snprintf(to.name, sizeof to.name, "d%u", i);
            enum gw_tail_result result = gw_tail_append(
                tail, &to, "x", 1, (uint64_t)(round * 100000) + i + 1, &epoch, &sequence);
            assert_int_equal(result, i < GW_TAIL_DESTINATIONS_MAX ? GW_TAIL_OK
                                                                  : GW_TAIL_DESTINATIONS);
        }
        gw_tail_failed(tail);
        assert_int_equal(tail->epochs.map.count, GW_TAIL_DESTINATIONS_MAX);
    }
    assert_int_equal(gw_tail_state(tail, 1, 1), GW_TAIL_UNKNOWN);
    assert_int_equal(gw_tail_state(tail, 200001, 1), GW_TAIL_NOT_STORED);
    gw_tail_destroy(&tail);
}

static void a_full_share_stops_its_own_senders_only(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){.outbox_max_bytes = 1000});
    const void *datas[] = {"0123456789", "x"};
    const size_t sizes[] = {10, 1};
    uint64_t epoch, sequence;

    assert_int_equal(gw_tail_limit(tail, &work, 3, 100), 0);
    assert_int_equal(gw_tail_recovered_of(tail, &work, 1, 60), 0);
    gw_tail_recovered(tail, 1, 60);
    assert_int_equal(append(tail, &work, 40, 9), 1);
    assert_int_equal(gw_tail_append(tail, &work, sample, 1, 9, &epoch, &sequence),
                     GW_TAIL_SHARE_FULL);
    assert_int_equal(gw_tail_append(tail, &work, sample, 101, 9, &epoch, &sequence),
                     GW_TAIL_TOO_LARGE);
    assert_int_equal(append(tail, &play, 500, 8), 1);
    struct gw_tail_group groups[] = {group_to(&play, datas, sizes, 1, 8),
                                     group_to(&work, datas, sizes, 2, 9)};
    assert_int_equal(gw_tail_transaction(tail, groups, 2), GW_TAIL_SHARE_FULL);
    assert_null(groups[0].batch);

    gw_tail_released(tail, &work, 1, 60);
    assert_int_equal(append(tail, &work, 1, 9), 2);
    assert_int_equal(append(tail, &work, 1, 9), 3);
    assert_int_equal(append(tail, &work, 1, 9), 0); /* a fourth message */
    assert_int_equal(gw_tail_limit(tail, &work, 0, 0), 0);
    assert_int_equal(append(tail, &work, 200, 9), 4);
    gw_tail_destroy(&tail);
}

static void dead_letters_take_room_and_are_not_drained(void **state)
{
    (void)state;
    struct gw_tail *tail =
        new_tail((struct gw_tail_options){.outbox_max_bytes = 100, .outbox_max_messages = 3});

    gw_tail_dead(tail, -1, -10); /* purged before it was told */
    assert_int_equal(gw_tail_dead_messages(tail), 0);
    gw_tail_dead(tail, 1, 10);
    gw_tail_dead(tail, 2, 50);
    assert_int_equal(gw_tail_outbox_messages(tail), 0);
    assert_int_equal(gw_tail_dead_messages(tail), 2);
    assert_int_equal(append(tail, &work, 51, 9), 0);
    assert_int_equal(append(tail, &work, 50, 9), 1);
    assert_int_equal(append(tail, &work, 0, 9), 0);
    gw_tail_dead(tail, -1, -50);
    assert_int_equal(append(tail, &work, 50, 9), 2);
    gw_tail_failed(tail);
    assert_int_equal(gw_tail_dead_messages(tail), 0);
    gw_tail_destroy(&tail);
}

static void how_a_message_ended_is_remembered(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});

    for (int i = 0; i < 5; i++)
        append(tail, &work, 1, 9);
    assert_int_equal(gw_tail_settled(tail, 9, 2, 2, GW_OUTCOME_DEAD), 0);
    assert_int_equal(gw_tail_settled(tail, 9, 4, 4, GW_OUTCOME_WITHDRAWN), 0);
    assert_int_equal(gw_tail_settled(tail, 9, 5, 5, GW_OUTCOME_ABANDONED), 0);
    assert_int_equal(settle(tail, 9, 1, 5), 0); /* as a reopened store says it */
    assert_int_equal(gw_tail_state(tail, 9, 1), GW_TAIL_SETTLED);
    assert_int_equal(gw_tail_state(tail, 9, 2), GW_TAIL_DEAD);
    assert_int_equal(gw_tail_state(tail, 9, 3), GW_TAIL_SETTLED);
    assert_int_equal(gw_tail_state(tail, 9, 4), GW_TAIL_WITHDRAWN);
    assert_int_equal(gw_tail_state(tail, 9, 5), GW_TAIL_WITHDRAWN);
    gw_tail_destroy(&tail);
}

static void exceptions_are_bounded_and_the_oldest_goes(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});
    uint64_t last = 2 * (GW_EXCEPTIONS_MAX + 1);

    for (uint64_t i = 1; i <= last; i++)
        append(tail, &work, 0, 9);
    for (uint64_t at = 2; at <= last; at += 2)
        assert_int_equal(gw_tail_settled(tail, 9, at, at, GW_OUTCOME_DEAD), 0);
    assert_int_equal(gw_epochs_find(&tail->epochs, 9)->dead.count, GW_EXCEPTIONS_MAX);
    assert_int_equal(gw_tail_state(tail, 9, 2), GW_TAIL_SETTLED);
    assert_int_equal(gw_tail_state(tail, 9, 4), GW_TAIL_DEAD);
    assert_int_equal(gw_tail_state(tail, 9, last), GW_TAIL_DEAD);
    gw_tail_destroy(&tail);
}

static void only_a_settled_epoch_retires_and_leaves_nothing(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});

    append(tail, &work, 10, 9);
    append(tail, &work, 10, 9);
    assert_false(gw_tail_retire(tail, 77));
    assert_int_equal(settle(tail, 9, 1, 1), 0);
    assert_false(gw_tail_retire(tail, 9)); /* one is still on its way */
    gw_batch_drop(take(tail, &work));
    gw_tail_stored(tail, 9, 2);
    assert_int_equal(settle(tail, 9, 2, 2), 0);
    assert_true(gw_tail_has_epoch(tail, &work));
    assert_true(gw_tail_retire(tail, 9));
    assert_false(gw_tail_retire(tail, 9));
    assert_false(gw_tail_has_epoch(tail, &work));
    assert_int_equal(gw_tail_state(tail, 9, 2), GW_TAIL_SETTLED);
    assert_int_equal(tail->outlets.map.count, 1); /* its quota is not released yet */
    gw_tail_released(tail, &work, 2, 20);
    assert_int_equal(tail->outlets.map.count, 0);
    assert_int_equal(append(tail, &work, 10, 10), 1); /* of a new epoch */
    gw_tail_destroy(&tail);
}

static void short_lived_destinations_do_not_use_up_the_others(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){.seed = 3});
    struct gw_destination to = {.kind = GW_KIND_REPLY};

    for (unsigned i = 1; i <= 3 * GW_TAIL_DESTINATIONS_MAX; i++) {
        snprintf(to.name, sizeof to.name, "d%u", i);
        assert_int_equal(append(tail, &to, 1, i), 1);
        gw_batch_drop(take(tail, &to));
        gw_tail_stored(tail, i, 1);
        assert_int_equal(settle(tail, i, 1, 1), 0);
        gw_tail_released(tail, &to, 1, 1);
        assert_true(gw_tail_retire(tail, i));
    }
    assert_int_equal(tail->outlets.map.count, 0);
    assert_int_equal(tail->live, 0);
    assert_int_equal(tail->epochs.map.count, GW_TAIL_DESTINATIONS_MAX);
    gw_tail_destroy(&tail);
}

static void heads_come_with_the_first_message_that_has_one(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});
    struct gw_slice head = {(const uint8_t *)"HH", 2}, data = {(const uint8_t *)"data", 4};
    uint64_t epoch, sequence;

    assert_int_equal(append(tail, &work, 6, 9), 1);
    for (int i = 0; i < 100; i++)
        assert_int_equal(gw_tail_append_headed(tail, &work, head, data, 9, &epoch, &sequence),
                         GW_TAIL_OK);
    assert_int_equal(append(tail, &work, 3, 9), 102);
    struct gw_batch *batch = take(tail, &work);
    assert_non_null(batch->heads);
    assert_int_equal(batch->heads[0], 0);
    assert_int_equal(batch->heads[1], 2);
    assert_int_equal(batch->heads[100], 2);
    assert_int_equal(batch->heads[101], 0);
    assert_int_equal(gw_batch_offset(batch, 3), 12);
    assert_memory_equal(batch->body->data + gw_batch_offset(batch, 101), "HHdata", 6);
    gw_batch_drop(batch);
    append(tail, &work, 6, 9);
    batch = take(tail, &work);
    assert_null(batch->heads);
    gw_batch_drop(batch);

    head.size = GW_HEADS_MAX + 1;
    assert_int_equal(gw_tail_append_headed(tail, &work, head, data, 9, &epoch, &sequence),
                     GW_TAIL_TOO_LARGE);
    gw_tail_destroy(&tail);
}

static void a_transaction_sends_headers_too(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});
    const void *datas[] = {"plain", "HHdata"};
    const size_t sizes[] = {5, 6};
    const uint32_t heads[] = {0, 2};
    struct gw_tail_group group = group_to(&work, datas, sizes, 2, 9);

    group.heads = heads;
    assert_int_equal(gw_tail_transaction(tail, &group, 1), GW_TAIL_OK);
    assert_int_equal(group.batch->heads[0], 0);
    assert_int_equal(group.batch->heads[1], 2);
    assert_memory_equal(group.batch->body->data, "plainHHdata", 11);
    gw_batch_drop(group.batch);
    gw_tail_destroy(&tail);
}

static void without_memory_nothing_changes(void **state)
{
    (void)state;
    static const size_t sizes[] = {10, 10, 11, 5000, 200000, 100000, 1};
    const void *datas[] = {"ab", "c"};
    const size_t lengths[] = {2, 1};
    const uint32_t heads[] = {0, 1};

    for (size_t fail_at = 0; fail_at < 30; fail_at++) {
        struct gw_tail *tail = new_tail((struct gw_tail_options){0});
        uint64_t next = 1, bytes = 0;

        memory_left = fail_at;
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            while (append(tail, &work, sizes[i], 9) != next)
                memory_left = SIZE_MAX; /* refused: the same again must get the same number */
            bytes += sizes[i];
            assert_int_equal(gw_tail_outbox_messages(tail), next++);
            assert_int_equal(gw_tail_outbox_bytes(tail), bytes);
        }
        struct gw_tail_group groups[] = {group_to(&work, datas, lengths, 2, 9),
                                         group_to(&play, datas, lengths, 2, 8)};
        groups[1].heads = heads;
        while (gw_tail_transaction(tail, groups, 2) != GW_TAIL_OK) {
            assert_null(groups[0].batch);
            assert_null(groups[1].batch);
            memory_left = SIZE_MAX;
        }
        assert_int_equal(groups[0].batch->first, next);
        gw_batch_drop(groups[0].batch);
        gw_batch_drop(groups[1].batch);
        memory_left = SIZE_MAX;
        gw_tail_destroy(&tail);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_are_dense_from_one_and_an_epoch_is_drawn_once),
        cmocka_unit_test(a_different_length_brings_the_ends_of_all),
        cmocka_unit_test(empty_messages_are_messages),
        cmocka_unit_test(a_batch_closes_at_its_limits_and_a_large_message_is_alone),
        cmocka_unit_test(a_batch_may_be_filled_to_the_last_byte),
        cmocka_unit_test(a_lone_message_takes_little_memory),
        cmocka_unit_test(destinations_are_handed_over_in_turn),
        cmocka_unit_test(the_quota_counts_from_append_to_release),
        cmocka_unit_test(what_the_turn_did_not_take_is_bounded_but_one_message_always_fits),
        cmocka_unit_test(a_message_above_the_limit_is_refused),
        cmocka_unit_test(a_message_is_followed_from_waiting_to_settled),
        cmocka_unit_test(a_transaction_comes_behind_what_was_appended_before),
        cmocka_unit_test(a_refused_transaction_gives_no_ids),
        cmocka_unit_test(a_transaction_of_no_messages_needs_no_room),
        cmocka_unit_test(a_failed_store_ends_every_epoch_and_gives_up_what_was_not_stored),
        cmocka_unit_test(an_epoch_is_never_given_twice),
        cmocka_unit_test(destinations_and_ended_epochs_are_bounded),
        cmocka_unit_test(a_full_share_stops_its_own_senders_only),
        cmocka_unit_test(dead_letters_take_room_and_are_not_drained),
        cmocka_unit_test(how_a_message_ended_is_remembered),
        cmocka_unit_test(exceptions_are_bounded_and_the_oldest_goes),
        cmocka_unit_test(only_a_settled_epoch_retires_and_leaves_nothing),
        cmocka_unit_test(short_lived_destinations_do_not_use_up_the_others),
        cmocka_unit_test(heads_come_with_the_first_message_that_has_one),
        cmocka_unit_test(a_transaction_sends_headers_too),
        cmocka_unit_test(without_memory_nothing_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
