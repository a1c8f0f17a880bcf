/* SPDX-License-Identifier: MPL-2.0 */

/* A client asks a service by name and waits for the reply; a handler answers, on a thread of the
 * service. An answer can also be an error with a code and a text of the handler's own. */

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

static godwit_peer_t *open_peer(const char *name)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    godwit_peer_t *peer;

    options.name = name;
    check(godwit_peer_open(&options, &peer));
    return peer;
}

/* The service: 0 sends the reply, any other number is an error for the client. */
static uint32_t greet(void *context, godwit_call_t *call)
{
    char text[100];

    (void)context;
    if (godwit_call_size(call) == 0) {
        godwit_call_fail(call, "whom shall I greet?");
        return 7;
    }
    int size = snprintf(text, sizeof text, "hello, %.*s", (int)godwit_call_size(call),
                        (const char *)godwit_call_data(call));
    return godwit_call_reply(call, text, (size_t)size) ? GODWIT_CALL_RETRY : 0;
}

static void ask(godwit_peer_t *client, const char *name, size_t size)
{
    godwit_message_t *message;
    godwit_reply_t *reply;

    check(godwit_message_new(name, size, &message));
    godwit_err_t error = godwit_request(client, "greet", &message, -1, &reply, NULL);
    if (error == GODWIT_EREMOTE)
        printf("error %u: %s\n", godwit_reply_code(reply), godwit_reply_text(reply));
    else {
        check(error);
        printf("%.*s\n", (int)godwit_reply_size(reply), (const char *)godwit_reply_data(reply));
    }
    godwit_reply_done(&reply); /* collected: forgotten everywhere */
}

int main(void)
{
    char endpoint[256];
    godwit_service_t *service;
    godwit_peer_t *server = open_peer("server"), *client = open_peer("client");

    check(godwit_service_open(server, "greet", greet, NULL, NULL, &service));
    check(godwit_peer_bind(server, "tcp://127.0.0.1:*"));
    check(godwit_peer_endpoint(server, endpoint, sizeof endpoint));
    check(godwit_peer_connect(client, endpoint));

    ask(client, "world", 5);
    ask(client, NULL, 0);

    check(godwit_peer_close(&client));
    check(godwit_service_close(&service));
    check(godwit_peer_close(&server));
    return 0;
}

/* Prints:
 *   hello, world
 *   error 7: whom shall I greet?
 */
