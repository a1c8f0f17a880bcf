/* SPDX-License-Identifier: MPL-2.0 */
/* A user's program in C, built outside the tree against what was installed: one message of each
 * kind between two peers. consumer.cpp is its twin and prints the same. */

#include <godwit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(godwit_err_t error)
{
    if (error) {
        fprintf(stderr, "%s: %s\n", godwit_error_name(error), godwit_last_error());
        exit(1);
    }
}

static godwit_peer_t *open_peer(const char *name, const char *directory)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    godwit_peer_t *peer;

    options.name = name;
    options.directory = directory;
    check(godwit_peer_open(&options, &peer));
    return peer;
}

/* One message through a stage; its decision and a key are one transaction. */
static void transaction(godwit_peer_t *sender, godwit_peer_t *worker, godwit_stage_t *stage)
{
    godwit_delivery_t *delivery;
    godwit_txn_t *txn;
    void *value;
    size_t size;

    check(godwit_push_data(sender, "jobs", "count me", 8, NULL));
    check(godwit_stage_next(stage, -1, &delivery));
    check(godwit_txn_begin(worker, &txn));
    check(godwit_txn_put(txn, "seen", "last", 4, godwit_delivery_data(delivery),
                         godwit_delivery_size(delivery)));
    check(godwit_txn_ack(txn, delivery));
    check(godwit_txn_commit(&txn));
    check(godwit_get(worker, "seen", "last", 4, &value, &size));
    printf("processed: %.*s\n", (int)size, (const char *)value);
    godwit_free(value);
    check(godwit_peer_drain(sender, GODWIT_SETTLED, -1));
}

static void dead_letter(godwit_peer_t *sender, godwit_stage_t *stage)
{
    godwit_delivery_t *delivery;
    godwit_dead_t *dead;
    godwit_id_t id;

    check(godwit_push_data(sender, "jobs", "nonsense", 8, &id));
    check(godwit_stage_next(stage, -1, &delivery));
    check(godwit_reject(&delivery, 22, "not a job"));
    if (godwit_wait(sender, id, GODWIT_SETTLED, -1) != GODWIT_EDEAD)
        exit(1);
    check(godwit_dead_get(sender, id, &dead));
    printf("dead: %.*s, code %u, %s\n", (int)dead->size, (const char *)dead->data,
           (unsigned)dead->code, dead->text);
    godwit_dead_free(&dead);
    check(godwit_dead_purge(sender, id));
}

static uint32_t greet(void *context, godwit_call_t *call)
{
    char text[100];
    int size = snprintf(text, sizeof text, "%s, %.*s", (const char *)context,
                        (int)godwit_call_size(call), (const char *)godwit_call_data(call));

    return godwit_call_reply(call, text, (size_t)size) ? GODWIT_CALL_RETRY : 0;
}

static void request(godwit_peer_t *client, godwit_peer_t *server)
{
    godwit_service_options_t options = GODWIT_SERVICE_OPTIONS_INIT;
    char hello[] = "hello";
    godwit_service_t *service;
    godwit_message_t *message;
    godwit_reply_t *reply;

    options.threads = 2;
    check(godwit_service_open(server, "greet", greet, hello, &options, &service));
    check(godwit_message_new("world", 5, &message));
    check(godwit_request(client, "greet", &message, -1, &reply, NULL));
    printf("reply: %.*s\n", (int)godwit_reply_size(reply), (const char *)godwit_reply_data(reply));
    godwit_reply_done(&reply);
    check(godwit_service_close(&service));
}

/* consumer DIRECTORY: the sender's store. */
int main(int argc, char **argv)
{
    char endpoint[256];
    godwit_stage_options_t options = GODWIT_STAGE_OPTIONS_INIT;
    godwit_destination_options_t policy = GODWIT_DESTINATION_OPTIONS_INIT;
    godwit_stage_t *stage;

    if (argc != 2 || strcmp(GODWIT_VERSION_STRING, godwit_version()) != 0)
        return 1;
    printf("version %s\n", godwit_version());
    godwit_peer_t *sender = open_peer("sender", argv[1]), *worker = open_peer("worker", NULL);
    options.credit_messages = 10;
    policy.max_attempts = 2;
    check(godwit_destination_set(sender, "stage:jobs", &policy));
    check(godwit_peer_bind(sender, "tcp://127.0.0.1:*"));
    check(godwit_peer_endpoint(sender, endpoint, sizeof endpoint));
    check(godwit_peer_connect(worker, endpoint));
    check(godwit_stage_open(worker, "jobs", &options, &stage));
    transaction(sender, worker, stage);
    dead_letter(sender, stage);
    request(sender, worker);
    godwit_stage_close(&stage);
    check(godwit_peer_close(&worker));
    check(godwit_peer_close(&sender));
    return 0;
}
