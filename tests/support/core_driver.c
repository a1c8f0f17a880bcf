/* SPDX-License-Identifier: MPL-2.0 */
/* See core_driver.h. What the other peers say is in core_remote.c. */
/* Length: each step of a core and each look at what it did, which share the store and the heap. */

#define FAILING_HEAP_NOT_HERE

#include "support/core_driver.h"
#include "base/blob.h"
#include "core/state.h"
#include "support/failing_heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

void (*driver_ran_out)(struct driver *d);
void (*driver_began)(void);

/* Those that are open, for tests that are left in the middle. */
#define MOST_OPEN 2
static struct driver *opened[MOST_OPEN];
static size_t opened_count;

/* ---- life ---- */

void driver_options(struct gw_core_options *options, const char *name)
{
    *options = (struct gw_core_options){.open = 1, .process = 1000, .max_message = 1 << 20};
    strcpy(options->name, name);
    options->window = DRIVER_WINDOW;
    options->heartbeat_us = DRIVER_HEARTBEAT_US;
    options->seed = 1;
    options->no_jitter = true;
}

/* The core had no memory: the test is over, where that is what it is about. */
static void run_out(struct driver *d)
{
    if (driver_ran_out && heap_refused)
        driver_ran_out(d);
}

static void make_core(struct driver *d)
{
    d->core = gw_core_new(&d->options);
    if (!d->core)
        run_out(d);
    assert_non_null(d->core);
}

void driver_open_with(struct driver *d, const struct gw_core_options *options)
{
    memset(d, 0, sizeof *d);
    if (opened_count == MOST_OPEN)
        opened_count = 0; /* of tests that failed */
    opened[opened_count++] = d;
    d->options = *options;
    d->now_us = 1000000;
    d->entropy = 100;
    make_core(d);
    struct gw_event start = {.type = GW_EVENT_START};
    driver_step(d, &start);
}

void driver_open(struct driver *d, const char *name)
{
    struct gw_core_options options;
    driver_options(&options, name);
    driver_open_with(d, &options);
}

static void drop_forgotten(struct driver *d)
{
    for (size_t i = 0; i < d->effects.count; i++)
        if (d->effects.items[i].type == GW_EFFECT_FORGET)
            gw_batch_drop(d->effects.items[i].u.forget);
    if (driver_ran_out) /* so that the first effect of each step may be the one without memory */
        gw_effects_clear(&d->effects);
    else
        gw_effects_reset(&d->effects);
}

void driver_crash(struct driver *d)
{
    drop_forgotten(d);
    gw_effects_clear(&d->effects);
    gw_core_destroy(&d->core);
    free(d->ops);
    d->ops = NULL;
    d->op_count = 0;
    d->in_flight = false;
}

void driver_close(struct driver *d)
{
    driver_crash(d);
    for (size_t i = 0; i < d->batch_count; i++)
        gw_batch_drop(d->batches[i]);
    d->batch_count = d->row_count = 0;
    for (size_t i = 0; i < opened_count; i++)
        if (opened[i] == d)
            opened[i] = opened[--opened_count];
}

void driver_from_here(void)
{
    if (driver_began)
        driver_began();
}

void driver_close_all(void)
{
    while (opened_count)
        driver_close(opened[0]);
}

/* ---- the step ---- */

/* The texts of rows live in a ring: a test stores few. */
static void keep_text(struct driver *d, struct gw_row *row)
{
    if (!row->text.size)
        return;
    char *slot = d->texts[d->text_count++ % DRIVER_TEXTS];
    assert_true(row->text.size <= GW_TEXT_MAX);
    memcpy(slot, row->text.data, row->text.size);
    slot[row->text.size] = '\0';
    row->text.data = (const uint8_t *)slot;
}

/* The core's ops are its own until the next SEAL: the write keeps a copy. */
static void begin_write(struct driver *d, const struct gw_effect *commit)
{
    assert_false(d->in_flight); /* one write at a time */
    d->op_count = commit->u.commit.count;
    d->ops = calloc(d->op_count + 1, sizeof *d->ops);
    assert_non_null(d->ops);
    if (d->op_count)
        memcpy(d->ops, commit->u.commit.ops, d->op_count * sizeof *d->ops);
    for (size_t i = 0; i < d->op_count; i++)
        keep_text(d, &d->ops[i].row);
    d->in_flight = true;
}

