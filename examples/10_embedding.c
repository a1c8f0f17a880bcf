/* SPDX-License-Identifier: MPL-2.0 */

/* A program that was there before godwit: its own main, its own CZMQ sockets, its own handling of
 * signals. It gains a service by a few lines (marked +) and keeps all of that: godwit installs no
 * signal handler, its threads take no signal, and its ZeroMQ context is not the host's. */

#include <godwit.h> /* + */

#include <czmq.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

static int stop;          /* an eventfd: from a signal handler into the loop */
static atomic_int served; /* the number that the host shows on its status socket */

static void on_signal(int number)
{
    (void)number;
    eventfd_write(stop, 1);
}

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

static uint32_t echo(void *context, godwit_call_t *call) /* + on a thread of the service */
{
    const void *data = godwit_call_data(call);

    (void)context;
    atomic_fetch_add(&served, 1);
    return godwit_call_reply(call, data, godwit_call_size(call)) ? GODWIT_CALL_RETRY : 0;
}

/* Somebody outside: asks the service by godwit, the status by CZMQ, and then ends the program. */
static void visitor(zsock_t *pipe, void *endpoint)
{
    godwit_peer_t *client = open_peer("client");
    godwit_message_t *message;
    godwit_reply_t *reply;

    zsock_signal(pipe, 0);
    check(godwit_peer_connect(client, endpoint));
    check(godwit_message_new("who is there?", 13, &message));
    check(godwit_request(client, "echo", &message, -1, &reply, NULL));
    printf("reply: %.*s\n", (int)godwit_reply_size(reply), (const char *)godwit_reply_data(reply));
    godwit_reply_done(&reply);
    check(godwit_peer_close(&client));

    zsock_t *ask = zsock_new_req("inproc://status");
    zstr_send(ask, "how many?");
    char *status = zstr_recv(ask);
    printf("status: %s served\n", status);
    zstr_free(&status);
    zsock_destroy(&ask);
    kill(getpid(), SIGTERM);
}

int main(void)
{
    char endpoint[256];
    godwit_service_t *service;

    zsys_handler_set(NULL); /* the host's own choice: without it CZMQ takes SIGINT and SIGTERM */
    stop = eventfd(0, EFD_CLOEXEC);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    zsock_t *status = zsock_new_rep("inproc://status");

    godwit_peer_t *peer = open_peer("host");                             /* + */
    check(godwit_service_open(peer, "echo", echo, NULL, NULL, &service)); /* + */
    check(godwit_peer_bind(peer, "tcp://127.0.0.1:*"));                  /* + */
    check(godwit_peer_endpoint(peer, endpoint, sizeof endpoint));

    zactor_t *actor = zactor_new(visitor, endpoint);
    zmq_pollitem_t items[] = {{.socket = zsock_resolve(status), .events = ZMQ_POLLIN},
                              {.fd = stop, .events = ZMQ_POLLIN}};
    while (!items[1].revents) {
        if (zmq_poll(items, 2, -1) > 0 && items[0].revents) {
            char *question = zstr_recv(status);
            zstr_sendf(status, "%d", atomic_load(&served));
            zstr_free(&question);
        }
    }
    printf("SIGTERM came to the host's handler\n");

    check(godwit_service_close(&service)); /* + waits for the handlers that run */
    check(godwit_peer_close(&peer));       /* + */
    zactor_destroy(&actor);
    zsock_destroy(&status);
    return 0;
}

/* Prints:
 *   reply: who is there?
 *   status: 1 served
 *   SIGTERM came to the host's handler
 */
