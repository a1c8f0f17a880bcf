/* SPDX-License-Identifier: MPL-2.0 */

/* The proxy, order by order: bytes and their order exact, limits too. */

#include "proxy_pair.h"

static void cut_closes_and_lets_the_next_in(void **state)
{
    (void)state;
    meet();
    put(client, "there", 5);
    get_text(accepted, "there");
    order((struct lab_order){.verb = LAB_cut});
    assert_int_equal(how_it_ends(client), ENDS_CLOSED);
    assert_int_equal(how_it_ends(accepted), ENDS_CLOSED);
    assert_int_equal(counts().cut, 1);
    meet();
    put(client, "again", 5);
    get_text(accepted, "again");
}

static void cut_for_a_time_lets_none_in(void **state)
{
    uint64_t began = now_ms();
    int fd;

    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_cut, .lasts.low_us = 200000});
    is_refused();
    assert_true(counts().refused > 0 || now_ms() - began >= 200);
    do { /* until a call stays */
        assert_true(now_ms() - began < WAIT_MS);
        fd = try_call();
        assert_true(fd >= 0);
        if (!readable(server, 20))
            hang_up(&fd);
    } while (fd < 0);
    assert_true(now_ms() - began >= 200);
    close(fd);
}

static void cut_is_healed(void **state)
{
    (void)state;
    order((struct lab_order){.verb = LAB_cut, .lasts.low_us = 3600u * 1000000u});
    is_refused();
    heal();
    meet();
}

static void reset_resets_both_sides(void **state)
{
    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_reset});
    assert_int_equal(how_it_ends(client), ENDS_RESET);
    assert_int_equal(how_it_ends(accepted), ENDS_RESET);
    assert_int_equal(counts().cut, 1);
    meet();
}

static void hold_keeps_all_on_the_way(void **state)
{
    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_hold});
    put(client, "one", 3);
    put(accepted, "two", 3);
    stays_silent(accepted);
    stays_silent(client);
    heal();
    get_text(accepted, "one");
    get_text(client, "two");
    put(client, "three", 5);
    get_text(accepted, "three");
}

static void hold_one_way_leaves_the_other(void **state)
{
    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_hold, .way = LAB_FORWARD});
    put(client, "held", 4);
    put(accepted, "free", 4);
    get_text(client, "free");
    stays_silent(accepted);
    order((struct lab_order){.verb = LAB_hold, .way = LAB_BACK});
    put(accepted, "now this", 8);
    stays_silent(client);
    heal();
    get_text(accepted, "held");
    get_text(client, "now this");
}

static void hold_ends_by_itself(void **state)
{
    uint64_t began = now_ms();

    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_hold, .lasts.low_us = 100000});
    put(client, "late", 4);
    get_text(accepted, "late");
    assert_true(now_ms() - began >= 100);
}

static void an_end_is_held_as_bytes_are(void **state)
{
    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_hold, .way = LAB_FORWARD});
    put(client, "last words", 10);
    hang_up(&client);
    stays_silent(accepted);
    heal();
    get_text(accepted, "last words");
    assert_int_equal(how_it_ends(accepted), ENDS_CLOSED);
}

/* What a sender gets rid of before it meets a full window, given that nobody reads. */
static size_t push_until_full(int fd)
{
    unsigned char *bytes = noise(1 << 16, 7);
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    size_t pushed = 0;

    while (poll(&wait, 1, 300) > 0) {
        ssize_t some = send(fd, bytes, 1 << 16, MSG_DONTWAIT);
        assert_true(some > 0 || errno == EAGAIN);
        pushed += some > 0 ? (size_t)some : 0;
        assert_true(pushed < 100u << 20);
    }
    free(bytes);
    return pushed;
}

static void hold_stops_reading_at_its_limit(void **state)
{
    const int small = 1 << 16;
    size_t pushed, got = 0;

    (void)state;
    meet();
    setsockopt(client, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    order((struct lab_order){.verb = LAB_hold});
    pushed = push_until_full(client);
    assert_true(pushed >= LAB_PROXY_BUFFER);
    assert_true(pushed < LAB_PROXY_BUFFER + (16u << 20)); /* and what the sockets hold */
    heal();
    unsigned char *bytes = malloc(pushed);
    assert_non_null(bytes);
    while (got < pushed) {
        size_t some = pushed - got < 1 << 16 ? pushed - got : 1 << 16;
        get(accepted, bytes, some);
        got += some;
    }
    free(bytes);
    put(client, "!", 1);
    get_text(accepted, "!");
}

static uint64_t cpu_us(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000;
}

/* Nothing can move, and so nothing is done. */
static void a_full_connection_costs_no_time(void **state)
{
    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_hold});
    push_until_full(client);
    uint64_t before = cpu_us();
    assert_false(readable(client, 200));
    assert_true(cpu_us() - before < 50000);
}