static void drop_batches_of(const struct gw_event *event)
{
    if (event->type == GW_EVENT_BATCH)
        gw_batch_drop(event->u.batch.batch);
    for (size_t i = 0; event->type == GW_EVENT_LOADED && i < event->u.loaded.count; i++)
        gw_batch_drop(event->u.loaded.batches[i]);
    for (size_t i = 0; event->type == GW_EVENT_TRANSACTION && i < event->u.transaction.batch_count;
         i++)
        gw_batch_drop(event->u.transaction.batches[i]);
}

/* The checker looks at everything: where there is very much of it, not after each step. */
static const char *look_for_damage(const struct driver *d)
{
    bool running_out = heap_left == SIZE_MAX && driver_ran_out;
    bool much = d->core->conns.count > 1000;
    return running_out || (much && d->entropy % 64) ? NULL : gw_core_check(d->core);
}

int driver_step(struct driver *d, struct gw_event *event)
{
    drop_forgotten(d);
    if (d->result || !d->core) {
        drop_batches_of(event);
        return d->result;
    }
    event->now_us = d->now_us;
    event->entropy = ++d->entropy;
    d->result = gw_core_step(d->core, event, &d->effects);
    if (d->result) {
        drop_forgotten(d); /* and nothing else of a failed step counts */
        run_out(d);
        assert_true(d->lenient);
        return d->result;
    }
    const char *broken = look_for_damage(d);
    if (broken)
        fail_msg("%s", broken);
    const struct gw_effect *commit = driver_effect(d, GW_EFFECT_COMMIT, 0);
    if (commit)
        begin_write(d, commit);
    return 0;
}

static void conn_step(struct driver *d, enum gw_event_type type, uint64_t conn)
{
    struct gw_event event = {.type = (uint8_t)type};
    event.u.conn.conn = conn;
    driver_step(d, &event);
}

void driver_dial(struct driver *d, uint64_t conn)
{
    conn_step(d, GW_EVENT_DIAL, conn);
}

void driver_undial(struct driver *d, uint64_t conn)
{
    conn_step(d, GW_EVENT_UNDIAL, conn);
}

void driver_lost(struct driver *d, uint64_t conn)
{
    conn_step(d, GW_EVENT_LOST, conn);
}

void driver_leave(struct driver *d)
{
    conn_step(d, GW_EVENT_CLOSE, 0);
}

void driver_tick(struct driver *d, uint64_t later_us)
{
    d->now_us += later_us;
    conn_step(d, GW_EVENT_TICK, 0);
}

static struct gw_destination stage(const char *name)
{
    struct gw_destination destination = {.kind = GW_KIND_STAGE};
    strcpy(destination.name, name);
    return destination;
}

static void serve_step(struct driver *d, enum gw_event_type type, const char *name,
                       uint64_t messages, uint64_t bytes)
{
    struct gw_event event = {.type = (uint8_t)type};
    event.u.serve.destination = stage(name);
    event.u.serve.credit_messages = messages;
    event.u.serve.credit_bytes = bytes;
    driver_step(d, &event);
}

void driver_serve(struct driver *d, const char *name, uint64_t messages, uint64_t bytes)
{
    serve_step(d, GW_EVENT_SERVE, name, messages, bytes);
}

void driver_unserve(struct driver *d, const char *name)
{
    serve_step(d, GW_EVENT_UNSERVE, name, 0, 0);
}

/* The test has all the memory that it wants. */
struct gw_batch *driver_batch(uint64_t epoch, uint64_t first, uint32_t count, uint32_t size)
{
    size_t left = heap_left;
    uint8_t *bytes;
    heap_left = SIZE_MAX;
    struct gw_batch *batch = gw_batch_new(epoch, first, count);
    struct gw_blob *body = gw_blob_new((size_t)count * size, &bytes);
    heap_left = left;
    assert_true(batch && body);
    memset(bytes, 'x', (size_t)count * size);
    batch->fixed = size;
    batch->bytes = count * size;
    batch->bytes_before = (first - 1) * size;
    batch->body = body;
    return batch;
}

