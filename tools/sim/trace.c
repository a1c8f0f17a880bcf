/* SPDX-License-Identifier: MPL-2.0 */

/* Lines for people: see trace.h. */

#include "trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define EFFECT_COLUMN 56
#define LINE_MAX_COLUMNS 112

void sim_trace_init(struct sim_trace *trace, FILE *out, size_t ring_lines)
{
    memset(trace, 0, sizeof *trace);
    trace->on = out || ring_lines;
    trace->out = out;
    trace->capacity = ring_lines;
    if (ring_lines)
        trace->ring = calloc(ring_lines, sizeof *trace->ring);
}

void sim_trace_clear(struct sim_trace *trace)
{
    for (size_t i = 0; i < trace->count; i++)
        free(trace->ring[i]);
    free(trace->ring);
    trace->ring = NULL;
    trace->count = 0;
}

void sim_trace_print_ring(const struct sim_trace *trace, FILE *out)
{
    for (size_t i = 0; i < trace->count; i++) {
        size_t first = trace->count < trace->capacity ? 0 : trace->next;
        fputs(trace->ring[(first + i) % trace->count], out);
    }
}

static void emit(struct sim_trace *trace)
{
    while (trace->used > 0 && trace->line[trace->used - 1] == ' ')
        trace->used--;
    trace->line[trace->used++] = '\n';
    trace->line[trace->used] = '\0';
    if (trace->out) {
        fputs(trace->line, trace->out);
    } else if (trace->ring) {
        if (trace->count < trace->capacity)
            trace->count++;
        free(trace->ring[trace->next]);
        trace->ring[trace->next] = strdup(trace->line);
        trace->next = (trace->next + 1) % trace->capacity;
    }
    trace->used = 0;
}

__attribute__((format(printf, 2, 0)))
static void append(struct sim_trace *trace, const char *format, va_list arguments)
{
    size_t room = sizeof trace->line - 2 - trace->used;
    int length = vsnprintf(trace->line + trace->used, room, format, arguments);

    if (length > 0)
        trace->used += (size_t)length < room ? (size_t)length : room - 1;
}

static void pad(struct sim_trace *trace, size_t column)
{
    while (trace->used < column)
        trace->line[trace->used++] = ' ';
}

void sim_trace_begin(struct sim_trace *trace, uint64_t now_us, const char *who, const char *format,
                     ...)
{
    va_list arguments;

    if (!trace->on)
        return;
    sim_trace_end(trace);
    trace->used = (size_t)snprintf(trace->line, sizeof trace->line, "[%7" PRIu64 ".%" PRIu64
                                   "] %-3s ", now_us / 1000, now_us / 100 % 10, who);
    va_start(arguments, format);
    append(trace, format, arguments);
    va_end(arguments);
    trace->begun = true;
    trace->silent = false;
    trace->effect_column = 0;
}

void sim_trace_if_any(struct sim_trace *trace)
{
    trace->silent = true;
}

/* One piece of an effect, on the present line or the next. */
static void add_piece(struct sim_trace *trace, const char *text, size_t size, bool first)
{
    if (!trace->effect_column) {
        pad(trace, trace->used < EFFECT_COLUMN ? EFFECT_COLUMN : trace->used + 2);
        trace->effect_column = trace->used;
    } else if (!first || trace->used + size > LINE_MAX_COLUMNS) {
        if (first)
            trace->line[trace->used++] = ';';
        emit(trace);
        pad(trace, EFFECT_COLUMN);
    } else {
        memcpy(trace->line + trace->used, "; ", 2);
        trace->used += 2;
    }
    memcpy(trace->line + trace->used, text, size);
    trace->used += size;
}

