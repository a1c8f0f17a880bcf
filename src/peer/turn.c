/* SPDX-License-Identifier: MPL-2.0 */
/* The turn: collect, step, commit, release. See turn.h.
 *
 *      events ──▶ core step ──▶ effects ──▶ sends, deliveries, notices: at once
 *                    ▲ └──────▶ COMMIT: encoded, handed to the store port; one in flight
 *                    └── COMMITTED ◀─────── the shell says that it is durable
 */

#include "base/crc32c.h"
#include "base/plant.h"
#include "peer/turn_inside.h"
#include "store/row.h"
#include "wire/columns.h"
#include "wire/wire.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

struct gw_turn *gw_turn_new(const struct gw_turn_options *options, const struct gw_turn_port *port,
                            void *context)
{
    struct gw_turn *turn = calloc(1, sizeof *turn);
    if (!turn)
        return NULL;
    turn->options = *options;
    turn->port = port;
    turn->context = context;
    turn->core = gw_core_new(&options->core);
    turn->decoder = gw_decoder_new();
    if (!turn->core || !turn->decoder)
        gw_turn_destroy(&turn);
    return turn;
}

void gw_turn_destroy(struct gw_turn **self)
{
    struct gw_turn *turn = *self;
    if (!turn)
        return;
    gw_core_destroy(&turn->core);
    gw_decoder_destroy(&turn->decoder);
    gw_effects_clear(&turn->effects);
    gw_buffer_clear(&turn->header);
    gw_buffer_clear(&turn->lengths);
    gw_buffer_clear(&turn->heads);
    gw_write_clear(&turn->writes[0]);
    gw_write_clear(&turn->writes[1]);
    free(turn);
    *self = NULL;
}

static int broken(struct gw_turn *turn)
{
    turn->broken = true;
    return -ENOMEM;
}

/* ---- sending ---- */

static bool is_lost(const struct gw_turn *turn, uint64_t conn)
{
    for (size_t i = 0; i < turn->lost_count; i++)
        if (turn->lost[i] == conn)
            return true;
    return false;
}

static void connection_lost(struct gw_turn *turn, uint64_t conn)
{
    if (!is_lost(turn, conn) && turn->lost_count < LOST_MAX)
        turn->lost[turn->lost_count++] = conn;
}

static void send_header(struct gw_turn *turn, uint64_t conn, const struct gw_frame *frame,
                        struct gw_blob *blob, struct gw_slice body)
{
    if (is_lost(turn, conn))
        return; /* no frame passes one that was refused: DATA without its OPEN is a violation */
    gw_buffer_reset(&turn->header);
    if (gw_encode(frame, &turn->header)) {
        broken(turn);
        return;
    }
    struct gw_slice header = {turn->header.data, turn->header.size};
    if (turn->port->send(turn->context, conn, header, blob, body) < 0)
        connection_lost(turn, conn);
}

/* A run of a batch: a slice of its body, and the lengths of that slice. */
static void send_data(struct gw_turn *turn, const struct gw_effect *effect)
{
    const struct gw_batch *batch = effect->u.data.batch;
    uint64_t first = effect->u.data.first, count = effect->u.data.count;
    uint32_t begin = gw_batch_offset(batch, first);
    struct gw_slice body = {batch->body->data + begin,
                            gw_batch_offset(batch, first + count) - begin};
    struct gw_buffer *lengths = &turn->lengths;
    gw_buffer_reset(lengths);
    gw_lengths_write(lengths, batch->ends, batch->fixed, first - batch->first, count);
    struct gw_buffer *heads = &turn->heads;
    gw_buffer_reset(heads);
    if (batch->heads)
        gw_heads_write(heads, batch->heads, first - batch->first, count);
    if (gw_buffer_failed(lengths) || gw_buffer_failed(heads)) {
        broken(turn);
        return;
    }
    struct gw_frame frame = {.type = GW_FRAME_DATA, .link = effect->u.data.link};
    frame.u.data.floor = effect->u.data.floor;
    frame.u.data.redelivered = effect->u.data.redelivered;
    frame.u.data.maybe_duplicate = effect->u.data.maybe_duplicate;
    frame.u.data.number = effect->u.data.number;
    frame.u.data.attempt = effect->u.data.attempt;
    frame.u.data.epoch = batch->epoch;
    frame.u.data.first = first;
    frame.u.data.count = count;
    frame.u.data.lengths = (struct gw_slice){lengths->data, lengths->size};
    frame.u.data.heads = (struct gw_slice){heads->data, heads->size};
    uint32_t crc = gw_crc32c(0, lengths->data, lengths->size);
    crc = gw_crc32c(crc, heads->data, heads->size);
    frame.u.data.crc = gw_crc32c(crc, body.data, body.size);
    send_header(turn, effect->u.data.conn, &frame, batch->body, body);
}

