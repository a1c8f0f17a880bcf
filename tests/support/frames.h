/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_TESTS_SUPPORT_FRAMES_H
#define GW_TESTS_SUPPORT_FRAMES_H

/* Frames to test the codec with: one example of each type (those of docs/protocol.md), the largest
 * of each type, and random ones. */

#include "base/bytes.h"
#include "base/random.h"
#include "core/frame.h"
#include <stdbool.h>
#include <stdint.h>

#define FRAME_TYPES 14 /* GW_FRAME_HELLO to GW_FRAME_SKIP */

/* The body that goes with the example of DATA: three messages, the first one with a header, the
 * second one empty. It holds a NUL. */
#define FRAME_EXAMPLE_BODY "\5trace\0\2t7helloabc"

/* What a made frame points into; some 500 KiB, so make it static. */
struct frame_room {
    struct gw_floor floors[GW_FLOORS_MAX];
    struct gw_serve serves[GW_SERVES_MAX];
    struct gw_ack_epoch epochs[GW_ACK_EPOCHS_MAX];
    struct gw_credit credits[GW_SERVES_MAX];
    uint64_t closed[GW_ACK_EPOCHS_MAX];
    struct gw_range ranges[GW_ACK_RANGES_MAX];
    struct gw_exception exceptions[GW_ACK_EXCEPTIONS_MAX];
    struct gw_return returns[GW_ACK_RETURNS_MAX];
    uint8_t texts[GW_ACK_EXCEPTIONS_MAX + GW_ACK_RETURNS_MAX][GW_TEXT_MAX];
    uint8_t lengths[GW_LENGTHS_MAX];
    uint8_t heads[GW_LENGTHS_MAX];
};

/* Points into static memory. */
void frame_example(uint8_t type, struct gw_frame *frame);
/* All lists full, all numbers as large as they may be. */
void frame_largest(uint8_t type, struct frame_room *room, struct gw_frame *frame);
/* A valid frame, often at the limits. */
void frame_random(struct gw_random *random, uint8_t type, struct frame_room *room,
                  struct gw_frame *frame);
/* Field by field; says nothing about where the frames point. */
bool frames_equal(const struct gw_frame *a, const struct gw_frame *b);

/* Appends the bytes that the text gives in hex. Blanks and line ends are skipped, and so is
 * everything from ';' to the end of the line. False if the text is anything else. */
bool hex_append(struct gw_buffer *out, const char *text, size_t size);

#endif
