/* SPDX-License-Identifier: MPL-2.0 */

/* How a peer's machinery starts and ends. */

#include "peer/engine.h"

#include "peer/plant.h"
#include "peer/thread.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_BYTES (16u << 20)

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

static size_t largest_frame(const struct gw_settings *settings)
{
    uint64_t message = gw_message_limit(settings->max_message);
    return message > GW_BODY_MAX ? message : GW_BODY_MAX;
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
    code = gw_net_open(largest_frame(&peer->settings), &engine->net, engine->why,
                       sizeof engine->why);
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
    if ((code = gw_thread_start(&engine->thread, "godwit-engine", gw_engine_run, engine)) != 0)
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
    engine->driver_until_us = GW_NEVER;
    engine->remind_us = GW_NEVER;
    engine->expect_us = GW_NEVER;
    atomic_init(&engine->kicked, false);
    pthread_mutex_init(&engine->helm, NULL);
    gw_cond_init(&engine->seat_free);
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
}

void gw_engine_destroy(struct gw_engine *engine)
{
    struct gw_epoch_stored *stored;

    engine->peer->engine = NULL;
    gw_store_thread_stop(&engine->disk);
    if (engine->turn)
        gw_turn_destroy(&engine->turn);
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
    pthread_cond_destroy(&engine->seat_free);
    pthread_mutex_destroy(&engine->helm);
    free(engine);
}