/* ---- other effects ---- */

static void deliver(struct gw_turn *turn, const struct gw_effect *effect)
{
    struct arrival *arrival = &turn->arrival;
    const struct gw_frame *frame = arrival->frame;
    struct gw_inbound *inbound = calloc(1, sizeof *inbound);
    size_t size = effect->u.deliver.count * sizeof *inbound->pieces;
    struct gw_range *pieces = malloc(size);
    if (!inbound || !pieces) {
        free(inbound);
        free(pieces);
        broken(turn);
        return;
    }
    inbound->epoch = effect->u.deliver.epoch;
    inbound->first = frame->u.data.first;
    inbound->count = frame->u.data.count;
    inbound->destination = effect->u.deliver.destination;
    memcpy(inbound->sender, effect->u.deliver.sender, strlen(effect->u.deliver.sender) + 1);
    inbound->redelivered = effect->u.deliver.redelivered;
    inbound->maybe_duplicate = frame->u.data.maybe_duplicate;
    inbound->ordered = effect->u.deliver.ordered;
    inbound->number = frame->u.data.number;
    inbound->attempt = frame->u.data.attempt;
    inbound->body = arrival->body;
    inbound->ends = arrival->ends;
    inbound->heads = arrival->heads;
    arrival->body = NULL;
    arrival->ends = arrival->heads = NULL;
    memcpy(pieces, effect->u.deliver.pieces, size);
    inbound->pieces = pieces;
    inbound->piece_count = effect->u.deliver.count;
    turn->port->deliver(turn->context, inbound);
}

static void encode_op(struct gw_write *write, const struct gw_op *op)
{
    switch ((enum gw_op_type)op->type) {
    case GW_OP_PUT:
        gw_row_put(write, &op->row);
        break;
    case GW_OP_DELETE:
    case GW_OP_DELETE_BATCH:
        gw_row_delete(write, &op->row);
        break;
    case GW_OP_PUT_BATCH:
        gw_row_put_batch(write, op->batch);
        break;
    case GW_OP_BURY:
        gw_row_put_dead(write, &op->row, op->batch);
        break;
    }
}

static void commit(struct gw_turn *turn, const struct gw_effect *effect)
{
    struct gw_write *write = &turn->writes[turn->filling];
    for (size_t i = 0; i < effect->u.commit.count; i++)
        encode_op(write, &effect->u.commit.ops[i]);
    if (gw_write_failed(write)) {
        broken(turn);
        return;
    }
    turn->filling ^= 1;
    turn->in_flight = true;
    turn->port->commit(turn->context, write, turn->options.sync);
}

