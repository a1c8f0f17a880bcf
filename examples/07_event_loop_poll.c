/* SPDX-License-Identifier: MPL-2.0 */

/* Whatever can be waited for has a descriptor that is readable while there is something to take: a
 * stage's messages, the replies to requests, how messages ended. So a program waits for them beside
 * its own sockets and timers, here with poll, on one thread. What is done with each is in
 * event_loop.h; 08 does the same with libuv, 09 with CZMQ. */

#include "event_loop.h"

#include <poll.h>

static void loop(void)
{
    struct pollfd fds[] = {{.fd = godwit_stage_fd(stage), .events = POLLIN},
                           {.fd = godwit_reply_fd(client), .events = POLLIN},
                           {.fd = godwit_outcome_fd(client), .events = POLLIN}};

    while (!all_done()) {
        if (poll(fds, 3, -1) < 0)
            continue; /* a signal */
        if (fds[0].revents)
            on_message();
        if (fds[1].revents)
            on_reply();
        if (fds[2].revents)
            on_outcome();
    }
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
