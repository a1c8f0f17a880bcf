/* SPDX-License-Identifier: MPL-2.0 */

/* Bytes between blobs and libzmq. A body that is sent keeps its blob until libzmq's own thread is
 * done with it; one that was received keeps its zmq_msg_t until the last holder drops the blob, on
 * whatever thread: both counts are atomic. */

#include "net/message.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SEND_COPY_BELOW 1024 /* bytes: copying is cheaper than libzmq's bookkeeping */
#define TAKE_COPY_BELOW 4096 /* a smaller body would pin a receive buffer of 8 KiB */

static int init_copy(zmq_msg_t *part, struct gw_slice bytes)
{
    if (zmq_msg_init_size(part, bytes.size) != 0)
        return -ENOMEM;
    if (bytes.size > 0)
        memcpy(zmq_msg_data(part), bytes.data, bytes.size);
    return 0;
}

/* Called by libzmq, on its own thread, when the bytes have left. */
static void drop_body(void *data, void *blob)
{
    (void)data;
    gw_blob_drop(blob);
}

static int init_body(zmq_msg_t *part, struct gw_blob *blob, struct gw_slice body)
{
    if (body.size < SEND_COPY_BELOW)
        return init_copy(part, body);
    if (zmq_msg_init_data(part, (void *)(uintptr_t)body.data, body.size, drop_body,
                          gw_blob_hold(blob)) == 0)
        return 0;
    gw_blob_drop(blob);
    return -ENOMEM;
}

/* Sends the part or closes it. */
static int send_part(void *socket, zmq_msg_t *part, int flags)
{
    int rc;

    do
        rc = zmq_msg_send(part, socket, flags | ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    if (rc >= 0)
        return 0;
    int error = -errno;
    zmq_msg_close(part);
    return error;
}

/* What needs memory is made before the first part leaves, since a message once begun must end: all
 * that can still happen then is that the pipe goes. A ROUTER drops the rest by itself; a DEALER
 * takes the begun message back and answers EAGAIN. */
int gw_message_send(void *socket, struct gw_slice route, struct gw_slice header,
                    struct gw_blob *blob, struct gw_slice body)
{
    zmq_msg_t parts[3];
    int count = 0, error = 0;

    if (route.size > 0 && (error = init_copy(&parts[count], route)) == 0)
        count++;
    if (!error && (error = init_copy(&parts[count], header)) == 0)
        count++;
    if (!error && blob && (error = init_body(&parts[count], blob, body)) == 0)
        count++;
    for (int i = 0; i < count; i++) {
        if (error)
            zmq_msg_close(&parts[i]);
        else
            error = send_part(socket, &parts[i], i + 1 < count ? ZMQ_SNDMORE : 0);
    }
    return error;
}

bool gw_part_receive(void *socket, zmq_msg_t *part)
{
    int rc;

    zmq_msg_init(part);
    do
        rc = zmq_msg_recv(part, socket, ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    if (rc < 0)
        zmq_msg_close(part);
    return rc >= 0;
}

static void close_body(struct gw_blob *blob)
{
    zmq_msg_close(blob->owner);
    free(blob->owner);
}

static struct gw_blob *wrap(zmq_msg_t *part)
{
    zmq_msg_t *owner = malloc(sizeof *owner);

    if (!owner)
        return NULL;
    zmq_msg_init(owner);
    zmq_msg_move(owner, part);
    struct gw_blob *blob =
        gw_blob_wrap(zmq_msg_data(owner), zmq_msg_size(owner), close_body, owner);
    if (!blob) {
        zmq_msg_close(owner);
        free(owner);
    }
    return blob;
}

struct gw_blob *gw_part_to_blob(zmq_msg_t *part)
{
    size_t size = zmq_msg_size(part);
    struct gw_blob *blob;
    uint8_t *data;

    if (size < TAKE_COPY_BELOW) {
        blob = gw_blob_new(size, &data);
        if (blob && size > 0)
            memcpy(data, zmq_msg_data(part), size);
    } else {
        blob = wrap(part);
    }
    zmq_msg_close(part);
    return blob;
}
