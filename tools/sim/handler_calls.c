/* SPDX-License-Identifier: MPL-2.0 */

/* The public calls as a handler makes them: each is told in the trace, time may pass before it, and
 * before or after each that reaches the store or the network the process may be killed. The call
 * itself is the library's, under another name (handler_rename.h). */

/* Length: one function for each call. */

#include "handler_inside.h"

#include "godwit/transaction.h"
#include "peer/error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN 48 /* bytes of a key or value */
#define POWER_CHANCE 250000 /* that what kills it is a loss of power */

__typeof__(godwit_ack) gw_shell_ack;
__typeof__(godwit_ack_many) gw_shell_ack_many;
__typeof__(godwit_nack) gw_shell_nack;
__typeof__(godwit_reject) gw_shell_reject;
__typeof__(godwit_inbox_open) gw_shell_inbox_open;
__typeof__(godwit_inbox_next) gw_shell_inbox_next;
__typeof__(godwit_inbox_next_many) gw_shell_inbox_next_many;
__typeof__(godwit_txn_begin) gw_shell_txn_begin;
__typeof__(godwit_txn_ack) gw_shell_txn_ack;
__typeof__(godwit_txn_reject) gw_shell_txn_reject;
__typeof__(godwit_txn_send) gw_shell_txn_send;
__typeof__(godwit_txn_send_data) gw_shell_txn_send_data;
__typeof__(godwit_txn_get) gw_shell_txn_get;
__typeof__(godwit_txn_put) gw_shell_txn_put;
__typeof__(godwit_txn_delete) gw_shell_txn_delete;
__typeof__(godwit_txn_commit) gw_shell_txn_commit;
__typeof__(godwit_txn_commit_async) gw_shell_txn_commit_async;
__typeof__(godwit_txn_abort) gw_shell_txn_abort;
__typeof__(godwit_get) gw_shell_get;
__typeof__(godwit_cursor_next) gw_shell_cursor_next;
__typeof__(godwit_send) gw_shell_send;
__typeof__(godwit_send_data) gw_shell_send_data;
__typeof__(godwit_wait) gw_shell_wait;
__typeof__(godwit_peer_drain) gw_shell_peer_drain;
__typeof__(godwit_peer_wait_members) gw_shell_peer_wait_members;
__typeof__(godwit_withdraw) gw_shell_withdraw;
__typeof__(godwit_request) gw_shell_request;
__typeof__(godwit_request_send) gw_shell_request_send;
__typeof__(godwit_request_cancel) gw_shell_request_cancel;
__typeof__(godwit_reply_wait) gw_shell_reply_wait;
__typeof__(godwit_reply_next) gw_shell_reply_next;
__typeof__(godwit_reply_done) gw_shell_reply_done;

/* --- telling --- */

const char *handler_show(const void *data, size_t size, char *text, size_t text_size)
{
    const uint8_t *bytes = data;
    size_t used = 0;

    text[used++] = '"';
    for (size_t i = 0; i < size && used + 8 < text_size; i++) {
        if (bytes[i] >= ' ' && bytes[i] <= '~')
            text[used++] = (char)bytes[i];
        else
            used += (size_t)snprintf(text + used, text_size - used, "\\%02x", bytes[i]);
        if (used + 8 >= text_size && i + 1 < size)
            used += (size_t)snprintf(text + used, text_size - used, "...");
    }
    text[used++] = '"';
    text[used] = '\0';
    return text;
}

/* The thread of a handler that makes a call of its own; NULL: the library's, or the simulator's. */
static struct handler_thread *caller(void)
{
    struct handler_thread *thread = handler_world.running;

    return thread && thread->users && !thread->inside ? thread : NULL;
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    struct sim_world *world = handler_world.sim;
    char text[256];
    va_list arguments;

    if (!caller() || !world->trace->on)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sim_trace_begin(world->trace, world->now_us, handler_world.running->process->sim->label,
                    "  %s", text);
}

static void say_key(const char *call, const char *space, const void *key, size_t key_size)
{
    char text[SHOWN * 2];

    if (handler_world.sim->trace->on && space && key)
        say("%s %s %s", call, space, handler_show(key, key_size, text, sizeof text));
}

static void say_bytes(const char *call, const char *to, const void *data, size_t size)
{
    char text[SHOWN * 2];

    if (handler_world.sim->trace->on && to && (data || !size))
        say("%s %s %s", call, to, handler_show(data, size, text, sizeof text));
}

