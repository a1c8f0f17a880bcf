/* SPDX-License-Identifier: MPL-2.0 */

/* The net among honest peers: nothing lost while a link lives, a clear answer when it does not, and
 * no thread that sleeps on news. */

#include "net/pair.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void exchange_over(const char *endpoint)
{
    struct side server, client;
    char bound[256];

    open_side(&server);
    open_side(&client);
    bind_side(&server, endpoint, bound);
    uint64_t conn = dial_side(&client, bound);
    say_hello(&client, conn, &server);
    assert_int_equal(server.header_size, 5);
    assert_memory_equal(server.header, "hello", 5);
    assert_null(server.body);
    assert_int_equal(send_text(&server, server.conn, "welcome"), 0);
    UNTIL(&client, &server, client.frames == 1);
    assert_int_equal(client.conn, conn);
    assert_memory_equal(client.header, "welcome", 7);
    close_side(&client);
    close_side(&server);
}

static void two_peers_exchange_frames_over_tcp(void **state)
{
    (void)state;
    exchange_over("tcp://127.0.0.1:*");
}

static void two_peers_exchange_frames_over_a_socket_file(void **state)
{
    (void)state;
    char endpoint[64];

    snprintf(endpoint, sizeof endpoint, "ipc:///tmp/godwit-net-%d.sock", getpid());
    exchange_over(endpoint);
    exchange_over(endpoint); /* the dead file that libzmq leaves is no obstacle */
    assert_int_equal(unlink(endpoint + strlen("ipc://")), 0);
}

static void one_net_may_dial_itself(void **state)
{
    (void)state;
    struct side self;
    char bound[256];

    open_side(&self);
    bind_side(&self, "inproc://here", bound);
    uint64_t conn = dial_side(&self, "inproc://here");
    UNTIL(&self, NULL, send_text(&self, conn, "x") == 0);
    UNTIL(&self, NULL, self.frames == 1);
    assert_int_not_equal(self.conn, conn);
    close_side(&self);
}

static struct gw_blob *sample_blob(size_t size)
{
    uint8_t *data;
    struct gw_blob *blob = gw_blob_new(size, &data);

    assert_non_null(blob);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 31 + (i >> 8));
    return blob;
}

static void bodies_of_all_sizes_arrive_whole_and_are_let_go(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 33, 1023, 1024, 4095, 4096, 100000, 2000000};
    struct gw_blob *blob = sample_blob(2000000);
    struct side server, client;
    char bound[256];

    open_side(&server);
    open_side(&client);
    bind_side(&server, "tcp://127.0.0.1:*", bound);
    uint64_t conn = dial_side(&client, bound);
    say_hello(&client, conn, &server);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct gw_slice body = {.data = blob->data, .size = sizes[i]};
        size_t before = server.frames;
        assert_int_equal(gw_net_send(client.net, conn, slice_of("data"), blob, body), 0);
        UNTIL(&client, &server, server.frames > before);
        assert_memory_equal(server.header, "data", 4);
        assert_non_null(server.body);
        assert_int_equal(server.body->size, sizes[i]);
        assert_memory_equal(server.body->data, blob->data, sizes[i]);
        before = client.frames;
        assert_int_equal(gw_net_send(server.net, server.conn, slice_of("back"), blob, body), 0);
        UNTIL(&client, &server, client.frames > before);
        assert_memory_equal(client.body->data, blob->data, sizes[i]);
    }
    struct gw_blob *kept = gw_blob_hold(server.body);
    close_side(&client);
    close_side(&server);
    assert_memory_equal(kept->data, blob->data, 2000000); /* outlives the net */
    gw_blob_drop(kept);
    assert_int_equal(atomic_load(&blob->references), 1);
    gw_blob_drop(blob);
}

