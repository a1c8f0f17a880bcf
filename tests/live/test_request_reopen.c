/* SPDX-License-Identifier: MPL-2.0 */

/* Requests while a store fails again and again, at the asking or at the answering side: each
 * request that was stored has its effect once and is answered once; of one that was not, its sender
 * is told.
 *
 * Linked with --wrap=gw_leveldb_open. */

#include "live.h"

#include "store/store.h"
#include "support/faulty_store.h"

#include <pthread.h>
#include <stdatomic.h>

#define FAILURES 8
#define WRITES_MOST 30 /* between two failures */

/* The store of this directory fails at one of its next writes, so many opens long. */
static const char *faulty_at;
static atomic_int failures;

enum gw_store_error __real_gw_leveldb_open(const char *directory, struct gw_store **store,
                                           char *why, size_t why_size);
enum gw_store_error __wrap_gw_leveldb_open(const char *directory, struct gw_store **store,
                                           char *why, size_t why_size);

enum gw_store_error __wrap_gw_leveldb_open(const char *directory, struct gw_store **store,
                                           char *why, size_t why_size)
{
    enum gw_store_error error = __real_gw_leveldb_open(directory, store, why, why_size);

    if (error || !faulty_at || strcmp(directory, faulty_at) != 0)
        return error;
    *store = faulty_store_open(store);
    assert_non_null(*store);
    int left = atomic_load(&failures);
    if (left == 0)
        return GW_STORE_OK;
    atomic_store(&failures, left - 1);
    faulty_store_fail_write(*store, 3 + (size_t)(left * 7 % WRITES_MOST),
                            left % 2 ? FAULT_BEFORE : FAULT_AFTER);
    return GW_STORE_OK;
}

/* --- a service that counts --- */

static uint32_t count_up(void *context, godwit_call_t *call)
{
    godwit_txn_t *txn = godwit_call_txn(call);
    uint32_t count = 0;
    void *value;
    size_t size;
    godwit_err_t error = godwit_txn_get(txn, "count", godwit_call_data(call), 4, &value, &size);

    (void)context;
    if (!error) {
        memcpy(&count, value, sizeof count);
        godwit_free(value);
    } else if (error != GODWIT_ENOTFOUND) {
        return GODWIT_CALL_RETRY; /* the store is being reopened */
    }
    count++;
    if (godwit_txn_put(txn, "count", godwit_call_data(call), 4, &count, sizeof count) ||
        godwit_call_reply(call, &count, sizeof count))
        return GODWIT_CALL_RETRY;
    return 0;
}

static uint32_t counted(godwit_peer_t *server, uint32_t number)
{
    uint32_t count = 0;
    void *value;
    size_t size;

    godwit_err_t error;

    while ((error = godwit_get(server, "count", &number, sizeof number, &value, &size)) ==
           GODWIT_EBUSY)
        continue; /* the store is being reopened */
    if (error)
        return 0;
    memcpy(&count, value, sizeof count);
    godwit_free(value);
    return count;
}

/* --- the askers --- */

#define ASKERS 4
#define EACH 150

static godwit_peer_t *asking;
static godwit_err_t results[ASKERS * EACH];

static void *ask_many(void *context)
{
    uint32_t number = (uint32_t)(uintptr_t)context * EACH;
    godwit_message_t *request;
    godwit_reply_t *reply;
    uint32_t count;

    for (int i = 0; i < EACH; i++, number++) {
        ok(godwit_message_new(&number, sizeof number, &request));
        results[number] =
            godwit_request(asking, "count", &request, LIVE_TIMEOUT_MS, &reply, NULL);
        godwit_message_destroy(&request);
        if (results[number] != GODWIT_OK)
            continue;
        memcpy(&count, godwit_reply_data(reply), sizeof count);
        if (count != 1)
            results[number] = GODWIT_EREMOTE; /* it ran again after it had its effect */
        godwit_reply_done(&reply);
    }
    return NULL;
}

static void ask_while_a_store_fails(const char *victim)
{
    char client_directory[128], server_directory[128];
    godwit_destination_options_t options = GODWIT_DESTINATION_OPTIONS_INIT;
    pthread_t threads[ASKERS];
    godwit_service_options_t threads_of = GODWIT_SERVICE_OPTIONS_INIT;
    godwit_service_t *service;
    godwit_reply_t *reply;
    godwit_peer_t *server;
    int lost = 0;

    live_directory(client_directory);
    live_directory(server_directory);
    atomic_store(&failures, FAILURES);
    faulty_at = strcmp(victim, "client") == 0 ? client_directory : server_directory;
    asking = live_disk_peer("client", client_directory);
    server = live_disk_peer("server", server_directory);
    threads_of.threads = 3;
    ok(godwit_service_open(server, "count", count_up, NULL, &threads_of, &service));
    options.retry_base_ms = 1;
    ok(godwit_destination_set(asking, "service:count", &options));
    live_join(asking, server);
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many, (void *)(intptr_t)i), 0);
    for (int i = 0; i < ASKERS; i++)
        pthread_join(threads[i], NULL);
    for (uint32_t i = 0; i < ASKERS * EACH; i++) {
        if (results[i] != GODWIT_OK && results[i] != GODWIT_ENOTSTORED)
            print_error("%u: %s\n", (unsigned)i, godwit_error_name(results[i]));
        assert_true(results[i] == GODWIT_OK || results[i] == GODWIT_ENOTSTORED);
        assert_int_equal(counted(server, i), results[i] == GODWIT_OK);
        lost += results[i] != GODWIT_OK;
    }
    print_message("%s: %d failures, %d told that they are not stored\n", victim,
                  FAILURES - atomic_load(&failures), lost);
    fails(GODWIT_ETIMEDOUT, godwit_reply_next(asking, 50, &reply)); /* no second answer */
    godwit_err_t error = godwit_peer_drain(server, GODWIT_SETTLED, LIVE_TIMEOUT_MS);
    assert_true(error == GODWIT_OK || error == GODWIT_ENOTSTORED); /* of replies given again */
    ok(godwit_peer_drain(server, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_service_close(&service));
    ok(godwit_peer_close(&asking));
    ok(godwit_peer_close(&server));
    faulty_at = NULL;
    live_remove(client_directory);
    live_remove(server_directory);
}

static void the_client_s_store_fails(void **state)
{
    (void)state;
    ask_while_a_store_fails("client");
}

static void the_server_s_store_fails(void **state)
{
    (void)state;
    ask_while_a_store_fails("server");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_client_s_store_fails),
        cmocka_unit_test(the_server_s_store_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
