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

/* The lengths against bodies that fit, or nearly. */
static void read_lengths(const struct gw_frame *frame)
{
    static uint32_t ends[GW_RUN_MAX];
    uint64_t bodies[] = {0, 1, frame->u.data.count, 5 * frame->u.data.count, GW_BODY_MAX};
    uint32_t fixed;
    bool is_fixed;

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        if (gw_lengths_read(frame->u.data.lengths, frame->u.data.count, bodies[i], GW_MESSAGE_MAX,
                            ends, &is_fixed, &fixed) != 0)
            continue;
        REQUIRE(ends[frame->u.data.count - 1] == bodies[i]);
        for (uint64_t k = 1; k < frame->u.data.count; k++)
            REQUIRE(ends[k] >= ends[k - 1]);
    }
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
        read_lengths(&frame);
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

static void mutate(struct gw_random *random, struct gw_buffer *bytes)
{
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
