/* SPDX-License-Identifier: MPL-2.0 */

/* What the turn may ask for, carried out with the engine's net, disk and mailboxes; and the news
 * for the application's threads. Nothing here calls back into the turn. */

#include "peer/engine.h"

#include "peer/inbox.h"
#include "peer/outcome.h"
#include "peer/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* --- net and disk --- */

static int port_send(void *context, uint64_t conn, struct gw_slice header, struct gw_blob *blob,
                     struct gw_slice body)
{
    struct gw_engine *engine = context;

    return gw_net_send(engine->net, conn, header, blob, body);
}

static void port_hangup(void *context, uint64_t conn)
{
    struct gw_engine *engine = context;

    gw_net_hangup(engine->net, conn);
}

static void port_commit(void *context, struct gw_write *write, bool sync)
{
    struct gw_engine *engine = context;

    engine->writing = true;
    engine->write_us = engine->now_us;
    if (engine->options.core.memory) {
        engine->inline_write = write; /* takes no time: not worth another thread */
    } else if (engine->keep_commit) {
        engine->keep_commit = false;
        engine->commit_kept = true;
        gw_store_thread_keep(engine->disk, engine->store, write, sync);
    } else {
        gw_store_thread_commit(engine->disk, engine->store, write, sync);
    }
}

static void port_load(void *context, uint64_t epoch, uint64_t from, uint64_t max_messages,
                      uint64_t max_bytes)
{
    struct gw_engine *engine = context;
    struct gw_load load = {epoch, from, max_messages, max_bytes};

    gw_engine_check(engine, gw_store_thread_load(engine->disk, engine->store, &load));
}

static uint64_t port_entropy(void *context)
{
    struct gw_engine *engine = context;

    return gw_entropy_next(&engine->entropy);
}

/* --- news --- */

/* The turn counts a group as one. */
static void count_joined(struct gw_engine *engine)
{
    for (size_t i = 0; i < engine->news_count; i++) {
        const struct gw_news *news = &engine->news[i];
        bool stale = news->type == GW_NEWS_STALE;

        if ((stale || news->type == GW_NEWS_COMMIT) && news->commit->joined > 1)
            engine->before[stale ? GW_COUNTER_stale_transactions : GW_COUNTER_transactions] +=
                news->commit->joined - 1;
    }
}

static void apply(struct gw_engine *engine, const struct gw_news *news, int *error)
{
    struct godwit_peer *peer = engine->peer;
    uint64_t before = gw_tail_unstored(peer->tail);

    switch (news->type) {
    case GW_NEWS_STORED:
        gw_tail_stored(peer->tail, news->a, news->b);
        peer->stored_upto += before - gw_tail_unstored(peer->tail);
        break;
    case GW_NEWS_SETTLED:
        if (gw_tail_settled(peer->tail, news->a, news->b, news->c, news->how) != 0)
            *error = -ENOMEM; /* the reopened store knows what was settled */
        break;
    case GW_NEWS_RELEASED:
        gw_tail_released(peer->tail, &news->destination, news->a, news->b);
        break;
    case GW_NEWS_BURIED: gw_tail_dead(peer->tail, 1, (int64_t)news->a); break;
    case GW_NEWS_OUTCOMES: gw_outcomes_stored(peer, news->a); break;
    case GW_NEWS_IDLE: gw_engine_idle(engine, news->a); break;
    case GW_NEWS_COMMIT:
        peer->finished_token = news->commit->token;
        news->commit->result = GODWIT_OK;
        gw_commit_done(news->commit);
        break;
    case GW_NEWS_STALE:
        news->commit->result = GODWIT_ESTALE;
        gw_commit_done(news->commit);
        break;
    }
}

/* Who waits for a reply learns that there will be none. */
static void tell_replies(const struct gw_engine *engine)
{
    for (size_t i = 0; i < engine->news_count; i++) {
        const struct gw_news *news = &engine->news[i];

        if (news->type == GW_NEWS_SETTLED && news->how != GW_OUTCOME_PROCESSED)
            gw_replies_ended(engine->peer, news->a, news->b, news->c);
    }
}

void gw_engine_tell(struct gw_engine *engine)
{
    struct godwit_peer *peer = engine->peer;
    int error = 0;

    if (engine->news_count == 0)
        return;
    count_joined(engine);
    gw_engine_publish(engine); /* who is woken finds the counters as they are */
    pthread_mutex_lock(&peer->lock);
    for (size_t i = 0; i < engine->news_count; i++)
        apply(engine, &engine->news[i], &error);
    if (peer->changed_waiters > 0)
        pthread_cond_broadcast(&peer->changed);
    if (peer->space_waiters > 0)
        pthread_cond_broadcast(&peer->space);
    pthread_mutex_unlock(&peer->lock);
    tell_replies(engine);
    engine->news_count = 0;
    gw_engine_check(engine, error);
}

