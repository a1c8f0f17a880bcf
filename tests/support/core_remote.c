/* SPDX-License-Identifier: MPL-2.0 */
/* What the peers on the other side say. See core_driver.h. */

#include "support/core_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

void driver_frame(struct driver *d, uint64_t conn, const struct gw_frame *frame)
{
    struct gw_event event = {.type = GW_EVENT_FRAME};
    event.u.frame.conn = conn;
    event.u.frame.frame = frame;
    driver_step(d, &event);
}

/* ---- the handshake ---- */

void remote_identity(struct gw_identity *identity, const char *name, uint64_t process)
{
    *identity = (struct gw_identity){.version_min = 1, .version_max = 1, .open = 1};
    strcpy(identity->name, name);
    identity->process = process;
    identity->max_message = 1 << 20;
    identity->window = 10 * DRIVER_WINDOW; /* ours is the smaller one */
    identity->heartbeat_ms = DRIVER_HEARTBEAT_US / 1000;
}

void remote_hello(struct driver *d, uint64_t conn, const char *name, uint64_t process)
{
    struct gw_frame frame = {.type = GW_FRAME_HELLO};
    remote_identity(&frame.u.identity, name, process);
    driver_frame(d, conn, &frame);
}

void remote_welcome(struct driver *d, uint64_t conn, uint64_t link, const char *name,
                    uint64_t process)
{
    struct gw_frame frame = {.type = GW_FRAME_WELCOME, .link = link};
    remote_identity(&frame.u.identity, name, process);
    driver_frame(d, conn, &frame);
}

void remote_say(struct driver *d, uint64_t conn, enum gw_frame_type type, uint64_t link)
{
    struct gw_frame frame = {.type = (uint8_t)type, .link = link};
    driver_frame(d, conn, &frame);
}

void remote_refuse(struct driver *d, uint64_t conn, uint64_t link, uint64_t code, uint64_t epoch)
{
    struct gw_frame frame = {.type = GW_FRAME_REFUSE, .link = link};
    frame.u.refuse.code = code;
    frame.u.refuse.epoch = epoch;
    driver_frame(d, conn, &frame);
}

static uint64_t process_of(const char *name)
{
    uint64_t process = 7;
    for (; *name; name++)
        process = process * 31 + (uint8_t)*name;
    return process;
}

uint64_t driver_link_as(struct driver *d, uint64_t conn, const struct gw_identity *identity)
{
    struct gw_frame hello = {.type = GW_FRAME_HELLO};
    hello.u.identity = *identity;
    driver_frame(d, conn, &hello);
    const struct gw_frame *welcome = driver_sent_on(d, conn, GW_FRAME_WELCOME);
    assert_non_null(welcome);
    uint64_t link = welcome->link;
    remote_say(d, conn, GW_FRAME_READY, link);
    return link;
}

uint64_t driver_link(struct driver *d, uint64_t conn, const char *name)
{
    struct gw_identity identity;
    remote_identity(&identity, name, process_of(name));
    return driver_link_as(d, conn, &identity);
}

uint64_t driver_memory_link(struct driver *d, uint64_t conn, const char *name, uint64_t process)
{
    struct gw_identity identity;
    remote_identity(&identity, name, process);
    identity.memory = true;
    return driver_link_as(d, conn, &identity);
}

void driver_dialled(struct driver *d, uint64_t link)
{
    driver_open(d, "a");
    driver_dial(d, 1);
    driver_tick(d, 0);
    remote_welcome(d, 1, link, "b", 9);
}

/* ---- a member: it serves and acknowledges ---- */

static struct gw_destination work(void)
{
    return (struct gw_destination){.kind = GW_KIND_STAGE, .name = "work"};
}

void remote_serve(struct driver *d, uint64_t conn, uint64_t link, uint64_t messages,
                  uint64_t bytes)
{
    struct gw_serve item = {work(), 1, messages, bytes};
    struct gw_frame frame = {.type = GW_FRAME_SERVE, .link = link};
    frame.u.serve.items = &item;
    frame.u.serve.count = 1;
    driver_frame(d, conn, &frame);
}

static void ack_epoch(struct driver *d, uint64_t conn, uint64_t link,
                      const struct gw_ack_epoch *entry)
{
    struct gw_frame frame = {.type = GW_FRAME_ACK, .link = link};
    frame.u.ack.epochs = entry;
    frame.u.ack.epoch_count = 1;
    driver_frame(d, conn, &frame);
}

void remote_ack(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch, uint64_t first,
                uint64_t last)
{
    struct gw_range range = {first, last};
    struct gw_ack_epoch entry = {
        .epoch = epoch, .floor = 1, .decided = &range, .decided_count = 1};
    ack_epoch(d, conn, link, &entry);
}

