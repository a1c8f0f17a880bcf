/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_TRACE_H
#define GW_SIM_TRACE_H

/* The story of a run, one line per event:
 *
 *     [   21.0] b   frame from a: DATA e1 1..1 floor 1        deliver e1 1..1
 *      virtual  who what happened                             what was done, in order
 *      ms
 *
 * Epochs and links are numbered in the order of their appearance, so that two runs compare. Lines
 * go to a stream, or to a ring that keeps the last ones. Off, it costs nothing. */

#include "core/effect.h"
#include "core/frame.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_TRACE_NAMES 4096

struct sim_trace {
    bool on;
    FILE *out;   /* NULL: the ring */
    char **ring; /* of capacity lines, the oldest at `next` once full */
    size_t capacity, count, next;
    char line[1024];
    size_t used;
    size_t effect_column; /* where the effects of the present line began; 0: none yet */
    bool begun;
    bool silent; /* a line that is kept only if it has an effect */
    uint64_t epochs[SIM_TRACE_NAMES];
    size_t epoch_count;
    uint64_t links[SIM_TRACE_NAMES];
    size_t link_count;
};

void sim_trace_init(struct sim_trace *trace, FILE *out, size_t ring_lines);
void sim_trace_clear(struct sim_trace *trace);
void sim_trace_print_ring(const struct sim_trace *trace, FILE *out);

void sim_trace_begin(struct sim_trace *trace, uint64_t now_us, const char *who, const char *format,
                     ...) __attribute__((format(printf, 4, 5)));
void sim_trace_if_any(struct sim_trace *trace); /* keep the present line only if it has an effect */
void sim_trace_effect(struct sim_trace *trace, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_trace_end(struct sim_trace *trace);

uint64_t sim_trace_epoch(struct sim_trace *trace, uint64_t epoch); /* its number, from 1 */
void sim_trace_frame(struct sim_trace *trace, const struct gw_frame *frame, char *text,
                     size_t size);
const char *sim_trace_note(uint8_t note);
const char *sim_trace_down(uint64_t reason);

#endif
