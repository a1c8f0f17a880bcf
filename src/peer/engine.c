/* SPDX-License-Identifier: MPL-2.0 */

/* The engine's round. No decision about messages is made here: those are the turn's. */

#include "peer/engine.h"

#include "peer/group.h"
#include "peer/helm.h"
#include "peer/inbox.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_A_ROUND 256
#define STEPS_A_ROUND 4 /* as long as frames come in that were not announced */
#define COMMITS_A_ROUND 4 /* for a store in memory, whose commits take no time */
/* Sent bytes in one turn. Whatever comes of a commit waits for it, so that a larger group leaves
 * less credit in use while it is written; it pays only as far as the sync costs more than it. */
#define TURN_BYTES        (256u << 10)
#define TURN_BYTES_SYNCED (512u << 10)
#define SLOW_US 5000000   /* of one commit, before it is told */

void gw_engine_check(struct gw_engine *engine, int error)
{
    if (error < 0 && !engine->broken) {
        engine->broken = true;
        engine->failure = GW_STORE_OK;
        snprintf(engine->why, sizeof engine->why, "%s", strerror(-error));
    }
}

static void store_failed(struct gw_engine *engine, enum gw_store_error error, const char *why)
{
    if (engine->broken && engine->failure)
        return;
    engine->broken = true;
    engine->failure = error;
    snprintf(engine->why, sizeof engine->why, "%s", why);
}

/* --- what comes in --- */

static void take_frame(void *context, uint64_t conn, struct gw_slice header, struct gw_blob *body)
{
    struct gw_engine *engine = context;

    if (!engine->turn || engine->broken) {
        gw_blob_drop(body);
        return;
    }
    engine->now_us = gw_clock_us();
    gw_engine_check(engine, gw_turn_frame(engine->turn, engine->now_us, conn, header, body));
}

static void take_malformed(void *context, uint64_t conn)
{
    struct gw_engine *engine = context;

    if (engine->turn && !engine->broken)
        gw_engine_check(engine, gw_turn_malformed(engine->turn, gw_clock_us(), conn));
}

/* A disk that hangs is told, once: nothing else would show why nothing is stored (fault D13). */
static void tell_slow(struct gw_engine *engine)
{
    if (!engine->writing || engine->slow_told || engine->now_us < engine->write_us + SLOW_US)
        return;
    engine->slow_told = true;
    gw_log(&engine->peer->settings, GODWIT_LOG_WARNING,
           "the disk has not answered for %d s: nothing is stored meanwhile; links stay up",
           SLOW_US / 1000000);
}

static void tell_answered(struct gw_engine *engine)
{
    if (!engine->slow_told)
        return;
    engine->slow_told = false;
    gw_log(&engine->peer->settings, GODWIT_LOG_WARNING, "the disk answered after %" PRIu64 " ms",
           (engine->now_us - engine->write_us) / 1000);
}

static void committed(struct gw_engine *engine, enum gw_store_error error, const char *why)
{
    engine->writing = false;
    engine->commit_us = (engine->commit_us * 7 + (engine->now_us - engine->write_us)) / 8;
    tell_answered(engine);
    if (error)
        store_failed(engine, error, why);
    int result = gw_turn_committed(engine->turn, engine->now_us, error);
    if (!error)
        gw_engine_check(engine, result);
}

static void take_done(struct gw_engine *engine)
{
    struct gw_done done;

    while (engine->turn && !engine->broken && gw_store_thread_take(engine->disk, &done)) {
        if (done.commit) {
            committed(engine, done.error, done.why);
        } else if (done.error) {
            store_failed(engine, done.error, done.why);
        } else {
            gw_engine_check(engine, gw_turn_loaded(engine->turn, engine->now_us, done.epoch,
                                                   done.batches, done.count));
            free(done.batches);
        }
    }
}

/* --- what the application left --- */

static int doubt(struct gw_engine *engine, const struct gw_batch *batch)
{
    if (engine->doubt_count == engine->doubt_capacity) {
        size_t capacity = engine->doubt_capacity ? engine->doubt_capacity * 2 : 64;
        struct gw_doubt *more = realloc(engine->doubts, capacity * sizeof *more);

        if (!more)
            return -ENOMEM;
        engine->doubts = more;
        engine->doubt_capacity = capacity;
    }
    engine->doubts[engine->doubt_count++] =
        (struct gw_doubt){.epoch = batch->epoch, .last = gw_batch_last(batch)};
    return 0;
}

/* From here on the commit gets an answer, whatever happens. */
static void queue_commit(struct gw_engine *engine, struct gw_commit *commit)
{
    commit->next = NULL;
    *engine->commits_end = commit;
    engine->commits_end = &commit->next;
}