/* Long ones are broken at commas. */
void sim_trace_effect(struct sim_trace *trace, const char *format, ...)
{
    const size_t width = LINE_MAX_COLUMNS - EFFECT_COLUMN;
    va_list arguments;
    char text[600], *at = text;
    bool first = true;

    if (!trace->on)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    while (strlen(at) > width) {
        size_t cut = 0;
        for (size_t i = 0; i < width; i++)
            cut = at[i] == ',' && at[i + 1] == ' ' ? i + 2 : cut;
        if (!cut)
            break;
        add_piece(trace, at, cut, first);
        at += cut;
        first = false;
    }
    add_piece(trace, at, strlen(at), first);
}

void sim_trace_end(struct sim_trace *trace)
{
    if (trace->begun && (!trace->silent || trace->effect_column))
        emit(trace);
    trace->used = 0;
    trace->begun = false;
}

static uint64_t number_of(uint64_t *names, size_t *count, uint64_t name)
{
    for (size_t i = 0; i < *count; i++) {
        if (names[i] == name)
            return i + 1;
    }
    if (*count == SIM_TRACE_NAMES)
        return 0;
    names[(*count)++] = name;
    return *count;
}

uint64_t sim_trace_epoch(struct sim_trace *trace, uint64_t epoch)
{
    return number_of(trace->epochs, &trace->epoch_count, epoch);
}

/* --- frames --- */

struct text {
    char *at;
    size_t size;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(text->at + text->used, text->size - text->used, format, arguments);
    va_end(arguments);
    if (length > 0)
        text->used += (size_t)length < text->size - text->used ? (size_t)length
                                                               : text->size - text->used - 1;
}

static void say_ranges(struct text *text, const char *what, const struct gw_range *ranges,
                       size_t count)
{
    if (count)
        say(text, " %s", what);
    for (size_t i = 0; i < count && i < 6; i++)
        say(text, " %" PRIu64 "..%" PRIu64, ranges[i].first, ranges[i].last);
    if (count > 6)
        say(text, " and %zu more", count - 6);
}

static const char *returned(uint8_t kind)
{
    return kind == GW_RETURN_NACK ? "nacked" : kind == GW_RETURN_RELEASE ? "released" : "crashed";
}

static void say_ack(struct sim_trace *trace, struct text *text, const struct gw_frame *frame)
{
    for (size_t i = 0; i < frame->u.ack.epoch_count; i++) {
        const struct gw_ack_epoch *epoch = &frame->u.ack.epochs[i];
        say(text, " e%" PRIu64 " floor %" PRIu64, sim_trace_epoch(trace, epoch->epoch),
            epoch->floor);
        say_ranges(text, "decided", epoch->decided, epoch->decided_count);
        say_ranges(text, "in hand", epoch->in_hand, epoch->in_hand_count);
        say_ranges(text, "handed", epoch->handed, epoch->handed_count);
        for (size_t k = 0; k < epoch->exception_count && k < 6; k++)
            say(text, " %s %" PRIu64,
                epoch->exceptions[k].kind == GW_EXCEPTION_SKIPPED ? "skipped" : "rejected",
                epoch->exceptions[k].sequence);
        for (size_t k = 0; k < epoch->return_count && k < 6; k++)
            say(text, " %s %" PRIu64 "..%" PRIu64, returned(epoch->returns[k].kind),
                epoch->returns[k].first, epoch->returns[k].last);
    }
    for (size_t i = 0; i < frame->u.ack.credit_count; i++)
        say(text, " credit %" PRIu64, frame->u.ack.credits[i].messages);
    for (size_t i = 0; i < frame->u.ack.closed_count; i++)
        say(text, " closed e%" PRIu64, sim_trace_epoch(trace, frame->u.ack.closed[i]));
    if (frame->u.ack.complete)
        say(text, " complete");
}

static void say_ping(struct sim_trace *trace, struct text *text, const struct gw_frame *frame)
{
    say(text, " frames %" PRIu64, frame->u.ping.frames);
    for (size_t i = 0; i < frame->u.ping.floor_count; i++) {
        const struct gw_floor *floor = &frame->u.ping.floors[i];
        say(text, " e%" PRIu64 " floor %" PRIu64 " last %" PRIu64,
            sim_trace_epoch(trace, floor->epoch), floor->floor, floor->last);
    }
}

