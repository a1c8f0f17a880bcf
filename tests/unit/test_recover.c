/* SPDX-License-Identifier: MPL-2.0 */
/* Recovery: a core made from the rows that an earlier one wrote has the same books, however often
 * it is done (invariant 30). */

#include "core/state.h"
#include "support/core_sender.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* ---- books as text ---- */

struct text {
    char bytes[8192];
    size_t size;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    text->size += (size_t)vsnprintf(text->bytes + text->size, sizeof text->bytes - text->size,
                                    format, arguments);
    va_end(arguments);
    assert_true(text->size < sizeof text->bytes);
}

static void say_ranges(struct text *text, const char *what, const struct gw_ranges *set,
                       uint64_t floor)
{
    struct gw_range piece;
    uint64_t at = floor;
    say(text, " %s", what);
    while (gw_ranges_next(set, true, &at, UINT64_MAX, &piece))
        say(text, " %llu-%llu", (unsigned long long)piece.first, (unsigned long long)piece.last);
}

static void say_stream(struct text *text, const struct gw_stream *stream)
{
    say(text, "stream %llu floor %llu last %llu stored %llu next %llu;",
        (unsigned long long)stream->epoch, (unsigned long long)stream->floor_published,
        (unsigned long long)stream->last, (unsigned long long)stream->stored,
        (unsigned long long)stream->next_unassigned);
    say_ranges(text, "settled", &stream->settled, stream->floor);
    for (size_t i = 0; i < stream->runs.count; i++) {
        const struct gw_run *run = gw_index_at(&stream->runs, i);
        say(text, "; run %llu-%llu %s left %llu", (unsigned long long)run->first,
            (unsigned long long)run->last, run->member->remote->name,
            (unsigned long long)run->left);
    }
    for (const char *name = "b\0c\0"; *name; name += 2) {
        const struct gw_offer *offer = stream->offers;
        while (offer && strcmp(offer->remote->name, name) != 0)
            offer = offer->next;
        if (offer)
            say(text, "; offered %s known %d", name, offer->known);
    }
    say(text, "\n");
}

static void say_window(struct text *text, const struct gw_window *window)
{
    say(text, "window %llu of %s floor %llu closed %d;", (unsigned long long)window->epoch,
        window->owner->name, (unsigned long long)window->floor, window->closed);
    say_ranges(text, "decided", &window->decided, window->floor);
    say(text, "\n");
}

static void say_books(struct text *text, const struct driver *d)
{
    text->size = 0;
    for (uint64_t epoch = 1; epoch < 20; epoch++) {
        const struct gw_stream *stream = gw_map_get(&d->core->streams, epoch);
        const struct gw_window *window = gw_map_get(&d->core->windows, epoch);
        if (stream)
            say_stream(text, stream);
        if (window)
            say_window(text, window);
    }
}

static void say_rows(struct text *text, const struct driver *d)
{
    text->size = 0;
    for (size_t i = 0; i < d->row_count; i++)
        say(text, "%c %llu %llu-%llu %s %llu %d\n", d->rows[i].kind,
            (unsigned long long)d->rows[i].epoch, (unsigned long long)d->rows[i].first,
            (unsigned long long)d->rows[i].last, d->rows[i].peer,
            (unsigned long long)d->rows[i].floor, d->rows[i].flag);
}

/* A peer in the middle of everything, with nothing that is not durable. */
static void busy(struct driver *d)
{
    driver_open(d, "a");
    driver_serve(d, "in", 1000, 1 << 24);
    driver_serve(d, "work", 1000, 1 << 24);
    uint64_t b = driver_member(d, 1, "b", 60);
    uint64_t c = driver_member(d, 2, "c", 60);
    driver_send_batches(d, 15, 10, 10);
    driver_send(d, 7, 1, 5, 10);
    driver_commit(d);
    remote_ack(d, 1, b, EPOCH, 1, 12);
    remote_ack(d, 2, c, EPOCH, 1, 12);
    remote_ack(d, 1, b, EPOCH, 31, 47);
    driver_commit(d);
    driver_commit(d);
    uint64_t s = driver_sender(d, 3, "s", 9);
    remote_data(d, 3, s, 9, 1, 50);
    driver_decide(d, 9, 2, 20);
    driver_decide(d, 9, 30, 30);
    driver_commit(d);
    remote_ping_floor(d, 3, s, 9, 10, 50);
    remote_open(d, 3, s, 10, true);
    remote_data(d, 3, s, 10, 1, 3);
    driver_decide(d, 10, 1, 3);
    driver_commit(d);
    remote_close_epoch(d, 3, s, 10, 3);
    driver_commit(d);
    driver_commit(d);
}

static void a_recovered_core_has_the_books_of_the_one_that_wrote_them(void **state)
{
    (void)state;
    static struct text before, after;
    struct driver d;
    busy(&d);
    say_books(&before, &d);
    assert_non_null(strstr(before.bytes, "window 10 of s floor 4 closed 1"));
    assert_non_null(strstr(before.bytes, "settled 3")); /* something above a floor */
    driver_restart(&d);
    say_books(&after, &d);
    assert_string_equal(before.bytes, after.bytes);
    driver_close(&d);
}

