/* SPDX-License-Identifier: MPL-2.0 */

/* Structure-aware fuzzing of the decoder (fault H02): valid frames, changed a little.
 *
 *   libFuzzer:  fuzz_decode -max_total_time=600 CORPUS_DIR
 *   otherwise:  fuzz_decode [--seed N] [--rounds N] [FILE ...]
 *
 * Whatever is accepted must be a frame like any other: it can be written, what was written is
 * accepted, and says the same. */

#include "wire/columns.h"
#include "wire/wire.h"

#include "support/frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct gw_decoder *decoders[2];
static uint64_t counts[4]; /* by result */

/* The lengths and heads against bodies that fit, or nearly. */
static void read_columns(const struct gw_frame *frame)
{
    static uint32_t ends[GW_RUN_MAX], heads[GW_RUN_MAX];
    uint64_t bodies[] = {0, 1, frame->u.data.count, 5 * frame->u.data.count, GW_BODY_MAX,
                         GW_MESSAGE_MAX};
    uint32_t fixed;
    bool is_fixed;

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        if (gw_lengths_read(frame->u.data.lengths, frame->u.data.count, bodies[i], GW_MESSAGE_MAX,
                            ends, &is_fixed, &fixed) != 0)
            continue;
        REQUIRE(ends[frame->u.data.count - 1] == bodies[i]);
        for (uint64_t k = 1; k < frame->u.data.count; k++)
            REQUIRE(ends[k] >= ends[k - 1]);
        if (gw_heads_read(frame->u.data.heads, frame->u.data.count, ends, heads) != 0)
            continue;
        for (uint64_t k = 0; k < frame->u.data.count; k++)
            REQUIRE(heads[k] <= GW_HEADS_MAX && heads[k] <= ends[k] - (k ? ends[k - 1] : 0));
    }
}

static void read_text(struct gw_slice text, const uint8_t *data, size_t size)
{
    REQUIRE(text.size <= GW_TEXT_MAX);
    if (text.size > 0)
        REQUIRE(text.data >= data && text.data + text.size <= data + size);
    for (size_t i = 0; i < text.size; i++)
        REQUIRE(text.data[i] >= 0x20 && text.data[i] <= 0x7e);
}

/* Texts of strangers lie in their frame and can be printed; the lists are as short as was said. */
static void read_texts(const struct gw_frame *frame, const uint8_t *data, size_t size)
{
    size_t exceptions = 0, returns = 0;

    for (size_t i = 0; i < frame->u.ack.epoch_count; i++) {
        const struct gw_ack_epoch *epoch = &frame->u.ack.epochs[i];
        for (size_t k = 0; k < epoch->exception_count; k++)
            read_text(epoch->exceptions[k].text, data, size);
        for (size_t k = 0; k < epoch->return_count; k++)
            read_text(epoch->returns[k].text, data, size);
        exceptions += epoch->exception_count;
        returns += epoch->return_count;
    }
    REQUIRE(exceptions <= GW_ACK_EXCEPTIONS_MAX && returns <= GW_ACK_RETURNS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct gw_buffer again;
    struct gw_frame frame, second;
    const char *why;

    for (size_t i = 0; i < 2; i++) {
        if (!decoders[i])
            decoders[i] = gw_decoder_new();
        REQUIRE(decoders[i]);
    }
    enum gw_decode_result result = gw_decode(decoders[0], data, size, &frame, &why);
    REQUIRE((result == GW_DECODE_MALFORMED) == (why != NULL));
    REQUIRE(result != GW_DECODE_NOMEM);
    counts[result]++;
    if (result != GW_DECODE_OK)
        return 0;

    gw_buffer_reset(&again);
    REQUIRE(gw_encode(&frame, &again) == 0);
    REQUIRE(again.size <= size); /* ours is the shortest form */
    REQUIRE(gw_decode(decoders[1], again.data, again.size, &second, &why) == GW_DECODE_OK);
    REQUIRE(frames_equal(&frame, &second));
    if (frame.type == GW_FRAME_DATA)
        read_columns(&frame);
    if (frame.type == GW_FRAME_ACK)
        read_texts(&frame, data, size);
    return 0;
}

/* A valid frame, from the examples or made up. */
static void make_seed(struct gw_random *random, struct gw_buffer *bytes)
{
    static struct frame_room room;
    struct gw_frame frame;
    uint8_t type = (uint8_t)(1 + gw_random_below(random, FRAME_TYPES));

    if (gw_random_chance(random, 250000))
        frame_example(type, &frame);
    else
        frame_random(random, type, &room, &frame);
    gw_buffer_reset(bytes);
    REQUIRE(gw_encode(&frame, bytes) == 0);
}

#ifdef GODWIT_LIBFUZZER

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t capacity);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed);