static void say_content(struct sim_trace *trace, struct text *text, const struct gw_frame *frame)
{
    switch (frame->type) {
    case GW_FRAME_HELLO:
    case GW_FRAME_WELCOME:
        say(text, " %s open %" PRIu64, frame->u.identity.name, frame->u.identity.open);
        break;
    case GW_FRAME_REFUSE:
        say(text, " %s", gw_refusal_name(frame->u.refuse.code));
        if (frame->u.refuse.epoch)
            say(text, " e%" PRIu64, sim_trace_epoch(trace, frame->u.refuse.epoch));
        break;
    case GW_FRAME_PING:
    case GW_FRAME_PONG:
        say_ping(trace, text, frame);
        break;
    case GW_FRAME_SERVE:
        for (size_t i = 0; i < frame->u.serve.count; i++)
            say(text, " %s credit %" PRIu64, frame->u.serve.items[i].destination.name,
                frame->u.serve.items[i].credit_messages);
        break;
    case GW_FRAME_OPEN:
        say(text, " e%" PRIu64 " %s floor %" PRIu64 " last %" PRIu64 "%s",
            sim_trace_epoch(trace, frame->u.open.epoch), frame->u.open.destination.name,
            frame->u.open.floor, frame->u.open.last, frame->u.open.fresh ? " fresh" : "");
        break;
    case GW_FRAME_DATA:
        say(text, " e%" PRIu64 " %" PRIu64 "..%" PRIu64 " floor %" PRIu64 "%s",
            sim_trace_epoch(trace, frame->u.data.epoch), frame->u.data.first,
            frame->u.data.first + frame->u.data.count - 1, frame->u.data.floor,
            frame->u.data.redelivered ? " redelivered" : "");
        if (frame->u.data.attempt > 1)
            say(text, " attempt %" PRIu64, frame->u.data.attempt);
        if (frame->u.data.maybe_duplicate)
            say(text, " maybe duplicate");
        break;
    case GW_FRAME_SKIP:
        say(text, " e%" PRIu64 " %s", sim_trace_epoch(trace, frame->u.skip.epoch),
            frame->u.skip.purpose == GW_SKIP_WITHDRAW ? "withdraw" : "release");
        say_ranges(text, "of", frame->u.skip.ranges, frame->u.skip.range_count);
        break;
    case GW_FRAME_BYE:
        say(text, "%s", frame->u.bye.last ? " for good" : "");
        break;
    case GW_FRAME_ACK:
        say_ack(trace, text, frame);
        break;
    case GW_FRAME_CLOSED:
        say(text, " e%" PRIu64 " last %" PRIu64, sim_trace_epoch(trace, frame->u.closed.epoch),
            frame->u.closed.last);
        break;
    default:
        break;
    }
}

void sim_trace_frame(struct sim_trace *trace, const struct gw_frame *frame, char *buffer,
                     size_t size)
{
    struct text text = {.at = buffer, .size = size};

    buffer[0] = '\0';
    say(&text, "%s", gw_frame_name(frame->type));
    say_content(trace, &text, frame);
    if (frame->link)
        say(&text, " L%" PRIu64, number_of(trace->links, &trace->link_count, frame->link));
}

const char *sim_trace_note(uint8_t note)
{
    static const char *const names[] = {"link up",   "link down",  "refused", "refusing",
                                        "violation", "quarantine", "buried", "forfeited",
                                        "stalled", "too large", "gone", "body lost"};

    return note < sizeof names / sizeof names[0] ? names[note] : "?";
}

const char *sim_trace_down(uint64_t reason)
{
    static const char *const names[] = {"?",   "lost",     "silent", "reset",     "bye",
                                        "replaced", "gap", "violation", "closed"};

    return reason < sizeof names / sizeof names[0] ? names[reason] : "?";
}
