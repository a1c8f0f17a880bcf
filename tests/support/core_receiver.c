/* SPDX-License-Identifier: MPL-2.0 */
/* See core_receiver.h. */

#include "support/core_receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

uint64_t driver_open_window(struct driver *d, uint64_t messages)
{
    driver_open(d, "b");
    driver_serve(d, "work", messages, 1 << 24);
    return driver_sender(d, 1, "s", EPOCH);
}

uint64_t driver_open_ordered(struct driver *d, uint64_t messages)
{
    driver_open(d, "b");
    driver_serve(d, "work", messages, 1 << 24);
    uint64_t link = driver_link(d, 1, "s");
    remote_open_ordered(d, 1, link, EPOCH);
    return link;
}

uint64_t driver_hold(struct driver *d, uint64_t count)
{
    uint64_t link = driver_open_window(d, 100);
    remote_offer(d, 1, link, EPOCH, 1, count, 10);
    return link;
}

uint64_t driver_hold_ordered(struct driver *d, uint64_t count)
{
    uint64_t link = driver_open_ordered(d, 100);
    remote_offer(d, 1, link, EPOCH, 1, count, 10);
    return link;
}

uint64_t driver_open_wide(struct driver *d, uint64_t window)
{
    struct gw_core_options options;
    driver_options(&options, "b");
    options.window = window;
    driver_open_with(d, &options);
    driver_serve(d, "work", window, 1 << 24);
    return driver_sender(d, 1, "s", EPOCH);
}

uint64_t driver_again(struct driver *d)
{
    uint64_t link = driver_link(d, 1, "s");
    remote_open(d, 1, link, EPOCH, false);
    return link;
}

/* ---- the application ---- */

void driver_reject(struct driver *d, uint64_t epoch, uint64_t sequence, uint32_t code,
                   const char *text)
{
    struct gw_event event = {.type = GW_EVENT_DECIDE};
    event.u.decide.epoch = epoch;
    event.u.decide.first = event.u.decide.last = sequence;
    event.u.decide.bytes = REMOTE_MESSAGE;
    event.u.decide.rejected = true;
    event.u.decide.code = code;
    event.u.decide.text = text;
    driver_step(d, &event);
}

void driver_handed(struct driver *d, uint64_t epoch, uint64_t first, uint64_t last)
{
    struct gw_event event = {.type = GW_EVENT_HANDED};
    event.u.handed.epoch = epoch;
    event.u.handed.first = first;
    event.u.handed.last = last;
    driver_step(d, &event);
}

static void give_back(struct driver *d, uint64_t epoch, struct gw_range range,
                      enum gw_return_kind kind, uint32_t delay_ms, const char *text)
{
    struct gw_event event = {.type = GW_EVENT_RETURN};
    event.u.give_back.epoch = epoch;
    event.u.give_back.first = range.first;
    event.u.give_back.last = range.last;
    event.u.give_back.bytes = (range.last - range.first + 1) * REMOTE_MESSAGE;
    event.u.give_back.kind = (uint8_t)kind;
    event.u.give_back.delay_ms = delay_ms;
    event.u.give_back.text = text;
    driver_step(d, &event);
}

void driver_return(struct driver *d, uint64_t epoch, uint64_t first, uint64_t last,
                   enum gw_return_kind kind)
{
    give_back(d, epoch, (struct gw_range){first, last}, kind, 0, NULL);
}

void driver_nack(struct driver *d, uint64_t epoch, uint64_t sequence, uint32_t delay_ms,
                 const char *text)
{
    give_back(d, epoch, (struct gw_range){sequence, sequence}, GW_RETURN_NACK, delay_ms, text);
}

void driver_recalled(struct driver *d, size_t n, uint64_t first, uint64_t last)
{
    const struct gw_effect *recall = driver_effect(d, GW_EFFECT_RECALL, n);
    assert_non_null(recall);
    struct gw_range piece = {first, last};
    uint64_t bytes = (last - first + 1) * REMOTE_MESSAGE;
    struct gw_event event = {.type = GW_EVENT_RECALLED};
    event.u.recalled.epoch = recall->u.recall.epoch;
    event.u.recalled.number = recall->u.recall.number;
    event.u.recalled.purpose = recall->u.recall.purpose;
    event.u.recalled.code = recall->u.recall.code;
    event.u.recalled.pieces = &piece;
    event.u.recalled.bytes = &bytes;
    event.u.recalled.count = first ? 1 : 0;
    driver_step(d, &event);
}

/* ---- the sender ---- */

void remote_open_ordered(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch)
{
    struct gw_frame frame = {.type = GW_FRAME_OPEN, .link = link};
    frame.u.open.destination = (struct gw_destination){.kind = GW_KIND_STAGE, .name = "work"};
    frame.u.open.epoch = epoch;
    frame.u.open.floor = 1;
    frame.u.open.fresh = true;
    frame.u.open.ordered = true;
    driver_frame(d, conn, &frame);
}

static void offer(struct driver *d, uint64_t conn, struct gw_frame *frame)
{
    static uint32_t ends[GW_RUN_MAX];
    struct gw_event event = {.type = GW_EVENT_FRAME};
    for (uint64_t i = 0; i < frame->u.data.count; i++)
        ends[i] = (uint32_t)(i + 1) * REMOTE_MESSAGE;
    event.u.frame.conn = conn;
    event.u.frame.frame = frame;
    event.u.frame.body_bytes = frame->u.data.count * REMOTE_MESSAGE;
    event.u.frame.ends = ends;
    driver_step(d, &event);
}