static void say_delivery(const char *call, const godwit_delivery_t *delivery)
{
    if (!handler_world.sim->trace->on || !delivery)
        return;
    godwit_id_t id = godwit_delivery_id(delivery);
    say("%s e%" PRIu64 " %" PRIu64, call, sim_trace_epoch(handler_world.sim->trace, id.epoch),
        id.sequence);
}

static godwit_err_t told(godwit_err_t error)
{
    if (caller())
        sim_trace_effect(handler_world.sim->trace, "%s", godwit_error_name(error));
    return error;
}

static void show_value(godwit_err_t error, void *const *value, const size_t *size)
{
    char text[SHOWN * 2];

    if (!caller() || !handler_world.sim->trace->on)
        return;
    if (error)
        told(error);
    else
        sim_trace_effect(handler_world.sim->trace, "%s",
                         handler_show(*value, *size, text, sizeof text));
}

/* --- where a process can be killed --- */

static void pause_here(struct handler_thread *thread)
{
    struct sim_lot *lot = sim_lot(thread->process->sim, SIM_LOT_WORK);
    bool pauses = sim_chance(lot, handler_world.pause_chance);
    uint64_t us = sim_between(lot, 1, handler_world.sim->options.work_us);

    if (pauses)
        handler_thread_pause(us);
}

static enum sim_death death_of(struct sim_lot *lot)
{
    return handler_world.sim->options.sync && sim_chance(lot, POWER_CHANCE) ? SIM_POWER_LOST
                                                                            : SIM_KILLED;
}

static bool killed_here(struct handler_thread *thread, struct sim_lot *lot)
{
    struct handler_process *process = thread->process;

    return sim_inject(handler_world.sim,
                      sim_occasion_of(SIM_FAULT_handler_killed, process->sim, ++process->points),
                      lot);
}

static void point(struct handler_thread *thread, const char *when, const char *call)
{
    struct sim_lot lot;

    if (!killed_here(thread, &lot))
        return;
    say("~ its process ends %s %s", when, call);
    handler_thread_die(death_of(&lot));
}

/* In the middle of a call that waits. */
static void kill_inside(struct sim_world *world, void *subject, uint64_t number, uint64_t death)
{
    struct handler_thread *thread = subject;

    if (!thread->fiber || !thread->inside || thread->waiting != number)
        return;
    sim_trace_begin(world->trace, world->now_us, thread->process->sim->label,
                    "  ~ its process ends in %s", thread->call);
    handler_kill_process(thread->process, (enum sim_death)death);
}

static void point_inside(struct handler_thread *thread)
{
    const struct sim_options *options = &handler_world.sim->options;
    struct sim_lot lot;

    thread->waiting = ++handler_world.waits;
    if (!killed_here(thread, &lot))
        return;
    uint64_t after_us = sim_between(&lot, 0, options->gather_us + 2 * options->commit_max_us);
    sim_world_after(handler_world.sim, after_us, kill_inside, thread, thread->waiting,
                    death_of(&lot));
}

enum way { READS = 0, ACTS = 1, WAITS = 2 };

/* Before the call: its place in the story, then it is under way. NULL: not a handler's. */
static struct handler_thread *begin(const char *call, enum way way)
{
    struct handler_thread *thread = caller();

    if (!thread)
        return NULL;
    pause_here(thread);
    if (way != READS)
        point(thread, "before", call);
    thread->call = call;
    return thread;
}

static void go(struct handler_thread *thread, enum way way)
{
    if (!thread)
        return;
    if (way == WAITS)
        point_inside(thread);
    thread->inside = true;
}

static godwit_err_t end(struct handler_thread *thread, enum way way, godwit_err_t error)
{
    if (!thread)
        return error;
    thread->inside = false;
    if (way == WAITS)
        say("%s:", thread->call);
    told(error);
    if (way != READS)
        point(thread, "after", thread->call);
    return error;
}

/* A check looks: there is no thread that could wait. */
static godwit_err_t only_looks(void)
{
    return gw_error(GODWIT_EINVAL, "only godwit_get and godwit_scan look at the peers of a check");
}

#define REFUSE_CHECK()            \
    do {                          \
        if (!handler_world.running) \
            return only_looks();  \
    } while (0)

/* --- deliveries --- */

