/* SPDX-License-Identifier: MPL-2.0 */

/* The queue of an inbox and what becomes of its deliveries, without an engine: what is left for it
 * is looked into instead. */

/* Length: all that may happen to a message between the engine and the application, on one bench. */

#include "failing_memory.h"

#include "peer/in_hand.c"
#include "peer/inbox.c"

#include "peer/headers.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define BYTES 10 /* of each message */

struct bench {
    struct godwit_peer peer;
    struct godwit_inbox inbox;
    char directory[128];
};

static const uint8_t STORE[16] = "a store";

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    const char *base = getenv("TMPDIR");

    pthread_mutex_init(&bench->peer.lock, NULL);
    gw_fork_mark_init(&bench->peer.fork_mark);
    atomic_init(&bench->peer.references, 1);
    atomic_init(&bench->peer.notified, true); /* there is no engine to wake */
    snprintf(bench->directory, sizeof bench->directory, "%s/godwit-inbox-XXXXXX",
             base && *base ? base : "/tmp");
    if (!mkdtemp(bench->directory) ||
        gw_marks_open(bench->directory, STORE, &bench->peer.marks) != 0)
        return -1;
    gw_marks_adopt(bench->peer.marks);
    bench->inbox.peer = &bench->peer;
    bench->inbox.open = true;
    bench->inbox.fd = eventfd(0, EFD_NONBLOCK);
    pthread_mutex_init(&bench->inbox.lock, NULL);
    gw_cond_init(&bench->inbox.arrived);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    char file[160];

    gw_inbox_flush(&bench->inbox);
    free(bench->inbox.handed.items);
    gw_decided_clear(&bench->inbox.acked);
    close(bench->inbox.fd);
    int left = (int)atomic_load(&bench->peer.references) - 1; /* runs that nobody freed */
    gw_marks_close(&bench->peer.marks);
    gw_mailbox_clear(&bench->peer.mailbox);
    gw_fork_mark_clear(&bench->peer.fork_mark);
    snprintf(file, sizeof file, "%s/" GW_MARKS_NAME, bench->directory);
    unlink(file);
    rmdir(bench->directory);
    free(bench);
    return left;
}

static struct gw_inbound *inbound_of(uint64_t epoch, uint64_t first, uint64_t last)
{
    struct gw_inbound *inbound = calloc(1, sizeof *inbound);
    uint8_t *bytes;

    inbound->epoch = epoch;
    inbound->first = first;
    inbound->count = last - first + 1;
    inbound->number = epoch * 100;
    inbound->attempt = 1;
    strcpy(inbound->sender, "sender");
    inbound->body = gw_blob_new(inbound->count * BYTES, &bytes);
    inbound->ends = calloc(inbound->count, sizeof *inbound->ends);
    inbound->pieces = calloc(1, sizeof *inbound->pieces);
    for (size_t i = 0; i < inbound->count; i++) {
        memset(bytes + i * BYTES, (int)(first + i), BYTES);
        inbound->ends[i] = (uint32_t)((i + 1) * BYTES);
    }
    inbound->pieces[0] = (struct gw_range){first, last};
    inbound->piece_count = 1;
    return inbound;
}

static void arrives(struct bench *bench, uint64_t epoch, uint64_t first, uint64_t last)
{
    assert_int_equal(gw_inbox_deliver(&bench->inbox, inbound_of(epoch, first, last)), 0);
}

static godwit_delivery_t *take(struct bench *bench)
{
    godwit_delivery_t *delivery = NULL;

    assert_int_equal(godwit_inbox_next(&bench->inbox, 0, &delivery), GODWIT_OK);
    return delivery;
}

static void next_is(struct bench *bench, uint64_t epoch, uint64_t sequence)
{
    godwit_delivery_t *delivery = take(bench);
    godwit_id_t id = godwit_delivery_id(delivery);

    assert_int_equal(id.epoch, epoch);
    assert_int_equal(id.sequence, sequence);
    assert_int_equal(godwit_ack(&delivery), GODWIT_OK);
}

