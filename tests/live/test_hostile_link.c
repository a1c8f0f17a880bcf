/* SPDX-License-Identifier: MPL-2.0 */

/* A peer that has a link and breaks the protocol on it: its link ends, nothing of anybody changes.
 * And one that is dialled and answers as it should not. */

/* Length: a deed for every frame that a link can carry. */

#include "crew.h"
#include "hostile.h"

#include "base/crc32c.h"
#include "wire/columns.h"

#include <time.h>

/* Of GW_SERVES_MAX new names each: more than the table takes (4096). */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LISTS 20
#else
#define LISTS 40
#endif

static struct hostile h;

/* A link of the name; its process is another one each time. */
static void intruder(const char *name)
{
    hostile_open(&h, crew_endpoint, name);
    hostile_link(&h);
    crew_note();
}

/* The link ended with RESET, and is there again after a handshake. */
static void was_reset(void)
{
    hostile_reset(&h, h.link);
    hostile_link(&h);
}

static void leave(void)
{
    hostile_short(&h, GW_FRAME_BYE, h.link);
    hostile_fence(&h);
    hostile_close(&h);
    crew_works();
}

/* ---- frames that are none ---- */

static void what_is_malformed_costs_the_link(void **state)
{
    struct gw_frame frame;
    uint8_t alien[] = {0x93, 9, 0, 1};

    (void)state;
    intruder("malformed");
    hostile_bytes(&h, "\xdd\xff\xff\xff\xff", 5);
    was_reset();
    hostile_both(&h, "\x93\x01\x03\x07", 4, "a body");
    was_reset();
    hostile_run(&frame, h.link, 5, 1, "abc");
    hostile_say(&h, &frame); /* DATA without its body */
    was_reset();
    hostile_run(&frame, h.link, 5, 1, "abc");
    hostile_encode(&h, &frame);
    hostile_both(&h, h.bytes.data, h.bytes.size, "abcd"); /* longer than its lengths */
    was_reset();
    const int aliens = GW_FRAME_SKIP - GW_FRAME_WELCOME + 1;
    for (alien[2] = GW_FRAME_WELCOME; alien[2] <= GW_FRAME_SKIP; alien[2]++) {
        hostile_bytes(&h, alien, sizeof alien); /* of another version, which a link cannot have */
        was_reset();
    }
    crew_moved("malformed", 4 + aliens, "violations", 4, "links_lost", 4 + aliens, "gaps", aliens,
               NULL);
    leave();
}

/* So many messages of that size, all the same. */
static void say_large(uint32_t size, uint32_t count)
{
    char *body = malloc((size_t)size * count + 1);
    struct gw_buffer lengths = {0};
    struct gw_frame frame;

    assert_non_null(body);
    memset(body, 'x', (size_t)size * count);
    body[(size_t)size * count] = '\0';
    gw_lengths_write(&lengths, NULL, size, 0, count);
    hostile_run(&frame, h.link, 0x76, 1, "a");
    frame.u.data.count = count;
    frame.u.data.lengths = (struct gw_slice){lengths.data, lengths.size};
    frame.u.data.crc = gw_crc32c(gw_crc32c(0, lengths.data, lengths.size), body, strlen(body));
    hostile_encode(&h, &frame);
    hostile_both(&h, h.bytes.data, h.bytes.size, body);
    gw_buffer_clear(&lengths);
    free(body);
}

/* The library's own peers send nothing larger than what the other one told that it takes. */
static void what_is_larger_than_was_told_costs_the_link(void **state)
{
    (void)state;
    intruder("large");
    say_large(GW_MESSAGE_COMMON + 1, 1);
    was_reset();
    say_large(GW_BODY_MAX / 4 + 1, 4);
    was_reset();
    crew_moved("malformed", 2, "violations", 2, "links_lost", 2, NULL);
    crew_note();
    say_large(GW_MESSAGE_COMMON, 1); /* well formed: only, nobody opened its epoch */
    was_reset();
    crew_moved("unknown_epoch", 1, "violations", 1, "links_lost", 1, NULL);
    leave();
}

