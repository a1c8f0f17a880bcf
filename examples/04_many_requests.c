/* SPDX-License-Identifier: MPL-2.0 */

/* A client has a thousand requests under way at once, on one thread, and takes the replies as they
 * come, in any order: each tells which request it belongs to. The service is one thread too: while
 * more requests wait, it does not wait for the commit of an answer, so many answers share one. */

#include <godwit.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 1000

static void check(godwit_err_t error)
{
    if (error) {
        fprintf(stderr, "%s: %s\n", godwit_error_name(error), godwit_last_error());
        exit(1);
    }
}

static godwit_peer_t *open_peer(const char *name)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    godwit_peer_t *peer;

    options.name = name;
    check(godwit_peer_open(&options, &peer));
    return peer;
}

static uint32_t square(void *context, godwit_call_t *call)
{
    uint64_t number;

    (void)context;
    memcpy(&number, godwit_call_data(call), sizeof number);
    number *= number;
    return godwit_call_reply(call, &number, sizeof number) ? GODWIT_CALL_RETRY : 0;
}

int main(void)
{
    char endpoint[256];
    godwit_service_t *service;
    godwit_peer_t *server = open_peer("server"), *client = open_peer("client");
    static godwit_id_t ids[COUNT];
    uint64_t right = 0, sum = 0;

    check(godwit_service_open(server, "square", square, NULL, NULL, &service));
    check(godwit_peer_bind(server, "tcp://127.0.0.1:*"));
    check(godwit_peer_endpoint(server, endpoint, sizeof endpoint));
    check(godwit_peer_connect(client, endpoint));

    for (uint64_t i = 0; i < COUNT; i++) {
        godwit_message_t *message;
        check(godwit_message_new(&i, sizeof i, &message));
        check(godwit_request_send(client, "square", &message, &ids[i])); /* does not wait */
    }
    for (int i = 0; i < COUNT; i++) {
        godwit_reply_t *reply;
        uint64_t root = 0, number;
        check(godwit_reply_next(client, -1, &reply));
        godwit_id_t id = godwit_reply_request(reply);
        while (root < COUNT && memcmp(&ids[root], &id, sizeof id) != 0)
            root++; /* a real client has a table */
        memcpy(&number, godwit_reply_data(reply), sizeof number);
        right += root * root == number;
        sum += number;
        godwit_reply_done(&reply);
    }
    printf("%" PRIu64 " of %d replies are right, their sum is %" PRIu64 "\n", right, COUNT, sum);

    check(godwit_peer_close(&client));
    check(godwit_service_close(&service));
    check(godwit_peer_close(&server));
    return 0;
}

/* Prints:
 *   1000 of 1000 replies are right, their sum is 332833500
 */