static void nothing_is_left(struct bench *bench)
{
    struct pollfd poll_fd = {.fd = bench->inbox.fd, .events = POLLIN};
    godwit_delivery_t *delivery;

    assert_int_equal(poll(&poll_fd, 1, 0), 0);
    assert_int_equal(godwit_inbox_next(&bench->inbox, 0, &delivery), GODWIT_ETIMEDOUT);
}

static bool readable(struct bench *bench)
{
    struct pollfd poll_fd = {.fd = godwit_inbox_fd(&bench->inbox), .events = POLLIN};

    bool readable = poll(&poll_fd, 1, 0) == 1;
    if (bench->inbox.open && !bench->inbox.closing)
        assert_int_equal(godwit_inbox_ready(&bench->inbox), readable);
    else
        assert_false(godwit_inbox_ready(&bench->inbox));
    return readable;
}

static void is_taken(const struct gw_taken *taken, uint64_t epoch, uint64_t first, uint64_t last)
{
    assert_int_equal(taken->epoch, epoch);
    assert_int_equal(taken->range.first, first);
    assert_int_equal(taken->range.last, last);
    assert_int_equal(taken->bytes, (last - first + 1) * BYTES);
    assert_int_equal(taken->number, epoch * 100);
}

/* How many marks of the peer are in use: those that cannot be made, and that the inbox does not
 * keep for its next message. */
static size_t marks_in_use(struct bench *bench)
{
    static uint32_t made[GW_MARKS_MAX];
    size_t count = 0;

    while ((made[count] = gw_marks_make(bench->peer.marks, 1, 1, 1)) != GW_MARK_NONE)
        if (++count == GW_MARKS_MAX)
            break;
    for (size_t i = 0; i < count; i++)
        gw_marks_unmake(bench->peer.marks, made[i]);
    return GW_MARKS_MAX - count - bench->inbox.spare_count;
}

/* --- taking back --- */

static void a_recall_takes_what_was_not_handed_over(void **state)
{
    static const struct gw_range wanted[] = {{1, 3}, {6, 6}, {8, 20}};
    struct gw_taken_list taken = {0};
    struct bench *bench = *state;

    arrives(bench, 5, 1, 4);
    arrives(bench, 6, 1, 2); /* another epoch stays */
    arrives(bench, 5, 5, 9);
    godwit_delivery_t *begun = take(bench);
    assert_int_equal(gw_inbox_take_back(&bench->inbox, 5, wanted, 3, &taken), 0);
    assert_int_equal(taken.count, 3);
    is_taken(&taken.items[0], 5, 2, 3);
    is_taken(&taken.items[1], 5, 6, 6);
    is_taken(&taken.items[2], 5, 8, 9);
    gw_taken_clear(&taken);
    next_is(bench, 5, 4);
    next_is(bench, 6, 1);
    next_is(bench, 6, 2);
    next_is(bench, 5, 5);
    next_is(bench, 5, 7);
    nothing_is_left(bench);
    assert_int_equal(godwit_ack(&begun), GODWIT_OK);
}

static void a_recall_of_everything_empties_the_queue(void **state)
{
    static const struct gw_range all = {1, UINT64_MAX};
    struct gw_taken_list taken = {0};
    struct bench *bench = *state;

    arrives(bench, 5, 1, 4);
    arrives(bench, 5, 5, 9);
    assert_true(readable(bench));
    assert_int_equal(gw_inbox_take_back(&bench->inbox, 5, &all, 1, &taken), 0);
    assert_int_equal(taken.count, 1);
    is_taken(&taken.items[0], 5, 1, 9);
    nothing_is_left(bench);
    arrives(bench, 5, 1, 2); /* they may come again, behind the rest */
    assert_true(readable(bench));
    next_is(bench, 5, 1);
    next_is(bench, 5, 2);
    nothing_is_left(bench);
    gw_taken_clear(&taken);
}

