/* SPDX-License-Identifier: MPL-2.0 */

/* The program of 07 on a loop of libuv: each descriptor of godwit's is one uv_poll_t. The handles
 * are closed before the stage and the peers that the descriptors belong to. */

#include <godwit.h>

#include <uv.h>

#include <stdio.h>
#include <stdlib.h>

static void check(godwit_err_t error)
{
    if (error) {
        fprintf(stderr, "%s: %s\n", godwit_error_name(error), godwit_last_error());
        exit(1);
    }
}

static godwit_peer_t *open_peer(const char *name, bool outcomes)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    godwit_peer_t *peer;

    options.name = name;
    options.outcomes = outcomes;
    check(godwit_peer_open(&options, &peer));
    return peer;
}

static uint32_t answer(void *context, godwit_call_t *call) /* on a thread of the service */
{
    (void)context;
    return godwit_call_reply(call, "42", 2) ? GODWIT_CALL_RETRY : 0;
}

static godwit_peer_t *server, *client;
static godwit_stage_t *stage;
static godwit_service_t *service;
static int messages, replies;
static uint64_t settled, last_outcome;

/* Each is called when its descriptor is readable, takes one thing and never waits. What is left
 * keeps the descriptor readable. */
static void on_message(void)
{
    godwit_delivery_t *delivery;

    if (godwit_stage_next(stage, 0, &delivery) == GODWIT_OK) {
        messages++;
        check(godwit_ack(&delivery));
    }
}

static void on_reply(void)
{
    godwit_reply_t *reply;

    if (godwit_reply_next(client, 0, &reply) == GODWIT_OK) {
        replies++;
        godwit_reply_done(&reply);
    }
}

static void on_outcome(void)
{
    godwit_outcome_t outcome;

    if (godwit_outcome_next(client, last_outcome, 0, &outcome) == GODWIT_OK) {
        settled += outcome.last_sequence - outcome.first.sequence + 1;
        last_outcome = outcome.number;
        check(godwit_outcome_done(client, last_outcome));
    }
}

static void on_readable(uv_poll_t *handle, int status, int events)
{
    (void)events;
    if (status == 0)
        (*(void (**)(void))handle->data)();
    if (messages == 3 && replies == 3 && settled == 6)
        uv_stop(handle->loop);
}

static void loop(void)
{
    void (*take[])(void) = {on_message, on_reply, on_outcome};
    int fds[] = {godwit_stage_fd(stage), godwit_reply_fd(client), godwit_outcome_fd(client)};
    uv_poll_t handles[3];
    uv_loop_t uv;

    uv_loop_init(&uv);
    for (int i = 0; i < 3; i++) {
        uv_poll_init(&uv, &handles[i], fds[i]);
        handles[i].data = &take[i];
        uv_poll_start(&handles[i], UV_READABLE, on_readable);
    }
    uv_run(&uv, UV_RUN_DEFAULT); /* until uv_stop */
    for (int i = 0; i < 3; i++)
        uv_close((uv_handle_t *)&handles[i], NULL);
    uv_run(&uv, UV_RUN_DEFAULT); /* closes the handles */
    uv_loop_close(&uv);
}

int main(void)
{
    char endpoint[256];
    godwit_message_t *message;

    server = open_peer("server", false);
    client = open_peer("client", true); /* outcomes: it wants to know how each message ended */
    check(godwit_stage_open(server, "work", NULL, &stage));
    check(godwit_service_open(server, "answer", answer, NULL, NULL, &service));
    check(godwit_peer_bind(server, "tcp://127.0.0.1:*"));
    check(godwit_peer_endpoint(server, endpoint, sizeof endpoint));
    check(godwit_peer_connect(client, endpoint));
    for (int i = 0; i < 3; i++) {
        check(godwit_push_data(client, "work", "job", 3, NULL));
        check(godwit_message_new("question", 8, &message));
        check(godwit_request_send(client, "answer", &message, NULL));
    }

    loop();
    printf("%d messages, %d replies, %d outcomes\n", messages, replies, (int)settled);

    godwit_stage_close(&stage);
    check(godwit_peer_close(&client));
    check(godwit_service_close(&service));
    check(godwit_peer_close(&server));
    return 0;
}

/* Prints:
 *   3 messages, 3 replies, 6 outcomes
 */
