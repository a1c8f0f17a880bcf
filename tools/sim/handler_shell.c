/* SPDX-License-Identifier: MPL-2.0 */

/* Between the library's shell and the turn: what the engine's files (src/peer/engine.c, receive.c,
 * command.c, port.c, reopen.c) do with threads, here as steps of the world.
 *
 * What decides something is not written twice: whether a transaction or a batch is in a store is
 * asked of peer/found.c, here and in reopen.c, and the inbox, the mailbox, the tail and the replies
 * are the library's own. What looks alike below is the order in which they are told of an end and
 * of a new turn, each with its own means: the engine under the peer's lock, with a log, doubts and
 * counters of its own; here one step of the world with none of them, its tail the world's, so that
 * the checkers see what no lock hides. A helper for both would take as many arguments as it has
 * lines. */

#include "handler_inside.h"
#include "handler_libc.h"

#include "checker.h"
#include "peer/found.h"
#include "peer/group.h"
#include "peer/helm.h"
#include "peer/inbox.h"
#include "peer/reply.h"
#include "port.h"
#include "rows.h"
#include "store/row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static struct handler_process *enter(const struct sim_peer *peer)
{
    return handler_shell_enter(peer);
}

/* --- life --- */

static struct gw_settings settings_of(const struct sim_peer *peer)
{
    const struct sim_options *options = &peer->world->options;
    struct gw_settings settings = {.durability = options->sync ? GODWIT_DURABILITY_FSYNC
                                                               : GODWIT_DURABILITY_OS,
                                   .outbox_max_bytes = UINT64_C(1) << 30,
                                   .outbox_max_messages = options->outbox_messages,
                                   .max_message = options->max_message,
                                   .window = options->window,
                                   .heartbeat_ms = options->heartbeat_us / 1000,
                                   .memory_ttl_s = options->memory_ttl_us / 1000000,
                                   .reply_ttl_s = 86400};

    memcpy(settings.name, peer->name, sizeof settings.name);
    return settings;
}

/* Ours is of the world: the turn's reports change it there. */
static void share_tail(struct godwit_peer *peer, struct gw_tail *tail)
{
    gw_tail_destroy(&peer->tail);
    peer->tail = tail;
}

void handler_shell_start(struct handler_process *process, struct sim_peer *peer)
{
    const struct gw_settings settings = settings_of(peer);

    process->sim = peer;
    enter(peer);
    process->peer = must(gw_peer_new(&settings));
    share_tail(process->peer, peer->tail);
    process->peer->engine = (struct gw_engine *)process;
    process->peer->marks = (struct gw_marks *)process;
    process->peer->store = peer->store;
    process->commits = NULL;
    process->commits_end = &process->commits;
}

/* However many threads hold it: they are gone. What they had on their stacks and allocated is left
 * where it is, and so are groups of transactions. */
static void destroy(struct godwit_peer *peer)
{
    peer->tail = NULL;
    peer->marks = NULL;
    peer->store = NULL;
    atomic_store(&peer->references, 1000000);
    for (size_t i = 0; i < peer->inbox_count; i++)
        gw_inbox_flush(peer->inboxes[i]);
    atomic_store(&peer->references, 1);
    gw_peer_drop(peer);
}

void handler_shell_end(struct handler_process *process)
{
    if (!process->peer)
        return;
    handler_threads_end(process);
    destroy(process->peer);
    process->peer = NULL;
    free(process->begun);
    process->begun = NULL;
    process->begun_count = 0;
    handler_variables_drop(process);
    for (size_t i = 0; i < process->sim->serve_count; i++)
        process->sim->serves[i].off = true; /* until the next process opens its inbox */
}

void handler_shell_leaving(struct sim_peer *sim)
{
    struct godwit_peer *peer = enter(sim)->peer;

    if (!peer)
        return;
    pthread_mutex_lock(&peer->lock);
    atomic_store(&peer->closing, true);
    pthread_cond_broadcast(&peer->changed);
    pthread_cond_broadcast(&peer->space);
    pthread_mutex_unlock(&peer->lock);
    for (size_t i = 0; i < peer->inbox_count; i++)
        gw_inbox_shut(peer->inboxes[i]);
}