static void what_several_were_given_is_not_taken_back(void **state)
{
    godwit_delivery_t *deliveries[3];
    struct gw_taken_list taken = {0};
    struct bench *bench = *state;
    size_t count;

    arrives(bench, 5, 1, 5);
    assert_int_equal(godwit_inbox_next_many(&bench->inbox, 0, deliveries, 3, &count), GODWIT_OK);
    assert_int_equal(count, 3);
    assert_int_equal(gw_inbox_take_back(&bench->inbox, 0, NULL, 0, &taken), 0);
    assert_int_equal(taken.count, 1);
    is_taken(&taken.items[0], 5, 4, 5);
    gw_taken_clear(&taken);
    assert_int_equal(godwit_ack_many(deliveries, count), GODWIT_OK);
}

/* Of what a queue cannot give back without memory nothing is lost. */
static void without_memory_the_rest_stays_in_the_queue(void **state)
{
    static const struct gw_range wanted[] = {{1, 1}, {3, 3}};
    struct gw_taken_list taken = {0};
    struct bench *bench = *state;

    arrives(bench, 5, 1, 4);
    memory_left = 0;
    assert_int_equal(gw_inbox_take_back(&bench->inbox, 5, wanted, 2, &taken), -ENOMEM);
    memory_left = SIZE_MAX;
    assert_int_equal(taken.count, 0);
    for (uint64_t i = 1; i <= 4; i++)
        next_is(bench, 5, i);
    nothing_is_left(bench);
    gw_taken_clear(&taken);
}

static void without_memory_a_run_is_not_queued(void **state)
{
    struct bench *bench = *state;
    struct gw_inbound *inbound = inbound_of(5, 1, 4);

    memory_left = 0;
    assert_int_equal(gw_inbox_deliver(&bench->inbox, inbound), -ENOMEM);
    memory_left = SIZE_MAX;
    arrives(bench, 5, 1, 1);
    memory_left = 0; /* hints are not worth a failure */
    godwit_delivery_t *delivery = take(bench);
    memory_left = SIZE_MAX;
    assert_int_equal(godwit_ack(&delivery), GODWIT_OK);
}

/* --- begun --- */

static void one_is_begun_at_once_and_many_at_the_first_look(void **state)
{
    godwit_delivery_t *deliveries[8];
    struct gw_handed_list handed = {0};
    struct bench *bench = *state;
    size_t count;

    arrives(bench, 5, 1, 6);
    godwit_delivery_t *one = take(bench);
    assert_int_equal(marks_in_use(bench), 1);
    assert_int_equal(godwit_inbox_next_many(&bench->inbox, 0, deliveries, 8, &count), GODWIT_OK);
    assert_int_equal(count, 5);
    assert_int_equal(marks_in_use(bench), 1);
    assert_memory_equal(godwit_delivery_data(deliveries[0]), "\2\2\2", 3);
    godwit_delivery_data(deliveries[0]);
    godwit_delivery_data(deliveries[1]);
    godwit_delivery_data(deliveries[3]);
    assert_int_equal(marks_in_use(bench), 4);

    gw_inbox_take_handed(&bench->inbox, &handed);
    assert_int_equal(handed.count, 2);
    assert_int_equal(handed.items[0].range.first, 1);
    assert_int_equal(handed.items[0].range.last, 3);
    assert_int_equal(handed.items[1].range.first, 5);
    gw_inbox_take_handed(&bench->inbox, &handed);
    assert_int_equal(handed.count, 0);
    free(handed.items);

    assert_int_equal(godwit_ack(&one), GODWIT_OK);
    assert_int_equal(marks_in_use(bench), 3);
    assert_int_equal(godwit_ack_many(deliveries, count), GODWIT_OK);
    assert_int_equal(marks_in_use(bench), 0);
}

