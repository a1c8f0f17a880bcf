/* SPDX-License-Identifier: MPL-2.0 */

/* One run: the fleet opens, links up, rests, works, and is killed and started again. What each
 * phase cost is the difference of what is counted before and after it. */

#include "fleet_heap.h"
#include "fleet_world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define SECOND_US   1000000
#define STEP_US     1000                 /* how exactly the end of a phase is seen */
#define PATIENCE_US (300 * UINT64_C(1000000)) /* what is not done by then will not be */
#define BULK_PARTS  10
#define BULK_US     1000 /* between its parts */
#define HALF_US     (SECOND_US / 2)
#define BEFORE_US   100000 /* sending begins so long before the first is killed */

struct mark { /* what was counted when a phase began */
    struct fleet_traffic traffic;
    uint64_t now_us;
    uint64_t events;
    uint64_t processed;
    double cpu_s, hub_cpu_s;
    uint64_t looks, hub_looks;
};

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct mark mark(const struct fleet *fleet)
{
    return (struct mark){.traffic = fleet->traffic,
                         .now_us = fleet->now_us,
                         .events = fleet->events,
                         .processed = fleet->books.processed_count,
                         .cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID),
                         .hub_cpu_s = fleet->hub_cpu_s,
                         .looks = fleet->looks,
                         .hub_looks = fleet->hub_looks};
}

static struct fleet_traffic traffic_since(const struct fleet *fleet, const struct mark *begin)
{
    struct fleet_traffic traffic = fleet->traffic;

    for (size_t i = 0; i < FLEET_FRAME_TYPES; i++) {
        traffic.frames[i] -= begin->traffic.frames[i];
        traffic.headers[i] -= begin->traffic.headers[i];
    }
    traffic.bodies -= begin->traffic.bodies;
    traffic.framing -= begin->traffic.framing;
    traffic.news_frames -= begin->traffic.news_frames;
    traffic.news_bytes -= begin->traffic.news_bytes;
    return traffic;
}

static struct fleet_phase since(const struct fleet *fleet, const struct mark *begin)
{
    return (struct fleet_phase){.virtual_us = fleet->now_us - begin->now_us,
                                .events = fleet->events - begin->events,
                                .cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID) - begin->cpu_s,
                                .hub_cpu_s = fleet->hub_cpu_s - begin->hub_cpu_s,
                                .looks = fleet->looks - begin->looks,
                                .hub_looks = fleet->hub_looks - begin->hub_looks,
                                .messages = fleet->books.processed_count - begin->processed,
                                .traffic = traffic_since(fleet, begin)};
}

/* --- waiting --- */

static bool all_linked(const struct fleet *fleet)
{
    return fleet->ends_up == 2 * fleet->wire_count;
}

static bool all_settled(const struct fleet *fleet)
{
    return fleet->outbox == 0 && fleet->wanted == 0;
}

/* Until it is so; how long that took, from a time on that may still be to come. */
static uint64_t wait_until(struct fleet *fleet, bool (*is_so)(const struct fleet *),
                           uint64_t from_us, const char *what)
{
    uint64_t limit_us = from_us + PATIENCE_US;

    while (!fleet->failed && fleet->now_us < from_us)
        fleet_until(fleet, from_us);
    while (!fleet->failed && !is_so(fleet) && fleet->now_us < limit_us)
        fleet_until(fleet, fleet->now_us + STEP_US);
    if (!is_so(fleet))
        fleet_fail(fleet,
                   "after %.0f s not all is %s: %" PRIu64 " of %zu ends of links are up, %" PRIu64
                   " messages are in outboxes",
                   PATIENCE_US / 1e6, what, fleet->ends_up, 2 * fleet->wire_count, fleet->outbox);
    return fleet->now_us - from_us;
}

/* --- deeds, as events --- */

static void open_peer(struct fleet *fleet, void *subject, uint64_t ticket)
{
    (void)fleet;
    (void)ticket;
    fleet_peer_open(subject);
}

