/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_WIRE_WIRE_H
#define GW_WIRE_WIRE_H

/* Frames to bytes and back. Pure: no socket, no clock; the only folder that includes msgpack-c.
 *
 * The header frame is one msgpack array. Decoding never trusts a length: a prescan without
 * allocation checks the whole header (objects, depth, sizes against the bytes left: hazards MP01,
 * MP02) before msgpack-c sees it, then every field's type and range is checked. A decoder takes all
 * its memory when it is made, some 330 KiB of which small frames touch little; decoding takes none,
 * whatever a frame says. */

#include "base/bytes.h"
#include "core/frame.h"

struct gw_decoder; /* the arena that decoded frames point into */

struct gw_decoder *gw_decoder_new(void); /* NULL: out of memory */
void gw_decoder_destroy(struct gw_decoder **decoder);

enum gw_decode_result {
    GW_DECODE_OK = 0,
    GW_DECODE_MALFORMED = 1, /* refuse: counted, the sender is in error */
    GW_DECODE_VERSION = 2,   /* a version this code does not speak; frame->type and link are set */
    GW_DECODE_NOMEM = 3
};

/* `header` must outlive the frame. `why` (never NULL) receives static text for MALFORMED.
 * A frame that is not OK has no content but, for VERSION, type and link as far as readable. */
enum gw_decode_result gw_decode(struct gw_decoder *decoder, const void *header, size_t size,
                                struct gw_frame *frame, const char **why);

/* Appends the header's bytes; 0, -ENOMEM, or -EINVAL for a frame that breaks a limit (a bug of
 * ours). On failure the buffer's bytes are as before. */
int gw_encode(const struct gw_frame *frame, struct gw_buffer *out);

#endif