/* Sequence 0 and beyond 2^62 cannot be encoded: a good frame's bytes are changed. */
static void impossible_sequences_are_malformed(void **state)
{
    static const uint64_t bad[] = {0, (UINT64_C(1) << 62) + 1, UINT64_MAX};
    const uint64_t first = UINT64_C(0x1122334455667788); /* to be found in the bytes */
    struct gw_frame frame;

    (void)state;
    intruder("sequences");
    for (int i = 0; i < 3; i++) {
        hostile_epoch(&h, "work", 0x77, true);
        hostile_run(&frame, h.link, 0x77, first, "a");
        hostile_encode(&h, &frame);
        for (size_t at = 0; at + 8 <= h.bytes.size; at++) {
            uint64_t word = 0;
            for (int k = 0; k < 8; k++)
                word = word << 8 | h.bytes.data[at + (size_t)k];
            for (int k = 0; word == first && k < 8; k++)
                h.bytes.data[at + (size_t)k] = (uint8_t)(bad[i] >> (56 - 8 * k));
        }
        hostile_both(&h, h.bytes.data, h.bytes.size, "a");
        was_reset();
    }
    crew_moved("malformed", 3, "violations", 3, "links_lost", 3, NULL);
    leave();
}

static void a_wrong_checksum_is_a_lost_frame(void **state)
{
    struct gw_frame frame = {.type = GW_FRAME_PING};

    (void)state;
    intruder("checksum");
    hostile_epoch(&h, "work", 0x78, true);
    struct gw_frame data;
    hostile_run(&data, h.link, 0x78, 1, "abc");
    data.u.data.crc ^= 1;
    hostile_encode(&h, &data);
    hostile_both(&h, h.bytes.data, h.bytes.size, "abc");
    frame.link = h.link;
    frame.u.ping.frames = 2;
    hostile_say(&h, &frame);
    assert_int_equal(hostile_hear(&h, GW_FRAME_PONG).u.ping.frames, 1); /* the OPEN */
    crew_moved("bad_checksum", 1, NULL);
    leave();
}

/* ---- DATA out of bounds ---- */

static void data_beyond_its_bounds_is_a_violation(void **state)
{
    struct gw_frame frame;

    (void)state;
    intruder("bounds");
    hostile_data(&h, 0x79, 1, "never opened");
    was_reset();
    hostile_epoch(&h, "work", 0x7a, true);
    hostile_data(&h, 0x7a, 1 + 65536, "beyond W");
    was_reset();
    hostile_data(&h, 0x7a, 1, "opened on another link");
    was_reset();
    hostile_epoch(&h, "nobody", 0x7b, true);
    hostile_data(&h, 0x7b, 1, "not served");
    was_reset();
    hostile_epoch(&h, "work", 0x7c, true);
    hostile_run(&frame, h.link, 0x7c, 1, "");
    frame.u.data.count = 20000; /* of no bytes: the credit is for 16,384 */
    frame.u.data.lengths = (struct gw_slice){(const uint8_t *)"\0\0", 2};
    frame.u.data.crc = gw_crc32c(0, "\0\0", 2);
    hostile_encode(&h, &frame);
    hostile_both(&h, h.bytes.data, h.bytes.size, "");
    was_reset();
    crew_moved("violations", 5, "links_lost", 5, "unknown_epoch", 1, "not_ready", 1, "over_credit",
               1, NULL);
    leave();
}

/* ---- what belongs to others ---- */

