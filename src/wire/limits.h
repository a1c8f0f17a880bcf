/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_WIRE_LIMITS_H
#define GW_WIRE_LIMITS_H

/* What a header may contain, stated once for the encoder and the decoder: both refuse the same
 * frames, so whatever was decoded can be encoded again. Only src/wire includes this. */

#include "core/frame.h"
#include <stddef.h>
#include <stdint.h>

#define GW_WIRE_OBJECTS_MAX 8192 /* msgpack objects in one header; the largest ACK has 6,408 */
#define GW_WIRE_DEPTH_MAX 8      /* arrays in arrays; version 1 uses 5 */
#define GW_WIRE_WEIGHT_MAX 1000000
#define GW_WIRE_CODE_MAX 65535       /* refusals: unknown codes can be read */
#define GW_WIRE_HEARTBEAT_MIN_MS 20  /* as in godwit/peer.h */
#define GW_WIRE_HEARTBEAT_MAX_MS 60000

/* DATA's flags. Any other bit is refused. */
#define GW_WIRE_REDELIVERED 1
#define GW_WIRE_MAYBE_DUPLICATE 2

#define GW_WIRE_SKIP_FLOOR 1 /* SKIP names no floor: its ranges column begins here */

/* The fields that every version of the protocol puts first. */
struct gw_preamble {
    uint64_t version;
    uint8_t type; /* 0: not readable, or above 255 */
    uint64_t link;
};

/* Reads them without trusting anything else. NULL, or static text if not even the version can be
 * read. */
const char *gw_preamble_read(const void *header, size_t size, struct gw_preamble *preamble);

/* Walks the whole header and allocates nothing: every length must fit into the bytes that are left,
 * the limits above must hold, and nothing may follow. Version 1 consists of arrays, integers,
 * booleans, str and bin; any other kind of object is refused. NULL, or static text: what is
 * wrong. */
const char *gw_prescan(const void *header, size_t size);

/* Checks every field's range. NULL, or static text: what is wrong. */
const char *gw_frame_check(const struct gw_frame *frame);

#endif