godwit_err_t godwit_ack(godwit_delivery_t **delivery)
{
    struct handler_thread *thread = begin("godwit_ack", ACTS);

    REFUSE_CHECK();
    say_delivery("godwit_ack", delivery ? *delivery : NULL);
    go(thread, ACTS);
    return end(thread, ACTS, gw_shell_ack(delivery));
}

godwit_err_t godwit_ack_many(godwit_delivery_t **deliveries, size_t count)
{
    struct handler_thread *thread = begin("godwit_ack_many", ACTS);

    REFUSE_CHECK();
    say("godwit_ack_many of %zu", count);
    go(thread, ACTS);
    return end(thread, ACTS, gw_shell_ack_many(deliveries, count));
}

godwit_err_t godwit_nack(godwit_delivery_t **delivery, int delay_ms, const char *why)
{
    struct handler_thread *thread = begin("godwit_nack", ACTS);

    REFUSE_CHECK();
    say_delivery("godwit_nack", delivery ? *delivery : NULL);
    go(thread, ACTS);
    return end(thread, ACTS, gw_shell_nack(delivery, delay_ms, why));
}

godwit_err_t godwit_reject(godwit_delivery_t **delivery, uint32_t code, const char *why)
{
    struct handler_thread *thread = begin("godwit_reject", ACTS);

    REFUSE_CHECK();
    say_delivery("godwit_reject", delivery ? *delivery : NULL);
    go(thread, ACTS);
    return end(thread, ACTS, gw_shell_reject(delivery, code, why));
}

godwit_err_t godwit_inbox_open(godwit_peer_t *peer, const char *destination,
                               const godwit_inbox_options_t *options, godwit_inbox_t **inbox)
{
    REFUSE_CHECK();
    return gw_shell_inbox_open(peer, destination, options, inbox);
}

static void say_taken(const char *call, const godwit_delivery_t *delivery)
{
    char text[SHOWN * 2];

    if (!caller() || !handler_world.sim->trace->on)
        return;
    say_delivery(call, delivery);
    const void *data = (const uint8_t *)godwit_delivery_data(delivery);
    sim_trace_effect(handler_world.sim->trace, "%s from %s",
                     handler_show(data, godwit_delivery_size(delivery), text, sizeof text),
                     godwit_delivery_sender(delivery));
}

godwit_err_t godwit_inbox_next(godwit_inbox_t *inbox, int timeout_ms, godwit_delivery_t **delivery)
{
    struct handler_thread *thread = caller();

    REFUSE_CHECK();
    go(thread, READS);
    godwit_err_t error = gw_shell_inbox_next(inbox, timeout_ms, delivery);
    if (!thread)
        return error;
    thread->inside = false;
    thread->call = "godwit_stage_next";
    if (!error)
        say_taken("takes", *delivery);
    return error;
}

godwit_err_t godwit_inbox_next_many(godwit_inbox_t *inbox, int timeout_ms,
                                    godwit_delivery_t **deliveries, size_t capacity,
                                    size_t *count)
{
    struct handler_thread *thread = caller();

    REFUSE_CHECK();
    go(thread, READS);
    godwit_err_t error = gw_shell_inbox_next_many(inbox, timeout_ms, deliveries, capacity, count);
    if (!thread)
        return error;
    thread->inside = false;
    thread->call = "godwit_stage_next_many";
    if (!error)
        say("takes %zu messages", *count);
    return error;
}

/* --- transactions --- */

godwit_err_t godwit_txn_begin(godwit_peer_t *peer, godwit_txn_t **txn)
{
    return gw_shell_txn_begin(peer, txn);
}

void godwit_txn_abort(godwit_txn_t **txn)
{
    if (txn && *txn)
        say("godwit_txn_abort");
    gw_shell_txn_abort(txn);
}

godwit_err_t godwit_txn_ack(godwit_txn_t *txn, godwit_delivery_t *delivery)
{
    say_delivery("godwit_txn_ack", delivery);
    return told(gw_shell_txn_ack(txn, delivery));
}

godwit_err_t godwit_txn_reject(godwit_txn_t *txn, godwit_delivery_t *delivery, uint32_t code,
                               const char *why)
{
    say_delivery("godwit_txn_reject", delivery);
    return told(gw_shell_txn_reject(txn, delivery, code, why));
}

