/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_FRAMES_H
#define GW_SIM_FRAMES_H

/* A frame under way: copies of its bytes, and when it is due. A queue keeps order. */

#include "base/blob.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_frame {
    struct sim_frame *next;
    uint64_t due_us;
    size_t header_size;
    uint8_t *header;
    struct gw_blob *body; /* NULL: a header alone */
};

struct sim_queue {
    struct sim_frame *first, *last;
    size_t count;
    uint64_t last_due_us;
};

struct sim_frame *sim_frame_new(struct gw_slice header, struct gw_slice body, bool has_body);
struct sim_frame *sim_frame_copy(const struct sim_frame *frame);
void sim_frame_destroy(struct sim_frame *frame); /* NULL is accepted */

void sim_queue_push(struct sim_queue *queue, struct sim_frame *frame);
struct sim_frame *sim_queue_pop(struct sim_queue *queue); /* NULL: empty */
void sim_queue_empty(struct sim_queue *queue);

#endif