static void every_end_of_a_handler_unmakes_its_mark(void **state)
{
    struct bench *bench = *state;
    godwit_delivery_t *delivery;

    arrives(bench, 5, 1, 5);
    delivery = take(bench);
    assert_int_equal(godwit_nack(&delivery, 0, "later"), GODWIT_OK);
    assert_null(delivery);
    delivery = take(bench);
    assert_int_equal(godwit_reject(&delivery, 7, "never"), GODWIT_OK);
    delivery = take(bench);
    godwit_delivery_drop(&delivery);
    assert_null(delivery);
    delivery = take(bench);
    bench->peer.generation++;
    assert_int_equal(godwit_nack(&delivery, -1, NULL), GODWIT_ESTALE);
    delivery = take(bench);
    assert_int_equal(godwit_reject(&delivery, 7, NULL), GODWIT_ESTALE);
    assert_int_equal(marks_in_use(bench), 0);
}

/* The next open of the file finds the mark: with the sequence and the offer. */
static void a_mark_names_the_message(void **state)
{
    struct bench *bench = *state;
    struct gw_marks *again;
    size_t count;

    arrives(bench, 5, 1, 3);
    next_is(bench, 5, 1);
    godwit_delivery_t *delivery = take(bench);
    assert_int_equal(gw_marks_open(bench->directory, STORE, &again), 0);
    const struct gw_begun *begun = gw_marks_found(again, &count);
    assert_int_equal(count, 1);
    assert_int_equal(begun->epoch, 5);
    assert_int_equal(begun->first, 2);
    assert_int_equal(begun->number, 500);
    gw_marks_close(&again);
    godwit_delivery_drop(&delivery);
}

/* The slot stays with the inbox for the next message; what is in it must not. */
static void an_acknowledged_message_leaves_no_mark(void **state)
{
    struct bench *bench = *state;
    struct gw_marks *again;
    size_t count;

    arrives(bench, 5, 1, 1);
    next_is(bench, 5, 1);
    assert_int_equal(gw_marks_open(bench->directory, STORE, &again), 0);
    gw_marks_found(again, &count);
    assert_int_equal(count, 0);
    gw_marks_close(&again);
}

static void hints_are_bounded(void **state)
{
    struct gw_handed_list handed = {0};
    struct bench *bench = *state;

    for (uint64_t i = 0; i < 2 * GW_HANDED_MAX; i++) {
        arrives(bench, i + 1, 1, 1); /* none is the neighbour of another */
        next_is(bench, i + 1, 1);
    }
    gw_inbox_take_handed(&bench->inbox, &handed);
    assert_int_equal(handed.count, GW_HANDED_MAX);
    free(handed.items);
}

static void neighbours_of_one_epoch_are_one_hint(void **state)
{
    struct gw_handed_list handed = {0};
    struct bench *bench = *state;

    arrives(bench, 5, 1, 2);
    next_is(bench, 5, 1);
    next_is(bench, 5, 2);
    arrives(bench, 6, 3, 3); /* the next number, of another epoch */
    next_is(bench, 6, 3);
    gw_inbox_take_handed(&bench->inbox, &handed);
    assert_int_equal(handed.count, 2);
    assert_int_equal(handed.items[0].epoch, 5);
    assert_int_equal(handed.items[0].range.last, 2);
    assert_int_equal(handed.items[1].epoch, 6);
    assert_int_equal(handed.items[1].range.first, 3);
    free(handed.items);
}

static void what_comes_after_a_taking_back_queues_behind_the_rest(void **state)
{
    const struct gw_range second = {2, 2};
    struct gw_taken_list taken = {0};
    struct bench *bench = *state;

    arrives(bench, 5, 1, 3);
    assert_int_equal(gw_inbox_take_back(&bench->inbox, 5, &second, 1, &taken), 0);
    gw_taken_clear(&taken);
    arrives(bench, 6, 1, 1);
    next_is(bench, 5, 1);
    next_is(bench, 5, 3);
    next_is(bench, 6, 1);
}

