/* SPDX-License-Identifier: MPL-2.0 */

/* The book of outcomes: how many are unread, and the writes that forget what was read. */

#include "peer/outcome.h"
#include "store/row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct godwit_peer *new_peer(bool outcomes)
{
    struct godwit_peer *peer = calloc(1, sizeof *peer);

    peer->settings.outcomes = outcomes;
    peer->outcomes.fd = -1;
    return peer;
}

static void free_peer(struct godwit_peer *peer)
{
    for (size_t i = 0; i < peer->mailbox.submission_count; i++)
        gw_commit_done(peer->mailbox.submissions[i].commit);
    gw_mailbox_clear(&peer->mailbox);
    free(peer);
}

static void a_million_unread_ones_are_enough(void **state)
{
    (void)state;
    struct godwit_peer *peer = new_peer(true), *without = new_peer(false);

    gw_outcomes_recovered(peer, 5 + GW_OUTCOMES_MAX - 1, 5);
    assert_false(gw_outcomes_full(peer));
    gw_outcomes_stored(peer, 5 + GW_OUTCOMES_MAX);
    assert_true(gw_outcomes_full(peer));
    peer->outcomes.read = 6;
    assert_false(gw_outcomes_full(peer));
    gw_outcomes_recovered(without, GW_OUTCOMES_MAX, 0); /* of an open that wanted them */
    assert_false(gw_outcomes_full(without));
    free_peer(peer);
    free_peer(without);
}

static void what_was_read_is_forgotten_by_bounded_writes(void **state)
{
    (void)state;
    struct godwit_peer *peer = new_peer(true);

    gw_outcomes_recovered(peer, 25000, 0);
    peer->outcomes.read = 24000;
    assert_int_equal(gw_outcomes_forget(peer), GODWIT_OK);
    assert_int_equal(peer->mailbox.submission_count, 3);
    assert_int_equal(peer->mailbox.submissions[0].commit->keys.count, 10001);
    assert_int_equal(peer->mailbox.submissions[2].commit->keys.count, 4001);
    assert_non_null(peer->mailbox.submissions[2].commit->over); /* nobody waits */
    assert_true(peer->mailbox.submissions[1].commit->token >
                peer->mailbox.submissions[0].commit->token);
    assert_int_equal(gw_outcomes_forget(peer), GODWIT_OK); /* nothing is left */
    assert_int_equal(peer->mailbox.submission_count, 3);
    free_peer(peer);
}

static void a_reopened_store_that_has_them_still_is_told_again(void **state)
{
    (void)state;
    struct godwit_peer *peer = new_peer(true);

    gw_outcomes_recovered(peer, 10, 0);
    peer->outcomes.read = peer->outcomes.given = 4;
    gw_outcomes_recovered(peer, 12, 0); /* the write failed */
    assert_int_equal(peer->outcomes.read, 4);
    assert_int_equal(gw_outcomes_forget(peer), GODWIT_OK);
    assert_int_equal(peer->mailbox.submission_count, 1);
    assert_int_equal(peer->mailbox.submissions[0].commit->keys.count, 5);
    gw_outcomes_recovered(peer, 2, 0); /* a store in memory was lost, and began anew */
    assert_int_equal(peer->outcomes.read, 2);
    assert_int_equal(peer->outcomes.given, 2);
    free_peer(peer);
}

static void *send_one(void *context)
{
    struct godwit_peer *peer = context;
    struct gw_patience patience = {0};

    pthread_mutex_lock(&peer->lock);
    godwit_err_t error = gw_peer_wait_space(peer, &patience);
    pthread_mutex_unlock(&peer->lock);
    return error ? NULL : peer;
}

static bool is_waited_for(struct godwit_peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    bool result = peer->space_waiters > 0;
    pthread_mutex_unlock(&peer->lock);
    return result;
}

static void who_waits_to_send_goes_on_when_some_are_read(void **state)
{
    (void)state;
    const struct gw_settings settings = {.name = "a", .outcomes = true, .full_timeout_ms = 20000};
    struct godwit_peer *peer = gw_peer_new(&settings);
    pthread_t thread;
    void *sent;

    atomic_store(&peer->notified, true); /* there is no engine to wake */
    peer->down = true;                   /* nor one to forget what was read */
    gw_outcomes_recovered(peer, GW_OUTCOMES_MAX, 0);
    assert_int_equal(pthread_create(&thread, NULL, send_one, peer), 0);
    for (int i = 0; i < 20000 && !is_waited_for(peer); i++)
        usleep(1000);
    assert_int_equal(godwit_outcome_done(peer, 1), GODWIT_OK);
    pthread_join(thread, &sent);
    assert_non_null(sent);
    gw_peer_drop(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_unread_ones_are_enough),
        cmocka_unit_test(what_was_read_is_forgotten_by_bounded_writes),
        cmocka_unit_test(a_reopened_store_that_has_them_still_is_told_again),
        cmocka_unit_test(who_waits_to_send_goes_on_when_some_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
