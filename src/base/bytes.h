/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_BASE_BYTES_H
#define GW_BASE_BYTES_H

/* A growable byte buffer with a sticky error, big-endian integers and varints (LEB128, at most
 * 10 bytes). All zero is an empty buffer. Appends after a failed one do nothing: check
 * gw_buffer_failed once at the end. Not thread-safe. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_slice {
    const uint8_t *data;
    size_t size;
};

struct gw_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool failed; /* out of memory at some append since the last reset */
};

void gw_buffer_clear(struct gw_buffer *buffer); /* frees; the buffer is empty and usable again */
void gw_buffer_reset(struct gw_buffer *buffer); /* empties, keeps the memory, forgets the error */
/* Makes sure that the next `extra` bytes of appends cannot fail: 0, or -ENOMEM and nothing
 * changed. */
int gw_buffer_reserve(struct gw_buffer *buffer, size_t extra);
/* The bytes must not lie in the buffer itself, which may move. */
void gw_buffer_append(struct gw_buffer *buffer, const void *data, size_t size);
void gw_buffer_u8(struct gw_buffer *buffer, uint8_t value);
void gw_buffer_u32(struct gw_buffer *buffer, uint32_t value); /* big-endian */
void gw_buffer_u64(struct gw_buffer *buffer, uint64_t value); /* big-endian: sorts as numbers do */
void gw_buffer_varint(struct gw_buffer *buffer, uint64_t value);
/* Varint length, then the bytes, no NUL. */
void gw_buffer_string(struct gw_buffer *buffer, const char *text);
static inline bool gw_buffer_failed(const struct gw_buffer *buffer)
{
    return buffer->failed;
}

/* A reader over bytes it does not own, with a sticky error: a read past the end sets `failed`,
 * returns zero and leaves nothing to read, so that a loop over what is left ends. A varint
 * longer than 10 bytes, above 64 bits or not in its shortest form fails too. */
struct gw_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

struct gw_reader gw_reader_of(const void *data, size_t size);
uint8_t gw_read_u8(struct gw_reader *reader);
uint32_t gw_read_u32(struct gw_reader *reader);
uint64_t gw_read_u64(struct gw_reader *reader);
uint64_t gw_read_varint(struct gw_reader *reader);
/* The slice points into the reader's bytes; on failure it is NULL and 0. */
struct gw_slice gw_read_slice(struct gw_reader *reader, size_t size);
/* Reads a varint length and that many bytes into `text`, and adds a NUL. Fails, with an empty text,
 * if they do not fit or hold a NUL. */
void gw_read_string(struct gw_reader *reader, char *text, size_t text_size);
static inline size_t gw_reader_left(const struct gw_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

#endif