static void carry_out(struct gw_turn *turn, const struct gw_effect *effect)
{
    const struct gw_turn_port *port = turn->port;
    void *context = turn->context;
    switch ((enum gw_effect_type)effect->type) {
    case GW_EFFECT_SEND:
        send_header(turn, effect->u.send.conn, effect->u.send.frame, NULL, (struct gw_slice){0});
        break;
    case GW_EFFECT_SEND_DATA:
        send_data(turn, effect);
        break;
    case GW_EFFECT_HANGUP:
        port->hangup(context, effect->u.conn);
        break;
    case GW_EFFECT_COMMIT:
        commit(turn, effect);
        break;
    case GW_EFFECT_LOAD:
        port->load(context, effect->u.load.epoch, effect->u.load.from, effect->u.load.max_messages,
                   effect->u.load.max_bytes);
        break;
    case GW_EFFECT_FORGET:
        gw_batch_drop(effect->u.forget);
        break;
    case GW_EFFECT_DELIVER:
        deliver(turn, effect);
        break;
    case GW_EFFECT_STORED:
        port->stored(context, effect->u.stored.epoch, effect->u.stored.upto);
        break;
    case GW_EFFECT_SETTLED:
        port->settled(context, effect->u.settled.epoch, effect->u.settled.first,
                      effect->u.settled.last, (enum gw_outcome)effect->u.settled.how);
        break;
    case GW_EFFECT_RELEASED:
        port->released(context, &effect->u.released.destination, effect->u.released.messages,
                       effect->u.released.bytes);
        break;
    case GW_EFFECT_TRANSACTION:
        port->transaction(context, effect->u.token);
        break;
    case GW_EFFECT_STALE:
        port->stale(context, effect->u.token);
        break;
    case GW_EFFECT_MEMBERS:
        port->members(context, &effect->u.members.destination, effect->u.members.count);
        break;
    case GW_EFFECT_RECALL:
        port->recall(context, &(struct gw_recall){effect->u.recall.epoch, effect->u.recall.number,
                                                  effect->u.recall.purpose, effect->u.recall.code,
                                                  effect->u.recall.ranges,
                                                  effect->u.recall.count});
        break;
    case GW_EFFECT_BURIED:
        port->buried(context, effect->u.buried.epoch, effect->u.buried.sequence,
                     effect->u.buried.bytes);
        break;
    case GW_EFFECT_OUTCOMES:
        port->outcomes(context, effect->u.outcomes);
        break;
    case GW_EFFECT_IDLE:
        port->idle(context, effect->u.idle);
        break;
    case GW_EFFECT_NOTE:
        port->note(context, effect->u.note.note, effect->u.note.peer, effect->u.note.a,
                   effect->u.note.b);
        break;
    }
}

/* ---- the step ---- */

static void step_once(struct gw_turn *turn, struct gw_event *event)
{
    event->now_us = turn->now_us;
    event->wall_ms = turn->port->wall_ms(turn->context);
    gw_effects_reset(&turn->effects);
    if (gw_core_step(turn->core, event, &turn->effects))
        turn->broken = true;
    for (size_t i = 0; i < turn->effects.count; i++) {
        const struct gw_effect *effect = &turn->effects.items[i];
        if (!turn->broken)
            carry_out(turn, effect);
        else if (effect->type == GW_EFFECT_FORGET)
            gw_batch_drop(effect->u.forget); /* the rest of a failed step counts for nothing */
    }
}

/* One event, then the losses that carrying out its effects brought to light. */
int gw_turn_step(struct gw_turn *turn, uint64_t now_us, struct gw_event *event)
{
    if (turn->broken)
        return -EIO;
    if (now_us > turn->now_us)
        turn->now_us = now_us;
    step_once(turn, event);
    while (turn->lost_count && !turn->broken) {
        struct gw_event lost = {.type = GW_EVENT_LOST};
        lost.u.conn.conn = turn->lost[--turn->lost_count];
        step_once(turn, &lost);
    }
    return turn->broken ? -ENOMEM : 0;
}

static int conn_event(struct gw_turn *turn, uint64_t now_us, enum gw_event_type type, uint64_t conn)
{
    struct gw_event event = {.type = (uint8_t)type};
    event.u.conn.conn = conn;
    return gw_turn_step(turn, now_us, &event);
}

int gw_turn_dial(struct gw_turn *turn, uint64_t now_us, uint64_t conn)
{
    return conn_event(turn, now_us, GW_EVENT_DIAL, conn);
}

int gw_turn_undial(struct gw_turn *turn, uint64_t now_us, uint64_t conn)
{
    return conn_event(turn, now_us, GW_EVENT_UNDIAL, conn);
}