static void submit_commit(struct gw_engine *engine, struct gw_commit *commit)
{
    struct gw_turn_transaction transaction = {
        .token = commit->token,
        .decisions = commit->decisions,
        .decision_count = commit->decision_count,
        .destinations = commit->destinations,
        .batches = commit->batches,
        .batch_count = commit->batch_count,
        .keys = &commit->keys,
    };
    int error = 0;

    queue_commit(engine, commit);
    for (size_t i = 0; i < commit->batch_count && !error; i++)
        error = doubt(engine, commit->batches[i]);
    if (error) {
        gw_engine_check(engine, error);
        return;
    }
    commit->submitted = true; /* and with it the batches */
    gw_engine_check(engine, gw_turn_transaction(engine->turn, engine->now_us, &transaction));
}

static void submit(struct gw_engine *engine, struct gw_submission *submission)
{
    struct gw_batch *batch = submission->batch;

    if (submission->commit) {
        submit_commit(engine, submission->commit);
        return;
    }
    submission->batch = NULL;
    int error = doubt(engine, batch);
    if (error)
        gw_batch_drop(batch);
    else
        error = gw_turn_batch(engine->turn, engine->now_us, &submission->destination, batch);
    gw_engine_check(engine, error);
}

/* What is there is joined by more in a moment, and nobody asked for it yet. */
static bool expects_more(const struct gw_engine *engine)
{
    return engine->expect_us != GW_NEVER && engine->expect_us > engine->now_us && !engine->more &&
           engine->phase == GW_ENGINE_OPEN;
}

/* For a group no thread waits. */
static size_t count_waited_for(const struct gw_mailbox *taken)
{
    size_t count = 0;

    for (size_t i = 0; i < taken->submission_count; i++)
        count += !taken->submissions[i].commit || taken->submissions[i].commit->joined == 0;
    return count;
}

static size_t count_pushed(const struct gw_mailbox *taken)
{
    size_t count = 0;

    for (size_t i = 0; i < taken->submission_count; i++) {
        const struct gw_submission *one = &taken->submissions[i];

        count += one->batch && !gw_is_waited_for(&one->destination) ? one->batch->count : 0;
    }
    return count;
}

static void note_group(struct gw_engine *engine, size_t messages)
{
    if (messages == 0)
        return;
    engine->group = messages;
    engine->group_us = engine->now_us;
}

/* While a commit is under way the mailbox fills: that is the group of the next commit. */
static void take_submissions(struct gw_engine *engine)
{
    struct godwit_peer *peer = engine->peer;
    struct gw_mailbox *taken = &engine->taken;

    bool called = atomic_exchange(&peer->notified, false);
    if (!called && expects_more(engine))
        return;
    if (engine->remind_us <= engine->now_us) {
        engine->remind_us = GW_NEVER;
        atomic_store(&peer->reminded, false);
    }
    engine->expect_us = GW_NEVER;
    atomic_store(&peer->expected, false); /* before what it tells of is taken */
    pthread_mutex_lock(&peer->lock);
    /* Without memory, some of it waits for a better round. */
    engine->more =
        gw_peer_gather(peer, engine->options.sync ? TURN_BYTES_SYNCED : TURN_BYTES) > 0;
    gw_group_close(peer);
    struct gw_command *commands = peer->mailbox.commands;
    struct gw_command **commands_end = peer->mailbox.commands_end;
    struct gw_mailbox empty = *taken;
    *taken = peer->mailbox;
    peer->mailbox = empty;
    peer->mailbox.commands = commands;
    peer->mailbox.commands_end = commands_end;
    if (taken->submission_count > 0)
        engine->company = count_waited_for(taken);
    if (peer->space_waiters > 0 && taken->submission_count > 0)
        pthread_cond_broadcast(&peer->space);
    pthread_mutex_unlock(&peer->lock);

    size_t at = 0, pushed = count_pushed(taken);
    while (at < taken->submission_count && !engine->broken)
        submit(engine, &taken->submissions[at++]);
    note_group(engine, pushed + gw_engine_take_decisions(engine));
    for (size_t i = at; i < taken->submission_count; i++) /* the turn broke: none has these */
        if (taken->submissions[i].commit)
            queue_commit(engine, taken->submissions[i].commit);
        else
            gw_batch_drop(taken->submissions[i].batch);
    gw_mailbox_reset(taken);
}

static struct gw_command *empty_commands(struct godwit_peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    struct gw_command *first = peer->mailbox.commands;
    peer->mailbox.commands = NULL;
    peer->mailbox.commands_end = NULL;
    pthread_mutex_unlock(&peer->lock);
    return first;
}

static void take_commands(struct gw_engine *engine)
{
    struct gw_command *next;

    struct gw_command *again = engine->postponed;

    engine->postponed = NULL;
    for (struct gw_command *command = again; command; command = next) {
        next = command->next; /* an answered command is gone */
        gw_engine_command(engine, command);
    }
    for (struct gw_command *command = empty_commands(engine->peer); command; command = next) {
        next = command->next;
        gw_engine_command(engine, command);
    }
}

/* --- the round --- */

