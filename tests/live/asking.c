/* SPDX-License-Identifier: MPL-2.0 */

/* What the tests of requests share. */

#include "asking.h"

#include <pthread.h>
#include <time.h>

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static int gate_waiting;
static bool gate_open = true;

void gate_set(bool open)
{
    pthread_mutex_lock(&gate_lock);
    gate_open = open;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate_lock);
}

void gate_wait_for_one(void)
{
    pthread_mutex_lock(&gate_lock);
    while (gate_waiting == 0)
        pthread_cond_wait(&gate_moved, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
}

uint32_t gated_echo(void *context, godwit_call_t *call)
{
    (void)context;
    pthread_mutex_lock(&gate_lock);
    gate_waiting++;
    pthread_cond_broadcast(&gate_moved);
    while (!gate_open)
        pthread_cond_wait(&gate_moved, &gate_lock);
    gate_waiting--;
    pthread_mutex_unlock(&gate_lock);
    ok(godwit_call_reply(call, godwit_call_data(call), godwit_call_size(call)));
    return 0;
}

godwit_service_t *serve(godwit_peer_t *peer, godwit_handler_fn handler, uint32_t threads)
{
    godwit_service_options_t options = GODWIT_SERVICE_OPTIONS_INIT;
    godwit_service_t *service;

    options.threads = threads;
    ok(godwit_service_open(peer, "s", handler, NULL, &options, &service));
    return service;
}

godwit_id_t send_bytes(godwit_peer_t *client, const void *data, size_t size)
{
    godwit_message_t *request;
    godwit_id_t id;

    ok(godwit_message_new(data, size, &request));
    ok(godwit_request_send(client, "s", &request, &id));
    return id;
}

godwit_id_t send_text(godwit_peer_t *client, const char *text)
{
    return send_bytes(client, text, strlen(text));
}

void expect_reply(godwit_reply_t **reply, const char *text)
{
    assert_int_equal(godwit_reply_size(*reply), strlen(text));
    assert_memory_equal(godwit_reply_data(*reply), text, strlen(text));
    godwit_reply_done(reply);
}

void wait_counter(godwit_peer_t *peer, const char *name, uint64_t least)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    for (int i = 0; i < LIVE_TIMEOUT_MS && live_counter(peer, name) < least; i++)
        nanosleep(&pause, NULL);
    assert_true(live_counter(peer, name) >= least);
}