int gw_turn_lost(struct gw_turn *turn, uint64_t now_us, uint64_t conn)
{
    return conn_event(turn, now_us, GW_EVENT_LOST, conn);
}

int gw_turn_malformed(struct gw_turn *turn, uint64_t now_us, uint64_t conn)
{
    return conn_event(turn, now_us, GW_EVENT_MALFORMED, conn);
}

int gw_turn_close(struct gw_turn *turn, uint64_t now_us)
{
    struct gw_event event = {.type = GW_EVENT_CLOSE};
    return gw_turn_step(turn, now_us, &event);
}

/* ---- frames ---- */

/* Checks the body of a DATA frame against its header and finds where each message ends. 0; -EINVAL:
 * malformed; -EBADMSG: the checksum is wrong; -ENOMEM. */
static int open_body(struct gw_turn *turn, const struct gw_frame *frame, struct gw_blob *body)
{
    struct arrival *arrival = &turn->arrival;
    bool is_fixed;
    uint32_t fixed;
    uint64_t limit = gw_message_limit(turn->options.core.max_message);
    if (!body || (body->size > GW_BODY_MAX && frame->u.data.count > 1))
        return -EINVAL;
    arrival->ends = malloc(frame->u.data.count * sizeof *arrival->ends);
    if (!arrival->ends)
        return -ENOMEM;
    if (gw_lengths_read(frame->u.data.lengths, frame->u.data.count, body->size, limit,
                        arrival->ends, &is_fixed, &fixed))
        return -EINVAL;
    if (frame->u.data.heads.size) {
        arrival->heads = malloc(frame->u.data.count * sizeof *arrival->heads);
        if (!arrival->heads)
            return -ENOMEM;
        if (gw_heads_read(frame->u.data.heads, frame->u.data.count, arrival->ends, arrival->heads))
            return -EINVAL;
    }
    uint32_t crc = gw_crc32c(0, frame->u.data.lengths.data, frame->u.data.lengths.size);
    crc = gw_crc32c(crc, frame->u.data.heads.data, frame->u.data.heads.size);
    if (GW_PLANT(RESEND_UNCHECKED) && frame->u.data.redelivered)
        return 0;
    if (gw_crc32c(crc, body->data, body->size) != frame->u.data.crc)
        return -EBADMSG;
    return 0;
}

static void close_arrival(struct gw_turn *turn)
{
    gw_blob_drop(turn->arrival.body);
    free(turn->arrival.ends);
    free(turn->arrival.heads);
    memset(&turn->arrival, 0, sizeof turn->arrival);
}

static int frame_event(struct gw_turn *turn, uint64_t now_us, uint64_t conn, struct gw_frame *frame,
                       bool alien)
{
    struct gw_event event = {.type = GW_EVENT_FRAME};
    event.entropy = turn->port->entropy(turn->context);
    event.u.frame.conn = conn;
    event.u.frame.frame = frame;
    event.u.frame.version_alien = alien;
    if (turn->arrival.body) {
        event.u.frame.body_bytes = turn->arrival.body->size;
        event.u.frame.ends = turn->arrival.ends;
    }
    return gw_turn_step(turn, now_us, &event);
}

static int corrupt_frame(struct gw_turn *turn, uint64_t now_us, uint64_t conn, uint64_t link)
{
    struct gw_event event = {.type = GW_EVENT_CORRUPT};
    event.u.conn.conn = conn;
    event.u.conn.link = link;
    return gw_turn_step(turn, now_us, &event);
}

static int data_frame(struct gw_turn *turn, uint64_t now_us, uint64_t conn, struct gw_frame *frame,
                      struct gw_blob *body)
{
    turn->arrival.frame = frame;
    turn->arrival.body = body;
    int result = open_body(turn, frame, body);
    if (result == 0)
        result = frame_event(turn, now_us, conn, frame, false);
    else if (result == -EINVAL)
        result = gw_turn_malformed(turn, now_us, conn);
    else if (result == -EBADMSG) /* not counted as received: the next PONG proves the gap */
        result = corrupt_frame(turn, now_us, conn, frame->link);
    else
        result = broken(turn);
    close_arrival(turn);
    return result;
}

