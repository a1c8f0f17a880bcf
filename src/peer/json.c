/* SPDX-License-Identifier: MPL-2.0 */

/* Flat JSON objects, one a line. */

#include "peer/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put(struct gw_buffer *out, const char *text)
{
    gw_buffer_append(out, text, strlen(text));
}

static void put_name(struct gw_buffer *out, const char *name)
{
    put(out, ",\"");
    put(out, name);
    put(out, "\":");
}

/* Bytes above 126 are no promised encoding: each becomes the character of its number. */
static void put_quoted(struct gw_buffer *out, const uint8_t *bytes, size_t size)
{
    char escaped[8];

    put(out, "\"");
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = bytes[i];

        if (byte == '"' || byte == '\\') {
            snprintf(escaped, sizeof escaped, "\\%c", byte);
            put(out, escaped);
        } else if (byte < 0x20 || byte > 0x7e) {
            snprintf(escaped, sizeof escaped, "\\u%04x", byte);
            put(out, escaped);
        } else {
            gw_buffer_u8(out, byte);
        }
    }
    put(out, "\"");
}

void gw_json_begin(struct gw_buffer *out, const char *record)
{
    put(out, "{\"record\":\"");
    put(out, record);
    put(out, "\"");
}

void gw_json_end(struct gw_buffer *out)
{
    put(out, "}\n");
}

void gw_json_text(struct gw_buffer *out, const char *name, const char *value)
{
    put_name(out, name);
    put_quoted(out, (const uint8_t *)value, strlen(value));
}

void gw_json_slice(struct gw_buffer *out, const char *name, struct gw_slice value)
{
    put_name(out, name);
    put_quoted(out, value.data, value.size);
}

void gw_json_number(struct gw_buffer *out, const char *name, uint64_t value)
{
    char text[24];

    put_name(out, name);
    snprintf(text, sizeof text, "%" PRIu64, value);
    put(out, text);
}

void gw_json_flag(struct gw_buffer *out, const char *name, bool value)
{
    put_name(out, name);
    put(out, value ? "true" : "false");
}

void gw_json_epoch(struct gw_buffer *out, const char *name, uint64_t value)
{
    char text[24];

    put_name(out, name);
    snprintf(text, sizeof text, "\"%016" PRIx64 "\"", value);
    put(out, text);
}

void gw_json_id(struct gw_buffer *out, const char *name, uint64_t epoch, uint64_t sequence)
{
    char text[40];

    put_name(out, name);
    snprintf(text, sizeof text, "\"%016" PRIx64 "%016" PRIx64 "\"", epoch, sequence);
    put(out, text);
}

void gw_json_base64(struct gw_buffer *out, const char *name, struct gw_slice value)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    put_name(out, name);
    put(out, "\"");
    for (size_t i = 0; i < value.size; i += 3) {
        size_t left = value.size - i;
        uint32_t bits = (uint32_t)value.data[i] << 16;

        if (left > 1)
            bits |= (uint32_t)value.data[i + 1] << 8;
        if (left > 2)
            bits |= value.data[i + 2];
        char four[5] = {digits[bits >> 18], digits[bits >> 12 & 63],
                        left > 1 ? digits[bits >> 6 & 63] : '=',
                        left > 2 ? digits[bits & 63] : '=', '\0'};
        gw_buffer_append(out, four, 4);
    }
    put(out, "\"");
}

void gw_json_destination(struct gw_buffer *out, const struct gw_destination *destination)
{
    char text[GW_DESTINATION_TEXT];

    gw_destination_format(destination, text);
    gw_json_text(out, "destination", text);
}
