/* SPDX-License-Identifier: MPL-2.0 */

/* A world of user's handlers: who serves which part, who sends there, and what each process does
 * when it begins. Only faults after which godwit promises that everything happens once: no disk is
 * lost, no member is given up, no name is taken by another. */

#include "handler_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS_MAX   60
#define RETRY_CAP_US 200000
#define MAX_ATTEMPTS 20 /* the library's default */
#define DRAW(lot, ...)                                           \
    ((const uint32_t[]){__VA_ARGS__})[sim_between(               \
        (lot), 0, sizeof(const uint32_t[]){__VA_ARGS__} / sizeof(uint32_t) - 1)]

struct handler_world handler_world;

__typeof__(godwit_ack) gw_shell_ack;
__typeof__(godwit_inbox_next) gw_shell_inbox_next;
__typeof__(godwit_reply_done) gw_shell_reply_done;
__typeof__(godwit_reply_next) gw_shell_reply_next;
__typeof__(godwit_request_send) gw_shell_request_send;
__typeof__(godwit_send_data) gw_shell_send_data;

/* --- the options --- */

static void leave_out(struct sim_options *options)
{
    static const enum sim_fault unfit[] = {
        SIM_FAULT_newcomer,       SIM_FAULT_forfeit_asked, SIM_FAULT_disk_lost,
        SIM_FAULT_disk_lies,      SIM_FAULT_disk_rolled_back, SIM_FAULT_unserved,
        SIM_FAULT_purged,         SIM_FAULT_withdrawn,     SIM_FAULT_poison,
        SIM_FAULT_handler_nacked, SIM_FAULT_handler_rejected, SIM_FAULT_handler_slow,
        SIM_FAULT_bodies_lost,
    };

    for (size_t i = 0; i < sizeof unfit / sizeof unfit[0]; i++)
        options->rates[unfit[i]] = 0;
    options->flavour = SIM_PLAIN;
    options->pattern = SIM_PIPELINE;
    options->memory = 0;
    options->visitors = 0;
    options->outbox_messages = 0; /* two that feed each other could both be full */
    options->credit_bytes = 1 << 20;
    options->ordered = 0;
    options->policy.failover = false;
    options->policy.max_attempts = MAX_ATTEMPTS;
    if (options->policy.retry_cap_us > RETRY_CAP_US)
        options->policy.retry_cap_us = RETRY_CAP_US;
    if (options->policy.retry_base_us > RETRY_CAP_US)
        options->policy.retry_base_us = RETRY_CAP_US;
}

static void draw(struct sim_options *options)
{
    uint64_t seed = options->seed;
    struct sim_lot lot = sim_lot_of(seed, SIM_LOT_WORLD, 1, 0);

    if (options->flavour == SIM_COMB) { /* thousands of messages: another world instead */
        sim_options_draw(options, seed + 1);
        options->seed = seed;
    }
    leave_out(options);
    if (options->messages > INPUTS_MAX)
        options->messages = INPUTS_MAX;
    options->rates[SIM_FAULT_handler_killed] = DRAW(&lot, 2000, 10000, 30000, 100000);
}

/* --- who does what --- */

static uint32_t everyone(const struct sim_world *world)
{
    return (1u << world->options.peers) - 1;
}

static bool more_than_one(uint32_t peers)
{
    return (peers & (peers - 1)) != 0;
}

/* Nobody has a link to itself: what is fed by others' handlers is served by two at least. */
static void draw_part(struct sim_world *world, struct handler_part *part, bool alone)
{
    uint32_t all = everyone(world);

    part->servers = (uint32_t)sim_draw(&world->lot) & all;
    part->senders = (uint32_t)sim_draw(&world->lot) & all;
    if (!part->servers || (!alone && !more_than_one(part->servers)))
        part->servers = all;
    if (!more_than_one(part->servers))
        part->senders &= ~part->servers;
    if (!part->senders)
        part->senders = more_than_one(part->servers) ? all : all & ~part->servers;
    if (!part->told->make)
        part->senders = 0;
}

static void add_serve(struct sim_peer *peer, const struct gw_destination *destination)
{
    const struct sim_options *options = &peer->world->options;

    peer->serves[peer->serve_count++] =
        (struct sim_served){.destination = *destination,
                            .credit_messages = options->credit_messages,
                            .credit_bytes = options->credit_bytes,
                            .off = true};
}