godwit_err_t godwit_txn_send(godwit_txn_t *txn, const char *destination,
                             godwit_message_t **message)
{
    if (message && *message)
        say_bytes("godwit_txn_send", destination, godwit_message_data(*message),
                  godwit_message_size(*message));
    return told(gw_shell_txn_send(txn, destination, message));
}

godwit_err_t godwit_txn_send_data(godwit_txn_t *txn, const char *destination, const void *data,
                                  size_t size)
{
    say_bytes("godwit_txn_send_data", destination, data, size);
    return told(gw_shell_txn_send_data(txn, destination, data, size));
}

godwit_err_t godwit_txn_get(godwit_txn_t *txn, const char *space, const void *key, size_t key_size,
                            void **value, size_t *value_size)
{
    struct handler_thread *thread = begin("godwit_txn_get", READS);

    say_key("godwit_txn_get", space, key, key_size);
    godwit_err_t error = gw_shell_txn_get(txn, space, key, key_size, value, value_size);
    if (thread)
        show_value(error, value, value_size);
    return error;
}

godwit_err_t godwit_txn_put(godwit_txn_t *txn, const char *space, const void *key, size_t key_size,
                            const void *value, size_t value_size)
{
    char text[SHOWN * 2];

    say_key("godwit_txn_put", space, key, key_size);
    if (caller() && handler_world.sim->trace->on && value)
        sim_trace_effect(handler_world.sim->trace, "%s",
                         handler_show(value, value_size, text, sizeof text));
    return gw_shell_txn_put(txn, space, key, key_size, value, value_size);
}

godwit_err_t godwit_txn_delete(godwit_txn_t *txn, const char *space, const void *key,
                               size_t key_size)
{
    say_key("godwit_txn_delete", space, key, key_size);
    return told(gw_shell_txn_delete(txn, space, key, key_size));
}

godwit_err_t godwit_txn_commit(godwit_txn_t **txn)
{
    struct handler_thread *thread = begin("godwit_txn_commit", WAITS);

    REFUSE_CHECK();
    say("godwit_txn_commit ...");
    go(thread, WAITS);
    return end(thread, WAITS, gw_shell_txn_commit(txn));
}

godwit_err_t godwit_txn_commit_async(godwit_txn_t **txn)
{
    struct handler_thread *thread = begin("godwit_txn_commit_async", WAITS);

    REFUSE_CHECK();
    say("godwit_txn_commit_async ...");
    go(thread, WAITS);
    return end(thread, WAITS, gw_shell_txn_commit_async(txn));
}

/* --- keys --- */

godwit_err_t godwit_get(godwit_peer_t *peer, const char *space, const void *key, size_t key_size,
                        void **value, size_t *value_size)
{
    struct handler_thread *thread = begin("godwit_get", READS);

    say_key("godwit_get", space, key, key_size);
    godwit_err_t error = gw_shell_get(peer, space, key, key_size, value, value_size);
    if (thread)
        show_value(error, value, value_size);
    return error;
}

godwit_err_t godwit_cursor_next(godwit_cursor_t *cursor, const void **key, size_t *key_size,
                                const void **value, size_t *value_size)
{
    begin("godwit_cursor_next", READS);
    return gw_shell_cursor_next(cursor, key, key_size, value, value_size);
}

/* --- sending, asking --- */

godwit_err_t godwit_send(godwit_peer_t *peer, const char *destination, godwit_message_t **message,
                         godwit_id_t *id)
{
    struct handler_thread *thread = begin("godwit_send", ACTS);

    REFUSE_CHECK();
    if (message && *message)
        say_bytes("godwit_send", destination, godwit_message_data(*message),
                  godwit_message_size(*message));
    go(thread, ACTS);
    return end(thread, ACTS, gw_shell_send(peer, destination, message, id));
}

godwit_err_t godwit_send_data(godwit_peer_t *peer, const char *destination, const void *data,
                              size_t size, godwit_id_t *id)
{
    struct handler_thread *thread = begin("godwit_send_data", ACTS);

    REFUSE_CHECK();
    say_bytes("godwit_send_data", destination, data, size);
    go(thread, ACTS);
    return end(thread, ACTS, gw_shell_send_data(peer, destination, data, size, id));
}