static void a_hundred_thousand_small_frames_arrive_in_order(void **state)
{
    (void)state;
    struct side server, client;
    char bound[256];
    uint64_t sent = 0;

    open_side(&server);
    open_side(&client);
    bind_side(&server, "tcp://127.0.0.1:*", bound);
    uint64_t conn = dial_side(&client, bound);
    say_hello(&client, conn, &server);
    server.numbered = true;
    double limit = now_s() + PATIENCE_S;
    while (server.next < 100000) {
        struct gw_slice header = {.data = (const uint8_t *)&sent, .size = sizeof sent};
        assert_true(now_s() < limit);
        while (sent < 100000 &&
               gw_net_send(client.net, conn, header, NULL, (struct gw_slice){0}) == 0)
            sent++;
        gw_net_poll(client.net, 0, 100, &handler, &client);
        gw_net_poll(server.net, 1000, 5000, &handler, &server);
    }
    close_side(&client);
    close_side(&server);
}

static void a_full_connection_says_so_and_takes_frames_again_later(void **state)
{
    (void)state;
    struct side server, client;
    char bound[256];
    static uint8_t header[4000];
    size_t sent = 0, before;
    int error;

    open_side(&server);
    open_side(&client);
    bind_side(&server, "tcp://127.0.0.1:*", bound);
    uint64_t conn = dial_side(&client, bound);
    say_hello(&client, conn, &server);
    before = server.frames;
    struct gw_slice slice = {.data = header, .size = sizeof header};
    do {
        error = gw_net_send(client.net, conn, slice, NULL, (struct gw_slice){0});
        sent += error == 0;
    } while (error == 0);
    assert_int_equal(error, -EAGAIN);
    assert_true(sent >= GW_NET_HIGH_WATER / 2 && sent <= 5 * GW_NET_HIGH_WATER);
    UNTIL(&server, NULL, server.frames == before + sent);
    UNTIL(&client, &server, send_text(&client, conn, "again") == 0);
    close_side(&client);
    close_side(&server);
}

static void a_dead_peer_is_noticed_by_whoever_sends(void **state)
{
    (void)state;
    struct side server, client;
    char bound[256];
    int error = 0;

    open_side(&server);
    open_side(&client);
    bind_side(&server, "tcp://127.0.0.1:*", bound);
    uint64_t conn = dial_side(&client, bound);
    assert_int_equal(send_text(&client, conn + 1, "x"), -ENOENT);
    say_hello(&client, conn, &server);
    close_side(&client);
    UNTIL(&server, NULL, (error = send_text(&server, server.conn, "x")) != 0);
    assert_int_equal(error, -EHOSTUNREACH);
    assert_int_equal(send_text(&server, server.conn, "x"), -ENOENT);

    open_side(&client);
    conn = dial_side(&client, bound);
    say_hello(&client, conn, &server);
    close_side(&server);
    UNTIL(&client, NULL, (error = send_text(&client, conn, "x")) != 0);
    assert_int_equal(error, -EAGAIN);
    close_side(&client);
}

static void nothing_can_be_sent_where_nobody_listens(void **state)
{
    (void)state;
    struct side client;

    open_side(&client);
    uint64_t conn = dial_side(&client, "tcp://127.0.0.1:1");
    assert_int_equal(send_text(&client, conn, "x"), -EAGAIN);
    gw_net_hangup(client.net, conn);
    assert_int_equal(send_text(&client, conn, "x"), -ENOENT);
    gw_net_hangup(client.net, conn);
    close_side(&client);
}

static void a_dialled_connection_comes_back_when_the_peer_does(void **state)
{
    (void)state;
    struct side server, client;
    char bound[256], again[256];

    open_side(&server);
    open_side(&client);
    bind_side(&server, "tcp://127.0.0.1:*", bound);
    uint64_t conn = dial_side(&client, bound);
    say_hello(&client, conn, &server);
    close_side(&server);
    UNTIL(&client, NULL, send_text(&client, conn, "x") == -EAGAIN);
    open_side(&server);
    bind_side(&server, bound, again);
    assert_string_equal(bound, again);
    say_hello(&client, conn, &server);
    assert_int_equal(server.conn, 1);
    close_side(&client);
    close_side(&server);
}

static void the_last_frame_before_a_close_arrives(void **state)
{
    (void)state;
    struct side server, client;
    char bound[256];

    open_side(&server);
    open_side(&client);
    bind_side(&server, "tcp://127.0.0.1:*", bound);
    uint64_t conn = dial_side(&client, bound);
    say_hello(&client, conn, &server);
    assert_int_equal(send_text(&client, conn, "bye"), 0);
    gw_net_hangup(client.net, conn);
    UNTIL(&client, &server, server.header_size == 3);
    conn = dial_side(&client, bound);
    say_hello(&client, conn, &server);
    assert_int_equal(send_text(&client, conn, "bye"), 0);
    close_side(&client);
    UNTIL(&server, NULL, server.header_size == 3);
    close_side(&server);
}