struct gw_batch *driver_batch_of(uint64_t epoch, uint64_t first, const uint32_t *sizes,
                                 uint32_t count)
{
    struct gw_batch *batch = driver_batch(epoch, first, count, 1);
    size_t left = heap_left;
    heap_left = SIZE_MAX;
    batch->ends = calloc(count, sizeof *batch->ends);
    heap_left = left;
    assert_non_null(batch->ends);
    batch->fixed = batch->bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        batch->ends[i] = batch->bytes += sizes[i];
    return batch;
}

void driver_send_batches(struct driver *d, uint64_t batches, uint32_t count, uint32_t size)
{
    for (uint64_t i = 0; i < batches; i++)
        driver_send(d, EPOCH, 1 + i * count, count, size);
}

void driver_send_to(struct driver *d, const char *name, uint64_t epoch, uint64_t first,
                    uint32_t count, uint32_t size)
{
    struct gw_event event = {.type = GW_EVENT_BATCH};
    event.u.batch.destination = stage(name);
    event.u.batch.batch = driver_batch(epoch, first, count, size);
    driver_step(d, &event);
}

void driver_send(struct driver *d, uint64_t epoch, uint64_t first, uint32_t count, uint32_t size)
{
    driver_send_to(d, "work", epoch, first, count, size);
}

void driver_decide(struct driver *d, uint64_t epoch, uint64_t first, uint64_t last)
{
    struct gw_event event = {.type = GW_EVENT_DECIDE};
    event.u.decide.epoch = epoch;
    event.u.decide.first = first;
    event.u.decide.last = last;
    event.u.decide.bytes = (last - first + 1) * REMOTE_MESSAGE;
    driver_step(d, &event);
}

/* ---- the store ---- */

static bool same_key(const struct gw_row *a, const struct gw_row *b)
{
    if (a->kind != b->kind || a->epoch != b->epoch)
        return false;
    if (a->kind == GW_ROW_OFFERED)
        return strcmp(a->peer, b->peer) == 0;
    if (a->kind == GW_ROW_OUTCOME)
        return a->number == b->number;
    return a->kind == GW_ROW_STREAM || a->kind == GW_ROW_WINDOW || a->first == b->first;
}

static void delete_row(struct driver *d, const struct gw_row *row)
{
    for (size_t i = 0; i < d->row_count; i++)
        if (same_key(&d->rows[i], row)) {
            memmove(&d->rows[i], &d->rows[i + 1], (--d->row_count - i) * sizeof d->rows[0]);
            return;
        }
}

static void put_row(struct driver *d, const struct gw_row *row)
{
    size_t at = 0;
    while (at < d->row_count && !same_key(&d->rows[at], row))
        at++;
    assert_true(at < DRIVER_ROWS);
    d->rows[at] = *row;
    d->row_count += at == d->row_count;
}

/* Ascending by epoch and sequence, as keys are. */
static void put_batch(struct driver *d, const struct gw_batch *batch)
{
    size_t at = d->batch_count;
    assert_true(at < DRIVER_BATCHES);
    for (; at && (d->batches[at - 1]->epoch > batch->epoch ||
                  (d->batches[at - 1]->epoch == batch->epoch &&
                   d->batches[at - 1]->first > batch->first));
         at--)
        d->batches[at] = d->batches[at - 1];
    d->batches[at] = driver_batch(batch->epoch, batch->first, batch->count, batch->fixed);
    d->batch_count++;
}

static void delete_batch(struct driver *d, uint64_t epoch, uint64_t last)
{
    for (size_t i = 0; i < d->batch_count; i++) {
        if (d->batches[i]->epoch != epoch || gw_batch_last(d->batches[i]) != last)
            continue;
        gw_batch_drop(d->batches[i]);
        memmove(&d->batches[i], &d->batches[i + 1],
                (--d->batch_count - i) * sizeof d->batches[0]);
        return;
    }
}