static void drop_throws_away_and_resets_once_it_is_healed(void **state)
{
    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_drop});
    put(client, "into the void", 13);
    stays_silent(accepted);
    put(accepted, "same", 4);
    stays_silent(client);
    assert_int_equal(counts().dropped, 17);
    heal();
    assert_int_equal(how_it_ends(client), ENDS_RESET);
    assert_int_equal(how_it_ends(accepted), ENDS_RESET);
    meet();
    put(client, "anew", 4);
    get_text(accepted, "anew");
}

static void drop_one_way_leaves_the_other(void **state)
{
    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_drop, .way = LAB_BACK, .lasts.low_us = 200000});
    put(client, "arrives", 7);
    get_text(accepted, "arrives");
    put(accepted, "does not", 8);
    assert_int_equal(how_it_ends(client), ENDS_RESET);
    assert_int_equal(counts().dropped, 8);
}

static void what_drop_did_not_touch_stays(void **state)
{
    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_drop});
    heal();
    put(client, "still here", 10);
    get_text(accepted, "still here");
}

static void a_call_into_a_drop_reaches_nobody(void **state)
{
    (void)state;
    order((struct lab_order){.verb = LAB_drop});
    int silent = try_call();
    client = try_call();
    put(client, "anybody?", 8);
    assert_false(readable(server, LULL_MS));
    heal();
    assert_int_equal(how_it_ends(client), ENDS_RESET);
    assert_int_equal(how_it_ends(silent), ENDS_RESET);
    close(silent);
}

static void what_was_held_is_dropped_too(void **state)
{
    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_hold});
    put(client, "held", 4);
    while (!readable(client, 0) && counts().dropped == 0)
        order((struct lab_order){.verb = LAB_drop});
    assert_int_equal(counts().dropped, 4);
    heal();
    assert_int_equal(how_it_ends(accepted), ENDS_RESET);
}

static void delay_is_kept_and_so_is_order(void **state)
{
    unsigned char sent[200], got[200];
    uint64_t began;

    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_delay, .span = {50000, 150000}});
    began = now_ms();
    for (size_t i = 0; i < sizeof sent; i++) {
        sent[i] = (unsigned char)i;
        put(client, &sent[i], 1);
    }
    get(accepted, got, sizeof got);
    assert_memory_equal(sent, got, sizeof got);
    assert_true(now_ms() - began >= 50);
    assert_true(now_ms() - began < 2000);
    put(accepted, "x", 1);
    began = now_ms();
    get_text(client, "x");
    assert_true(now_ms() - began >= 49);
    heal();
    began = now_ms();
    put(client, "quick", 5);
    get_text(accepted, "quick");
}

#define THROTTLED 40000

static void throttle_passes_so_many_bytes_a_second(void **state)
{
    unsigned char *sent = noise(THROTTLED, 3), got[THROTTLED];
    uint64_t began;

    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_throttle, .amount = 100000});
    assert_false(readable(accepted, 300)); /* idle time is not saved up */
    began = now_ms();
    put(client, sent, THROTTLED);
    get(accepted, got, THROTTLED);
    uint64_t took = now_ms() - began;
    assert_memory_equal(sent, got, THROTTLED);
    assert_true(took >= 340); /* 400 ms, less the burst */
    assert_true(took < 4000);
    heal();
    free(sent);
}

static void cut_at_passes_exactly_so_many(void **state)
{
    unsigned char *sent = noise(100000, 5), got[70001];

    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_cut_at, .amount = 70001});
    send(client, sent, 100000, MSG_NOSIGNAL);
    get(accepted, got, 70001);
    assert_memory_equal(sent, got, 70001);
    assert_int_equal(how_it_ends(accepted), ENDS_CLOSED);
    meet(); /* once */
    put(client, sent, 70001);
    get(accepted, got, 70001);
    free(sent);
}

static void cut_at_counts_both_ways(void **state)
{
    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_cut_at, .amount = 8});
    put(client, "12345", 5);
    get_text(accepted, "12345");
    put(accepted, "67890", 5);
    get_text(client, "678");
    assert_int_equal(how_it_ends(client), ENDS_CLOSED);
    assert_int_equal(how_it_ends(accepted), ENDS_CLOSED);
}

static void orders_by_the_byte_are_healed(void **state)
{
    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_cut_at, .amount = 8});
    order((struct lab_order){.verb = LAB_flip, .amount = 3});
    heal();
    put(client, "1234567890", 10);
    get_text(accepted, "1234567890");
}