static void give_roles(struct sim_world *world, struct sim_peer *peer)
{
    struct gw_destination replies = {.kind = GW_KIND_REPLY};

    for (size_t i = 0; i < handler_world.part_count; i++) {
        if (handler_world.parts[i].servers & 1u << peer->index)
            add_serve(peer, &handler_world.parts[i].destination);
    }
    memcpy(replies.name, peer->name, sizeof replies.name);
    add_serve(peer, &replies);
    for (unsigned i = peer->index + 1; i < world->options.peers; i++) {
        bool first = sim_chance(&world->lot, 500000);
        bool both = sim_chance(&world->lot, world->options.dial_both);
        if (first || both)
            sim_peer_want_dial(peer, &world->peers[i], false);
        if (!first || both)
            sim_peer_want_dial(&world->peers[i], peer, false);
    }
}

static void share_inputs(uint64_t inputs)
{
    size_t makers = 0;

    for (size_t i = 0; i < handler_world.part_count; i++)
        makers += handler_world.parts[i].told->make != NULL;
    for (size_t i = 0; i < handler_world.part_count; i++) {
        if (handler_world.parts[i].told->make)
            handler_world.parts[i].left = (inputs + makers - 1) / makers;
    }
}

static void begin(struct sim_world *world)
{
    const godwit_simulation_t *told = handler_loaded();
    uint64_t seed = world->options.seed;
    struct sim_lot lot = sim_lot_of(seed, SIM_LOT_WORLD, 1, 1);

    memset(&handler_world, 0, sizeof handler_world);
    handler_world.sim = world;
    handler_world.told = told;
    handler_world.part_count = told->part_count;
    handler_world.pause_chance = DRAW(&lot, 0, 200000, 700000);
    gw_map_init(&handler_world.made, 1);
    handler_variables_reset();
    for (size_t i = 0; i < told->part_count; i++) {
        struct handler_part *part = &handler_world.parts[i];
        part->told = &told->parts[i];
        gw_destination_parse(told->parts[i].destination, &part->destination);
        draw_part(world, part, told->part_count == 1);
        world->policies[world->policy_count++] =
            (struct sim_policy){part->destination, world->options.policy};
    }
    for (unsigned i = 0; i < world->options.peers; i++)
        give_roles(world, &world->peers[i]);
    share_inputs(world->options.messages);
}

static bool all_sent(const struct sim_world *world)
{
    (void)world;
    for (size_t i = 0; i < handler_world.part_count; i++) {
        if (handler_world.parts[i].left)
            return false;
    }
    return true;
}

static void settled(struct sim_world *world)
{
    handler_book_look(world, true);
}

static void end(struct sim_world *world)
{
    (void)world;
    for (size_t i = 0; i < SIM_PEERS_MAX; i++)
        handler_shell_end(&handler_world.processes[i]);
    handler_book_clear();
    memset(&handler_world, 0, sizeof handler_world);
}

/* --- clients --- */

static struct sim_lot *sends(const struct handler_process *process)
{
    return sim_lot(process->sim, SIM_LOT_SENDS);
}

/* The same input for the same number, whoever sends it. */
static size_t make_input(const struct handler_part *part, uint8_t *bytes)
{
    size_t index = (size_t)(part - handler_world.parts);
    struct sim_lot lot = sim_lot_of(handler_world.sim->options.seed, SIM_LOT_JOB, index,
                                    part->sent);
    size_t size = part->told->make(part->sent, sim_draw(&lot), bytes, GODWIT_SIM_INPUT_MAX);

    if (size > GODWIT_SIM_INPUT_MAX)
        sim_fail(handler_world.sim, "make of %s says that it wrote %zu bytes: there is room for %d",
                 part->told->destination, size, GODWIT_SIM_INPUT_MAX);
    return size;
}

static godwit_err_t send_input(const struct handler_job *job)
{
    const struct handler_part *part = job->part;
    struct godwit_peer *peer = job->process->peer;
    uint8_t bytes[GODWIT_SIM_INPUT_MAX];
    godwit_message_t *message = NULL;
    godwit_err_t error;
    godwit_id_t id;
    size_t size = make_input(part, bytes);

    if (handler_world.sim->failed)
        return GODWIT_EINVAL;
    if (part->destination.kind == GW_KIND_STAGE) {
        error = gw_shell_send_data(peer, part->told->destination, bytes, size, &id);
    } else if ((error = godwit_message_new(bytes, size, &message)) == GODWIT_OK) {
        error = gw_shell_request_send(peer, part->destination.name, &message, &id);
        godwit_message_destroy(&message);
    }
    if (!error)
        handler_book_made(id);
    return error;
}

static void *send_inputs(void *context)
{
    const struct handler_job *job = context;
    struct handler_part *part = job->part;
    const struct sim_options *options = &handler_world.sim->options;

    while (part->left) {
        handler_thread_pause(sim_between(sends(job->process), 1, options->send_pause_us));
        uint64_t burst = sim_between(sends(job->process), 1, options->burst);
        for (; burst > 0 && part->left; burst--) {
            part->left--;
            part->sent++;
            if (send_input(job)) { /* its process is about to end: another sends it */
                part->left++;
                part->sent--;
                return NULL;
            }
        }
    }
    return NULL;
}