static void a_stream_of_another_peer_is_out_of_reach(void **state)
{
    struct gw_floor floor = {0, 1, 1000000};
    struct gw_frame frame = {.type = GW_FRAME_PING};

    (void)state;
    intruder("thief");
    hostile_epoch(&h, "work", crew_epoch_in(), true);
    was_reset();
    hostile_epoch(&h, "work", crew_epoch_in(), false);
    was_reset();
    hostile_data(&h, crew_epoch_in(), 1, "stolen");
    was_reset();
    frame = (struct gw_frame){.type = GW_FRAME_CLOSED, .link = h.link};
    frame.u.closed.epoch = crew_epoch_in();
    frame.u.closed.last = 1;
    hostile_say(&h, &frame);
    was_reset();
    floor.epoch = crew_epoch_in();
    floor.floor = 1000000;
    frame = (struct gw_frame){.type = GW_FRAME_PING, .link = h.link};
    frame.u.ping.floors = &floor;
    frame.u.ping.floor_count = 1;
    hostile_say(&h, &frame);
    was_reset();
    crew_moved("violations", 5, "links_lost", 5, NULL);
    leave();
}

/* An ACK with one epoch and the decided ranges. */
static void say_ack(uint64_t epoch, const struct gw_range *ranges, size_t count)
{
    struct gw_ack_epoch entry = {.epoch = epoch, .floor = 1, .decided = ranges,
                                 .decided_count = count};
    struct gw_frame frame = {.type = GW_FRAME_ACK, .link = h.link};

    frame.u.ack.complete = true;
    frame.u.ack.epochs = &entry;
    frame.u.ack.epoch_count = 1;
    hostile_say(&h, &frame);
}

static void say_serve(const char *prefix, size_t from, size_t count, uint64_t credit)
{
    static struct gw_serve items[GW_SERVES_MAX];
    struct gw_frame frame = {.type = GW_FRAME_SERVE, .link = h.link};

    for (size_t i = 0; i < count; i++) {
        items[i] = (struct gw_serve){{GW_KIND_STAGE, ""}, 1, credit, credit};
        snprintf(items[i].destination.name, sizeof items[i].destination.name, "%s%zu", prefix,
                 from + i);
    }
    frame.u.serve.items = items;
    frame.u.serve.count = count;
    hostile_say(&h, &frame);
}

