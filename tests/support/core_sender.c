/* SPDX-License-Identifier: MPL-2.0 */
/* See core_sender.h. */

#include "support/core_sender.h"

uint64_t driver_begin(struct driver *d, uint32_t count)
{
    return driver_begin_with(d, 100, count);
}

uint64_t driver_begin_with(struct driver *d, uint64_t credit, uint32_t count)
{
    driver_open(d, "a");
    uint64_t link = driver_member(d, 1, "b", credit);
    driver_send(d, EPOCH, 1, count, REMOTE_MESSAGE);
    driver_commit(d);
    return link;
}

uint64_t driver_begin_sealed(struct driver *d, uint32_t count)
{
    driver_open(d, "a");
    uint64_t link = driver_member(d, 1, "b", 100);
    driver_send(d, EPOCH, 1, count, REMOTE_MESSAGE);
    driver_seal(d);
    return link;
}

void driver_begin_without(struct driver *d, uint32_t count)
{
    driver_open(d, "a");
    driver_send(d, EPOCH, 1, count, REMOTE_MESSAGE);
    driver_commit(d);
}

uint64_t driver_begin_ordered(struct driver *d, uint32_t count)
{
    driver_open(d, "a");
    driver_policy(d, &(struct gw_policy){.ordered = true});
    uint64_t link = driver_member(d, 1, "b", 100);
    driver_send(d, EPOCH, 1, count, REMOTE_MESSAGE);
    driver_commit(d);
    return link;
}

uint64_t driver_begin_restarted(struct driver *d, uint64_t in_hand_from)
{
    driver_open(d, "a");
    driver_member(d, 1, "b", 1000);
    driver_send_batches(d, 3, 10, REMOTE_MESSAGE);
    driver_commit(d);
    driver_restart(d);
    uint64_t link = driver_link(d, 1, "b");
    remote_serve(d, 1, link, 1000, 1 << 20);
    remote_in_hand(d, 1, link, EPOCH, in_hand_from, 30);
    remote_complete(d, 1, link);
    return link;
}

void driver_open_outcomes(struct driver *d)
{
    struct gw_core_options options;
    driver_options(&options, "a");
    options.outcomes = true;
    driver_open_with(d, &options);
}

void driver_open_cache(struct driver *d, uint64_t cache_bytes)
{
    struct gw_core_options options;
    driver_options(&options, "a");
    options.cache_bytes = cache_bytes;
    driver_open_with(d, &options);
}

uint64_t driver_come_back(struct driver *d, uint64_t conn)
{
    uint64_t link = driver_link(d, conn, "b");
    remote_serve(d, conn, link, 100, 100000);
    return link;
}

/* ---- the application ---- */

void driver_policy(struct driver *d, const struct gw_policy *policy)
{
    struct gw_event event = {.type = GW_EVENT_POLICY};
    event.u.policy.destination = (struct gw_destination){GW_KIND_STAGE, "work"};
    event.u.policy.policy = *policy;
    driver_step(d, &event);
}

void driver_withdraw(struct driver *d, uint64_t sequence)
{
    struct gw_event event = {.type = GW_EVENT_WITHDRAW};
    event.u.withdraw.epoch = EPOCH;
    event.u.withdraw.sequence = sequence;
    event.u.withdraw.code = GW_WITHDRAW_CANCELLED;
    driver_step(d, &event);
}

void driver_forfeit(struct driver *d, const char *name)
{
    struct gw_event event = {.type = GW_EVENT_FORFEIT};
    event.u.forfeit.peer = name;
    driver_step(d, &event);
}

void driver_store(struct driver *d)
{
    driver_tick(d, 10000); /* settlements wait for company */
    driver_commit(d);
}

uint64_t driver_next_data(struct driver *d, uint64_t wait_us)
{
    driver_tick(d, wait_us);
    for (int i = 0; i < 3 && !driver_data(d, 0).first; i++)
        driver_commit(d);
    return driver_data(d, 0).first;
}

/* ---- a member ---- */

static void say_epoch(struct driver *d, uint64_t conn, uint64_t link, struct gw_ack_epoch entry)
{
    struct gw_frame ack = {.type = GW_FRAME_ACK, .link = link};
    entry.epoch = EPOCH;
    entry.floor = 1;
    ack.u.ack.epochs = &entry;
    ack.u.ack.epoch_count = 1;
    driver_frame(d, conn, &ack);
}

void remote_return(struct driver *d, uint64_t conn, uint64_t link, enum gw_return_kind kind,
                   uint64_t first, uint64_t last, uint64_t number, uint32_t delay_ms)
{
    struct gw_return back = {first,    last, number, (uint8_t)kind,
                             delay_ms, {(const uint8_t *)"no", 2}};
    say_epoch(d, conn, link, (struct gw_ack_epoch){.returns = &back, .return_count = 1});
}

void remote_except(struct driver *d, uint64_t conn, uint64_t link, enum gw_exception_kind kind,
                   uint64_t sequence, uint32_t code)
{
    struct gw_exception exception = {sequence, (uint8_t)kind, code, {(const uint8_t *)"bad", 3}};
    say_epoch(d, conn, link,
              (struct gw_ack_epoch){.exceptions = &exception, .exception_count = 1});
}

/* ---- looking ---- */

static const struct gw_row *assignment(const struct driver *d, uint64_t sequence)
{
    const struct gw_row *row;
    for (size_t n = 0; (row = driver_row(d, GW_ROW_ASSIGNMENT, n)); n++)
        if (row->first <= sequence && sequence <= row->last)
            return row;
    return NULL;
}

const char *driver_holder(const struct driver *d, uint64_t sequence)
{
    const struct gw_row *row = assignment(d, sequence);
    return row ? row->peer : "";
}

uint64_t driver_number(const struct driver *d, uint64_t sequence)
{
    const struct gw_row *row = assignment(d, sequence);
    return row ? row->number : 0;
}

struct gw_whereabouts driver_where(const struct driver *d, uint64_t sequence)
{
    struct gw_whereabouts found;
    gw_core_find(d->core, EPOCH, sequence, &found);
    return found;
}

uint8_t driver_outcome(const struct driver *d, uint64_t sequence)
{
    const struct gw_effect *effect;
    for (size_t n = 0; (effect = driver_effect(d, GW_EFFECT_SETTLED, n)); n++)
        if (effect->u.settled.first <= sequence && sequence <= effect->u.settled.last)
            return effect->u.settled.how;
    return 0;
}
