/* SPDX-License-Identifier: MPL-2.0 */
/* Carrying out orders, and undoing those that last. */

#include "run_inside.h"

#include "order.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* Room for one more in an array that doubles; false: out of memory, and the run has failed. */
static bool room(struct lab_running *run, void **array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t wanted = *capacity ? 2 * *capacity : 16;
    void *more = realloc(*array, wanted * size);
    if (!more) {
        lab_run_fail(run, "out of memory");
        return false;
    }
    *array = more;
    *capacity = wanted;
    return true;
}

/* --- recoveries --- */

void lab_await_recovery(struct lab_running *run, size_t event)
{
    if (!room(run, (void **)&run->waiting, run->waiting_count, &run->waiting_capacity,
              sizeof *run->waiting))
        return;
    run->waiting[run->waiting_count++] =
        (struct lab_waiting){.at_us = lab_now_us(run), .event = event};
}

void lab_recovered(struct lab_running *run)
{
    struct lab_result *result = run->result;
    uint64_t now_us = lab_now_us(run);

    for (size_t i = 0; i < run->waiting_count; i++) {
        if (!room(run, (void **)&result->recoveries, result->recovery_count,
                  &run->recovery_capacity, sizeof *result->recoveries))
            break;
        result->recoveries[result->recovery_count++] =
            (struct lab_recovery){.at_us = run->waiting[i].at_us,
                                  .took_us = now_us - run->waiting[i].at_us,
                                  .event = run->waiting[i].event};
    }
    run->waiting_count = 0;
}

/* --- what lasts --- */

/* How often calls below the disk of its process met a fault; 0 if it is not about disks. */
static uint64_t hits(const struct lab_running *run, const struct lab_order *order)
{
    if (lab_verb_target(order->verb) == LAB_ON_LINK || !lab_verb_needs_shim(order->verb))
        return 0;
    return lab_disk_hits(run->lanes[order->whom[0]].disk);
}

static void start_lasting(struct lab_running *run, const struct lab_order *order, size_t event)
{
    uint64_t until_us =
        order->lasts.low_us > 0 ? lab_now_us(run) + order->lasts.low_us : LAB_NEVER;

    lab_timeline_lasts(run->timeline, event);
    if (room(run, (void **)&run->lasting, run->lasting_count, &run->lasting_capacity,
             sizeof *run->lasting))
        run->lasting[run->lasting_count++] = (struct lab_lasting){
            .order = *order, .until_us = until_us, .hits = hits(run, order), .event = event};
}

static int resource_of(const struct lab_order *order)
{
    return order->verb == LAB_limit_files ? RLIMIT_NOFILE : RLIMIT_AS;
}

static void undo_process(struct lab_running *run, const struct lab_order *order)
{
    struct lab_lane_state *lane = &run->lanes[order->whom[0]];

    switch (order->verb) {
    case LAB_stop: lab_process_signal(&lane->process, SIGCONT); break;
    case LAB_limit_files:
    case LAB_limit_memory:
        if (lane->life == LAB_UP)
            lab_process_limit(&lane->process, resource_of(order), LAB_NEVER);
        break;
    default: lab_disk_heal(lane->disk, order->verb); break;
    }
}

/* Another one of the same kind on the same target goes on. */
static bool goes_on(const struct lab_running *run, const struct lab_order *order)
{
    for (size_t i = 0; i < run->lasting_count; i++) {
        if (run->lasting[i].order.verb == order->verb &&
            run->lasting[i].order.whom[0] == order->whom[0])
            return true;
    }
    return false;
}

/* The proxy ends by itself what has a length; without one, it is told to. */
static void undo(struct lab_running *run, const struct lab_lasting *over)
{
    const struct lab_order *order = &over->order;
    bool link = lab_verb_target(order->verb) == LAB_ON_LINK;
    const char *name = link ? run->scenario->links[order->whom[0]].name
                            : run->scenario->processes[order->whom[0]].name;
    char met[40] = "";

    if (link && order->lasts.low_us == 0)
        lab_proxy_heal(run->proxy, run->links[order->whom[0]]);
    if (!link && !goes_on(run, order))
        undo_process(run, order);
    lab_timeline_over(run->timeline, over->event, lab_now_us(run));
    if (!link && lab_verb_needs_shim(order->verb) && order->verb != LAB_clock)
        snprintf(met, sizeof met, "; calls that it met: %llu",
                 (unsigned long long)(hits(run, order) - over->hits));
    lab_timeline_add(run->timeline, lab_now_us(run), LAB_EVENT_HEAL,
                     link ? -1 : (int)order->whom[0], link ? (int)order->whom[0] : -1,
                     "`%s %s` is over%s", lab_verb_name(order->verb), name, met);
    lab_await_recovery(run, over->event);
}

void lab_heal_due(struct lab_running *run, uint64_t now_us)
{
    for (size_t i = run->lasting_count; i-- > 0;) {
        if (run->lasting[i].until_us > now_us)
            continue;
        struct lab_lasting over = run->lasting[i];
        run->lasting[i] = run->lasting[--run->lasting_count];
        undo(run, &over);
    }
}