static void only_what_was_offered_can_be_acknowledged(void **state)
{
    static struct gw_range ranges[GW_ACK_RANGES_MAX];
    godwit_id_t id;

    (void)state;
    for (uint64_t i = 0; i < GW_ACK_RANGES_MAX; i++)
        ranges[i] = (struct gw_range){2 * i + 1, 2 * i + 1};
    intruder("acker");
    say_ack(crew_epoch_out(), ranges, 1); /* offered to others only */
    was_reset();
    say_ack(0x4711, ranges, GW_ACK_RANGES_MAX); /* of an epoch that may have been: ignored */
    ok(godwit_push_data(crew_server, "trap0", "x", 1, &id));
    say_serve("trap", 0, 1, 100);
    say_ack(0x4711, ranges, 1);
    hostile_hear(&h, GW_FRAME_DATA);
    fails(GODWIT_ETIMEDOUT, godwit_wait(crew_server, id, GODWIT_SETTLED, 0));
    say_ack(id.epoch, ranges, 2); /* the second was never sent */
    was_reset();
    say_ack(id.epoch, ranges, GW_ACK_RANGES_MAX);
    was_reset();
    fails(GODWIT_ETIMEDOUT, godwit_wait(crew_server, id, GODWIT_SETTLED, 0));
    say_ack(id.epoch, ranges, 1); /* the truth */
    ok(godwit_wait(crew_server, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    crew_moved("violations", 3, "links_lost", 3, NULL);
    leave();
}

/* ---- what was offered, asked back and given back ---- */

/* DATA of offer 0 cannot be encoded: a good frame's byte is changed. */
static void an_offer_without_a_number_is_malformed(void **state)
{
    struct gw_frame frame;
    const uint64_t marked = UINT64_C(0x1122334455667788);

    (void)state;
    intruder("numberless");
    hostile_epoch(&h, "work", 0x7e, true);
    hostile_run(&frame, h.link, 0x7e, 1, "a");
    frame.u.data.number = marked;
    hostile_encode(&h, &frame);
    for (size_t at = 0; at + 8 <= h.bytes.size; at++)
        if (memcmp(h.bytes.data + at, "\x11\x22\x33\x44\x55\x66\x77\x88", 8) == 0)
            memset(h.bytes.data + at, 0, 8);
    hostile_both(&h, h.bytes.data, h.bytes.size, "a");
    was_reset();
    crew_moved("malformed", 1, "violations", 1, "links_lost", 1, NULL);
    leave();
}

static void say_skip(uint64_t epoch, enum gw_skip_purpose purpose, const struct gw_range *ranges,
                     size_t count)
{
    struct gw_frame frame = {.type = GW_FRAME_SKIP, .link = h.link};

    frame.u.skip.epoch = epoch;
    frame.u.skip.number = 1;
    frame.u.skip.purpose = (uint8_t)purpose;
    frame.u.skip.code = purpose == GW_SKIP_WITHDRAW ? GW_WITHDRAW_PURGED : 0;
    frame.u.skip.ranges = ranges;
    frame.u.skip.range_count = count;
    hostile_say(&h, &frame);
}

static void nobody_asks_back_what_another_sent(void **state)
{
    const struct gw_range all = {1, GW_SEQUENCE_MAX};

    (void)state;
    intruder("skipper");
    say_skip(crew_epoch_in(), GW_SKIP_WITHDRAW, &all, 1);
    was_reset();
    say_skip(crew_epoch_in(), GW_SKIP_RELEASE, &all, 1);
    was_reset();
    crew_moved("violations", 2, "links_lost", 2, NULL);
    leave();
}

/* All that there can be, again and again: what is kept for it is bounded by W. */
static void skips_of_everything_cost_little(void **state)
{
    static struct gw_range comb[GW_SKIP_RANGES_MAX];
    const struct gw_range all = {1, GW_SEQUENCE_MAX};
    size_t heap = crew_heap();

    (void)state;
    for (uint64_t i = 0; i < GW_SKIP_RANGES_MAX; i++)
        comb[i] = (struct gw_range){1 + i * (UINT64_C(1) << 50), 1 + i * (UINT64_C(1) << 50)};
    intruder("greedy");
    say_skip(0x4712, GW_SKIP_RELEASE, &all, 1); /* of an epoch that was never opened */
    hostile_epoch(&h, "work", 0x7f, true);
    for (int i = 0; i < 50; i++) {
        say_skip(0x7f, GW_SKIP_RELEASE, &all, 1);
        say_skip(0x7f, GW_SKIP_RELEASE, comb, GW_SKIP_RANGES_MAX);
        say_skip(0x7f, GW_SKIP_WITHDRAW, comb, GW_SKIP_RANGES_MAX);
        say_skip(0x7f, GW_SKIP_WITHDRAW, &all, 1);
    }
    hostile_fence(&h);
    crew_moved("stale_frames", 1, "resets_sent", 1, NULL);
    assert_true(crew_heap() < heap + (64 << 20));
    leave();
}

/* What nobody offered to it: nothing of anybody moves, and the link stays. */
static void returns_and_exceptions_of_nothing_change_nothing(void **state)
{
    const struct gw_slice text = {(const uint8_t *)"so there", 8};
    struct gw_return back = {1, GW_SEQUENCE_MAX, 1, GW_RETURN_CRASHED, 0, text};
    struct gw_exception exception = {1, GW_EXCEPTION_REJECTED, 1, text};
    struct gw_range handed = {2, GW_SEQUENCE_MAX};
    struct gw_ack_epoch entry = {.floor = 1, .returns = &back, .return_count = 1,
                                 .handed = &handed, .handed_count = 1};
    struct gw_frame frame = {.type = GW_FRAME_ACK};
    godwit_id_t id;

    (void)state;
    intruder("returner");
    ok(godwit_push_data(crew_server, "lure0", "x", 1, &id));
    say_serve("lure", 0, 1, 100);
    say_ack(0x4711, NULL, 0);
    hostile_hear(&h, GW_FRAME_DATA);
    frame.link = h.link;
    frame.u.ack.epochs = &entry;
    frame.u.ack.epoch_count = 1;
    entry.epoch = id.epoch;
    for (back.number = 1; back.number <= 100; back.number++)
        hostile_say(&h, &frame); /* of offers that are none, or not its own */
    entry.epoch = 0x4711;
    entry.exceptions = &exception;
    entry.exception_count = 1;
    hostile_say(&h, &frame); /* of an epoch that may have been */
    hostile_fence(&h);
    fails(GODWIT_ETIMEDOUT, godwit_wait(crew_server, id, GODWIT_SETTLED, 0));
    entry.epoch = crew_epoch_out();
    hostile_say(&h, &frame); /* offered to others only */
    was_reset();
    entry.epoch = id.epoch;
    exception.sequence = 2; /* of which only the first was sent */
    frame.link = h.link;
    hostile_say(&h, &frame);
    was_reset();
    say_ack(id.epoch, &(struct gw_range){1, 1}, 1); /* the truth */
    ok(godwit_wait(crew_server, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    crew_moved("violations", 2, "links_lost", 2, "stale_frames", 1, "resets_sent", 1, NULL);
    leave();
}

/* ---- much talk ---- */

static void floors_and_pongs_of_nothing_change_nothing(void **state)
{
    static struct gw_floor floors[GW_FLOORS_MAX];
    struct gw_frame frame = {.type = GW_FRAME_PING};

    (void)state;
    intruder("talker");
    for (uint64_t i = 0; i < GW_FLOORS_MAX; i++)
        floors[i] = (struct gw_floor){0x900000 + i, 50, 60};
    frame.link = h.link;
    frame.u.ping.floors = floors;
    frame.u.ping.floor_count = GW_FLOORS_MAX;
    for (int i = 0; i < 100; i++) {
        hostile_say(&h, &frame);
        hostile_hear(&h, GW_FRAME_PONG);
    }
    frame.type = GW_FRAME_PONG;
    frame.u.ping.floor_count = 0;
    for (int i = 0; i < 100; i++) {
        frame.u.ping.time_us = i % 2 ? UINT64_MAX : (uint64_t)i;
        hostile_say(&h, &frame);
    }
    frame = (struct gw_frame){.type = GW_FRAME_CLOSED, .link = h.link};
    for (uint64_t i = 1; i <= 1000; i++) {
        frame.u.closed.epoch = 0xa00000 + i;
        frame.u.closed.last = i;
        hostile_say(&h, &frame);
    }
    hostile_fence(&h);
    crew_moved("stale_frames", 1, "resets_sent", 1, NULL);
    leave();
}

static void frames_of_an_old_link_change_nothing(void **state)
{
    (void)state;
    intruder("ghost");
    uint64_t old = h.link;
    hostile_link(&h);
    uint64_t present = h.link;
    h.link = old;
    hostile_epoch(&h, "work", 0x7d, true);
    hostile_data(&h, 0x7d, 1, "old");
    hostile_short(&h, GW_FRAME_PING, old);
    for (int i = 0; i < 3; i++)
        hostile_reset(&h, old);
    hostile_short(&h, GW_FRAME_BYE, old);
    hostile_short(&h, GW_FRAME_RESET, old);
    h.link = present;
    hostile_short(&h, GW_FRAME_PING, present);
    hostile_hear(&h, GW_FRAME_PONG); /* the link is as it was */
    crew_moved("stale_frames", 3, "resets_sent", 3, NULL);
    leave();
}

/* ---- a hostile server ---- */

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void wait_counter(godwit_peer_t *peer, const char *name, uint64_t value)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    for (int i = 0; live_counter(peer, name) < value; i++) {
        if (i > LIVE_TIMEOUT_MS)
            fail_msg("%s is %llu", name, (unsigned long long)live_counter(peer, name));
        nanosleep(&pause, NULL);
    }
    assert_int_equal(live_counter(peer, name), value);
}

static void bad_welcomes_are_refused(void **state)
{
    char endpoint[256];
    godwit_peer_t *victim = live_peer("victim");

    (void)state;
    hostile_listen(&h, endpoint, "bad-server");
    ok(godwit_peer_connect(victim, endpoint));
    hostile_hear(&h, GW_FRAME_HELLO);
    hostile_welcome(&h, h.name, 1, 2);
    hostile_refused(&h, GW_REFUSE_VERSION);
    hostile_welcome(&h, "victim", 2, 1);
    hostile_refused(&h, GW_REFUSE_SELF);
    hostile_bytes(&h, "\x93\x09\x02\x01", 4);
    wait_counter(victim, "malformed", 1);
    assert_int_equal(live_counter(victim, "links_up"), 0);
    hostile_hear(&h, GW_FRAME_HELLO);
    hostile_welcome(&h, h.name, 0x77, 1);
    hostile_welcome(&h, h.name, 0x77, 1);
    hostile_welcome(&h, h.name, 0x78, 1);
    assert_int_equal(hostile_hear(&h, GW_FRAME_READY).link, 0x77);
    hostile_short(&h, GW_FRAME_PING, 0x77);
    hostile_hear(&h, GW_FRAME_PONG);
    assert_int_equal(live_counter(victim, "links_up"), 1);
    ok(godwit_peer_close(&victim));
    hostile_close(&h);
}

/* A server that resets each link at once, and goes on with a WELCOME that nobody asked for. The
 * dialler pauses longer and longer: at the end at least 160 ms, its cap of 200 less the jitter. */
static void a_server_that_resets_is_dialled_at_leisure(void **state)
{
    char endpoint[256];
    godwit_peer_t *victim = live_peer("victim");
    uint64_t start = now_ms(), link = 100, readies = 0;
    struct gw_frame frame;

    (void)state;
    hostile_listen(&h, endpoint, "resetter");
    ok(godwit_peer_connect(victim, endpoint));
    while (now_ms() - start < 2000 && hostile_try(&h, LIVE_TIMEOUT_MS, &frame)) {
        if (frame.type == GW_FRAME_HELLO)
            hostile_welcome(&h, h.name, ++link, 1);
        if (frame.type != GW_FRAME_READY)
            continue;
        readies++;
        hostile_short(&h, GW_FRAME_RESET, frame.link);
        hostile_welcome(&h, h.name, ++link, 1);
    }
    uint64_t most = 5 + (now_ms() - start) / 160;
    assert_true(readies >= 2);
    assert_in_range(live_counter(victim, "hellos_sent"), 3, most);
    assert_in_range(live_counter(victim, "links_up"), 2, most);
    ok(godwit_peer_close(&victim));
    hostile_close(&h);
}

/* Credit without bounds and then silence: what was offered waits, all else gets on. */
static void absurd_credit_and_silence_harm_nobody_else(void **state)
{
    godwit_peer_t *victim = live_peer("generous-victim");
    char endpoint[256];
    godwit_id_t id;

    (void)state;
    hostile_listen(&h, endpoint, "sink");
    ok(godwit_peer_connect(victim, endpoint));
    hostile_hear(&h, GW_FRAME_HELLO);
    h.link = 0x99;
    hostile_welcome(&h, h.name, h.link, 1);
    hostile_hear(&h, GW_FRAME_READY);
    say_serve("sink", 0, 1, GW_SEQUENCE_MAX);
    say_ack(0x4711, NULL, 0);
    ok(godwit_peer_wait_members(victim, "stage:sink0", 1, LIVE_TIMEOUT_MS));
    for (int i = 0; i < 1000; i++)
        ok(godwit_push_data(victim, "sink0", "x", 1, NULL));
    hostile_hear(&h, GW_FRAME_DATA);
    wait_counter(victim, "links_lost", 1); /* three heartbeats later */
    assert_int_equal(live_counter(victim, "outbox_messages_now"), 1000);
    godwit_stage_t *stage = live_stage(crew_server, "other");
    ok(godwit_peer_connect(victim, crew_endpoint));
    ok(godwit_push_data(victim, "other", "y", 1, &id));
    godwit_delivery_t *delivery = live_next(stage);
    ok(godwit_ack(&delivery));
    ok(godwit_wait(victim, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&victim));
    hostile_close(&h);
}

static void lists_that_change_for_ever_are_bounded(void **state)
{
    size_t heap = crew_heap();

    (void)state;
    intruder("lister");
    for (size_t i = 0; i < LISTS; i++)
        say_serve("list-", i * GW_SERVES_MAX, GW_SERVES_MAX, GW_SEQUENCE_MAX);
    hostile_fence(&h);
    crew_moved("stale_frames", 1, "resets_sent", 1, NULL);
    assert_true(crew_heap() < heap + (32 << 20));
    leave();
}

/* A table full of names that nobody serves any more has room for a worker that comes. */
static void names_that_are_gone_keep_no_worker_out(void **state)
{
    godwit_peer_options_t options = live_options("late-worker");
    godwit_peer_t *worker;
    godwit_id_t id;

    (void)state;
    intruder("namer");
    for (size_t i = 0; i < LISTS; i++)
        say_serve("name-", i * GW_SERVES_MAX, GW_SERVES_MAX, GW_SEQUENCE_MAX);
    hostile_fence(&h);
    ok(godwit_peer_open(&options, &worker));
    godwit_stage_t *stage = live_stage(worker, "late");
    ok(godwit_peer_connect(worker, crew_endpoint));
    ok(godwit_peer_wait_members(crew_server, "stage:late", 1, 5000));
    ok(godwit_push_data(crew_server, "late", "x", 1, &id));
    godwit_delivery_t *delivery = live_next(stage);
    ok(godwit_ack(&delivery));
    ok(godwit_wait(crew_server, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    leave();
}

/* Epochs that are opened and never used. */
static void epochs_without_end_are_bounded(void **state)
{
    enum { EPOCHS = 60000 };
    size_t heap = crew_heap();

    (void)state;
    intruder("opener");
    for (uint64_t i = 1; i <= EPOCHS; i++)
        hostile_epoch(&h, "work", 0x1000000 + i, true);
    hostile_fence(&h);
    crew_moved("refused", EPOCHS - 8192, "unknown_epoch", EPOCHS - 8192, "stale_frames", 1,
               "resets_sent", 1, NULL);
    assert_true(crew_heap() < heap + (16 << 20));
    leave();
}

static int come(void **state)
{
    (void)state;
    crew_come();
    return 0;
}

static int end(void **state)
{
    (void)state;
    crew_leave();
    hostile_end();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_malformed_costs_the_link),
        cmocka_unit_test(what_is_larger_than_was_told_costs_the_link),
        cmocka_unit_test(impossible_sequences_are_malformed),
        cmocka_unit_test(a_wrong_checksum_is_a_lost_frame),
        cmocka_unit_test(data_beyond_its_bounds_is_a_violation),
        cmocka_unit_test(a_stream_of_another_peer_is_out_of_reach),
        cmocka_unit_test(only_what_was_offered_can_be_acknowledged),
        cmocka_unit_test(an_offer_without_a_number_is_malformed),
        cmocka_unit_test(nobody_asks_back_what_another_sent),
        cmocka_unit_test(skips_of_everything_cost_little),
        cmocka_unit_test(returns_and_exceptions_of_nothing_change_nothing),
        cmocka_unit_test(floors_and_pongs_of_nothing_change_nothing),
        cmocka_unit_test(frames_of_an_old_link_change_nothing),
        cmocka_unit_test(bad_welcomes_are_refused),
        cmocka_unit_test(a_server_that_resets_is_dialled_at_leisure),
        cmocka_unit_test(absurd_credit_and_silence_harm_nobody_else),
        cmocka_unit_test(lists_that_change_for_ever_are_bounded),
        cmocka_unit_test(names_that_are_gone_keep_no_worker_out),
        cmocka_unit_test(epochs_without_end_are_bounded),
    };

    return cmocka_run_group_tests(tests, come, end);
}