/* An inbox that is first opened after the store was reopened knew no turn before. */
static void what_a_later_turn_delivers_first_is_not_stale(void **state)
{
    struct bench *bench = *state;

    bench->peer.generation = 3;
    arrives(bench, 5, 1, 1);
    next_is(bench, 5, 1);
}

/* Its next failure may be the end of this process: its sender is to know that it was begun. */
static void what_failed_before_is_told_at_once(void **state)
{
    static const struct {
        bool redelivered;
        uint64_t attempt;
        bool urgent;
    } cases[] = {{false, 1, false}, {true, 1, true}, {false, 2, true}};
    struct bench *bench = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gw_inbound *inbound = inbound_of(5 + i, 1, 1);

        inbound->redelivered = cases[i].redelivered;
        inbound->attempt = cases[i].attempt;
        assert_int_equal(gw_inbox_deliver(&bench->inbox, inbound), 0);
        godwit_delivery_t *delivery = take(bench);
        assert_int_equal(gw_delivery_is_urgent(delivery), cases[i].urgent);
        assert_int_equal(godwit_ack(&delivery), GODWIT_OK);
    }
}

/* --- decisions --- */

static void a_nack_says_how_to_try_again(void **state)
{
    struct bench *bench = *state;
    godwit_delivery_t *delivery;

    arrives(bench, 5, 1, 2);
    delivery = take(bench);
    assert_int_equal(godwit_nack(&delivery, -2, NULL), GODWIT_EINVAL);
    assert_int_equal(godwit_nack(&delivery, 1500, "busy\n"), GODWIT_OK);
    assert_int_equal(godwit_nack(&delivery, 0, NULL), GODWIT_EINVAL);
    delivery = take(bench);
    assert_int_equal(godwit_nack(&delivery, -1, NULL), GODWIT_OK);
    assert_int_equal(bench->peer.mailbox.return_count, 2);
    const struct gw_giving_back *first = &bench->peer.mailbox.returns[0];
    assert_int_equal(first->what.kind, GW_RETURN_NACK);
    assert_int_equal(first->what.first, 1);
    assert_int_equal(first->what.last, 1);
    assert_int_equal(first->what.bytes, BYTES);
    assert_int_equal(first->what.number, 500);
    assert_int_equal(first->what.delay_ms, 1500);
    assert_string_equal(first->why, "busy?");
    assert_int_equal(bench->peer.mailbox.returns[1].what.delay_ms, UINT32_MAX);
}

static void a_nack_in_order_keeps_back_what_follows(void **state)
{
    struct gw_inbound *ordered = inbound_of(5, 1, 4);
    struct bench *bench = *state;

    ordered->ordered = true;
    assert_int_equal(gw_inbox_deliver(&bench->inbox, ordered), 0);
    arrives(bench, 6, 1, 1);
    ordered = inbound_of(5, 5, 6);
    ordered->ordered = true;
    assert_int_equal(gw_inbox_deliver(&bench->inbox, ordered), 0);
    godwit_delivery_t *first = take(bench), *second = take(bench);
    assert_int_equal(godwit_nack(&first, 0, NULL), GODWIT_OK);
    next_is(bench, 6, 1);
    nothing_is_left(bench);
    assert_int_equal(bench->peer.mailbox.return_count, 2);
    const struct gw_turn_return *back = &bench->peer.mailbox.returns[1].what;
    assert_int_equal(back->kind, GW_RETURN_RELEASE);
    assert_int_equal(back->first, 3);
    assert_int_equal(back->last, 6);
    assert_int_equal(back->bytes, 4 * BYTES);
    assert_int_equal(godwit_ack(&second), GODWIT_OK);
}

