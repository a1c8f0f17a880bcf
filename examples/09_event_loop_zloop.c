/* SPDX-License-Identifier: MPL-2.0 */

/* The program of 07 on CZMQ's zloop: each descriptor of godwit's is one zmq_pollitem_t. godwit has
 * its own ZeroMQ context and never sees CZMQ's, so both live in one process without meeting. */

#include "event_loop.h"

#include <czmq.h>

static int on_readable(zloop_t *zloop, zmq_pollitem_t *item, void *take)
{
    (void)zloop, (void)item;
    (*(void (**)(void))take)();
    return all_done() ? -1 : 0; /* -1 ends the loop */
}

static void loop(void)
{
    void (*take[])(void) = {on_message, on_reply, on_outcome};
    int fds[] = {godwit_stage_fd(stage), godwit_reply_fd(client), godwit_outcome_fd(client)};
    zloop_t *zloop = zloop_new();

    for (int i = 0; i < 3; i++) {
        zmq_pollitem_t item = {.fd = fds[i], .events = ZMQ_POLLIN};
        zloop_poller(zloop, &item, on_readable, &take[i]);
    }
    zloop_start(zloop);
    zloop_destroy(&zloop);
}

int main(void)
{
    open_all();
    loop();
    close_all();
    return 0;
}

/* Prints:
 *   3 messages, 3 replies, 6 outcomes
 */