static void apply(struct driver *d, const struct gw_op *op)
{
    switch ((enum gw_op_type)op->type) {
    case GW_OP_PUT:
    case GW_OP_BURY:
        put_row(d, &op->row);
        break;
    case GW_OP_DELETE:
        delete_row(d, &op->row);
        break;
    case GW_OP_PUT_BATCH:
        put_batch(d, op->batch);
        break;
    case GW_OP_DELETE_BATCH:
        delete_batch(d, op->row.epoch, op->row.last);
        break;
    }
}

void driver_seal(struct driver *d)
{
    conn_step(d, GW_EVENT_SEAL, 0);
}

void driver_committed(struct driver *d)
{
    if (!d->in_flight)
        return;
    for (size_t i = 0; i < d->op_count; i++)
        apply(d, &d->ops[i]);
    free(d->ops);
    d->ops = NULL;
    d->op_count = 0;
    d->in_flight = false;
    conn_step(d, GW_EVENT_COMMITTED, 0);
}

void driver_commit(struct driver *d)
{
    driver_seal(d);
    driver_committed(d);
}

void driver_loaded(struct driver *d, uint64_t epoch, uint64_t from, uint64_t upto)
{
    struct gw_batch *batches[DRIVER_BATCHES];
    struct gw_event event = {.type = GW_EVENT_LOADED};
    for (size_t i = 0; i < d->batch_count; i++) {
        const struct gw_batch *batch = d->batches[i];
        if (batch->epoch != epoch || gw_batch_last(batch) < from || batch->first > upto)
            continue;
        batches[event.u.loaded.count++] =
            driver_batch(epoch, batch->first, batch->count, batch->fixed);
    }
    event.u.loaded.epoch = epoch;
    event.u.loaded.batches = batches;
    driver_step(d, &event);
}

static void recover_kind(struct driver *d, enum gw_row_kind kind)
{
    struct gw_event event = {.type = GW_EVENT_RECOVER};
    for (size_t i = 0; i < d->row_count; i++) {
        event.u.recover = &d->rows[i];
        if (d->rows[i].kind == kind)
            driver_step(d, &event);
    }
}

/* The first and the last batch of each epoch. */
static void recover_batches(struct driver *d)
{
    for (size_t i = 0; i < d->batch_count; i++) {
        const struct gw_batch *batch = d->batches[i];
        bool first = i == 0 || d->batches[i - 1]->epoch != batch->epoch;
        bool last = i + 1 == d->batch_count || d->batches[i + 1]->epoch != batch->epoch;
        if (!first && !last)
            continue;
        struct gw_row row = {.kind = GW_ROW_BATCH, .epoch = batch->epoch, .first = batch->first};
        row.last = gw_batch_last(batch);
        row.number = batch->bytes_before + batch->bytes;
        struct gw_event event = {.type = GW_EVENT_RECOVER};
        event.u.recover = &row;
        driver_step(d, &event);
    }
}

void driver_recover(struct driver *d)
{
    d->options.open++;
    d->options.process++;
    make_core(d);
    recover_kind(d, GW_ROW_STREAM);
    recover_kind(d, GW_ROW_OFFERED);
    recover_kind(d, GW_ROW_SETTLED);
    recover_batches(d);
    recover_kind(d, GW_ROW_ASSIGNMENT);
    recover_kind(d, GW_ROW_STORY);
    recover_kind(d, GW_ROW_WINDOW);
    recover_kind(d, GW_ROW_DECIDED);
    recover_kind(d, GW_ROW_EXCEPTION);
    recover_kind(d, GW_ROW_CRASHED);
    recover_kind(d, GW_ROW_OUTCOME);
    conn_step(d, GW_EVENT_START, 0);
}

void driver_restart(struct driver *d)
{
    driver_crash(d);
    driver_recover(d);
}

/* ---- looking ---- */

size_t driver_count(const struct driver *d, enum gw_effect_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < d->effects.count; i++)
        count += d->effects.items[i].type == type;
    return count;
}

const struct gw_effect *driver_effect(const struct driver *d, enum gw_effect_type type, size_t n)
{
    for (size_t i = 0; i < d->effects.count; i++)
        if (d->effects.items[i].type == type && n-- == 0)
            return &d->effects.items[i];
    return NULL;
}