void gw_engine_wake(struct gw_engine *engine);
void gw_engine_wake(struct gw_engine *engine)
{
    struct handler_process *process = (struct handler_process *)engine;

    sim_peer_run_soon(process->sim);
}

/* --- the helm: here nobody but the world runs a turn --- */

void gw_helm_work(struct gw_engine *engine, bool may_write)
{
    const struct handler_process *process = (const struct handler_process *)engine;

    (void)may_write;
    gw_peer_notify(process->peer);
}

/* Sooner than it has to be: the world decides when a turn is run. */
void gw_helm_remind(struct gw_engine *engine)
{
    gw_engine_wake(engine);
}

void gw_helm_expect(struct gw_engine *engine)
{
    gw_engine_wake(engine);
}

bool gw_seat_wait(struct gw_seat *seat, struct gw_engine *engine, pthread_cond_t *cond,
                  pthread_mutex_t *lock, const struct gw_deadline *deadline)
{
    (void)seat;
    (void)engine;
    return gw_cond_wait(cond, lock, deadline);
}

void gw_seat_leave(struct gw_seat *seat, struct gw_engine *engine)
{
    (void)seat;
    (void)engine;
}

void gw_seat_signal(const struct gw_seat *seat, struct gw_engine *engine, pthread_cond_t *cond)
{
    (void)seat;
    (void)engine;
    pthread_cond_signal(cond);
}

bool gw_seat_is_own(const struct gw_seat *seat)
{
    (void)seat;
    return false;
}

/* --- marks: what handlers have begun with --- */

uint32_t gw_marks_take(struct gw_marks *marks)
{
    struct handler_process *process = (struct handler_process *)marks;
    size_t slot = 0;

    while (slot < process->begun_count && process->begun[slot].taken)
        slot++;
    if (slot == process->begun_count) {
        process->begun = must(realloc(process->begun, (slot + 1) * sizeof *process->begun));
        process->begun_count++;
    }
    process->begun[slot] = (struct handler_begun){.taken = true};
    return (uint32_t)slot;
}

void gw_marks_write(struct gw_marks *marks, uint32_t mark, uint64_t epoch, uint64_t sequence,
                    uint64_t number)
{
    struct handler_process *process = (struct handler_process *)marks;
    struct sim_peer *peer = process->sim;
    size_t at = sim_app_find(peer, epoch, sequence);

    (void)number;
    sim_app_begin(peer, at, 1);
    process->begun[mark] = (struct handler_begun){.epoch = epoch,
                                                  .sequence = sequence,
                                                  .job = peer->app.items[at].job,
                                                  .taken = true};
}

/* It may be of a turn that is over, and the message here once more. */
void gw_marks_erase(struct gw_marks *marks, uint32_t mark)
{
    struct handler_process *process = (struct handler_process *)marks;
    struct handler_begun begun = process->begun[mark];
    struct sim_app *app = &process->sim->app;
    size_t at = sim_app_find(process->sim, begun.epoch, begun.sequence);

    process->begun[mark].job = 0;
    if (at < app->count && app->items[at].epoch == begun.epoch &&
        app->items[at].sequence == begun.sequence && app->items[at].job == begun.job)
        sim_app_finish(process->sim, at);
}

void gw_marks_give(struct gw_marks *marks, uint32_t mark)
{
    ((struct handler_process *)marks)->begun[mark].taken = false;
}

void gw_marks_unmake(struct gw_marks *marks, uint32_t mark)
{
    gw_marks_erase(marks, mark);
    gw_marks_give(marks, mark);
}

/* --- commands --- */

static size_t serve_of(const struct sim_peer *peer, const struct gw_destination *destination)
{
    size_t at = 0;

    while (at < peer->serve_count &&
           !gw_destination_equal(&peer->serves[at].destination, destination))
        at++;
    return at;
}

static godwit_err_t serve(struct sim_peer *peer, const struct gw_command *command)
{
    size_t at = serve_of(peer, &command->inbox->destination);

    if (at == peer->serve_count)
        return GODWIT_EINVAL;
    peer->serves[at].off = false;
    sim_peer_serve(peer, at);
    return GODWIT_OK;
}