static void recovering_again_changes_neither_books_nor_rows(void **state)
{
    (void)state;
    static struct text books, rows, books_again, rows_again;
    struct driver d;
    busy(&d);
    driver_restart(&d);
    say_books(&books, &d);
    say_rows(&rows, &d);
    driver_seal(&d); /* what recovery itself wants to write, if anything */
    driver_restart(&d);
    say_books(&books_again, &d);
    say_rows(&rows_again, &d);
    assert_string_equal(books.bytes, books_again.bytes);
    assert_string_equal(rows.bytes, rows_again.bytes);
    driver_commit(&d);
    driver_restart(&d);
    say_rows(&rows_again, &d);
    assert_string_equal(rows.bytes, rows_again.bytes);
    driver_close(&d);
}

static void a_write_in_flight_at_the_crash_leaves_the_books_before_it(void **state)
{
    (void)state;
    static struct text before, after;
    struct driver d;
    busy(&d);
    say_books(&before, &d);
    driver_send(&d, EPOCH, 151, 10, 10);
    driver_send(&d, 11, 1, 10, 10);
    remote_data(&d, 3, gw_remote_find(d.core, "s")->link.id, 9, 51, 10);
    driver_decide(&d, 9, 31, 55);
    driver_seal(&d);
    driver_restart(&d);
    say_books(&after, &d);
    assert_string_equal(before.bytes, after.bytes);
    driver_close(&d);
}

static void old_epochs_are_not_continued(void **state)
{
    (void)state;
    struct driver d;
    busy(&d);
    driver_restart(&d);
    struct gw_stream_view view;
    assert_true(driver_stream(&d, EPOCH, &view));
    assert_true(view.old);
    d.lenient = true;
    driver_send(&d, EPOCH, 151, 1, 10);
    assert_int_not_equal(d.result, 0);
    driver_close(&d);
}

static void what_was_never_assigned_is_offered_after_a_restart(void **state)
{
    (void)state;
    struct driver d;
    driver_begin_without(&d, 10);
    driver_restart(&d);
    uint64_t link = driver_link(&d, 1, "b");
    remote_serve(&d, 1, link, 1000, 1 << 20);
    assert_int_equal(driver_effect(&d, GW_EFFECT_LOAD, 0)->u.load.from, 1);
    remote_complete(&d, 1, link);
    driver_loaded(&d, EPOCH, 1, 10);
    driver_commit(&d);
    assert_int_equal(driver_data(&d, 0).last, 10);
    assert_false(driver_effect(&d, GW_EFFECT_SEND_DATA, 0)->u.data.redelivered);
    driver_close(&d);
}

static void rows_of_an_epoch_that_is_gone_name_nothing(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_crash(&d);
    d.rows[0] = (struct gw_row){.kind = GW_ROW_SETTLED, .epoch = 3, .first = 1, .last = 4};
    d.rows[1] = (struct gw_row){.kind = GW_ROW_ASSIGNMENT, .epoch = 3, .first = 1, .last = 4};
    d.rows[2] = (struct gw_row){.kind = GW_ROW_OFFERED, .epoch = 3, .peer = "b"};
    d.rows[3] = (struct gw_row){.kind = GW_ROW_DECIDED, .epoch = 3, .first = 1, .last = 4};
    d.row_count = 4;
    driver_recover(&d);
    struct gw_stream_view stream;
    struct gw_window_view window;
    assert_false(driver_stream(&d, 3, &stream));
    assert_false(driver_window(&d, 3, &window));
    driver_close(&d);
}

/* Seed 135 of the simulator: rows come in the order of the epochs, which are random numbers. */
static void epochs_of_a_destination_drain_in_the_order_of_their_opens(void **state)
{
    (void)state;
    struct driver d;
    driver_open(&d, "a");
    driver_crash(&d);
    for (uint64_t epoch = 1; epoch <= 4; epoch++)
        d.rows[d.row_count++] = (struct gw_row){.kind = GW_ROW_STREAM, .epoch = epoch, .floor = 1,
                                                .number = epoch * 3 % 5, .ordered = true,
                                                .destination = {GW_KIND_STAGE, "work"}};
    driver_recover(&d);
    uint64_t opens = 0;
    for (struct gw_stream *at = d.core->targets->streams; at; at = at->next)
        assert_int_equal(at->opens, ++opens);
    assert_int_equal(opens, 4);
    driver_close(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recovered_core_has_the_books_of_the_one_that_wrote_them),
        cmocka_unit_test(recovering_again_changes_neither_books_nor_rows),
        cmocka_unit_test(a_write_in_flight_at_the_crash_leaves_the_books_before_it),
        cmocka_unit_test(old_epochs_are_not_continued),
        cmocka_unit_test(what_was_never_assigned_is_offered_after_a_restart),
        cmocka_unit_test(rows_of_an_epoch_that_is_gone_name_nothing),
        cmocka_unit_test(epochs_of_a_destination_drain_in_the_order_of_their_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