/* Now and then a fresh frame, else a change of what there is. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t capacity, unsigned seed)
{
    static struct gw_buffer bytes;
    struct gw_random random;

    gw_random_seed(&random, seed);
    if (size < 3 || gw_random_chance(&random, 50000)) {
        make_seed(&random, &bytes);
        if (bytes.size <= capacity) {
            memcpy(data, bytes.data, bytes.size);
            size = bytes.size;
        }
        if (gw_random_chance(&random, 500000))
            return size;
    }
    return LLVMFuzzerMutate(data, size, capacity);
}

#else

/* A byte that means something to msgpack, or any. */
static uint8_t odd_byte(struct gw_random *random)
{
    static const uint8_t bytes[] = {0x00, 0x7f, 0x80, 0x90, 0x9f, 0xa0, 0xbf,
                                    0xc0, 0xc4, 0xc6, 0xca, 0xcc, 0xcf, 0xd3,
                                    0xd9, 0xdb, 0xdc, 0xdd, 0xdf, 0xe0, 0xff};

    if (gw_random_chance(random, 500000))
        return (uint8_t)gw_random_next(random);
    return bytes[gw_random_below(random, sizeof bytes)];
}

/* Bytes of the object at `at`, of an array its head only; what is no object of ours counts one. */
static size_t object_size(const struct gw_buffer *bytes, size_t at)
{
    uint8_t head = bytes->data[at];
    size_t left = bytes->size - at, size = 1;

    if (head >= 0xa0 && head <= 0xbf) /* a short str */
        size = 1 + (head & 0x1fu);
    else if (head == 0xc4 || head == 0xd9) /* bin 8, str 8 */
        size = left > 1 ? 2 + (size_t)bytes->data[at + 1] : 1;
    else if (head == 0xc5 || head == 0xda) /* bin 16, str 16 */
        size = left > 2 ? 3 + ((size_t)bytes->data[at + 1] << 8 | bytes->data[at + 2]) : 1;
    else if (head >= 0xcc && head <= 0xcf) /* uint 8 to 64 */
        size = 1 + ((size_t)1 << (head - 0xcc));
    else if (head == 0xdc) /* array 16 */
        size = 3;
    return size < left ? size : left;
}

/* One object is said twice, is left out, or becomes another one: lengths and heads stay true, so
 * this reaches the fields that bytes changed at random rarely reach. */