const struct gw_frame *driver_sent(const struct driver *d, enum gw_frame_type type, size_t n)
{
    for (size_t i = 0; i < d->effects.count; i++) {
        const struct gw_effect *effect = &d->effects.items[i];
        if (effect->type == GW_EFFECT_SEND && effect->u.send.frame->type == type && n-- == 0)
            return effect->u.send.frame;
    }
    return NULL;
}

size_t driver_sent_count(const struct driver *d, enum gw_frame_type type)
{
    size_t count = 0;
    while (driver_sent(d, type, count))
        count++;
    return count;
}

const struct gw_frame *driver_sent_on(const struct driver *d, uint64_t conn,
                                      enum gw_frame_type type)
{
    for (size_t i = 0; i < d->effects.count; i++) {
        const struct gw_effect *effect = &d->effects.items[i];
        if (effect->type == GW_EFFECT_SEND && effect->u.send.conn == conn &&
            effect->u.send.frame->type == type)
            return effect->u.send.frame;
    }
    return NULL;
}

const struct gw_link *driver_link_to(const struct driver *d, const char *name)
{
    return &gw_remote_find(d->core, name)->link;
}

bool driver_noted(const struct driver *d, enum gw_note note, uint64_t a)
{
    for (size_t i = 0; i < d->effects.count; i++) {
        const struct gw_effect *effect = &d->effects.items[i];
        if (effect->type == GW_EFFECT_NOTE && effect->u.note.note == note &&
            effect->u.note.a == a)
            return true;
    }
    return false;
}

uint64_t driver_counter(const struct driver *d, enum gw_counter counter)
{
    return gw_core_counters(d->core)[counter];
}

const struct gw_row *driver_row(const struct driver *d, enum gw_row_kind kind, size_t n)
{
    for (size_t i = 0; i < d->row_count; i++)
        if (d->rows[i].kind == kind && n-- == 0)
            return &d->rows[i];
    return NULL;
}

size_t driver_rows(const struct driver *d, enum gw_row_kind kind)
{
    size_t count = 0;
    while (driver_row(d, kind, count))
        count++;
    return count;
}

bool driver_stream(const struct driver *d, uint64_t epoch, struct gw_stream_view *view)
{
    for (size_t i = 0; gw_core_stream_at(d->core, i, view); i++)
        if (view->epoch == epoch)
            return true;
    return false;
}

bool driver_window(const struct driver *d, uint64_t epoch, struct gw_window_view *view)
{
    for (size_t i = 0; gw_core_window_at(d->core, i, view); i++)
        if (view->epoch == epoch)
            return true;
    return false;
}

struct gw_range driver_data(const struct driver *d, size_t n)
{
    const struct gw_effect *data = driver_effect(d, GW_EFFECT_SEND_DATA, n);
    if (!data)
        return (struct gw_range){0, 0};
    return (struct gw_range){data->u.data.first, data->u.data.first + data->u.data.count - 1};
}

static bool acked(const struct driver *d, uint64_t epoch, size_t n, struct gw_range *range)
{
    const struct gw_frame *ack;
    for (size_t i = 0; (ack = driver_sent(d, GW_FRAME_ACK, i)); i++)
        for (size_t j = 0; j < ack->u.ack.epoch_count; j++) {
            const struct gw_ack_epoch *entry = &ack->u.ack.epochs[j];
            if (entry->epoch != epoch)
                continue;
            if (n < entry->decided_count) {
                *range = entry->decided[n];
                return true;
            }
            n -= entry->decided_count;
        }
    return false;
}

struct gw_range driver_acked(const struct driver *d, uint64_t epoch, size_t n)
{
    struct gw_range range = {0, 0};
    acked(d, epoch, n, &range);
    return range;
}

size_t driver_acked_count(const struct driver *d, uint64_t epoch)
{
    struct gw_range range;
    size_t count = 0;
    while (acked(d, epoch, count, &range))
        count++;
    return count;
}

void assert_range(struct gw_range range, uint64_t first, uint64_t last)
{
    assert_int_equal(range.first, first);
    assert_int_equal(range.last, last);
}