static godwit_err_t withdraw(struct sim_peer *peer, const struct gw_command *command)
{
    struct gw_whereabouts found;

    gw_turn_find(peer->turn, command->epoch, command->sequence, &found);
    if (found.place == GW_PLACE_UNKNOWN || found.place == GW_PLACE_SETTLED)
        return GODWIT_ENOTFOUND;
    sim_app_withdraw(peer, command->epoch, command->sequence, GW_WITHDRAW_CANCELLED);
    return GODWIT_OK;
}

static godwit_err_t carry_out(struct sim_peer *peer, struct gw_command *command)
{
    switch (command->type) {
    case GW_COMMAND_SERVE: return serve(peer, command);
    case GW_COMMAND_WITHDRAW: return withdraw(peer, command);
    case GW_COMMAND_FIND:
        gw_turn_find(peer->turn, command->epoch, command->sequence, &command->found);
        command->now_us = sim_peer_clock(peer);
        return GODWIT_OK;
    default: return GODWIT_EINVAL; /* no function of those that are offered asks for it */
    }
}

void handler_shell_commands(struct handler_process *process)
{
    struct godwit_peer *peer = process->peer;
    struct gw_command *command, *next;

    command = peer->mailbox.commands;
    peer->mailbox.commands = NULL;
    peer->mailbox.commands_end = NULL;
    for (; command && !process->sim->world->failed; command = next) {
        next = command->next; /* an answered command is gone */
        command->result = carry_out(process->sim, command);
        if (command->result)
            snprintf(command->why, sizeof command->why, "%s",
                     command->result == GODWIT_ENOTFOUND
                         ? "no message of that id is in the outbox: it has ended, or never was"
                         : "the simulated peer does not serve that: name it as a part");
        command->done = true;
        pthread_cond_broadcast(&peer->changed);
    }
}

/* --- what arrives --- */

static struct godwit_inbox *inbox_of(const struct godwit_peer *peer,
                                     const struct gw_destination *destination)
{
    for (size_t i = 0; i < peer->inbox_count; i++) {
        if (gw_destination_equal(&peer->inboxes[i]->destination, destination))
            return peer->inboxes[i];
    }
    return NULL;
}

/* Before its inbox was opened, nothing is served. */
void handler_shell_deliver(struct sim_peer *sim, struct gw_inbound *inbound)
{
    struct godwit_inbox *inbox = inbox_of(enter(sim)->peer, &inbound->destination);

    sim_fiber_gives(); /* whoever takes it in hand may be killed with it */
    bool taken = inbox && gw_inbox_deliver(inbox, inbound) == 0;
    sim_fiber_given();
    if (!taken)
        sim_fail(sim->world, "%s is handed a message of %s, which it does not serve", sim->name,
                 inbound->destination.name);
}

static int by_sequence(const void *a, const void *b)
{
    const struct gw_taken *left = a, *right = b;

    return left->range.first < right->range.first ? -1 : left->range.first > right->range.first;
}

size_t handler_shell_take_back(struct sim_peer *sim, const struct gw_recall *recall,
                               struct gw_range *ranges, size_t capacity)
{
    struct godwit_peer *peer = enter(sim)->peer;
    struct gw_taken_list taken = {0};

    for (size_t i = 0; peer && i < peer->inbox_count; i++)
        gw_inbox_take_back(peer->inboxes[i], recall->epoch, recall->ranges, recall->count, &taken);
    if (taken.count > 1)
        qsort(taken.items, taken.count, sizeof *taken.items, by_sequence);
    if (taken.count > capacity)
        sim_fail(sim->world, "%s gives back more than it has in hand", sim->name);
    size_t count = taken.count > capacity ? 0 : taken.count;
    for (size_t i = 0; i < count; i++)
        ranges[i] = taken.items[i].range;
    gw_taken_clear(&taken);
    return count;
}

/* --- what the turn reports --- */

void handler_shell_progress(struct sim_peer *sim)
{
    struct godwit_peer *peer = enter(sim)->peer;

    if (peer && peer->changed_waiters > 0)
        pthread_cond_broadcast(&peer->changed);
    if (peer && peer->space_waiters > 0)
        pthread_cond_broadcast(&peer->space);
}

void handler_shell_ended_messages(struct sim_peer *sim, uint64_t epoch, uint64_t first,
                                  uint64_t last)
{
    struct godwit_peer *peer = enter(sim)->peer;

    if (peer)
        gw_replies_ended(peer, epoch, first, last);
}