static unsigned bits_that_differ(const unsigned char *a, const unsigned char *b, size_t size,
                                 size_t *where)
{
    unsigned count = 0;

    for (size_t i = 0; i < size; i++) {
        unsigned char differ = a[i] ^ b[i];

        for (; differ; differ &= (unsigned char)(differ - 1)) {
            count++;
            *where = i;
        }
    }
    return count;
}

static void flip_changes_one_bit_of_one_byte(void **state)
{
    unsigned char *sent = noise(100000, 6), *got = malloc(100000);
    size_t where = 0;

    (void)state;
    assert_non_null(got);
    meet();
    order((struct lab_order){.verb = LAB_flip, .amount = 65537});
    put(client, sent, 100000);
    get(accepted, got, 100000);
    assert_int_equal(bits_that_differ(sent, got, 100000, &where), 1);
    assert_int_equal(where, 65537);
    put(client, sent, 100000);
    get(accepted, got, 100000);
    assert_memory_equal(sent, got, 100000);
    free(sent);
    free(got);
}

static void replay_sends_the_same_again_elsewhere(void **state)
{
    unsigned char *sent = noise(50000, 8), got[50000];

    (void)state;
    meet();
    put(client, sent, 50000);
    get(accepted, got, 50000);
    order((struct lab_order){.verb = LAB_replay});
    int other = answer();
    memset(got, 0, sizeof got);
    get(other, got, 50000);
    assert_memory_equal(sent, got, 50000);
    put(other, "who are you?", 12); /* nobody hears that */
    stays_silent(client);
    assert_int_equal(how_it_ends(other), ENDS_CLOSED); /* after a while */
    close(other);
    put(client, "I am still here", 15);
    get_text(accepted, "I am still here");
    free(sent);
}

static void replay_is_of_the_last_connection_that_carried_something(void **state)
{
    (void)state;
    meet();
    put(client, "first", 5);
    get_text(accepted, "first");
    meet();
    put(client, "second", 6);
    get_text(accepted, "second");
    meet();
    put(accepted, "only an answer", 14);
    get_text(client, "only an answer");
    order((struct lab_order){.verb = LAB_replay});
    int other = answer();
    get_text(other, "second");
    close(other);
}

static void replay_of_nothing_is_nothing(void **state)
{
    (void)state;
    order((struct lab_order){.verb = LAB_replay});
    assert_false(readable(server, LULL_MS));
}

static void refuse_keeps_the_port_and_the_connections(void **state)
{
    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_refuse});
    assert_int_equal(try_call(), -1);
    put(client, "still here", 10);
    get_text(accepted, "still here");
    heal();
    meet();
}

static void refuse_ends_by_itself(void **state)
{
    uint64_t began = now_ms();
    int fd;

    (void)state;
    order((struct lab_order){.verb = LAB_refuse, .lasts.low_us = 100000});
    while ((fd = try_call()) < 0)
        assert_true(now_ms() - began < WAIT_MS);
    assert_true(now_ms() - began >= 100);
    close(fd);
}

static void orders_for_processes_are_ignored(void **state)
{
    (void)state;
    meet();
    order((struct lab_order){.verb = LAB_kill});
    put(client, "fine", 4);
    get_text(accepted, "fine");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(cut_closes_and_lets_the_next_in),
        test(cut_for_a_time_lets_none_in),
        test(cut_is_healed),
        test(reset_resets_both_sides),
        test(hold_keeps_all_on_the_way),
        test(hold_one_way_leaves_the_other),
        test(hold_ends_by_itself),
        test(an_end_is_held_as_bytes_are),
        test(hold_stops_reading_at_its_limit),
        test(a_full_connection_costs_no_time),
        test(drop_throws_away_and_resets_once_it_is_healed),
        test(drop_one_way_leaves_the_other),
        test(what_drop_did_not_touch_stays),
        test(a_call_into_a_drop_reaches_nobody),
        test(what_was_held_is_dropped_too),
        test(delay_is_kept_and_so_is_order),
        test(throttle_passes_so_many_bytes_a_second),
        test(cut_at_passes_exactly_so_many),
        test(cut_at_counts_both_ways),
        test(orders_by_the_byte_are_healed),
        test(flip_changes_one_bit_of_one_byte),
        test(replay_sends_the_same_again_elsewhere),
        test(replay_is_of_the_last_connection_that_carried_something),
        test(replay_of_nothing_is_nothing),
        test(refuse_keeps_the_port_and_the_connections),
        test(refuse_ends_by_itself),
        test(orders_for_processes_are_ignored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
