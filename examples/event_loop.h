/* SPDX-License-Identifier: MPL-2.0 */

/* What 07, 08 and 09 share, so that only the loop differs: a client with work for a server, and a
 * function for each of their descriptors, to be called when that is readable. It takes one thing
 * and never waits; what is left keeps the descriptor readable. */

#ifndef EVENT_LOOP_H
#define EVENT_LOOP_H

#include <godwit.h>

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

static bool all_done(void)
{
    return messages == 3 && replies == 3 && settled == 6;
}

/* Three messages to a stage and three requests to a service. */
static void open_all(void)
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
}

static void close_all(void)
{
    printf("%d messages, %d replies, %d outcomes\n", messages, replies, (int)settled);
    godwit_stage_close(&stage);
    check(godwit_peer_close(&client));
    check(godwit_service_close(&service));
    check(godwit_peer_close(&server));
}

#endif
