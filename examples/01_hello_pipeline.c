/* SPDX-License-Identifier: MPL-2.0 */

/* A pusher sends messages to a stage by name, and a worker that serves the stage takes them, one
 * after the other, and says when each is done. There is no broker and no order of starting: here
 * the pusher sends before any worker exists. */

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

/* Without a directory a peer keeps everything in memory; 03 shows one that outlives its process. */
static godwit_peer_t *open_peer(const char *name)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    godwit_peer_t *peer;

    options.name = name;
    check(godwit_peer_open(&options, &peer));
    return peer;
}

int main(void)
{
    char endpoint[256];

    /* The pusher. Usually a program of its own, and the worker another, on another machine. */
    godwit_peer_t *pusher = open_peer("pusher");
    check(godwit_peer_bind(pusher, "tcp://127.0.0.1:*"));
    check(godwit_peer_endpoint(pusher, endpoint, sizeof endpoint));
    check(godwit_push_data(pusher, "greet", "hello", 5, NULL));
    check(godwit_push_data(pusher, "greet", "pipeline", 8, NULL));

    /* The worker. */
    godwit_stage_t *stage;
    godwit_peer_t *worker = open_peer("worker");
    check(godwit_stage_open(worker, "greet", NULL, &stage));
    check(godwit_peer_connect(worker, endpoint));
    for (int i = 0; i < 2; i++) {
        godwit_delivery_t *delivery;
        check(godwit_stage_next(stage, -1, &delivery));
        printf("%s sent: %.*s\n", godwit_delivery_sender(delivery),
               (int)godwit_delivery_size(delivery), (const char *)godwit_delivery_data(delivery));
        check(godwit_ack(&delivery)); /* never comes again; without it, it would */
    }

    /* The pusher knows when all that it sent was processed. */
    check(godwit_peer_drain(pusher, GODWIT_SETTLED, -1));
    printf("all processed\n");

    godwit_stage_close(&stage);
    check(godwit_peer_close(&worker));
    check(godwit_peer_close(&pusher));
    return 0;
}

/* Prints:
 *   pusher sent: hello
 *   pusher sent: pipeline
 *   all processed
 */
