/* SPDX-License-Identifier: MPL-2.0 */

/* Messages of transactions that commit together: dense ids, one batch for each destination, and all
 * of a transaction or nothing. (Those of transactions alone: test_tail.c.) */

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

static const struct gw_destination one = {.kind = GW_KIND_REPLY, .name = "one"};
static const struct gw_destination two = {.kind = GW_KIND_REPLY, .name = "two"};

static struct gw_tail *new_tail(struct gw_tail_options options)
{
    struct gw_tail *tail = gw_tail_new(&options);

    assert_non_null(tail);
    return tail;
}

/* With so many bytes of headers. The destination's epoch is its name's first letter. */
static enum gw_tail_result join_text(struct gw_tail *tail, struct gw_bundle *bundle,
                                     const struct gw_destination *to, size_t head,
                                     const char *text)
{
    const uint8_t *bytes = (const uint8_t *)text;
    uint64_t epoch, wanted = (uint64_t)to->name[0];
    enum gw_tail_result result =
        gw_tail_join(tail, bundle, to, (struct gw_slice){bytes, head},
                     (struct gw_slice){bytes + head, strlen(text) - head}, wanted, &epoch);

    if (result == GW_TAIL_OK)
        assert_int_equal(epoch, wanted);
    return result;
}

static void drop(struct gw_bundle *bundle)
{
    for (size_t i = 0; i < bundle->count; i++)
        gw_batch_drop(bundle->batches[i]);
    gw_bundle_clear(bundle);
}

static void messages_to_one_destination_share_a_batch(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});
    struct gw_bundle bundle = {0};

    for (int i = 0; i < 3; i++) { /* a transaction each */
        gw_bundle_begin(&bundle);
        assert_int_equal(join_text(tail, &bundle, &one, 1, "Hone"), GW_TAIL_OK);
        assert_int_equal(join_text(tail, &bundle, &two, 0, i == 1 ? "longer" : "two"),
                         GW_TAIL_OK);
    }
    assert_int_equal(gw_tail_outbox_messages(tail), 6);
    assert_int_equal(gw_tail_unstored(tail), 6);
    gw_bundle_finish(&bundle);
    assert_int_equal(bundle.count, 2);
    assert_true(gw_destination_equal(&bundle.destinations[0], &one));
    assert_int_equal(bundle.batches[0]->epoch, 'o');
    assert_int_equal(bundle.batches[0]->first, 1);
    assert_int_equal(bundle.batches[0]->count, 3);
    assert_int_equal(bundle.batches[0]->heads[2], 1);
    assert_memory_equal(bundle.batches[0]->body->data, "HoneHoneHone", 12);
    assert_true(gw_destination_equal(&bundle.destinations[1], &two));
    assert_int_equal(bundle.batches[1]->bytes, 12);
    assert_int_equal(gw_batch_offset(bundle.batches[1], 3), 9);
    drop(&bundle);
    gw_tail_destroy(&tail);
}

static void a_later_bundle_goes_on_where_the_one_before_ended(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});
    struct gw_bundle first = {0}, second = {0};

    gw_bundle_begin(&first);
    assert_int_equal(join_text(tail, &first, &one, 0, "1234"), GW_TAIL_OK);
    gw_bundle_finish(&first);
    gw_bundle_begin(&second);
    assert_int_equal(join_text(tail, &second, &one, 0, "567"), GW_TAIL_OK);
    gw_bundle_finish(&second);
    assert_int_equal(second.batches[0]->first, 2);
    assert_int_equal(second.batches[0]->bytes_before, 4);
    drop(&first);
    drop(&second);
    gw_tail_destroy(&tail);
}

/* Else its sequences would come before theirs in the batch, and after them in the mailbox. */
static void nothing_joins_while_something_appended_waits(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});
    struct gw_bundle bundle = {0};
    struct gw_destination to;
    uint64_t epoch, sequence;

    assert_int_equal(gw_tail_append(tail, &two, "x", 1, 't', &epoch, &sequence), GW_TAIL_OK);
    gw_bundle_begin(&bundle);
    assert_int_equal(join_text(tail, &bundle, &one, 0, "a"), GW_TAIL_FULL);
    gw_batch_drop(gw_tail_take(tail, &to));
    assert_int_equal(join_text(tail, &bundle, &one, 0, "a"), GW_TAIL_OK);
    gw_bundle_clear(&bundle);
    gw_tail_destroy(&tail);
}

static void what_was_sent_in_between_is_not_joined(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});
    struct gw_bundle bundle = {0};
    struct gw_destination to;
    uint64_t epoch, sequence;

    gw_bundle_begin(&bundle);
    assert_int_equal(join_text(tail, &bundle, &one, 0, "a"), GW_TAIL_OK);
    assert_int_equal(gw_tail_append(tail, &one, "x", 1, 'o', &epoch, &sequence), GW_TAIL_OK);
    assert_int_equal(sequence, 2);
    gw_batch_drop(gw_tail_take(tail, &to));
    assert_int_equal(join_text(tail, &bundle, &one, 0, "c"), GW_TAIL_OK);
    gw_bundle_finish(&bundle);
    assert_int_equal(bundle.count, 2);
    assert_int_equal(bundle.batches[0]->count, 1);
    assert_int_equal(bundle.batches[1]->first, 3);
    drop(&bundle);
    gw_tail_destroy(&tail);
}