static void dial(struct fleet *fleet, void *subject, uint64_t ticket)
{
    (void)fleet;
    (void)ticket;
    fleet_peer_dial(subject);
}

static void start(struct fleet *fleet, void *subject, uint64_t ticket)
{
    open_peer(fleet, subject, ticket);
    dial(fleet, subject, ticket);
}

static void kill_peer(struct fleet *fleet, void *subject, uint64_t ticket)
{
    if (!fleet->failed && ticket == 0)
        fleet_peer_kill(subject);
}

static void send_some(struct fleet *fleet, void *subject, uint64_t count)
{
    if (!fleet->failed)
        fleet_app_send(subject, count);
}

/* Each peer at a random time of the span. */
static void all_within(struct fleet *fleet, uint64_t from_us, uint64_t span_us,
                       fleet_action action)
{
    for (uint32_t i = 0; i < fleet->options.peers; i++)
        fleet_at(fleet, from_us + fleet_between(fleet, 0, span_us - 1), action, &fleet->peers[i],
                 0);
}

/* --- the phases --- */

static void open_all(struct fleet *fleet, struct fleet_report *report)
{
    int64_t bytes = 0;

    all_within(fleet, 0, SECOND_US, open_peer);
    fleet_until(fleet, SECOND_US + fleet->options.heartbeat_us);
    for (uint32_t i = 0; i < fleet->options.peers; i++)
        bytes += fleet->peers[i].heap;
    report->memory.opened = (uint64_t)bytes / fleet->options.peers;
}

static void link_all(struct fleet *fleet, struct fleet_report *report)
{
    struct mark begin = mark(fleet);

    all_within(fleet, fleet->now_us, SECOND_US, dial);
    report->linking_us = wait_until(fleet, all_linked, fleet->now_us + SECOND_US, "linked");
    report->linking = since(fleet, &begin);
    report->hub_links = fleet->peers[0].links;
    fleet_until(fleet, fleet->now_us + 2 * fleet->options.heartbeat_us);
}

static void rest(struct fleet *fleet, struct fleet_report *report)
{
    struct mark begin = mark(fleet);

    fleet_until(fleet, fleet->now_us + fleet->options.idle_us);
    report->idle = since(fleet, &begin);
    fleet_memory_measure(fleet, &report->memory);
}

/* One message a second for each share, each at a time of its own. */
static void trickle(struct fleet *fleet, struct fleet_report *report)
{
    struct mark begin = mark(fleet);

    for (uint64_t round = 0; round < FLEET_TRICKLE_ROUNDS; round++) {
        for (uint32_t i = 0; i < fleet->options.peers; i++)
            for (uint64_t j = 0; j < fleet->peers[i].role.share; j++)
                fleet_at(fleet, fleet->now_us + fleet_between(fleet, 0, SECOND_US - 1), send_some,
                         &fleet->peers[i], 1);
        fleet_until(fleet, fleet->now_us + SECOND_US);
    }
    wait_until(fleet, all_settled, fleet->now_us, "settled");
    report->trickle = since(fleet, &begin);
}

static uint64_t part_of(uint64_t messages, uint64_t part)
{
    return messages * (part + 1) / BULK_PARTS - messages * part / BULK_PARTS;
}

static void bulk(struct fleet *fleet, struct fleet_report *report)
{
    struct mark begin = mark(fleet);

    for (uint64_t part = 0; part < BULK_PARTS; part++)
        for (uint32_t i = 0; i < fleet->options.peers; i++)
            fleet_at(fleet, fleet->now_us + part * BULK_US + fleet_between(fleet, 0, BULK_US - 1),
                     send_some, &fleet->peers[i],
                     part_of(fleet->options.messages, part) * fleet->peers[i].role.share);
    fleet_until(fleet, fleet->now_us + BULK_PARTS * BULK_US);
    wait_until(fleet, all_settled, fleet->now_us, "settled");
    report->bulk = since(fleet, &begin);
}

