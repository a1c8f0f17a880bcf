/* SPDX-License-Identifier: MPL-2.0 */

/* Columns: many numbers as one msgpack object. Their readers meet bytes from strangers and are
 * told how much room there is; what a column claims is checked before it is used. */

#include "wire/columns.h"

#include "core/frame.h"

#include <string.h>
#include <errno.h>

#define FORM_EQUAL 0x00
#define FORM_EACH 0x01

/* Length of message `index` of a batch. */
static uint32_t length_at(const uint32_t *ends, uint64_t index)
{
    return index ? ends[index] - ends[index - 1] : ends[0];
}

static bool all_equal(const uint32_t *ends, uint64_t from, uint64_t count)
{
    uint32_t length = length_at(ends, from);

    for (uint64_t i = 1; i < count; i++) {
        if (length_at(ends, from + i) != length)
            return false;
    }
    return true;
}

void gw_lengths_write(struct gw_buffer *out, const uint32_t *ends, uint32_t fixed, uint64_t from,
                      uint64_t count)
{
    if (!ends || all_equal(ends, from, count)) {
        gw_buffer_u8(out, FORM_EQUAL);
        gw_buffer_varint(out, ends ? length_at(ends, from) : fixed);
        return;
    }
    gw_buffer_u8(out, FORM_EACH);
    for (uint64_t i = 0; i < count; i++)
        gw_buffer_varint(out, length_at(ends, from + i));
}

static int read_equal(struct gw_reader *reader, uint64_t count, uint64_t body_size,
                      uint64_t max_message, uint32_t *ends, uint32_t *fixed)
{
    uint64_t length = gw_read_varint(reader);

    if (reader->failed || length > max_message || length > body_size || length > UINT32_MAX)
        return -EINVAL;
    if (length ? body_size % length || body_size / length != count : body_size != 0)
        return -EINVAL;
    *fixed = (uint32_t)length;
    for (uint64_t i = 0; ends && i < count; i++)
        ends[i] = (uint32_t)((i + 1) * length);
    return 0;
}

static int read_each(struct gw_reader *reader, uint64_t count, uint64_t body_size,
                     uint64_t max_message, uint32_t *ends)
{
    uint64_t end = 0;

    if (gw_reader_left(reader) < count) /* before a hostile count is believed */
        return -EINVAL;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t length = gw_read_varint(reader);
        if (reader->failed || length > max_message || length > body_size - end)
            return -EINVAL;
        end += length;
        if (ends)
            ends[i] = (uint32_t)end;
    }
    return end == body_size ? 0 : -EINVAL;
}

int gw_lengths_read(struct gw_slice column, uint64_t count, uint64_t body_size,
                    uint64_t max_message, uint32_t *ends, bool *is_fixed, uint32_t *fixed)
{
    struct gw_reader reader = gw_reader_of(column.data, column.size);
    uint8_t form = gw_read_u8(&reader);
    int result;

    *is_fixed = form == FORM_EQUAL;
    *fixed = 0;
    if (reader.failed || form > FORM_EACH || count == 0 || count > GW_RUN_MAX ||
        body_size > UINT32_MAX)
        return -EINVAL;
    if (*is_fixed)
        result = read_equal(&reader, count, body_size, max_message, ends, fixed);
    else
        result = read_each(&reader, count, body_size, max_message, ends);
    return gw_reader_left(&reader) > 0 ? -EINVAL : result;
}

void gw_ranges_column_write(struct gw_buffer *out, const struct gw_range *ranges, size_t count,
                            uint64_t floor)
{
    uint64_t from = floor; /* the lowest sequence at which the next range can begin */

    for (size_t i = 0; i < count; i++) {
        gw_buffer_varint(out, ranges[i].first - from);
        gw_buffer_varint(out, ranges[i].last - ranges[i].first);
        from = ranges[i].last + 2;
    }
}

static size_t varint_size(uint64_t value)
{
    size_t size = 1;

    for (; value >= 0x80; value >>= 7)
        size++;
    return size;
}

size_t gw_ranges_column_size(const struct gw_range *ranges, size_t count, uint64_t floor)
{
    uint64_t from = floor;
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        size += varint_size(ranges[i].first - from);
        size += varint_size(ranges[i].last - ranges[i].first);
        from = ranges[i].last + 2;
    }
    return size;
}

bool gw_ranges_column_valid(const struct gw_range *ranges, size_t count, uint64_t floor)
{
    uint64_t from = floor;

    for (size_t i = 0; i < count; i++) {
        if (ranges[i].first < from || ranges[i].last < ranges[i].first ||
            ranges[i].last > GW_SEQUENCE_MAX)
            return false;
        from = ranges[i].last + 2;
    }
    return true;
}

int gw_ranges_column_read(struct gw_slice column, uint64_t floor, struct gw_range *ranges,
                          size_t capacity, size_t *count)
{
    struct gw_reader reader = gw_reader_of(column.data, column.size);
    uint64_t from = floor;
    size_t n = 0;

    for (; gw_reader_left(&reader) > 0; n++) {
        uint64_t gap = gw_read_varint(&reader);
        uint64_t extent = gw_read_varint(&reader);
        if (reader.failed || n == capacity)
            return -EINVAL;
        /* Each step is checked before it is taken, so that no sum wraps. */
        if (from > GW_SEQUENCE_MAX || gap > GW_SEQUENCE_MAX - from ||
            extent > GW_SEQUENCE_MAX - from - gap)
            return -EINVAL;
        ranges[n] = (struct gw_range){from + gap, from + gap + extent};
        from = ranges[n].last + 2;
    }
    *count = n;
    return 0;
}

void gw_heads_write(struct gw_buffer *out, const uint32_t *heads, uint64_t from, uint64_t count)
{
    bool equal = true;

    if (!heads)
        return;
    for (uint64_t i = 1; i < count && equal; i++)
        equal = heads[from + i] == heads[from];
    if (equal && heads[from] == 0)
        return;
    gw_buffer_u8(out, equal ? FORM_EQUAL : FORM_EACH);
    for (uint64_t i = 0; i < (equal ? 1 : count); i++)
        gw_buffer_varint(out, heads[from + i]);
}

int gw_heads_read(struct gw_slice column, uint64_t count, const uint32_t *ends, uint32_t *heads)
{
    struct gw_reader reader = gw_reader_of(column.data, column.size);
    uint64_t size = 0;

    if (column.size == 0) {
        memset(heads, 0, count * sizeof *heads);
        return 0;
    }
    uint8_t form = gw_read_u8(&reader);
    if (form > FORM_EACH)
        return -EINVAL;
    for (uint64_t i = 0; i < count; i++) {
        if (form == FORM_EACH || i == 0)
            size = gw_read_varint(&reader);
        if (reader.failed || size > GW_HEADS_MAX || size > length_at(ends, i))
            return -EINVAL;
        heads[i] = (uint32_t)size;
    }
    return gw_reader_left(&reader) > 0 ? -EINVAL : 0;
}
