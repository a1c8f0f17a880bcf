/* SPDX-License-Identifier: MPL-2.0 */

/* Strangers: whoever has no link may say what he likes, as often as he likes. He is refused with a
 * sentence or dropped and counted, and honest peers get on (promise 8). */

#include "crew.h"
#include "hostile.h"

#include "base/random.h"
#include "support/frames.h"

#include <time.h>

static struct hostile h;

static void stranger(const char *name)
{
    crew_note();
    hostile_open(&h, crew_endpoint, name);
}

/* Ends a scenario. */
static void leave(void)
{
    hostile_close(&h);
    crew_works();
}

/* ---- frames that are none ---- */

static void garbage_is_counted_and_dropped(void **state)
{
    struct gw_random random;
    uint8_t noise[300];

    (void)state;
    stranger("noise");
    gw_random_seed(&random, 2);
    for (int i = 0; i < 500; i++) {
        size_t size = (size_t)gw_random_below(&random, sizeof noise);
        for (size_t at = 0; at < size; at++)
            noise[at] = (uint8_t)gw_random_next(&random);
        hostile_bytes(&h, noise, size);
    }
    hostile_fence(&h);
    crew_moved("malformed", 500, "stale_frames", 1, "resets_sent", 1, NULL);
    leave();
}

static void cut_frames_are_malformed_at_every_length(void **state)
{
    struct gw_frame frame;
    int count = 0;

    (void)state;
    stranger("cut");
    for (uint8_t type = GW_FRAME_HELLO; type <= GW_FRAME_CLOSED; type++) {
        frame_example(type, &frame);
        hostile_encode(&h, &frame);
        for (size_t size = 0; size < h.bytes.size; size++, count++) {
            if (type == GW_FRAME_DATA)
                hostile_both(&h, h.bytes.data, size, FRAME_EXAMPLE_BODY);
            else
                hostile_bytes(&h, h.bytes.data, size);
        }
    }
    hostile_fence(&h);
    crew_moved("malformed", count, "stale_frames", 1, "resets_sent", 1, NULL);
    leave();
}

/* What a decoder would pay for dearly if it believed it. */
static const char *const bombs[] = {
    "ddffffffff",                                 /* an array of 2^32 */
    "93010cddffffffff",                           /* the same as a field */
    "dfffffffff",                                 /* a map */
    "97010ccfa1a2a3a4a5a6a7a8c3ddffffffff",       /* ACK, as many epochs */
    "97010ccfa1a2a3a4a5a6a7a8c39194cfa1a2a3a4a5a6a7a829c6ffffffff", /* decided: 2^32 bytes */
    "9a010bcfa1a2a3a4a5a6a7a801c2cfe1e2e3e4e5e6e7e80101c6ffffffff00", /* lengths */
    "94010901dc1001",                             /* more than 4,096 objects */
    "930103db0000000561",                         /* a text longer than the rest */
    "930103cfa1a2a3a4a5a6a7a8c0",                 /* READY, and something after it */
    "930103c0", "930103ca00000000", "930103d40000", "930103ff", "93010300", /* no link id */
    "92010300", "9401030100", "93010f01", "93010001", "93000301",
    "9191919191919191919191919191919191919191919191919191919191919191919191", /* depth 35 */
    "9301039191919191919191919191919191919191919191919191919191919191919190",
};

static void msgpack_bombs_cost_nothing(void **state)
{
    size_t count = sizeof bombs / sizeof *bombs, heap = crew_heap();
    struct gw_buffer bytes = {0};

    (void)state;
    stranger("bomber");
    for (size_t i = 0; i < 20 * count; i++) {
        gw_buffer_reset(&bytes);
        assert_true(hex_append(&bytes, bombs[i % count], strlen(bombs[i % count])));
        hostile_bytes(&h, bytes.data, bytes.size);
    }
    gw_buffer_clear(&bytes);
    hostile_fence(&h);
    crew_moved("malformed", 20 * (int)count, "stale_frames", 1, "resets_sent", 1, NULL);
    assert_true(crew_heap() < heap + (16 << 20));
    leave();
}

static void frames_have_the_parts_that_they_should(void **state)
{
    struct gw_frame frame;

    (void)state;
    stranger("parts");
    for (uint8_t type = GW_FRAME_HELLO; type <= GW_FRAME_CLOSED; type++) {
        frame_example(type, &frame);
        hostile_encode(&h, &frame);
        if (type == GW_FRAME_DATA)
            hostile_bytes(&h, h.bytes.data, h.bytes.size); /* without its body */
        else
            hostile_both(&h, h.bytes.data, h.bytes.size, "");
        assert_true(zmq_send(h.socket, h.bytes.data, h.bytes.size, ZMQ_SNDMORE) > 0);
        hostile_both(&h, FRAME_EXAMPLE_BODY, 8, "a third");
    }
    hostile_fence(&h);
    crew_moved("malformed", 26, "stale_frames", 1, "resets_sent", 1, NULL);
    leave();
}

/* ---- handshakes ---- */

static void another_wire_version_is_refused_with_a_sentence(void **state)
{
    uint8_t alien[] = {0x93, 9, 0, 0};

    (void)state;
    stranger("newer");
    hostile_hello(&h, h.name, h.process, 2);
    hostile_refused(&h, GW_REFUSE_VERSION);
    alien[2] = GW_FRAME_HELLO;
    hostile_bytes(&h, alien, sizeof alien);
    hostile_refused(&h, GW_REFUSE_VERSION);
    for (alien[2] = GW_FRAME_WELCOME; alien[2] < 100; alien[2]++)
        hostile_bytes(&h, alien, sizeof alien);
    hostile_fence(&h);
    crew_moved("refused", 2, "malformed", 98, "stale_frames", 1, "resets_sent", 1, NULL);
    leave();
}

