/* SPDX-License-Identifier: MPL-2.0 */

/* The engine's round, and how a peer's machinery starts and ends. No decision about messages is
 * made here: those are the turn's. */

#include "peer/engine.h"

#include "peer/inbox.h"
#include "peer/plant.h"
#include "peer/thread.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_A_ROUND 256
#define COMMITS_A_ROUND 4 /* for a store in memory, whose commits take no time */
/* Sent bytes in one turn. Whatever comes of a commit waits for it, so that a larger group leaves
 * less credit in use while it is written; it pays only as far as the sync costs more than it. */
#define TURN_BYTES        (256u << 10)
#define TURN_BYTES_SYNCED (512u << 10)
#define SLOW_US 5000000   /* of one commit, before it is told */
#define CACHE_BYTES (16u << 20)

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

/* While a commit is under way the mailbox fills: that is the group of the next commit. */
static void take_submissions(struct gw_engine *engine)
{
    struct godwit_peer *peer = engine->peer;
    struct gw_mailbox *taken = &engine->taken;

    atomic_store(&peer->notified, false);
    pthread_mutex_lock(&peer->lock);
    /* Without memory, some of it waits for a better round. */
    engine->more =
        gw_peer_gather(peer, engine->options.sync ? TURN_BYTES_SYNCED : TURN_BYTES) > 0;
    struct gw_command *commands = peer->mailbox.commands;
    struct gw_command **commands_end = peer->mailbox.commands_end;
    struct gw_mailbox empty = *taken;
    *taken = peer->mailbox;
    peer->mailbox = empty;
    peer->mailbox.commands = commands;
    peer->mailbox.commands_end = commands_end;
    if (peer->space_waiters > 0 && taken->submission_count > 0)
        pthread_cond_broadcast(&peer->space);
    pthread_mutex_unlock(&peer->lock);

    size_t at = 0;
    while (at < taken->submission_count && !engine->broken)
        submit(engine, &taken->submissions[at++]);
    gw_engine_take_decisions(engine);
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

static int64_t timeout_us(const struct gw_engine *engine)
{
    uint64_t next = engine->turn ? engine->next_us : engine->reopen_us;
    uint64_t dials = gw_engine_dials_due_us(engine);
    uint64_t now = gw_clock_us();

    if (dials < next)
        next = dials;
    if (engine->writing && !engine->slow_told && engine->write_us + SLOW_US < next)
        next = engine->write_us + SLOW_US;
    if (engine->phase != GW_ENGINE_OPEN && engine->end_us < next)
        next = engine->end_us;
    if (engine->phase == GW_ENGINE_LEAVING && engine->bye_us < next)
        next = engine->bye_us;
    if (engine->more && engine->turn && !engine->writing)
        next = now;
    if (next == GW_NEVER)
        return -1;
    return next > now ? (int64_t)(next - now) : 0;
}

static void round_of(struct gw_engine *engine)
{
    static const struct gw_net_handler handler = {take_frame, take_malformed};

    gw_net_poll(engine->net, timeout_us(engine), FRAMES_A_ROUND, &handler, engine);
    engine->now_us = gw_clock_us();
    take_done(engine);
    tell_slow(engine);
    take_commands(engine);
    gw_engine_tend_dials(engine);
    if (!engine->turn) {
        if (engine->now_us >= engine->reopen_us && engine->phase == GW_ENGINE_OPEN)
            gw_engine_reopen(engine);
    } else if (!engine->broken) {
        if (!engine->writing)
            take_submissions(engine);
        gw_engine_give_back(engine);
        gw_engine_run_turn(engine);
        if (gw_engine_give_back(engine))
            engine->next_us = engine->now_us;
    }
    if (engine->phase != GW_ENGINE_OPEN && !engine->broken)
        gw_engine_leave(engine);
    gw_engine_tell(engine);
    gw_engine_retire(engine);
    if (engine->broken)
        gw_engine_fail(engine);
    gw_engine_publish(engine);
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

static void *run(void *context)
{
    struct gw_engine *engine = context;

    while (engine->phase != GW_ENGINE_OVER)
        round_of(engine);
    gw_engine_give_up(engine); /* as a rule there is nothing left */
    refuse_commands(engine);
    return NULL;
}

/* --- open and close --- */

void gw_engine_wake(struct gw_engine *engine)
{
    gw_net_wake(engine->net);
}

static void wake_from_disk(void *context)
{
    gw_engine_wake(context);
}

/* A reopening makes no store where one was (fault D19): it waits until that is back. */
static enum gw_store_error open_directory(struct gw_engine *engine)
{
    struct godwit_peer *peer = engine->peer;

    if (engine->options.core.open > 0 && !gw_leveldb_exists(peer->directory)) {
        snprintf(engine->why, sizeof engine->why,
                 "%.150s is not there or cannot be reached: put it back", peer->directory);
        return GW_STORE_IO;
    }
    return gw_leveldb_open(peer->directory, &engine->store, engine->why, sizeof engine->why);
}

/* Where it is, whatever the host's own directory will be when it is reopened. */
static enum gw_store_error make_absolute(struct gw_engine *engine)
{
    const char *path = gw_leveldb_path(engine->store);
    char *copy = path && engine->peer->directory[0] != '/' ? strdup(path) : NULL;

    if (path && engine->peer->directory[0] != '/' && !copy)
        return GW_STORE_NOMEM;
    if (copy) {
        free(engine->peer->directory);
        engine->peer->directory = copy;
    }
    return GW_STORE_OK;
}

enum gw_store_error gw_engine_open_store(struct gw_engine *engine)
{
    bool on_disk = engine->peer->directory != NULL;
    enum gw_store_error error = GW_STORE_OK;

    if (!engine->store)
        error = on_disk ? open_directory(engine) : gw_memory_open(&engine->store);
    if (!error && on_disk)
        error = make_absolute(engine);
    if (error && (!on_disk || error == GW_STORE_NOMEM))
        snprintf(engine->why, sizeof engine->why, "out of memory");
    if (error)
        return error;
    pthread_rwlock_wrlock(&engine->peer->store_lock);
    engine->peer->store = engine->store;
    pthread_rwlock_unlock(&engine->peer->store_lock);
    return GW_STORE_OK;
}

void gw_engine_close_store(struct gw_engine *engine)
{
    pthread_rwlock_wrlock(&engine->peer->store_lock);
    engine->peer->store = NULL;
    pthread_rwlock_unlock(&engine->peer->store_lock);
    gw_store_close(&engine->store);
    engine->store = NULL;
}

/* In this order: docs/decisions/0009-generation-file.md. */
static enum gw_store_error claim(struct gw_engine *engine, const uint8_t uuid[16])
{
    bool again = engine->options.core.open > 0 && !engine->store_lost;
    enum gw_store_error error =
        gw_store_check_generation(engine->store, again ? engine->options.core.store : NULL,
                                  engine->why, sizeof engine->why);

    if (!error)
        error = gw_turn_claim(engine->store, &engine->options, uuid, engine->why,
                              sizeof engine->why);
    if (!error)
        error = gw_store_note_generation(engine->store, engine->why, sizeof engine->why);
    return error;
}

enum gw_store_error gw_engine_begin(struct gw_engine *engine, struct gw_recovered *recovered)
{
    uint64_t words[2] = {gw_entropy_next(&engine->entropy), gw_entropy_next(&engine->entropy)};
    uint8_t uuid[16];

    memcpy(uuid, words, sizeof uuid);
    /* A store in memory that outlived its core is the same process to others: they take a new one
     * for the end of all that it knew. */
    bool kept = engine->options.core.memory && engine->options.core.process && !engine->store_lost;
    if (!kept)
        engine->options.core.process = gw_entropy_next(&engine->entropy);
    engine->options.core.seed = gw_entropy_next(&engine->entropy);
    engine->now_us = gw_clock_us();
    engine->broken = false;
    engine->writing = false;
    engine->inline_write = NULL;
    enum gw_store_error error = claim(engine, uuid);
    if (!error)
        error = gw_engine_adopt_marks(engine);
    if (error)
        return error;
    engine->turn = gw_turn_new(&engine->options, &gw_engine_port, engine);
    if (!engine->turn) {
        snprintf(engine->why, sizeof engine->why, "out of memory");
        return GW_STORE_NOMEM;
    }
    recovered->of = gw_engine_share;
    recovered->context = engine;
    engine->share_count = 0;
    error = gw_turn_recover(engine->turn, engine->store, engine->now_us, recovered, engine->why,
                            sizeof engine->why);
    if (error) {
        gw_store_thread_quiesce(engine->disk); /* recovery may have asked for reads */
        gw_turn_destroy(&engine->turn);
        engine->broken = false; /* of a turn that is no more */
    }
    engine->next_us = engine->now_us;
    return error;
}

static void choose_options(struct gw_engine *engine)
{
    const struct gw_settings *settings = &engine->peer->settings;
    struct gw_turn_options *options = &engine->options;

    memcpy(options->core.name, settings->name, sizeof options->core.name);
    options->core.memory = settings->durability == GODWIT_DURABILITY_MEMORY;
    options->core.max_message = settings->max_message;
    options->core.window = settings->window;
    options->core.heartbeat_us = settings->heartbeat_ms * 1000;
    options->core.memory_ttl_us = settings->memory_ttl_s * 1000000;
    options->core.outcomes = settings->outcomes;
    options->sync = settings->durability == GODWIT_DURABILITY_FSYNC;
    options->core.cache_bytes = CACHE_BYTES;
}

static godwit_err_t open_all(struct gw_engine *engine)
{
    struct godwit_peer *peer = engine->peer;
    struct gw_recovered recovered = {0};
    enum gw_store_error error;
    int code;

    if ((error = gw_engine_open_store(engine)) != GW_STORE_OK)
        return gw_error(gw_error_of_store(error), "%s", engine->why);
    if ((code = gw_store_thread_start(wake_from_disk, engine, &engine->disk)) != 0)
        return gw_error(GODWIT_EIO, "the store thread cannot be started: %s", strerror(-code));
    code = gw_net_open(GW_BODY_MAX, &engine->net, engine->why, sizeof engine->why);
    if (code != 0)
        return gw_error(gw_error_of_errno(code), "%s", engine->why);
    if ((error = gw_engine_begin(engine, &recovered)) != GW_STORE_OK)
        return gw_error(gw_error_of_store(error), "%s", engine->why);
    if (engine->broken)
        return gw_error(GODWIT_ENOMEM, "%s", engine->why);
    gw_engine_count(engine, &recovered);
    if (engine->broken)
        return gw_error(GODWIT_ENOMEM, "%s", engine->why);
    if (recovered.messages > 0)
        gw_log(&peer->settings, GODWIT_LOG_INFO,
               "the outbox holds %" PRIu64 " messages (%" PRIu64 " bytes) of earlier opens",
               recovered.messages, recovered.bytes);
    gw_engine_publish(engine);
    if ((code = gw_thread_start(&engine->thread, "godwit-engine", run, engine)) != 0)
        return gw_error(GODWIT_EIO, "the engine's thread cannot be started: %s", strerror(-code));
    engine->started = true;
    return GODWIT_OK;
}

godwit_err_t gw_engine_open(struct godwit_peer *peer)
{
    struct gw_engine *engine = calloc(1, sizeof *engine);

    if (!engine)
        return gw_error_memory();
    gw_plant_choose();
    engine->peer = peer;
    engine->commits_end = &engine->commits;
    engine->recalled_end = &engine->recalled;
    peer->engine = engine;
    int code = gw_entropy_fill(&engine->entropy);
    if (code != 0) {
        gw_engine_destroy(engine);
        return gw_error(GODWIT_EIO, "the system gives no random numbers: %s", strerror(-code));
    }
    gw_map_init(&engine->epochs, gw_entropy_next(&engine->entropy));
    gw_map_init(&engine->wishes, gw_entropy_next(&engine->entropy));
    choose_options(engine);
    godwit_err_t error = open_all(engine);
    if (error) {
        gw_engine_join(engine);
        gw_engine_destroy(engine);
    }
    return error;
}

void gw_engine_join(struct gw_engine *engine)
{
    if (engine->started)
        pthread_join(engine->thread, NULL);
    gw_store_thread_stop(&engine->disk);
    if (engine->turn)
        gw_turn_destroy(&engine->turn);
}

void gw_engine_destroy(struct gw_engine *engine)
{
    struct gw_epoch_stored *stored;

    engine->peer->engine = NULL;
    gw_marks_close(&engine->peer->marks);
    if (engine->store)
        gw_engine_close_store(engine);
    if (engine->net)
        gw_net_close(&engine->net);
    for (size_t i = 0; i < engine->dial_count; i++)
        free(engine->dials[i].endpoint);
    free(engine->dials);
    free(engine->servings);
    free(engine->shares);
    gw_engine_forget_wishes(engine);
    free(engine->retiring);
    free(engine->doubts);
    for (size_t at = 0; (stored = gw_map_next(&engine->epochs, &at, NULL)) != NULL;)
        free(stored);
    gw_map_clear(&engine->epochs);
    gw_mailbox_clear(&engine->taken);
    gw_engine_forget_received(engine);
    free(engine);
}