static void add_news(struct gw_engine *engine, struct gw_news news)
{
    if (engine->news_count == GW_NEWS_MAX)
        gw_engine_tell(engine);
    engine->news[engine->news_count++] = news;
}

/* For a reopen. Without memory, a waiter may then learn less. */
void gw_engine_remember(struct gw_engine *engine, uint64_t epoch, uint64_t upto)
{
    struct gw_epoch_stored *stored = gw_map_get(&engine->epochs, epoch);

    if (!stored) {
        stored = calloc(1, sizeof *stored);
        if (!stored)
            return;
        stored->epoch = epoch;
        if (gw_map_put(&engine->epochs, epoch, stored) != 0) {
            free(stored);
            return;
        }
    }
    stored->upto = upto;
}

static void port_stored(void *context, uint64_t epoch, uint64_t upto)
{
    struct gw_engine *engine = context;
    size_t kept = 0;

    for (size_t i = 0; i < engine->doubt_count; i++)
        if (engine->doubts[i].epoch != epoch || engine->doubts[i].last > upto)
            engine->doubts[kept++] = engine->doubts[i];
    engine->doubt_count = kept;
    gw_engine_remember(engine, epoch, upto);
    add_news(engine, (struct gw_news){.type = GW_NEWS_STORED, .a = epoch, .b = upto});
}

static void port_settled(void *context, uint64_t epoch, uint64_t first, uint64_t last,
                         enum gw_outcome how)
{
    gw_engine_wish_over(context, epoch, first, last);
    add_news(context, (struct gw_news){.type = GW_NEWS_SETTLED, .a = epoch, .b = first, .c = last,
                                       .how = how});
}

static void port_buried(void *context, uint64_t epoch, uint64_t sequence, uint64_t bytes)
{
    (void)epoch, (void)sequence;
    add_news(context, (struct gw_news){.type = GW_NEWS_BURIED, .a = bytes});
}

static void port_outcomes(void *context, uint64_t number)
{
    add_news(context, (struct gw_news){.type = GW_NEWS_OUTCOMES, .a = number});
}

static void port_recall(void *context, const struct gw_recall *recall)
{
    gw_engine_recall(context, recall);
}

static void port_idle(void *context, uint64_t epoch)
{
    add_news(context, (struct gw_news){.type = GW_NEWS_IDLE, .a = epoch});
}

/* For people; it decides nothing. Coarse: it is asked at every step. */
static uint64_t port_wall_ms(void *context)
{
    struct timespec now;

    (void)context;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void port_released(void *context, const struct gw_destination *destination,
                          uint64_t messages, uint64_t bytes)
{
    add_news(context, (struct gw_news){.type = GW_NEWS_RELEASED, .a = messages, .b = bytes,
                                       .destination = *destination});
}

static void end_commit(struct gw_engine *engine, uint64_t token, enum gw_news_type type)
{
    struct gw_commit **link = &engine->commits;

    while (*link && (*link)->token != token)
        link = &(*link)->next;
    struct gw_commit *commit = *link;
    if (!commit)
        return;
    *link = commit->next;
    if (!commit->next)
        engine->commits_end = link;
    add_news(engine, (struct gw_news){.type = type, .commit = commit});
}

static void port_transaction(void *context, uint64_t token)
{
    end_commit(context, token, GW_NEWS_COMMIT);
}

static void port_stale(void *context, uint64_t token)
{
    end_commit(context, token, GW_NEWS_STALE);
}

static void port_members(void *context, const struct gw_destination *destination, size_t count)
{
    struct gw_engine *engine = context;
    struct godwit_peer *peer = engine->peer;

    gw_engine_publish(engine);
    pthread_mutex_lock(&peer->lock);
    gw_peer_set_members(peer, destination, count);
    if (peer->changed_waiters > 0)
        pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->lock);
    gw_replies_member(peer, destination, count);
}

/* --- deliveries --- */

static void port_deliver(void *context, struct gw_inbound *inbound)
{
    gw_engine_deliver(context, inbound);
}

static void port_note(void *context, uint8_t note, const char *peer, uint64_t a, uint64_t b)
{
    gw_engine_note(context, note, peer, a, b);
}

const struct gw_turn_port gw_engine_port = {
    .send = port_send,
    .hangup = port_hangup,
    .commit = port_commit,
    .load = port_load,
    .deliver = port_deliver,
    .stored = port_stored,
    .settled = port_settled,
    .released = port_released,
    .buried = port_buried,
    .outcomes = port_outcomes,
    .recall = port_recall,
    .idle = port_idle,
    .wall_ms = port_wall_ms,
    .transaction = port_transaction,
    .stale = port_stale,
    .members = port_members,
    .note = port_note,
    .entropy = port_entropy,
};