static void many_acks_are_one_decision(void **state)
{
    godwit_delivery_t *deliveries[8];
    struct bench *bench = *state;
    size_t count;

    arrives(bench, 5, 1, 3);
    arrives(bench, 5, 4, 5);
    assert_int_equal(godwit_inbox_next_many(&bench->inbox, 0, deliveries, 8, &count), GODWIT_OK);
    assert_int_equal(count, 5);
    assert_int_equal(godwit_ack_many(deliveries, count), GODWIT_OK);
    for (size_t i = 0; i < count; i++)
        assert_null(deliveries[i]);
    assert_int_equal(bench->inbox.acked.count, 1);
    assert_int_equal(bench->inbox.acked.items[0].first, 1);
    assert_int_equal(bench->inbox.acked.items[0].last, 5);
    assert_int_equal(bench->inbox.acked.items[0].bytes, 5 * BYTES);
    assert_int_equal(godwit_ack_many(deliveries, 0), GODWIT_OK);
    assert_int_equal(godwit_ack_many(NULL, 0), GODWIT_OK);
}

static void many_acks_go_on_after_a_bad_one(void **state)
{
    godwit_delivery_t *deliveries[4];
    struct bench *bench = *state;
    size_t count;

    arrives(bench, 5, 1, 3);
    assert_int_equal(godwit_inbox_next_many(&bench->inbox, 0, deliveries, 2, &count), GODWIT_OK);
    assert_int_equal(count, 2);
    deliveries[2] = NULL;
    deliveries[3] = take(bench);
    assert_int_equal(godwit_ack_many(deliveries, 4), GODWIT_EINVAL);
    assert_null(deliveries[0]);
    assert_null(deliveries[3]);
    assert_int_equal(bench->inbox.acked.count, 1);
    assert_int_equal(bench->inbox.acked.items[0].last, 3);
    assert_int_equal(godwit_ack_many(NULL, 1), GODWIT_EINVAL);

    arrives(bench, 5, 4, 5);
    assert_int_equal(godwit_inbox_next_many(&bench->inbox, 0, deliveries, 4, &count), GODWIT_OK);
    bench->peer.generation++;
    gw_inbox_flush(&bench->inbox);
    assert_int_equal(godwit_ack_many(deliveries, count), GODWIT_ESTALE);
    assert_null(deliveries[0]);
    assert_null(deliveries[1]);
    assert_int_equal(bench->inbox.acked.count, 0);
    arrives(bench, 5, 4, 4); /* and what comes of the new turn is not stale */
    next_is(bench, 5, 4);
}

static void next_many_says_how_many(void **state)
{
    godwit_delivery_t *deliveries[2];
    struct bench *bench = *state;
    size_t count = 9;

    assert_int_equal(godwit_inbox_next_many(&bench->inbox, 0, deliveries, 2, &count),
                     GODWIT_ETIMEDOUT);
    assert_int_equal(count, 0);
    assert_int_equal(godwit_inbox_next_many(&bench->inbox, 0, deliveries, 0, &count),
                     GODWIT_EINVAL);
    assert_int_equal(godwit_inbox_next_many(&bench->inbox, 0, NULL, 2, &count), GODWIT_EINVAL);
    assert_int_equal(godwit_inbox_next_many(&bench->inbox, 0, deliveries, 2, NULL), GODWIT_EINVAL);
}

/* --- headers --- */

static godwit_delivery_t *with_block(struct bench *bench, const void *block, uint32_t block_size)
{
    struct gw_inbound *inbound = inbound_of(5, 1, 1);
    uint8_t *bytes;

    gw_blob_drop(inbound->body);
    inbound->body = gw_blob_new(block_size + 4, &bytes);
    memcpy(bytes, block, block_size);
    memcpy(bytes + block_size, "body", 4);
    inbound->ends[0] = block_size + 4;
    inbound->heads = calloc(1, sizeof *inbound->heads);
    inbound->heads[0] = block_size;
    assert_int_equal(gw_inbox_deliver(&bench->inbox, inbound), 0);
    return take(bench);
}