/* Hangs up the connection that its frame came from. */
static void hang_up_on_frame(void *context, uint64_t conn, struct gw_slice header,
                             struct gw_blob *body)
{
    struct side *side = context;

    on_frame(context, conn, header, body);
    send_text(side, conn, "reply");
    gw_net_hangup(side->net, conn);
}

static void a_handler_may_hang_up_the_connection_it_hears(void **state)
{
    (void)state;
    const struct gw_net_handler hanging = {.frame = hang_up_on_frame, .malformed = on_malformed};
    struct side server, client;
    char bound[256];

    open_side(&server);
    open_side(&client);
    bind_side(&server, "tcp://127.0.0.1:*", bound);
    uint64_t conn = dial_side(&client, bound);
    say_hello(&client, conn, &server);
    for (int i = 0; i < 5; i++)
        assert_int_equal(send_text(&server, server.conn, "many"), 0);
    double limit = now_s() + PATIENCE_S;
    while (client.frames == 0 && now_s() < limit)
        gw_net_poll(client.net, 1000, 100, &hanging, &client);
    assert_int_equal(client.frames, 1);
    assert_int_equal(send_text(&client, conn, "x"), -ENOENT);

    uint64_t accepted = server.conn; /* an accepted one comes back under another number */
    gw_net_hangup(server.net, accepted);
    conn = dial_side(&client, bound);
    say_hello(&client, conn, &server);
    assert_int_not_equal(server.conn, accepted);
    close_side(&client);
    close_side(&server);
}

static void a_poll_hands_over_no_more_than_its_budget(void **state)
{
    (void)state;
    struct side server, client;
    char bound[256];
    size_t taken = 0;

    open_side(&server);
    open_side(&client);
    bind_side(&server, "tcp://127.0.0.1:*", bound);
    uint64_t conn = dial_side(&client, bound);
    say_hello(&client, conn, &server);
    for (int i = 0; i < 500; i++)
        assert_int_equal(send_text(&client, conn, "x"), 0);
    while (taken < 500) {
        size_t before = server.frames, count = gw_net_poll(server.net, -1, 7, &handler, &server);
        assert_true(count <= 7);
        assert_int_equal(server.frames - before, count);
        taken += count;
    }
    close_side(&client);
    close_side(&server);
}

static void an_idle_net_sleeps_for_the_whole_timeout(void **state)
{
    (void)state;
    struct side server, client;
    char bound[256];
    int polls = 0;

    open_side(&server);
    open_side(&client);
    bind_side(&server, "tcp://127.0.0.1:*", bound);
    uint64_t conn = dial_side(&client, bound);
    say_hello(&client, conn, &server);
    double start = now_s();
    while (now_s() - start < 0.3) {
        gw_net_poll(server.net, 100000, 10, &handler, &server);
        polls++;
    }
    assert_true(polls < 20);
    close_side(&client);
    close_side(&server);
}

struct waker {
    struct gw_net *net;
    atomic_int asked, seen;
};

static void *wake_often(void *context)
{
    struct waker *waker = context;

    for (int i = 1; i <= 2000; i++) {
        atomic_store(&waker->asked, i);
        gw_net_wake(waker->net);
        double limit = now_s() + PATIENCE_S;
        while (atomic_load(&waker->seen) < i && now_s() < limit)
            continue;
    }
    return NULL;
}

static void no_wake_from_another_thread_is_lost(void **state)
{
    (void)state;
    struct side side;
    struct waker waker = {0};
    pthread_t thread;

    open_side(&side);
    gw_net_wake(side.net);
    gw_net_wake(side.net);
    double start = now_s();
    gw_net_poll(side.net, -1, 10, &handler, &side); /* a wake before the wait counts */
    waker.net = side.net;
    assert_int_equal(pthread_create(&thread, NULL, wake_often, &waker), 0);
    while (atomic_load(&waker.seen) < 2000) {
        gw_net_poll(side.net, 10000000, 10, &handler, &side);
        atomic_store(&waker.seen, atomic_load(&waker.asked));
        assert_true(now_s() - start < 9); /* a lost wake would cost 10 s */
    }
    pthread_join(thread, NULL);
    close_side(&side);
}

