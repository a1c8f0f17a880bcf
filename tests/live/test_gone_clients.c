/* SPDX-License-Identifier: MPL-2.0 */

/* Short-lived clients in memory leave no state on the sending side: what was for one that is gone
 * ends, its epoch is given up, and the next client of that name starts afresh. */

#include "live.h"

#define REPLIES "reply:client"

static bool may_choose_ordering(godwit_peer_t *peer, godwit_ordering_t ordering)
{
    godwit_destination_options_t options = GODWIT_DESTINATION_OPTIONS_INIT;

    options.ordering = ordering;
    return godwit_destination_set(peer, REPLIES, &options) == GODWIT_OK;
}

/* Ordering can be chosen again once the destination has no epoch: that is how it shows. */
static void wait_retired(godwit_peer_t *peer, godwit_ordering_t ordering)
{
    bool retired = false;

    for (int i = 0; i < LIVE_TIMEOUT_MS / 5 && !retired; i++) {
        retired = may_choose_ordering(peer, ordering);
        if (!retired)
            usleep(5000);
    }
    assert_true(retired);
}

static uint32_t answer(void *context, godwit_call_t *call)
{
    (void)context;
    return godwit_call_reply(call, "yes", 3) == GODWIT_OK ? 0 : 1;
}

static void a_client_that_is_gone_takes_its_epoch_with_it(void **state)
{
    godwit_peer_t *server = live_peer("server");
    godwit_service_t *service;
    char endpoint[256];

    (void)state;
    ok(godwit_service_open(server, "quote", answer, NULL, NULL, &service));
    live_bind(server, endpoint);
    for (int round = 0; round < 4; round++) {
        godwit_ordering_t other = round % 2 ? GODWIT_ORDERING_SHARED : GODWIT_ORDERING_ORDERED;
        godwit_peer_t *client = live_peer("client");
        godwit_message_t *message;
        godwit_reply_t *reply;

        ok(godwit_peer_connect(client, endpoint));
        ok(godwit_message_new("?", 1, &message));
        ok(godwit_request(client, "quote", &message, LIVE_TIMEOUT_MS, &reply, NULL));
        assert_int_equal(godwit_reply_size(reply), 3);
        godwit_reply_done(&reply);
        assert_false(may_choose_ordering(server, other)); /* its epoch goes on */
        ok(godwit_peer_close(&client));
        wait_retired(server, other);
        for (int i = 0; live_counter(server, "epochs_closed") < (uint64_t)round + 1; i++) {
            assert_true(i < LIVE_TIMEOUT_MS / 5); /* the core has forgotten it, too */
            usleep(5000);
        }
    }
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&server));
}

static void what_was_for_it_ends_withdrawn(void **state)
{
    godwit_peer_t *server = live_peer("server"), *client = live_peer("client");
    godwit_stage_t *stage = live_stage(client, "s");
    godwit_id_t id;

    (void)state;
    live_join(client, server);
    ok(godwit_peer_wait_members(server, "stage:s", 1, LIVE_TIMEOUT_MS)); /* they have met */
    ok(godwit_send_data(server, REPLIES, "x", 1, &id));
    ok(godwit_wait(server, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&client));
    fails(GODWIT_EWITHDRAWN, godwit_wait(server, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_drain(server, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    wait_retired(server, GODWIT_ORDERING_ORDERED);
    ok(godwit_peer_close(&server));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_that_is_gone_takes_its_epoch_with_it),
        cmocka_unit_test(what_was_for_it_ends_withdrawn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