uint64_t lab_heal_next_us(const struct lab_running *run)
{
    uint64_t next_us = LAB_NEVER;

    for (size_t i = 0; i < run->lasting_count; i++) {
        if (run->lasting[i].until_us < next_us)
            next_us = run->lasting[i].until_us;
    }
    return next_us;
}

/* --- orders --- */

static void failed(struct lab_running *run, const struct lab_order *order, int error)
{
    char text[LAB_ORDER_TEXT];

    lab_run_fail(run, "`%s`: %s", lab_order_text(run->scenario, order, text), strerror(error));
}

static size_t tell(struct lab_running *run, const struct lab_order *order)
{
    char text[LAB_ORDER_TEXT];
    bool link = lab_verb_target(order->verb) == LAB_ON_LINK;

    run->result->faults++;
    return lab_timeline_add(run->timeline, lab_now_us(run), LAB_EVENT_FAULT,
                            link ? -1 : (int)order->whom[0], link ? (int)order->whom[0] : -1, "%s",
                            lab_order_text(run->scenario, order, text));
}

static void nothing_to_do(struct lab_running *run, const struct lab_order *order, const char *why)
{
    char text[LAB_ORDER_TEXT];

    lab_timeline_add(run->timeline, lab_now_us(run), LAB_EVENT_NOTE, (int)order->whom[0], -1,
                     "`%s`: it %s", lab_order_text(run->scenario, order, text), why);
}

/* When it is started again: after `for`, at once, or not before the end of the faults. */
static uint64_t start_us(const struct lab_running *run, const struct lab_order *order)
{
    bool waits = order->verb == LAB_kill || order->verb == LAB_term;

    return order->lasts.low_us == 0 && waits ? LAB_NEVER
                                             : lab_now_us(run) + order->lasts.low_us;
}

static void take_down(struct lab_running *run, struct lab_lane_state *lane,
                      const struct lab_order *order, enum lab_deed deed)
{
    if (lane->life != LAB_UP && deed == LAB_KEEP_DISK) {
        nothing_to_do(run, order, lane->life == LAB_DONE ? "is done" : "does not run");
        return;
    }
    size_t event = tell(run, order);
    lab_timeline_lasts(run->timeline, event);
    lab_lane_down(lane, order->verb == LAB_term ? SIGTERM : SIGKILL, deed, start_us(run, order),
                  event);
}

static void limit(struct lab_running *run, struct lab_lane_state *lane,
                  const struct lab_order *order)
{
    int error = 0;

    if (lane->life == LAB_UP)
        error = lab_process_limit(&lane->process, resource_of(order), order->amount);
    if (error && error != ESRCH) /* it has just ended */
        failed(run, order, error);
}

static void act_on_disk(struct lab_running *run, struct lab_lane_state *lane,
                        const struct lab_order *order)
{
    lane->lied = lane->lied || order->verb == LAB_lie_syncs;
    start_lasting(run, order, tell(run, order));
    if (lab_disk_act(lane->disk, order) != 0)
        failed(run, order, errno);
}

static void act_on_process(struct lab_running *run, const struct lab_order *order)
{
    struct lab_lane_state *lane = &run->lanes[order->whom[0]];

    switch (order->verb) {
    case LAB_kill:
    case LAB_term: take_down(run, lane, order, LAB_KEEP_DISK); break;
    case LAB_power_cut: take_down(run, lane, order, LAB_CUT_POWER); break;
    case LAB_restore: take_down(run, lane, order, LAB_PUT_BACK); break;
    case LAB_lose_disk: take_down(run, lane, order, LAB_EMPTY_DISK); break;
    case LAB_stop:
        if (lane->life != LAB_UP) {
            nothing_to_do(run, order, "does not run");
            break;
        }
        start_lasting(run, order, tell(run, order));
        lab_process_signal(&lane->process, SIGSTOP);
        break;
    case LAB_start:
        if (lane->life == LAB_UP)
            nothing_to_do(run, order, "runs already");
        else
            lane->start_us = lab_now_us(run);
        break;
    case LAB_save:
        tell(run, order);
        if (lab_disk_save(lane->disk) != 0)
            failed(run, order, errno);
        break;
    case LAB_limit_files:
    case LAB_limit_memory:
        start_lasting(run, order, tell(run, order));
        limit(run, lane, order);
        break;
    default: act_on_disk(run, lane, order); break;
    }
}

/* What does not last is over at once. */
static void act_on_link(struct lab_running *run, const struct lab_order *order)
{
    size_t event = tell(run, order);

    lab_proxy_act(run->proxy, run->links[order->whom[0]], order);
    if (lab_verb_length(order->verb) == LAB_LASTS || order->lasts.low_us > 0)
        start_lasting(run, order, event);
    else
        lab_await_recovery(run, event);
}

void lab_act(struct lab_running *run, const struct lab_order *order)
{
    if (lab_verb_target(order->verb) == LAB_ON_LINK)
        act_on_link(run, order);
    else
        act_on_process(run, order);
}

void lab_act_again(struct lab_lane_state *lane)
{
    for (size_t i = 0; i < lane->run->lasting_count; i++) {
        const struct lab_order *order = &lane->run->lasting[i].order;
        if ((order->verb == LAB_limit_files || order->verb == LAB_limit_memory) &&
            order->whom[0] == (size_t)lane->index)
            limit(lane->run, lane, order);
    }
}