static void refuse_endpoint(struct side *side, const char *endpoint, bool bind, int error)
{
    char bound[256], why[256] = "";
    uint64_t conn;
    int rc = bind ? gw_net_bind(side->net, endpoint, bound, sizeof bound, why, sizeof why)
                  : gw_net_dial(side->net, endpoint, &conn, why, sizeof why);

    assert_int_equal(rc, error);
    assert_true(strlen(why) > 20);
    print_message("    %s\n", why);
}

static void bad_endpoints_are_refused_with_a_sentence(void **state)
{
    (void)state;
    struct side side, other;
    char bound[256], path[64], endpoint[80];

    open_side(&side);
    open_side(&other);
    refuse_endpoint(&side, "udp://127.0.0.1:7000", true, -EINVAL);
    refuse_endpoint(&side, "tcp://127.0.0.1", false, -EINVAL);
    refuse_endpoint(&side, "tcp://*:7000", false, -EINVAL);
    refuse_endpoint(&side, "tcp://192.0.2.77:7000", true, -EADDRNOTAVAIL);
    refuse_endpoint(&side, "ipc:///nowhere/at/all.sock", true, -ENOENT);

    bind_side(&other, "tcp://127.0.0.1:*", bound);
    refuse_endpoint(&side, bound, true, -EADDRINUSE);
    snprintf(path, sizeof path, "/tmp/godwit-busy-%d.sock", getpid());
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    bind_side(&other, endpoint, bound);
    refuse_endpoint(&side, endpoint, true, -EADDRINUSE); /* libzmq would just take it over */
    close_side(&other);

    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600); /* somebody's file */
    assert_true(fd >= 0);
    close(fd);
    refuse_endpoint(&side, endpoint, true, -EEXIST);
    assert_int_equal(access(path, F_OK), 0);
    unlink(path);
    bind_side(&side, "tcp://127.0.0.1:*", bound); /* the net is none the worse */
    close_side(&side);
}

static void a_closed_net_gives_back_every_descriptor(void **state)
{
    (void)state;
    int before = open_descriptors();

    for (int i = 0; i < 3; i++) {
        exchange_over("tcp://127.0.0.1:*");
        struct side side;
        open_side(&side);
        uint64_t conn = dial_side(&side, "tcp://127.0.0.1:1");
        dial_side(&side, "tcp://127.0.0.1:2");
        gw_net_hangup(side.net, conn);
        double start = now_s();
        close_side(&side);
        assert_true(now_s() - start < 2);
        assert_int_equal(open_descriptors(), before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_peers_exchange_frames_over_tcp),
        cmocka_unit_test(two_peers_exchange_frames_over_a_socket_file),
        cmocka_unit_test(one_net_may_dial_itself),
        cmocka_unit_test(bodies_of_all_sizes_arrive_whole_and_are_let_go),
        cmocka_unit_test(a_hundred_thousand_small_frames_arrive_in_order),
        cmocka_unit_test(a_full_connection_says_so_and_takes_frames_again_later),
        cmocka_unit_test(a_dead_peer_is_noticed_by_whoever_sends),
        cmocka_unit_test(nothing_can_be_sent_where_nobody_listens),
        cmocka_unit_test(a_dialled_connection_comes_back_when_the_peer_does),
        cmocka_unit_test(the_last_frame_before_a_close_arrives),
        cmocka_unit_test(a_handler_may_hang_up_the_connection_it_hears),
        cmocka_unit_test(a_poll_hands_over_no_more_than_its_budget),
        cmocka_unit_test(an_idle_net_sleeps_for_the_whole_timeout),
        cmocka_unit_test(no_wake_from_another_thread_is_lost),
        cmocka_unit_test(bad_endpoints_are_refused_with_a_sentence),
        cmocka_unit_test(a_closed_net_gives_back_every_descriptor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
