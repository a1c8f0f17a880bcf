/* SPDX-License-Identifier: MPL-2.0 */

/* Life after a failed store. A write that failed may still be in it (hazards DB01, DB02), so the
 * store is closed and opened again; then it is asked which of the batches and transactions in doubt
 * it holds, everyone who waits for one gets an answer, and a new turn starts from what is there.
 *
 * All deliveries of the old turn are stale from the start: the new one knows nothing of them. */

#include "peer/engine.h"

#include "peer/found.h"
#include "peer/group.h"
#include "peer/inbox.h"
#include "peer/outcome.h"
#include "peer/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_US 50000
#define PAUSE_US_MAX 2000000
#define QUIET_TRIES 32 /* a disk may be away for days: one line a minute */

/* --- the end of a turn --- */

static void keep_counters(struct gw_engine *engine)
{
    const uint64_t *counters = gw_turn_counters(engine->turn);

    for (size_t i = 0; i < GW_COUNTER_links_now; i++)
        engine->before[i] += counters[i];
}

static void schedule(struct gw_engine *engine)
{
    uint64_t pause = PAUSE_US_MAX;

    if (engine->attempt < 6 && ((uint64_t)PAUSE_US << engine->attempt) < PAUSE_US_MAX)
        pause = (uint64_t)PAUSE_US << engine->attempt;
    pause = pause / 2 + gw_entropy_next(&engine->entropy) % (pause / 2 + 1);
    engine->attempt++;
    engine->reopen_us = gw_clock_us() + pause;
}

/* Deliveries in hand and decisions on their way belong to the turn that is over. */
static void make_stale(struct gw_engine *engine)
{
    struct godwit_peer *peer = engine->peer;

    pthread_mutex_lock(&peer->lock);
    peer->down = true;
    peer->generation++;
    gw_mailbox_forget(&peer->mailbox);
    peer->member_count = 0;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->lock);
    for (size_t i = 0; i < engine->serving_count; i++)
        gw_inbox_flush(engine->servings[i].inbox);
    gw_engine_forget_received(engine);
    gw_replies_flush(peer);
}

void gw_engine_fail(struct gw_engine *engine)
{
    bool memory = engine->peer->directory == NULL;

    gw_log(&engine->peer->settings, GODWIT_LOG_ERROR,
           "the store failed (%s): closing and reopening it; links are down meanwhile",
           engine->why);
    gw_store_thread_quiesce(engine->disk);
    keep_counters(engine);
    if (engine->failure)
        engine->before[GW_COUNTER_commit_failures]++;
    gw_turn_destroy(&engine->turn);
    engine->broken = false;
    engine->writing = false;
    engine->inline_write = NULL;
    make_stale(engine);
    /* A memory store is all there is: it is kept unless it failed itself. */
    engine->store_lost = memory && engine->failure != GW_STORE_OK;
    if (!memory || engine->store_lost)
        gw_engine_close_store(engine);
    schedule(engine);
}

/* --- what became of what was in doubt --- */

static enum gw_store_error find_batches(struct gw_engine *engine, bool *found)
{
    enum gw_store_error error = GW_STORE_OK;

    for (size_t i = 0; i < engine->doubt_count && !error; i++)
        error = gw_found_batch(engine->store, engine->doubts[i].epoch, engine->doubts[i].last,
                               &found[i]);
    if (error)
        snprintf(engine->why, sizeof engine->why, "%s", gw_store_why(engine->store));
    return error;
}

/* Sets each commit's result without telling yet. */
static enum gw_store_error find_commits(struct gw_engine *engine)
{
    for (struct gw_commit *commit = engine->commits; commit; commit = commit->next) {
        bool found;
        enum gw_store_error error = gw_found_commit(engine->store, commit, &found);

        if (error) {
            snprintf(engine->why, sizeof engine->why, "%s", gw_store_why(engine->store));
            return error;
        }
        commit->result = found ? GODWIT_OK : GODWIT_ENOTSTORED;
    }
    return GW_STORE_OK;
}

static void queue_waiting_commits(struct gw_engine *engine)
{
    struct gw_mailbox *mailbox = &engine->peer->mailbox;

    gw_group_close(engine->peer);
    for (size_t i = 0; i < mailbox->submission_count; i++) {
        struct gw_commit *commit = mailbox->submissions[i].commit;

        gw_batch_drop(mailbox->submissions[i].batch);
        if (!commit)
            continue;
        commit->result = GODWIT_ENOTSTORED;
        commit->next = NULL;
        *engine->commits_end = commit;
        engine->commits_end = &commit->next;
    }
    mailbox->submission_count = 0;
    gw_mailbox_forget(mailbox);
}

static void count_commits(struct gw_engine *engine)
{
    for (const struct gw_commit *commit = engine->commits; commit; commit = commit->next)
        if (commit->result == GODWIT_OK)
            engine->before[GW_COUNTER_transactions] += commit->joined ? commit->joined : 1;
}

/* The threads go on at once, without the lock: all that they may look at is told before. */
static void answer_commits(struct gw_engine *engine)
{
    struct gw_commit *next;

    for (struct gw_commit *commit = engine->commits; commit; commit = next) {
        next = commit->next;
        gw_commit_done(commit);
    }
    engine->commits = NULL;
    engine->commits_end = &engine->commits;
}

/* The books of the sending side follow the store. With the peer's lock. Returns how many messages
 * were given up. */