void gw_engine_run_turn(struct gw_engine *engine)
{
    for (int i = 0; i < COMMITS_A_ROUND && !engine->broken; i++) {
        int error = 0;

        engine->next_us = gw_turn_run(engine->turn, engine->now_us, &error);
        gw_engine_check(engine, error);
        if (error || !engine->inline_write)
            return;
        struct gw_write *write = engine->inline_write;
        engine->inline_write = NULL;
        enum gw_store_error failure = gw_store_write(engine->store, write, false);
        committed(engine, failure, failure ? gw_store_why(engine->store) : "");
    }
    engine->next_us = engine->now_us;
}

uint64_t gw_engine_due_us(const struct gw_engine *engine)
{
    uint64_t next = engine->turn ? engine->next_us : engine->reopen_us;
    uint64_t dials = gw_engine_dials_due_us(engine);

    if (dials < next)
        next = dials;
    if (engine->writing && !engine->slow_told && engine->write_us + SLOW_US < next)
        next = engine->write_us + SLOW_US;
    if (engine->phase != GW_ENGINE_OPEN && engine->end_us < next)
        next = engine->end_us;
    if (engine->phase == GW_ENGINE_LEAVING && engine->bye_us < next)
        next = engine->bye_us;
    if (engine->turn && !engine->writing && engine->remind_us < next)
        next = engine->remind_us;
    if (engine->turn && !engine->writing && engine->expect_us < next)
        next = engine->expect_us;
    if (gw_net_is_ready(engine->net) || (engine->more && engine->turn && !engine->writing))
        next = 0;
    return next;
}

static size_t take_frames(struct gw_engine *engine)
{
    static const struct gw_net_handler handler = {take_frame, take_malformed};

    return gw_net_drain(engine->net, FRAMES_A_ROUND, &handler, engine);
}

static void step(struct gw_engine *engine)
{
    engine->now_us = gw_clock_us();
    take_done(engine);
    tell_slow(engine);
    take_commands(engine);
    gw_engine_tend_dials(engine);
    if (engine->turn && !engine->broken) {
        if (!engine->writing)
            take_submissions(engine);
        gw_engine_give_back(engine);
        gw_engine_run_turn(engine);
        if (gw_engine_give_back(engine))
            engine->next_us = engine->now_us;
    }
    gw_engine_tell(engine);
    gw_engine_retire(engine);
}

void gw_engine_round(struct gw_engine *engine, const struct gw_net_news *news)
{
    if (news)
        gw_net_take(engine->net, news);
    take_frames(engine);
    for (int i = 0; i < STEPS_A_ROUND; i++) {
        step(engine);
        /* Sending may have swallowed news: nobody may sleep before that is known. */
        if (!gw_net_is_ready(engine->net) || take_frames(engine) == 0)
            break;
        engine->next_us = engine->now_us; /* they are in no turn yet */
    }
    gw_engine_publish(engine);
}

/* What may take its time, or is the last thing to be done. */
static void mend(struct gw_engine *engine)
{
    if (!engine->turn) {
        if (engine->now_us >= engine->reopen_us && engine->phase == GW_ENGINE_OPEN)
            gw_engine_reopen(engine);
    }
    if (engine->phase != GW_ENGINE_OPEN && !engine->broken)
        gw_engine_leave(engine);
    gw_engine_tell(engine);
    gw_engine_retire(engine);
    if (engine->broken)
        gw_engine_fail(engine);
    gw_engine_publish(engine);
}

static bool is_whole(const struct gw_engine *engine)
{
    return engine->turn && !engine->broken && engine->phase == GW_ENGINE_OPEN;
}

/* The last commands: closing keeps others from coming after. */
static void refuse_commands(struct gw_engine *engine)
{
    struct gw_command *next;

    for (struct gw_command *command = engine->postponed; command; command = next) {
        next = command->next;
        snprintf(command->why, sizeof command->why, "the peer was closed");
        gw_engine_answer(engine, command, GODWIT_ECLOSED);
    }
    for (struct gw_command *command = empty_commands(engine->peer); command; command = next) {
        next = command->next;
        snprintf(command->why, sizeof command->why, "the peer was closed");
        gw_engine_answer(engine, command, GODWIT_ECLOSED);
    }
}

void *gw_engine_run(void *context)
{
    struct gw_engine *engine = context;
    struct gw_net_news news;

    pthread_mutex_lock(&engine->helm);
    while (engine->phase != GW_ENGINE_OVER) {
        gw_helm_sleep(engine, &news);
        gw_engine_round(engine, &news);
        if (is_whole(engine))
            continue;
        engine->mending = true;
        pthread_mutex_unlock(&engine->helm);
        mend(engine);
        pthread_mutex_lock(&engine->helm);
        engine->mending = false;
    }
    gw_engine_give_up(engine); /* as a rule there is nothing left */
    refuse_commands(engine);
    pthread_mutex_unlock(&engine->helm);
    return NULL;
}

void gw_engine_wake(struct gw_engine *engine)
{
    gw_net_wake(engine->net);
}