static struct gw_frame data(uint64_t link, uint64_t epoch, uint64_t first, uint64_t count,
                            uint64_t number)
{
    struct gw_frame frame = {.type = GW_FRAME_DATA, .link = link};
    frame.u.data.floor = 1;
    frame.u.data.epoch = epoch;
    frame.u.data.first = first;
    frame.u.data.count = count;
    frame.u.data.number = number;
    frame.u.data.attempt = 1;
    return frame;
}

void remote_offer(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch, uint64_t first,
                  uint64_t count, uint64_t number)
{
    struct gw_frame frame = data(link, epoch, first, count, number);
    offer(d, conn, &frame);
}

void remote_offer_again(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                        uint64_t first, uint64_t count, uint64_t number)
{
    struct gw_frame frame = data(link, epoch, first, count, number);
    frame.u.data.redelivered = true;
    offer(d, conn, &frame);
}

static void say_skip(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                 struct gw_range range, struct gw_frame frame)
{
    frame.type = GW_FRAME_SKIP;
    frame.link = link;
    frame.u.skip.epoch = epoch;
    frame.u.skip.ranges = &range;
    frame.u.skip.range_count = 1;
    driver_frame(d, conn, &frame);
}

void remote_release(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                    uint64_t first, uint64_t last, uint64_t number)
{
    struct gw_frame frame = {0};
    frame.u.skip.number = number;
    frame.u.skip.purpose = GW_SKIP_RELEASE;
    say_skip(d, conn, link, epoch, (struct gw_range){first, last}, frame);
}

void remote_withdraw(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                     uint64_t first, uint64_t last, uint32_t code)
{
    struct gw_frame frame = {0};
    frame.u.skip.number = REMOTE_SKIP_NUMBER;
    frame.u.skip.purpose = GW_SKIP_WITHDRAW;
    frame.u.skip.code = code;
    say_skip(d, conn, link, epoch, (struct gw_range){first, last}, frame);
}

/* ---- looking ---- */

/* The i-th entry about an epoch in the ACKs of the last step. */
static const struct gw_ack_epoch *entry_of(const struct driver *d, uint64_t epoch, size_t i)
{
    const struct gw_frame *ack;
    for (size_t n = 0; (ack = driver_sent(d, GW_FRAME_ACK, n)); n++)
        for (size_t j = 0; j < ack->u.ack.epoch_count; j++)
            if (ack->u.ack.epochs[j].epoch == epoch && i-- == 0)
                return &ack->u.ack.epochs[j];
    return NULL;
}

const struct gw_exception *driver_exception(const struct driver *d, uint64_t epoch, size_t n)
{
    const struct gw_ack_epoch *entry;
    for (size_t i = 0; (entry = entry_of(d, epoch, i)); n -= entry->exception_count, i++)
        if (n < entry->exception_count)
            return &entry->exceptions[n];
    return NULL;
}

const struct gw_return *driver_returned(const struct driver *d, uint64_t epoch, size_t n)
{
    const struct gw_ack_epoch *entry;
    for (size_t i = 0; (entry = entry_of(d, epoch, i)); n -= entry->return_count, i++)
        if (n < entry->return_count)
            return &entry->returns[n];
    return NULL;
}

void assert_returned(const struct driver *d, size_t n, uint64_t first, uint64_t last,
                     uint64_t number, enum gw_return_kind kind)
{
    const struct gw_return *back = driver_returned(d, EPOCH, n);
    assert_non_null(back);
    assert_int_equal(back->first, first);
    assert_int_equal(back->last, last);
    assert_int_equal(back->number, number);
    assert_int_equal(back->kind, kind);
}

struct gw_range driver_hinted(const struct driver *d, uint64_t epoch, size_t n)
{
    const struct gw_ack_epoch *entry;
    for (size_t i = 0; (entry = entry_of(d, epoch, i)); n -= entry->handed_count, i++)
        if (n < entry->handed_count)
            return entry->handed[n];
    return (struct gw_range){0, 0};
}

struct gw_range driver_told_in_hand(const struct driver *d, uint64_t epoch, size_t n)
{
    const struct gw_ack_epoch *entry;
    for (size_t i = 0; (entry = entry_of(d, epoch, i)); n -= entry->in_hand_count, i++)
        if (n < entry->in_hand_count)
            return entry->in_hand[n];
    return (struct gw_range){0, 0};
}

struct gw_range driver_delivered(const struct driver *d, size_t n)
{
    const struct gw_effect *effect = driver_effect(d, GW_EFFECT_DELIVER, 0);
    if (!effect || n >= effect->u.deliver.count)
        return (struct gw_range){0, 0};
    return effect->u.deliver.pieces[n];
}

struct gw_range driver_recall(const struct driver *d, size_t n)
{
    const struct gw_effect *effect;
    for (size_t i = 0; (effect = driver_effect(d, GW_EFFECT_RECALL, i)); i++) {
        if (n < effect->u.recall.count)
            return effect->u.recall.ranges[n];
        n -= effect->u.recall.count;
    }
    return (struct gw_range){0, 0};
}

uint64_t driver_credit(const struct driver *d)
{
    const struct gw_frame *ack;
    uint64_t credit = 0;
    for (size_t n = 0; (ack = driver_sent(d, GW_FRAME_ACK, n)); n++)
        if (ack->u.ack.credit_count)
            credit = ack->u.ack.credits[0].messages;
    return credit;
}