void remote_ack_floor(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                      uint64_t floor)
{
    ack_epoch(d, conn, link, &(struct gw_ack_epoch){.epoch = epoch, .floor = floor});
}

void remote_in_hand(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                    uint64_t first, uint64_t last)
{
    struct gw_range range = {first, last};
    struct gw_ack_epoch entry = {
        .epoch = epoch, .floor = 1, .in_hand = &range, .in_hand_count = 1};
    ack_epoch(d, conn, link, &entry);
}

void remote_complete(struct driver *d, uint64_t conn, uint64_t link)
{
    struct gw_frame frame = {.type = GW_FRAME_ACK, .link = link};
    frame.u.ack.complete = true;
    driver_frame(d, conn, &frame);
}

void remote_credit(struct driver *d, uint64_t conn, uint64_t link, uint64_t messages,
                   uint64_t bytes)
{
    struct gw_credit credit = {0, messages, bytes};
    struct gw_frame frame = {.type = GW_FRAME_ACK, .link = link};
    frame.u.ack.credits = &credit;
    frame.u.ack.credit_count = 1;
    driver_frame(d, conn, &frame);
}

void remote_closed(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch)
{
    struct gw_frame frame = {.type = GW_FRAME_ACK, .link = link};
    frame.u.ack.closed = &epoch;
    frame.u.ack.closed_count = 1;
    driver_frame(d, conn, &frame);
}

void remote_serve_all(struct driver *d, uint64_t conn, uint64_t link, uint64_t messages)
{
    remote_serve(d, conn, link, messages, 1 << 24);
    remote_complete(d, conn, link);
}

uint64_t driver_member(struct driver *d, uint64_t conn, const char *name, uint64_t messages)
{
    uint64_t link = driver_link(d, conn, name);
    remote_serve_all(d, conn, link, messages);
    return link;
}

/* ---- a sender: it opens and offers ---- */

void remote_open(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch, bool fresh)
{
    struct gw_frame frame = {.type = GW_FRAME_OPEN, .link = link};
    frame.u.open.destination = work();
    frame.u.open.epoch = epoch;
    frame.u.open.floor = 1;
    frame.u.open.fresh = fresh;
    driver_frame(d, conn, &frame);
}

void remote_data_floor(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                       uint64_t first, uint64_t count, uint64_t floor)
{
    static uint32_t ends[GW_RUN_MAX];
    struct gw_frame frame = {.type = GW_FRAME_DATA, .link = link};
    frame.u.data.floor = floor;
    frame.u.data.number = 1;
    frame.u.data.attempt = 1;
    frame.u.data.epoch = epoch;
    frame.u.data.first = first;
    frame.u.data.count = count;
    for (uint64_t i = 0; i < count; i++)
        ends[i] = (uint32_t)(i + 1) * REMOTE_MESSAGE;
    struct gw_event event = {.type = GW_EVENT_FRAME};
    event.u.frame.conn = conn;
    event.u.frame.frame = &frame;
    event.u.frame.body_bytes = count * REMOTE_MESSAGE;
    event.u.frame.ends = ends;
    driver_step(d, &event);
}

void remote_data(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch, uint64_t first,
                 uint64_t count)
{
    remote_data_floor(d, conn, link, epoch, first, count, 1);
}

void remote_close_epoch(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                        uint64_t last)
{
    struct gw_frame frame = {.type = GW_FRAME_CLOSED, .link = link};
    frame.u.closed.epoch = epoch;
    frame.u.closed.last = last;
    driver_frame(d, conn, &frame);
}

uint64_t driver_sender(struct driver *d, uint64_t conn, const char *name, uint64_t epoch)
{
    uint64_t link = driver_link(d, conn, name);
    remote_open(d, conn, link, epoch, true);
    return link;
}

/* ---- both ---- */

void remote_ping(struct driver *d, uint64_t conn, uint64_t link, uint64_t frames)
{
    struct gw_frame frame = {.type = GW_FRAME_PING, .link = link};
    frame.u.ping.time_us = 77;
    frame.u.ping.frames = frames;
    driver_frame(d, conn, &frame);
}

void remote_ping_floor(struct driver *d, uint64_t conn, uint64_t link, uint64_t epoch,
                       uint64_t floor, uint64_t last)
{
    struct gw_floor item = {epoch, floor, last};
    struct gw_frame frame = {.type = GW_FRAME_PING, .link = link};
    frame.u.ping.floors = &item;
    frame.u.ping.floor_count = 1;
    driver_frame(d, conn, &frame);
}

void remote_pong(struct driver *d, uint64_t conn, uint64_t link, uint64_t time_us,
                 uint64_t frames)
{
    struct gw_frame frame = {.type = GW_FRAME_PONG, .link = link};
    frame.u.ping.time_us = time_us;
    frame.u.ping.frames = frames;
    driver_frame(d, conn, &frame);
}
