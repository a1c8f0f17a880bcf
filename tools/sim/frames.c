/* SPDX-License-Identifier: MPL-2.0 */

/* Frames under way, and the queues that they wait in. */

#include "frames.h"

#include <stdlib.h>
#include <string.h>

struct sim_frame *sim_frame_new(struct gw_slice header, struct gw_slice body, bool has_body)
{
    struct sim_frame *frame = calloc(1, sizeof *frame);
    uint8_t *bytes;

    if (!frame || !(frame->header = malloc(header.size + 1)))
        abort();
    memcpy(frame->header, header.data, header.size);
    frame->header_size = header.size;
    if (has_body) {
        frame->body = gw_blob_new(body.size, &bytes);
        if (!frame->body)
            abort();
        if (body.size)
            memcpy(bytes, body.data, body.size);
    }
    return frame;
}

struct sim_frame *sim_frame_copy(const struct sim_frame *frame)
{
    struct gw_slice body = {0};

    if (frame->body)
        body = (struct gw_slice){frame->body->data, frame->body->size};
    return sim_frame_new((struct gw_slice){frame->header, frame->header_size}, body,
                     frame->body != NULL);
}

void sim_frame_destroy(struct sim_frame *frame)
{
    if (!frame)
        return;
    gw_blob_drop(frame->body);
    free(frame->header);
    free(frame);
}

void sim_queue_push(struct sim_queue *queue, struct sim_frame *frame)
{
    frame->next = NULL;
    if (queue->last)
        queue->last->next = frame;
    else
        queue->first = frame;
    queue->last = frame;
    queue->count++;
}

struct sim_frame *sim_queue_pop(struct sim_queue *queue)
{
    struct sim_frame *frame = queue->first;

    if (!frame)
        return NULL;
    queue->first = frame->next;
    if (!queue->first)
        queue->last = NULL;
    queue->count--;
    return frame;
}

void sim_queue_empty(struct sim_queue *queue)
{
    struct sim_frame *frame;

    while ((frame = sim_queue_pop(queue)))
        sim_frame_destroy(frame);
}