int gw_turn_frame(struct gw_turn *turn, uint64_t now_us, uint64_t conn, struct gw_slice header,
                  struct gw_blob *body)
{
    struct gw_frame frame;
    const char *why;
    enum gw_decode_result result =
        turn->broken ? GW_DECODE_MALFORMED
                     : gw_decode(turn->decoder, header.data, header.size, &frame, &why);
    if (result == GW_DECODE_OK && frame.type == GW_FRAME_DATA)
        return data_frame(turn, now_us, conn, &frame, body);
    bool has_body = body != NULL;
    gw_blob_drop(body);
    if (turn->broken)
        return -EIO;
    if (result == GW_DECODE_NOMEM)
        return broken(turn);
    if (result == GW_DECODE_MALFORMED || (has_body && result == GW_DECODE_OK))
        return gw_turn_malformed(turn, now_us, conn);
    return frame_event(turn, now_us, conn, &frame, result == GW_DECODE_VERSION);
}

/* ---- the store's answers ---- */

int gw_turn_loaded(struct gw_turn *turn, uint64_t now_us, uint64_t epoch,
                   struct gw_batch *const *batches, size_t count)
{
    if (turn->broken) {
        for (size_t i = 0; i < count; i++)
            gw_batch_drop(batches[i]);
        return -EIO;
    }
    struct gw_event event = {.type = GW_EVENT_LOADED};
    event.u.loaded.epoch = epoch;
    event.u.loaded.batches = batches;
    event.u.loaded.count = count;
    return gw_turn_step(turn, now_us, &event);
}

int gw_turn_committed(struct gw_turn *turn, uint64_t now_us, enum gw_store_error error)
{
    turn->in_flight = false;
    if (error != GW_STORE_OK && !GW_PLANT(FAILED_COMMIT_TAKEN)) {
        turn->broken = true;
        return -EIO;
    }
    gw_write_reset(&turn->writes[turn->filling ^ 1]);
    struct gw_event event = {.type = GW_EVENT_COMMITTED};
    return gw_turn_step(turn, now_us, &event);
}

/* ---- the round ---- */

uint64_t gw_turn_run(struct gw_turn *turn, uint64_t now_us, int *error)
{
    struct gw_event tick = {.type = GW_EVENT_TICK};
    *error = now_us >= gw_core_wake_us(turn->core) ? gw_turn_step(turn, now_us, &tick) : 0;
    if (!turn->in_flight && gw_core_commit_due_us(turn->core) <= now_us && !*error) {
        struct gw_event seal = {.type = GW_EVENT_SEAL};
        *error = gw_turn_step(turn, now_us, &seal);
    }
    if (turn->broken && !*error)
        *error = -EIO;
    if (*error)
        return 0;
    uint64_t wake = gw_core_wake_us(turn->core);
    uint64_t due = turn->in_flight ? GW_NEVER : gw_core_commit_due_us(turn->core);
    return wake < due ? wake : due;
}

bool gw_turn_busy(const struct gw_turn *turn)
{
    return !turn->broken && (turn->in_flight || gw_core_commit_due_us(turn->core) != GW_NEVER);
}

const uint64_t *gw_turn_counters(const struct gw_turn *turn)
{
    return gw_core_counters(turn->core);
}

const struct gw_core *gw_turn_core(const struct gw_turn *turn)
{
    return turn->core;
}

int gw_turn_recover_row(struct gw_turn *turn, uint64_t now_us, const struct gw_row *row)
{
    struct gw_event event = {.type = GW_EVENT_RECOVER};
    event.u.recover = row;
    return gw_turn_step(turn, now_us, &event);
}

int gw_turn_start(struct gw_turn *turn, uint64_t now_us)
{
    struct gw_event event = {.type = GW_EVENT_START};
    event.entropy = turn->port->entropy(turn->context);
    return gw_turn_step(turn, now_us, &event);
}
