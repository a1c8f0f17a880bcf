/* SPDX-License-Identifier: MPL-2.0 */

/* The first look at bytes from a stranger. msgpack-c allocates for an array of as many elements as
 * its header claims, before it looks for them (hazard MP01), so no claim reaches it that this file
 * has not held against the bytes that are there. It allocates nothing and never recurses. */

#include "wire/limits.h"

#include "base/bytes.h"

enum kind { KIND_INTEGER, KIND_BOOLEAN, KIND_BYTES, KIND_ARRAY, KIND_REFUSED };

/* One object's head; its bytes or elements come after it. */
struct head {
    enum kind kind;
    bool negative;  /* an integer below zero; `value` means nothing */
    uint64_t value; /* an integer, a size in bytes, or a number of elements */
};

static uint64_t read_sized(struct gw_reader *reader, unsigned size)
{
    switch (size) {
    case 1:
        return gw_read_u8(reader);
    case 2: {
        uint64_t high = gw_read_u8(reader);
        return high << 8 | gw_read_u8(reader);
    }
    case 4:
        return gw_read_u32(reader);
    default:
        return gw_read_u64(reader);
    }
}

/* A signed integer is fine as long as it is not negative. */
static struct head signed_head(struct gw_reader *reader, unsigned size)
{
    uint64_t value = read_sized(reader, size);
    return (struct head){KIND_INTEGER, (value >> (8 * size - 1)) != 0, value};
}

/* The heads of more than one byte: 0xc0 to 0xdf. */
static struct head long_head(struct gw_reader *reader, uint8_t byte)
{
    switch (byte) {
    case 0xc2:
    case 0xc3:
        return (struct head){KIND_BOOLEAN, false, byte & 1};
    case 0xc4:
    case 0xc5:
    case 0xc6: /* bin 8, 16, 32 */
        return (struct head){KIND_BYTES, false, read_sized(reader, 1u << (byte - 0xc4))};
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf: /* uint 8 to 64 */
        return (struct head){KIND_INTEGER, false, read_sized(reader, 1u << (byte - 0xcc))};
    case 0xd0:
    case 0xd1:
    case 0xd2:
    case 0xd3: /* int 8 to 64 */
        return signed_head(reader, 1u << (byte - 0xd0));
    case 0xd9:
    case 0xda:
    case 0xdb: /* str 8, 16, 32 */
        return (struct head){KIND_BYTES, false, read_sized(reader, 1u << (byte - 0xd9))};
    case 0xdc:
    case 0xdd: /* array 16, 32 */
        return (struct head){KIND_ARRAY, false, read_sized(reader, 2u << (byte - 0xdc))};
    default: /* nil, map, float, ext */
        return (struct head){.kind = KIND_REFUSED};
    }
}

static struct head read_head(struct gw_reader *reader)
{
    uint8_t byte = gw_read_u8(reader);

    if (byte <= 0x7f)
        return (struct head){KIND_INTEGER, false, byte};
    if (byte >= 0xe0)
        return (struct head){KIND_INTEGER, true, 0};
    if (byte >= 0xc0)
        return long_head(reader, byte);
    if (byte >= 0xa0)
        return (struct head){KIND_BYTES, false, byte & 0x1f};
    if (byte >= 0x90)
        return (struct head){KIND_ARRAY, false, byte & 0x0f};
    return (struct head){.kind = KIND_REFUSED}; /* a small map */
}

static bool read_unsigned(struct gw_reader *reader, uint64_t *value)
{
    struct head head = read_head(reader);

    *value = head.value;
    return !reader->failed && head.kind == KIND_INTEGER && !head.negative;
}

const char *gw_preamble_read(const void *header, size_t size, struct gw_preamble *preamble)
{
    struct gw_reader reader = gw_reader_of(header, size);
    struct head array = read_head(&reader);
    uint64_t type;

    *preamble = (struct gw_preamble){0};
    if (reader.failed || array.kind != KIND_ARRAY)
        return "the header is not an array";
    if (array.value < 1 || !read_unsigned(&reader, &preamble->version))
        return "the version is not an unsigned integer";
    if (array.value < 2 || !read_unsigned(&reader, &type))
        return NULL;
    preamble->type = type <= UINT8_MAX ? (uint8_t)type : 0;
    if (array.value < 3 || !read_unsigned(&reader, &preamble->link))
        preamble->link = 0;
    return NULL;
}

const char *gw_prescan(const void *header, size_t size)
{
    struct gw_reader reader = gw_reader_of(header, size);
    uint64_t missing[GW_WIRE_DEPTH_MAX + 1] = {1}; /* elements to come, for each open array */
    size_t depth = 0;                              /* missing[0] is the header itself */

    for (size_t objects = 1;; objects++) {
        struct head head = read_head(&reader);
        if (reader.failed)
            return "cut off";
        if (objects > GW_WIRE_OBJECTS_MAX)
            return "too many objects";
        missing[depth]--;
        if (head.kind == KIND_REFUSED)
            return "an object of a kind that the protocol does not use";
        if (head.kind == KIND_BYTES || head.kind == KIND_ARRAY) {
            if (head.value > gw_reader_left(&reader)) /* an element is a byte at least */
                return "a length beyond the end";
        }
        if (head.kind == KIND_BYTES)
            gw_read_slice(&reader, (size_t)head.value);
        if (head.kind == KIND_ARRAY) {
            if (depth == GW_WIRE_DEPTH_MAX)
                return "nested too deeply";
            missing[++depth] = head.value;
        }
        while (missing[depth] == 0) {
            if (depth-- == 0)
                return gw_reader_left(&reader) > 0 ? "bytes after the end" : NULL;
        }
    }
}