static void the_name_of_the_peer_itself_is_refused(void **state)
{
    (void)state;
    stranger("server");
    hostile_hello(&h, h.name, h.process, 1);
    hostile_refused(&h, GW_REFUSE_SELF);
    crew_moved("refused", 1, NULL);
    leave();
}

static void the_name_of_a_live_peer_stays_with_it(void **state)
{
    (void)state;
    stranger("honest-a");
    for (int i = 0; i < 20; i++) {
        hostile_hello(&h, h.name, h.process + (uint64_t)i, 1);
        hostile_refused(&h, GW_REFUSE_IDENTITY);
        crew_works();
    }
    crew_moved("refused", 20, NULL);
    leave();
}

static void ready_counts_for_a_welcome_only(void **state)
{
    (void)state;
    stranger("eager");
    hostile_short(&h, GW_FRAME_READY, 0x1234); /* before any HELLO */
    hostile_reset(&h, 0x1234);
    hostile_hello(&h, h.name, h.process, 1);
    h.link = hostile_hear(&h, GW_FRAME_WELCOME).link;
    hostile_short(&h, GW_FRAME_READY, h.link + 1);
    hostile_reset(&h, h.link + 1);
    hostile_hello(&h, h.name, h.process + 1, 1); /* the first WELCOME is void now */
    assert_int_not_equal(hostile_hear(&h, GW_FRAME_WELCOME).link, h.link);
    hostile_short(&h, GW_FRAME_READY, h.link);
    hostile_reset(&h, h.link);
    hostile_epoch(&h, "work", 77, true);
    hostile_reset(&h, h.link);
    crew_moved("stale_frames", 4, "resets_sent", 4, NULL);
    leave();
}

/* ---- crowds ---- */

/* More names than the peer has room for, from one connection: it speaks for the first of them. */
static void a_storm_of_names_leaves_room_for_others(void **state)
{
    enum { STORM = 20000 };
    size_t heap = crew_heap();
    char name[32];

    (void)state;
    stranger("storm");
    for (int i = 0; i < STORM; i++) {
        snprintf(name, sizeof name, "storm-%d", i);
        hostile_hello(&h, name, (uint64_t)i + 1, 1);
    }
    hostile_fence(&h);
    crew_moved("refused", STORM - 1, "stale_frames", 1, "resets_sent", 1, NULL);
    leave();
    crew_newcomer("after-the-storm");
    assert_true(crew_heap() < heap + (16 << 20));
}

static void say_hello(size_t i, struct gw_buffer *bytes)
{
    struct gw_frame frame;
    static size_t strangers;

    (void)i;
    frame_example(GW_FRAME_HELLO, &frame);
    snprintf(frame.u.identity.name, sizeof frame.u.identity.name, "half-%zu", strangers++);
    assert_int_equal(gw_encode(&frame, bytes), 0);
}

static void wait_descriptors(size_t most)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    for (int i = 0; crew_descriptors() > most; i++) {
        if (i > LIVE_TIMEOUT_MS)
            fail_msg("%zu descriptors, not %zu", crew_descriptors(), most);
        nanosleep(&pause, NULL);
    }
}

static void half_handshakes_keep_nobody_out(void **state)
{
    enum { HALVES = 1000 };
    static int fds[HALVES];
    size_t before = crew_descriptors();

    (void)state;
    crew_note();
    hostile_stayers(crew_endpoint, fds, HALVES, say_hello);
    crew_newcomer("among-halves");
    assert_true(crew_descriptors() <= before + 2 * HALVES + 20);
    for (int i = 0; i < HALVES; i++)
        close(fds[i]);
    crew_moved(NULL);
    wait_descriptors(before + 10);
}

/* More connections than the peer has room for, all gone again without a goodbye. */
static void connections_that_came_and_went_keep_nobody_out(void **state)
{
    enum { CROWD = 8400 };
    size_t before = crew_descriptors(), heap = crew_heap();

    (void)state;
    crew_note();
    hostile_crowd(crew_endpoint, crew_server, CROWD, NULL);
    crew_newcomer("after-the-noise");
    hostile_crowd(crew_endpoint, crew_server, CROWD, say_hello);
    crew_newcomer("after-the-halves");
    crew_moved("malformed", 2 * CROWD, NULL);
    wait_descriptors(before + 10);
    assert_true(crew_heap() < heap + (32 << 20));
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
        cmocka_unit_test(garbage_is_counted_and_dropped),
        cmocka_unit_test(cut_frames_are_malformed_at_every_length),
        cmocka_unit_test(msgpack_bombs_cost_nothing),
        cmocka_unit_test(frames_have_the_parts_that_they_should),
        cmocka_unit_test(another_wire_version_is_refused_with_a_sentence),
        cmocka_unit_test(the_name_of_the_peer_itself_is_refused),
        cmocka_unit_test(the_name_of_a_live_peer_stays_with_it),
        cmocka_unit_test(ready_counts_for_a_welcome_only),
        cmocka_unit_test(a_storm_of_names_leaves_room_for_others),
        cmocka_unit_test(half_handshakes_keep_nobody_out),
        cmocka_unit_test(connections_that_came_and_went_keep_nobody_out),
    };

    return cmocka_run_group_tests(tests, come, end);
}