static void *collect_replies(void *context)
{
    struct handler_process *process = context;
    godwit_reply_t *reply;

    while (gw_shell_reply_next(process->peer, -1, &reply) == GODWIT_OK) {
        handler_book_answer(godwit_reply_request(reply), godwit_reply_code(reply),
                            godwit_reply_data(reply), godwit_reply_size(reply));
        gw_shell_reply_done(&reply);
    }
    return NULL;
}

/* --- servers --- */

static void *work(void *context)
{
    const struct handler_job *job = context;
    const godwit_sim_part_t *told = job->part->told;
    godwit_delivery_t *delivery;

    if (told->work) {
        told->work(job->process->state, job->process->peer, job->stage);
        return NULL;
    }
    while (godwit_stage_next(job->stage, -1, &delivery) == GODWIT_OK)
        told->on_delivery(job->process->state, job->process->peer, delivery);
    return NULL;
}

/* What nobody handles is taken and processed. */
static void *take(void *context)
{
    const struct handler_job *job = context;
    godwit_delivery_t *delivery;

    while (gw_shell_inbox_next((godwit_inbox_t *)job->stage, -1, &delivery) == GODWIT_OK)
        gw_shell_ack(&delivery);
    return NULL;
}

static uint32_t threads_of(const godwit_sim_part_t *part)
{
    return part->threads ? part->threads : 1;
}

static void open_stage(struct handler_job *job)
{
    const godwit_sim_part_t *told = job->part->told;
    bool users = told->on_delivery || told->work;

    if (godwit_stage_open(job->process->peer, job->part->destination.name, NULL, &job->stage))
        return; /* it is closing */
    for (uint32_t i = 0; i < threads_of(told); i++) {
        struct handler_thread *thread =
            handler_thread_start(job->process, users ? work : take, job);
        if (!thread)
            abort();
        thread->users = users;
    }
}

static void open_service(struct handler_job *job)
{
    godwit_service_options_t options = GODWIT_SERVICE_OPTIONS_INIT;
    godwit_service_t *service;

    options.threads = threads_of(job->part->told);
    godwit_service_open(job->process->peer, job->part->destination.name, job->part->told->on_call,
                        job->process->state, &options, &service);
}

/* A process's main thread. */
static void *serve(void *context)
{
    struct handler_process *process = context;

    process->state = handler_world.told->start ? handler_world.told->start(process->peer) : NULL;
    for (size_t i = 0; i < handler_world.part_count; i++) {
        struct handler_job *job = &process->jobs[i];
        if (!(job->part->servers & 1u << process->sim->index))
            continue;
        if (job->part->destination.kind == GW_KIND_SERVICE)
            open_service(job);
        else
            open_stage(job);
    }
    return NULL;
}

/* --- a process --- */

static struct handler_thread *must_start(struct handler_process *process, void *(*run)(void *),
                                         void *context)
{
    struct handler_thread *thread = handler_thread_start(process, run, context);

    if (!thread)
        abort();
    return thread;
}

static void started(struct sim_peer *peer)
{
    struct handler_process *process = handler_process_of(peer);
    bool asks = false;

    handler_shell_start(process, peer);
    if (peer->process > 1)
        handler_book_look(peer->world, false);
    must_start(process, serve, process)->users = true;
    for (size_t i = 0; i < handler_world.part_count; i++) {
        struct handler_part *part = &handler_world.parts[i];
        process->jobs[i] = (struct handler_job){process, part, NULL};
        if (!(part->senders & 1u << peer->index))
            continue;
        must_start(process, send_inputs, &process->jobs[i]);
        asks = asks || part->destination.kind == GW_KIND_SERVICE;
    }
    if (asks)
        must_start(process, collect_replies, process);
}

static void ended(struct sim_peer *peer)
{
    handler_shell_end(handler_process_of(peer));
}

const struct sim_hooks handler_hooks = {
    .draw = draw,
    .begin = begin,
    .all_sent = all_sent,
    .settled = settled,
    .end = end,
    .started = started,
    .ended = ended,
    .leaving = handler_shell_leaving,
    .turn_over = handler_shell_turn_over,
    .reopening = handler_shell_reopening,
    .turn_begun = handler_shell_turn_begun,
    .submit = handler_shell_submit,
    .deliver = handler_shell_deliver,
    .take_back = handler_shell_take_back,
    .progress = handler_shell_progress,
    .ended_messages = handler_shell_ended_messages,
    .transaction = handler_shell_transaction,
    .members = handler_shell_members,
};
