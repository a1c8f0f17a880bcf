/* SPDX-License-Identifier: MPL-2.0 */
/* Many connections of one plain libzmq socket: a DEALER that is bound sends round robin to a ROUTER
 * in another process that has connected so many times (a DEALER connects to one place once only).
 * Sockets are those of raw.c. */

#include "raw.h"
#include <stdint.h>
#include <string.h>
#include <zmq.h>

#define MONITOR "inproc://monitor"
#define MEET_MS 30000

/* Waits until so many have connected. */
static bool meet(struct raw *raw, void *monitor, unsigned count)
{
    int wait = MEET_MS;
    zmq_setsockopt(monitor, ZMQ_RCVTIMEO, &wait, sizeof(wait));
    if (!raw_check(zmq_connect(monitor, MONITOR), "monitor") || !raw_listen(raw))
        return false;
    for (unsigned i = 0; i < count; i++) {
        char event[64], address[256];
        if (!raw_check(zmq_recv(monitor, event, sizeof(event), 0), "meet") ||
            !raw_check(zmq_recv(monitor, address, sizeof(address), 0), "meet"))
            return false;
    }
    return true;
}

int role_raw_hub(const struct role *role)
{
    struct raw raw = {0};
    struct payload payload;
    if (!payload_init(&payload, role->size))
        return BENCH_FAILED;
    bool good = raw_open(&raw, ZMQ_DEALER, role->size) &&
                raw_check(zmq_socket_monitor(raw.socket, MONITOR, ZMQ_EVENT_HANDSHAKE_SUCCEEDED),
                          "monitor");
    if (good) {
        void *monitor = zmq_socket(raw.context, ZMQ_PAIR);
        good = monitor && meet(&raw, monitor, role->many);
        if (monitor)
            zmq_close(monitor);
        zmq_socket_monitor(raw.socket, NULL, 0);
    }
    good = good && raw_send_all(&raw, role, &payload);
    raw_close(&raw);
    payload_clear(&payload);
    return good ? BENCH_OK : BENCH_FAILED;
}