static uint64_t follow_store(struct gw_engine *engine, const bool *found,
                             const struct gw_recovered *recovered)
{
    struct godwit_peer *peer = engine->peer;
    struct gw_epoch_stored *stored;

    for (size_t i = 0; i < engine->doubt_count; i++) {
        uint64_t before = gw_tail_unstored(peer->tail);
        if (!found[i])
            continue;
        gw_tail_stored(peer->tail, engine->doubts[i].epoch, engine->doubts[i].last);
        uint64_t kept = before - gw_tail_unstored(peer->tail);
        peer->stored_upto += kept;
        engine->before[GW_COUNTER_stored] += kept;
    }
    uint64_t lost = gw_tail_unstored(peer->tail);
    gw_tail_failed(peer->tail);
    gw_engine_count(engine, recovered);
    peer->stored_upto += lost;
    peer->not_stored += lost;
    for (size_t at = 0; !engine->store_lost && (stored = gw_map_next(&engine->epochs, &at, NULL));)
        gw_found_settled(engine->store, stored->epoch, stored->upto, peer->tail);
    return lost;
}

static void remember_found(struct gw_engine *engine, const bool *found)
{
    for (size_t i = 0; i < engine->doubt_count; i++) {
        struct gw_epoch_stored *stored = gw_map_get(&engine->epochs, engine->doubts[i].epoch);

        if (found[i] && (!stored || engine->doubts[i].last > stored->upto))
            gw_engine_remember(engine, engine->doubts[i].epoch, engine->doubts[i].last);
    }
}

static void tell_all(struct gw_engine *engine, const bool *found,
                     const struct gw_recovered *recovered)
{
    struct godwit_peer *peer = engine->peer;

    remember_found(engine, found);
    pthread_mutex_lock(&peer->lock);
    queue_waiting_commits(engine);
    uint64_t lost = follow_store(engine, found, recovered);
    engine->before[GW_COUNTER_not_stored] += lost;
    count_commits(engine);
    gw_engine_publish(engine);
    peer->finished_token = peer->last_token;
    peer->down = false;
    gw_outcomes_forget(peer); /* what a failed write was to delete */
    answer_commits(engine);
    pthread_cond_broadcast(&peer->changed);
    pthread_cond_broadcast(&peer->space);
    pthread_mutex_unlock(&peer->lock);
    gw_replies_look(peer);
    engine->doubt_count = 0;
    gw_log(&peer->settings, GODWIT_LOG_WARNING,
           "the store is open again: %" PRIu64 " messages were not stored and their senders are "
           "told; %" PRIu64 " are in the outbox",
           lost, recovered->messages);
}

/* --- the new turn --- */

static void resume(struct gw_engine *engine)
{
    gw_engine_say_again(engine);
    for (size_t i = 0; i < engine->serving_count; i++) {
        const struct gw_serving *serving = &engine->servings[i];

        if (serving->open)
            gw_engine_check(engine, gw_turn_serve(engine->turn, engine->now_us,
                                                  &serving->inbox->destination,
                                                  serving->credit.credit_messages,
                                                  serving->credit.credit_bytes));
    }
    for (size_t i = 0; i < engine->dial_count; i++) {
        struct gw_dial *dial = &engine->dials[i];

        if (dial->leaving)
            continue;
        if (dial->conn)
            gw_net_hangup(engine->net, dial->conn);
        dial->conn = 0;
        dial->due_us = 0; /* tended in the next round */
    }
}

/* A directory that was emptied meanwhile would pass for a store in which all is settled. */
static enum gw_store_error begin_in_same_store(struct gw_engine *engine,
                                               struct gw_recovered *recovered)
{
    uint8_t uuid[sizeof engine->options.core.store];

    memcpy(uuid, engine->options.core.store, sizeof uuid);
    enum gw_store_error error = gw_engine_begin(engine, recovered);
    if (error || engine->store_lost ||
        memcmp(uuid, engine->options.core.store, sizeof uuid) == 0)
        return error;
    memcpy(engine->options.core.store, uuid, sizeof uuid);
    gw_store_thread_quiesce(engine->disk);
    gw_turn_destroy(&engine->turn);
    snprintf(engine->why, sizeof engine->why, "another store is in the directory now");
    return GW_STORE_FOREIGN;
}

static enum gw_store_error try_to_reopen(struct gw_engine *engine, bool *found,
                                         struct gw_recovered *recovered)
{
    enum gw_store_error error = found ? gw_engine_open_store(engine) : GW_STORE_NOMEM;

    if (!error)
        error = find_batches(engine, found);
    if (!error)
        error = find_commits(engine);
    if (!error)
        error = begin_in_same_store(engine, recovered);
    return error;
}

void gw_engine_reopen(struct gw_engine *engine)
{
    struct gw_recovered recovered = {0};
    bool *found = calloc(engine->doubt_count + 1, sizeof *found);
    enum gw_store_error error = try_to_reopen(engine, found, &recovered);

    if (error) {
        if (engine->attempt < 3 || engine->attempt % QUIET_TRIES == 0)
            gw_log(&engine->peer->settings, GODWIT_LOG_WARNING,
                   "the store cannot be reopened yet: %s (%s)",
                   engine->why[0] ? engine->why : "no reason given", gw_store_error_name(error));
        if (engine->store && (engine->peer->directory || error == GW_STORE_POISONED))
            gw_engine_close_store(engine);
        schedule(engine);
    } else {
        engine->attempt = 0;
        tell_all(engine, found, &recovered);
        resume(engine);
    }
    free(found);
}

void gw_engine_give_up(struct gw_engine *engine)
{
    struct godwit_peer *peer = engine->peer;

    pthread_mutex_lock(&peer->lock);
    queue_waiting_commits(engine);
    for (struct gw_commit *commit = engine->commits; commit; commit = commit->next)
        commit->result = commit->submitted ? GODWIT_EIO : GODWIT_ENOTSTORED;
    answer_commits(engine);
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->lock);
    if (engine->doubt_count > 0)
        gw_log(&peer->settings, GODWIT_LOG_ERROR,
               "closed before the store could be reopened: what was sent last may not be stored");
}