void handler_shell_transaction(struct sim_peer *sim, uint64_t token, bool stale)
{
    struct handler_process *process = enter(sim);
    struct gw_commit **link = &process->commits;

    while (*link && (*link)->token != token)
        link = &(*link)->next;
    struct gw_commit *commit = *link;
    if (!commit)
        return;
    *link = commit->next;
    if (!commit->next)
        process->commits_end = link;
    if (!stale)
        process->peer->finished_token = token;
    commit->result = stale ? GODWIT_ESTALE : GODWIT_OK;
    gw_commit_done(commit);
    pthread_cond_broadcast(&process->peer->changed);
}

void handler_shell_members(struct sim_peer *sim, const struct gw_destination *destination,
                           size_t count)
{
    struct godwit_peer *peer = enter(sim)->peer;

    if (!peer)
        return;
    gw_peer_set_members(peer, destination, count);
    handler_shell_progress(sim);
    gw_replies_member(peer, destination, count);
}

/* --- a store that failed --- */

static void find_commits(struct handler_process *process)
{
    struct gw_store *store = sim_disk_open(&process->sim->disk, true);

    for (struct gw_commit *commit = process->commits; commit; commit = commit->next) {
        bool found = false;
        if (gw_found_commit(store, commit, &found) != GW_STORE_OK)
            sim_fail(process->sim->world, "%s could not read an intact store",
                     process->sim->name);
        commit->result = found ? GODWIT_OK : GODWIT_ENOTSTORED;
    }
    gw_store_close(&store);
}

/* What the turn never had is certainly not stored. */
static void queue_waiting(struct handler_process *process)
{
    struct gw_mailbox *mailbox = &process->peer->mailbox;

    gw_group_close(process->peer);
    for (size_t i = 0; i < mailbox->submission_count; i++) {
        struct gw_commit *commit = mailbox->submissions[i].commit;
        gw_batch_drop(mailbox->submissions[i].batch);
        if (!commit)
            continue;
        commit->result = GODWIT_ENOTSTORED;
        commit->next = NULL;
        *process->commits_end = commit;
        process->commits_end = &commit->next;
    }
    mailbox->submission_count = 0;
}

/* Deliveries in hand and decisions on their way belong to the turn that is over. */
void handler_shell_turn_over(struct sim_peer *sim)
{
    struct handler_process *process = enter(sim);
    struct godwit_peer *peer = process->peer;

    if (!peer)
        return;
    peer->store = NULL;
    peer->down = true;
    peer->generation++;
    peer->member_count = 0;
    gw_mailbox_forget(&peer->mailbox);
    pthread_cond_broadcast(&peer->changed);
    for (size_t i = 0; i < peer->inbox_count; i++)
        gw_inbox_flush(peer->inboxes[i]);
    gw_replies_flush(peer);
}

void handler_shell_reopening(struct sim_peer *sim)
{
    struct handler_process *process = enter(sim);

    if (!process->peer)
        return;
    process->peer->not_stored += gw_tail_unstored(process->peer->tail);
    find_commits(process);
    queue_waiting(process);
    gw_mailbox_forget(&process->peer->mailbox);
}

void handler_shell_turn_begun(struct sim_peer *sim)
{
    struct handler_process *process = enter(sim);
    struct godwit_peer *peer = process->peer;
    struct gw_commit *next;

    if (!peer)
        return;
    peer->store = sim->store;
    peer->down = false;
    for (struct gw_commit *commit = process->commits; commit; commit = next) {
        next = commit->next;
        gw_commit_done(commit);
    }
    process->commits = NULL;
    process->commits_end = &process->commits;
    peer->finished_token = peer->last_token;
    pthread_cond_broadcast(&peer->changed);
    pthread_cond_broadcast(&peer->space);
    gw_replies_look(peer);
}

/* --- looking --- */

struct godwit_peer *handler_shell_view(struct sim_peer *sim)
{
    const struct gw_settings settings = settings_of(sim);

    handler_process_of(sim)->sim = sim;
    enter(sim);
    struct godwit_peer *view = must(gw_peer_new(&settings));
    view->store = sim_disk_open(&sim->disk, true);
    return view;
}

void handler_shell_view_end(struct godwit_peer **view)
{
    gw_store_close(&(*view)->store);
    (*view)->store = NULL;
    gw_peer_drop(*view);
    *view = NULL;
}