static void mutate_object(struct gw_random *random, struct gw_buffer *bytes)
{
    static const struct {
        uint8_t bytes[10];
        size_t size;
    } others[] = {
        {{0x00}, 1}, {{0x01}, 1}, {{0x04}, 1}, {{0x90}, 1}, {{0xa0}, 1}, {{0xa1, 0x1f}, 2},
        {{0xc2}, 1}, {{0xc4, 0x00}, 2}, {{0xc4, 0x02, 0x00, 0x00}, 4},
        {{0xce, 0xff, 0xff, 0xff, 0xff}, 5}, {{0xcf, 0, 0, 0, 1, 0, 0, 0, 0}, 9},
        {{0xcf, 0x40, 0, 0, 0, 0, 0, 0, 0}, 9}, {{0xcf, 0x40, 0, 0, 0, 0, 0, 0, 1}, 9},
        {{0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 9},
    };
    struct gw_buffer changed = {0};
    size_t count = 0, at = 0, which = gw_random_below(random, sizeof others / sizeof *others);

    for (; at < bytes->size; count++)
        at += object_size(bytes, at);
    at = 0;
    for (uint64_t skip = gw_random_below(random, count); skip > 0; skip--)
        at += object_size(bytes, at);
    size_t size = object_size(bytes, at);
    gw_buffer_append(&changed, bytes->data, at);
    switch (gw_random_below(random, 4)) {
    case 0: /* twice */
        gw_buffer_append(&changed, bytes->data + at, size);
        gw_buffer_append(&changed, bytes->data + at, size);
        break;
    case 1: /* not at all */
        break;
    default:
        gw_buffer_append(&changed, others[which].bytes, others[which].size);
    }
    gw_buffer_append(&changed, bytes->data + at + size, bytes->size - at - size);
    gw_buffer_clear(bytes);
    *bytes = changed;
}

static void mutate(struct gw_random *random, struct gw_buffer *bytes)
{
    if (gw_random_chance(random, 400000)) {
        mutate_object(random, bytes);
        return;
    }
    size_t at = gw_random_below(random, bytes->size);
    size_t left = bytes->size - at;

    switch (gw_random_below(random, 6)) {
    case 0:
        bytes->data[at] ^= (uint8_t)(1u << gw_random_below(random, 8));
        break;
    case 1:
        bytes->data[at] = (uint8_t)(bytes->data[at] + 1);
        break;
    case 2: /* one byte more */
        gw_buffer_u8(bytes, 0);
        memmove(bytes->data + at + 1, bytes->data + at, left);
        bytes->data[at] = odd_byte(random);
        break;
    case 3: /* some fewer */
        left = 1 + gw_random_below(random, left < 9 ? left : 9);
        memmove(bytes->data + at, bytes->data + at + left, bytes->size - at - left);
        bytes->size -= left;
        break;
    default:
        bytes->data[at] = odd_byte(random);
    }
}

static void fuzz(uint64_t seed, uint64_t rounds)
{
    struct gw_buffer bytes = {0};
    struct gw_random random;

    gw_random_seed(&random, seed);
    for (uint64_t round = 0; round < rounds; round++) {
        make_seed(&random, &bytes);
        for (uint64_t left = gw_random_below(&random, 4); left > 0 && bytes.size > 0; left--)
            mutate(&random, &bytes);
        /* An exact copy, so that a sanitizer sees one byte too far. */
        uint8_t *exact = malloc(bytes.size ? bytes.size : 1);
        REQUIRE(exact);
        if (bytes.size)
            memcpy(exact, bytes.data, bytes.size);
        LLVMFuzzerTestOneInput(exact, bytes.size);
        free(exact);
    }
    gw_buffer_clear(&bytes);
}

static void replay(const char *path)
{
    static uint8_t data[GW_HEADER_MAX + 1];
    FILE *file = fopen(path, "rb");

    if (!file) {
        perror(path);
        exit(1);
    }
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
}

int main(int argc, char **argv)
{
    uint64_t seed = 1, rounds = 100000;
    int files = 0;

    for (int i = 1; i < argc; i++) {
        if (i + 1 < argc && strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[++i], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--rounds") == 0)
            rounds = strtoull(argv[++i], NULL, 10);
        else {
            replay(argv[i]);
            files++;
        }
    }
    if (files == 0)
        fuzz(seed, rounds);
    printf("%llu accepted, %llu refused, %llu of another version\n",
           (unsigned long long)counts[GW_DECODE_OK],
           (unsigned long long)counts[GW_DECODE_MALFORMED],
           (unsigned long long)counts[GW_DECODE_VERSION]);
    gw_decoder_destroy(&decoders[0]);
    gw_decoder_destroy(&decoders[1]);
    /* A loop that only ever took one side would test little. */
    return files == 0 && (!counts[GW_DECODE_OK] || !counts[GW_DECODE_MALFORMED]);
}

#endif