static void a_transaction_that_finds_no_room_leaves_nothing(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){.outbox_max_messages = 3});
    struct gw_bundle bundle = {0};

    gw_bundle_begin(&bundle);
    assert_int_equal(join_text(tail, &bundle, &one, 0, "a"), GW_TAIL_OK);
    gw_bundle_begin(&bundle);
    assert_int_equal(join_text(tail, &bundle, &one, 1, "Hb"), GW_TAIL_OK);
    assert_int_equal(join_text(tail, &bundle, &two, 0, "c"), GW_TAIL_OK);
    assert_int_equal(join_text(tail, &bundle, &two, 0, "d"), GW_TAIL_FULL);
    gw_tail_unjoin(tail, &bundle);
    assert_int_equal(gw_tail_outbox_messages(tail), 1);
    assert_int_equal(gw_tail_outbox_bytes(tail), 1);
    assert_int_equal(gw_tail_unstored(tail), 1);
    assert_int_equal(bundle.count, 1);

    gw_bundle_begin(&bundle); /* their numbers are used by the next */
    assert_int_equal(join_text(tail, &bundle, &one, 0, "e"), GW_TAIL_OK);
    assert_int_equal(join_text(tail, &bundle, &two, 0, "f"), GW_TAIL_OK);
    gw_bundle_finish(&bundle);
    assert_int_equal(bundle.batches[0]->count, 2);
    assert_memory_equal(bundle.batches[0]->body->data, "ae", 2);
    assert_int_equal(bundle.batches[1]->first, 1);
    assert_int_equal(bundle.batches[1]->bytes_before, 0);
    drop(&bundle);
    gw_tail_destroy(&tail);
}

static void a_full_batch_is_followed_by_another(void **state)
{
    (void)state;
    struct gw_tail *tail = new_tail((struct gw_tail_options){0});
    struct gw_bundle bundle = {0};
    char *text = calloc(1, GW_BATCH_BYTES_MAX / 2 + 2);

    memset(text, 'x', GW_BATCH_BYTES_MAX / 2 + 1);
    gw_bundle_begin(&bundle);
    assert_int_equal(join_text(tail, &bundle, &one, 0, text), GW_TAIL_OK);
    assert_int_equal(join_text(tail, &bundle, &one, 0, text), GW_TAIL_OK);
    assert_int_equal(bundle.count, 2);
    gw_tail_unjoin(tail, &bundle); /* of both */
    assert_int_equal(bundle.count, 0);
    assert_int_equal(gw_tail_outbox_bytes(tail), 0);
    gw_bundle_clear(&bundle);
    free(text);
    gw_tail_destroy(&tail);
}

static void without_memory_nothing_changes(void **state)
{
    (void)state;
    static const char *const texts[] = {"a", "Hb", "ccc"};

    for (size_t fail_at = 0; fail_at < 40; fail_at++) {
        struct gw_tail *tail = new_tail((struct gw_tail_options){0});
        struct gw_bundle bundle = {0};

        memory_left = fail_at;
        for (size_t i = 0; i < 6; i++) { /* a transaction of two messages each */
            gw_bundle_begin(&bundle);
            while (join_text(tail, &bundle, &one, i == 1, texts[i % 3]) != GW_TAIL_OK ||
                   join_text(tail, &bundle, &two, 0, texts[i % 3]) != GW_TAIL_OK) {
                gw_tail_unjoin(tail, &bundle);
                assert_int_equal(gw_tail_outbox_messages(tail), i * 2);
                gw_bundle_begin(&bundle);
                memory_left = SIZE_MAX;
            }
        }
        gw_bundle_finish(&bundle);
        assert_int_equal(bundle.count, 2);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(bundle.batches[i]->count, 6);
            assert_memory_equal(bundle.batches[i]->body->data, "aHbcccaHbccc", 12);
            assert_int_equal(gw_batch_offset(bundle.batches[i], 5), 7);
        }
        assert_int_equal(bundle.batches[0]->heads[1], 1);
        memory_left = SIZE_MAX;
        drop(&bundle);
        gw_tail_destroy(&tail);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_to_one_destination_share_a_batch),
        cmocka_unit_test(a_later_bundle_goes_on_where_the_one_before_ended),
        cmocka_unit_test(nothing_joins_while_something_appended_waits),
        cmocka_unit_test(what_was_sent_in_between_is_not_joined),
        cmocka_unit_test(a_transaction_that_finds_no_room_leaves_nothing),
        cmocka_unit_test(a_full_batch_is_followed_by_another),
        cmocka_unit_test(without_memory_nothing_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
