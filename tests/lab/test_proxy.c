/* SPDX-License-Identifier: MPL-2.0 */

/* The proxy when nothing is wrong: what passes, how ends travel, its limits, what it leaves. */

#include "proxy_pair.h"

#include <dirent.h>

static void bytes_pass_both_ways(void **state)
{
    (void)state;
    meet();
    put(client, "there", 5);
    get_text(accepted, "there");
    put(accepted, "and back", 8);
    get_text(client, "and back");
    assert_int_equal(counts().connections, 1);
    assert_int_equal(counts().bytes_forward, 5);
    assert_int_equal(counts().bytes_back, 8);
}

#define LARGE (20u << 20)

static void much_passes_unchanged_to_a_slow_reader(void **state)
{
    unsigned char *sent = noise(LARGE, 1), *got = malloc(LARGE);
    size_t at = 0, have = 0;

    (void)state;
    assert_non_null(got);
    meet();
    while (have < LARGE) { /* writes what is taken, reads a little less often */
        ssize_t some = at < LARGE ? send(client, sent + at, LARGE - at, MSG_DONTWAIT) : 0;
        if (some > 0)
            at += (size_t)some;
        if (readable(accepted, some > 0 ? 0 : WAIT_MS)) {
            some = recv(accepted, got + have, 100000, MSG_DONTWAIT);
            assert_true(some > 0);
            have += (size_t)some;
        }
    }
    assert_memory_equal(sent, got, LARGE);
    free(sent);
    free(got);
}

static void one_side_may_end_and_the_other_goes_on(void **state)
{
    (void)state;
    meet();
    put(client, "question", 8);
    shutdown(client, SHUT_WR);
    get_text(accepted, "question");
    assert_int_equal(how_it_ends(accepted), ENDS_CLOSED);
    put(accepted, "answer", 6);
    get_text(client, "answer");
    hang_up(&accepted);
    assert_int_equal(how_it_ends(client), ENDS_CLOSED);
}

static void a_reset_passes_as_a_reset(void **state)
{
    const struct linger linger = {.l_onoff = 1};

    (void)state;
    meet();
    setsockopt(client, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    hang_up(&client);
    assert_int_equal(how_it_ends(accepted), ENDS_RESET);
}

static void a_server_that_is_not_there_shows_as_a_reset(void **state)
{
    (void)state;
    hang_up(&server);
    is_refused();
}

static void two_links_are_two(void **state)
{
    uint16_t port;
    int other = listen_anywhere(&port), first = link_number;

    (void)state;
    meet();
    link_number = lab_proxy_link(proxy, port);
    assert_int_equal(link_number, first + 1);
    order((struct lab_order){.verb = LAB_hold});
    int called = try_call();
    put(called, "held", 4);
    link_number = first;
    put(client, "through", 7);
    get_text(accepted, "through");
    close(called);
    close(other);
}

static void beyond_its_limit_connections_are_refused(void **state)
{
    int many[LAB_PROXY_CONNECTIONS];

    (void)state;
    for (size_t i = 0; i < LAB_PROXY_CONNECTIONS; i++) {
        many[i] = try_call();
        assert_true(many[i] >= 0);
        int fd = answer();
        put(many[i], "x", 1);
        get_text(fd, "x");
        close(fd);
        /* The server hung up; the client did not, so it counts. */
        assert_int_equal(how_it_ends(many[i]), ENDS_CLOSED);
    }
    is_refused();
    assert_int_equal(counts().refused, 1);
    assert_int_equal(counts().connections, LAB_PROXY_CONNECTIONS);
    for (size_t i = 0; i < LAB_PROXY_CONNECTIONS; i++)
        close(many[i]);
    meet();
}

static size_t open_files(void)
{
    size_t count = 0;
    DIR *files = opendir("/proc/self/fd");

    assert_non_null(files);
    while (readdir(files))
        count++;
    closedir(files);
    return count;
}

static void nothing_stays_open(void **state)
{
    size_t before = open_files();

    assert_int_equal(begin(state), 0);
    for (int i = 0; i < 20; i++) {
        meet();
        put(client, "x", 1);
        get_text(accepted, "x");
        order((struct lab_order){.verb = i % 3 == 0   ? LAB_cut
                                         : i % 3 == 1 ? LAB_reset
                                                      : LAB_replay});
    }
    order((struct lab_order){.verb = LAB_hold});
    int unanswered = try_call();
    put(unanswered, "x", 1);
    assert_int_equal(end(state), 0);
    close(unanswered);
    assert_int_equal(open_files(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(bytes_pass_both_ways),
        test(much_passes_unchanged_to_a_slow_reader),
        test(one_side_may_end_and_the_other_goes_on),
        test(a_reset_passes_as_a_reset),
        test(a_server_that_is_not_there_shows_as_a_reset),
        test(two_links_are_two),
        test(beyond_its_limit_connections_are_refused),
        cmocka_unit_test(nothing_stays_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