godwit_err_t godwit_wait(godwit_peer_t *peer, godwit_id_t id, godwit_state_t state, int timeout_ms)
{
    struct handler_thread *thread = begin("godwit_wait", WAITS);

    REFUSE_CHECK();
    say("godwit_wait ...");
    go(thread, WAITS);
    return end(thread, WAITS, gw_shell_wait(peer, id, state, timeout_ms));
}

godwit_err_t godwit_peer_drain(godwit_peer_t *peer, godwit_state_t state, int timeout_ms)
{
    struct handler_thread *thread = begin("godwit_peer_drain", WAITS);

    REFUSE_CHECK();
    say("godwit_peer_drain ...");
    go(thread, WAITS);
    return end(thread, WAITS, gw_shell_peer_drain(peer, state, timeout_ms));
}

godwit_err_t godwit_peer_wait_members(godwit_peer_t *peer, const char *destination, size_t count,
                                      int timeout_ms)
{
    struct handler_thread *thread = begin("godwit_peer_wait_members", WAITS);

    REFUSE_CHECK();
    say("godwit_peer_wait_members %s ...", destination);
    go(thread, WAITS);
    return end(thread, WAITS, gw_shell_peer_wait_members(peer, destination, count, timeout_ms));
}

godwit_err_t godwit_withdraw(godwit_peer_t *peer, godwit_id_t id)
{
    struct handler_thread *thread = begin("godwit_withdraw", WAITS);

    REFUSE_CHECK();
    say("godwit_withdraw ...");
    go(thread, WAITS);
    return end(thread, WAITS, gw_shell_withdraw(peer, id));
}

godwit_err_t godwit_request(godwit_peer_t *peer, const char *service, godwit_message_t **message,
                            int timeout_ms, godwit_reply_t **reply, godwit_id_t *id)
{
    struct handler_thread *thread = begin("godwit_request", WAITS);

    REFUSE_CHECK();
    if (message && *message)
        say_bytes("godwit_request", service, godwit_message_data(*message),
                  godwit_message_size(*message));
    go(thread, WAITS);
    return end(thread, WAITS, gw_shell_request(peer, service, message, timeout_ms, reply, id));
}

godwit_err_t godwit_request_send(godwit_peer_t *peer, const char *service,
                                 godwit_message_t **message, godwit_id_t *id)
{
    struct handler_thread *thread = begin("godwit_request_send", ACTS);

    REFUSE_CHECK();
    if (message && *message)
        say_bytes("godwit_request_send", service, godwit_message_data(*message),
                  godwit_message_size(*message));
    go(thread, ACTS);
    return end(thread, ACTS, gw_shell_request_send(peer, service, message, id));
}

godwit_err_t godwit_request_cancel(godwit_peer_t *peer, godwit_id_t request)
{
    struct handler_thread *thread = begin("godwit_request_cancel", WAITS);

    REFUSE_CHECK();
    say("godwit_request_cancel ...");
    go(thread, WAITS);
    return end(thread, WAITS, gw_shell_request_cancel(peer, request));
}

godwit_err_t godwit_reply_wait(godwit_peer_t *peer, godwit_id_t request, int timeout_ms,
                               godwit_reply_t **reply)
{
    struct handler_thread *thread = begin("godwit_reply_wait", WAITS);

    REFUSE_CHECK();
    say("godwit_reply_wait ...");
    go(thread, WAITS);
    return end(thread, WAITS, gw_shell_reply_wait(peer, request, timeout_ms, reply));
}

godwit_err_t godwit_reply_next(godwit_peer_t *peer, int timeout_ms, godwit_reply_t **reply)
{
    struct handler_thread *thread = begin("godwit_reply_next", WAITS);

    REFUSE_CHECK();
    say("godwit_reply_next ...");
    go(thread, WAITS);
    return end(thread, WAITS, gw_shell_reply_next(peer, timeout_ms, reply));
}

void godwit_reply_done(godwit_reply_t **reply)
{
    struct handler_thread *thread = begin("godwit_reply_done", ACTS);

    say("godwit_reply_done");
    go(thread, ACTS);
    gw_shell_reply_done(reply);
    end(thread, ACTS, GODWIT_OK);
}

/* --- outside --- */

void godwit_sim_effect(const char *format, ...)
{
    char text[256];
    va_list arguments;
    struct handler_thread *thread = begin("godwit_sim_effect", ACTS);

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    say("effect: %s", text);
    handler_book_effect(text);
    if (thread)
        point(thread, "after the effect, before", "its next call");
}