static void headers_are_not_part_of_the_data(void **state)
{
    static const char block[] = "\1a\0\2xy\5b.c-d\0\0";
    godwit_delivery_t *delivery = with_block(*state, block, sizeof block - 1);
    const void *value;
    const char *key;
    size_t size;

    assert_int_equal(godwit_delivery_size(delivery), 4);
    assert_memory_equal(godwit_delivery_data(delivery), "body", 4);
    assert_int_equal(godwit_delivery_header(delivery, "a", &value, &size), GODWIT_OK);
    assert_int_equal(size, 2);
    assert_memory_equal(value, "xy", 2);
    assert_int_equal(godwit_delivery_header(delivery, "b.c-d", &value, &size), GODWIT_OK);
    assert_int_equal(size, 0);
    assert_non_null(value);
    assert_int_equal(godwit_delivery_header(delivery, "b", &value, &size), GODWIT_ENOTFOUND);
    assert_int_equal(godwit_delivery_header(delivery, "B", &value, &size), GODWIT_EINVAL);
    assert_int_equal(godwit_delivery_header(delivery, NULL, &value, &size), GODWIT_EINVAL);
    assert_int_equal(godwit_delivery_header_at(delivery, 0, &key, &value, &size), GODWIT_OK);
    assert_string_equal(key, "a");
    assert_int_equal(godwit_delivery_header_at(delivery, 1, &key, &value, &size), GODWIT_OK);
    assert_string_equal(key, "b.c-d");
    assert_int_equal(size, 0);
    assert_int_equal(godwit_delivery_header_at(delivery, 2, &key, &value, &size),
                     GODWIT_ENOTFOUND);
    assert_int_equal(godwit_delivery_header_at(NULL, 2, &key, &value, &size), GODWIT_EINVAL);
    assert_int_equal(godwit_ack(&delivery), GODWIT_OK);
    assert_int_equal(((struct bench *)*state)->inbox.acked.items[0].bytes,
                     sizeof block - 1 + 4); /* credit is of all that came */
}

static void a_malformed_block_is_no_headers(void **state)
{
    static const char block[] = "\1a\0\2xy\5b";
    godwit_delivery_t *delivery = with_block(*state, block, sizeof block - 1);
    const void *value;
    const char *key;
    size_t size;

    assert_int_equal(godwit_delivery_size(delivery), 4);
    assert_memory_equal(godwit_delivery_data(delivery), "body", 4);
    assert_int_equal(godwit_delivery_header(delivery, "a", &value, &size), GODWIT_ENOTFOUND);
    assert_int_equal(godwit_delivery_header_at(delivery, 0, &key, &value, &size),
                     GODWIT_ENOTFOUND);
    assert_int_equal(godwit_ack(&delivery), GODWIT_OK);
}

#define inbox_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        inbox_test(a_recall_takes_what_was_not_handed_over),
        inbox_test(a_recall_of_everything_empties_the_queue),
        inbox_test(what_several_were_given_is_not_taken_back),
        inbox_test(without_memory_the_rest_stays_in_the_queue),
        inbox_test(without_memory_a_run_is_not_queued),
        inbox_test(one_is_begun_at_once_and_many_at_the_first_look),
        inbox_test(every_end_of_a_handler_unmakes_its_mark),
        inbox_test(a_mark_names_the_message),
        inbox_test(an_acknowledged_message_leaves_no_mark),
        inbox_test(hints_are_bounded),
        inbox_test(neighbours_of_one_epoch_are_one_hint),
        inbox_test(what_failed_before_is_told_at_once),
        inbox_test(what_comes_after_a_taking_back_queues_behind_the_rest),
        inbox_test(what_a_later_turn_delivers_first_is_not_stale),
        inbox_test(a_nack_says_how_to_try_again),
        inbox_test(a_nack_in_order_keeps_back_what_follows),
        inbox_test(many_acks_are_one_decision),
        inbox_test(many_acks_go_on_after_a_bad_one),
        inbox_test(next_many_says_how_many),
        inbox_test(headers_are_not_part_of_the_data),
        inbox_test(a_malformed_block_is_no_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