/* All are killed within half a second and started within the next, while they send. */
static void schedule_restart(struct fleet *fleet, uint64_t first_us)
{
    for (uint64_t part = 0; part < BULK_PARTS; part++)
        for (uint32_t i = 0; i < fleet->options.peers; i++)
            fleet_at(fleet, first_us - fleet_between(fleet, 0, BEFORE_US) +
                                fleet_between(fleet, 0, HALF_US),
                     send_some, &fleet->peers[i],
                     part_of(fleet->options.messages, part) * fleet->peers[i].role.share);
    all_within(fleet, first_us, HALF_US, kill_peer);
    all_within(fleet, first_us + HALF_US, HALF_US, start);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void restart_once(struct fleet *fleet, struct fleet_recovery *recovery)
{
    uint64_t first_us = fleet->now_us + BEFORE_US, last_us = first_us + SECOND_US;

    fleet->storm = (struct fleet_storm){.from_us = first_us};
    fleet->recovered = 0;
    schedule_restart(fleet, first_us);
    fleet_until(fleet, first_us + HALF_US);
    recovery->links_us = larger(recovery->links_us,
                                wait_until(fleet, all_linked, last_us, "linked"));
    recovery->settled_us = larger(recovery->settled_us,
                                  wait_until(fleet, all_settled, last_us, "settled"));
    recovery->pending = larger(recovery->pending, fleet->recovered);
    recovery->peak_frames = larger(recovery->peak_frames, fleet->storm.peak);
}

static void restart(struct fleet *fleet, struct fleet_report *report)
{
    static const uint8_t handshake[] = {GW_FRAME_HELLO, GW_FRAME_WELCOME, GW_FRAME_READY,
                                        GW_FRAME_REFUSE, GW_FRAME_RESET};
    struct fleet_recovery *recovery = &report->recovery;
    struct mark begin = mark(fleet);

    for (int i = 0; i < FLEET_RESTARTS && !fleet->failed; i++)
        restart_once(fleet, recovery);
    report->restart = since(fleet, &begin);
    for (size_t i = 0; i < sizeof handshake; i++) {
        recovery->handshake_frames += report->restart.traffic.frames[handshake[i]];
        recovery->handshake_bytes += report->restart.traffic.headers[handshake[i]];
    }
    recovery->handshake_frames /= FLEET_RESTARTS;
    recovery->handshake_bytes /= FLEET_RESTARTS;
    report->restart.cpu_s /= FLEET_RESTARTS;
    report->restart.hub_cpu_s /= FLEET_RESTARTS;
}

static void finish(struct fleet *fleet, struct fleet_report *report)
{
    struct rusage usage;

    fleet_until(fleet, fleet->now_us + 2 * fleet->options.heartbeat_us);
    report->memory.all_used = fleet_memory_all(fleet);
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        report->memory.resident = (uint64_t)usage.ru_maxrss * 1024;
    report->accepted = fleet->books.accepted_count;
    report->lost = fleet_books_lost(&fleet->books);
    report->repeated = fleet->books.repeated;
}

void fleet_run(const struct fleet_options *options, struct fleet_report *report)
{
    static void (*const phases[])(struct fleet *, struct fleet_report *) = {
        open_all, link_all, rest, trickle, bulk, restart, finish};
    double began_s = seconds(CLOCK_MONOTONIC);
    struct fleet *fleet = fleet_new(options);

    memset(report, 0, sizeof *report);
    report->options = *options;
    report->links = fleet->wire_count;
    for (size_t i = 0; i < sizeof phases / sizeof *phases && !fleet->failed; i++)
        phases[i](fleet, report);
    report->failed = fleet->failed;
    memcpy(report->failure, fleet->failure, sizeof report->failure);
    report->real_s = seconds(CLOCK_MONOTONIC) - began_s;
    fleet_destroy(&fleet);
}
