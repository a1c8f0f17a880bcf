/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_JSON_H
#define GW_PEER_JSON_H

/* Records for people and programs: one flat JSON object on a line of its own. Names are the
 * caller's literals; values of any bytes are escaped. Errors stick to the buffer. */

#include "base/bytes.h"
#include "core/frame.h"

void gw_json_begin(struct gw_buffer *out, const char *record); /* {"record":"link" */
void gw_json_end(struct gw_buffer *out);                       /* }\n */
void gw_json_text(struct gw_buffer *out, const char *name, const char *value);
void gw_json_slice(struct gw_buffer *out, const char *name, struct gw_slice value);
void gw_json_number(struct gw_buffer *out, const char *name, uint64_t value);
void gw_json_flag(struct gw_buffer *out, const char *name, bool value);
void gw_json_epoch(struct gw_buffer *out, const char *name, uint64_t value); /* 16 hex digits */
void gw_json_id(struct gw_buffer *out, const char *name, uint64_t epoch, uint64_t sequence);
void gw_json_base64(struct gw_buffer *out, const char *name, struct gw_slice value);
void gw_json_destination(struct gw_buffer *out, const struct gw_destination *destination);

#endif
