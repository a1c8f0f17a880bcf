/* SPDX-License-Identifier: MPL-2.0 */
/* What the roles share: opening, signals, time, chances, effects. */

#include "peer.h"

#include "random.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define AGAIN_US 20000 /* between two tries while a store is being reopened */

volatile bool peer_stopped;

static void stop(int number)
{
    (void)number;
    peer_stopped = true;
}

void peer_listen_to_signals(void)
{
    const struct sigaction action = {.sa_handler = stop}; /* no SA_RESTART: pauses end */

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

void peer_complain(const char *format, ...)
{
    va_list arguments;
    char text[700];

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "godwit lab-peer: %s\n", text);
}

bool peer_good(godwit_err_t error, const char *what)
{
    if (error)
        peer_complain("%s: %s", what, godwit_last_error());
    return !error;
}

bool peer_again(godwit_err_t error)
{
    return error == GODWIT_EFULL || error == GODWIT_ETIMEDOUT || error == GODWIT_ENOTSTORED ||
           error == GODWIT_EBUSY || error == GODWIT_EIO;
}

/* --- a peer --- */

static void log_line(void *context, godwit_log_level_t level, const char *text)
{
    (void)context;
    (void)level;
    peer_complain("%s", text);
}

bool peer_open(const struct peer_options *options, bool outcomes, godwit_peer_t **peer)
{
    godwit_peer_options_t how = GODWIT_PEER_OPTIONS_INIT;
    struct peer_say say = {0};

    how.name = options->name;
    how.directory = options->directory;
    how.durability = options->durability;
    how.heartbeat_ms = (uint32_t)options->heartbeat_ms;
    how.outcomes = outcomes;
    how.full_timeout_ms = -1; /* whoever sends has other things to do meanwhile */
    how.log = log_line;
    how.log_level = options->verbose ? GODWIT_LOG_INFO : GODWIT_LOG_ERROR;
    if (!peer_good(godwit_peer_open(&how, peer), "open"))
        return false;
    if (strcmp(options->role, "audit") != 0) {
        peer_say(&say, "level %s", godwit_peer_durability(*peer));
        peer_say_all(&say);
    }
    return true;
}

bool peer_meet(const struct peer_options *options, godwit_peer_t *peer)
{
    for (size_t i = 0; i < options->binds; i++)
        if (!peer_good(godwit_peer_bind(peer, options->bind[i]), options->bind[i]))
            return false;
    for (size_t i = 0; i < options->connects; i++)
        if (!peer_good(godwit_peer_connect(peer, options->connect[i]), options->connect[i]))
            return false;
    return true;
}

static godwit_err_t put_once(godwit_peer_t *peer, const char *space, const char *key,
                             const void *value, size_t size)
{
    godwit_txn_t *txn = NULL;
    godwit_err_t error = godwit_txn_begin(peer, &txn);

    if (!error)
        error = godwit_txn_put(txn, space, key, strlen(key), value, size);
    if (!error)
        error = godwit_txn_commit(&txn);
    godwit_txn_abort(&txn);
    return error;
}

bool peer_put(godwit_peer_t *peer, const char *space, const char *key, const void *value,
              size_t size, const char *what)
{
    godwit_err_t error;

    while (peer_again(error = put_once(peer, space, key, value, size)) && !peer_stopped)
        peer_pause_us(AGAIN_US);
    return peer_again(error) || peer_good(error, what);
}

godwit_err_t peer_get(godwit_peer_t *peer, const char *space, const void *key, size_t key_size,
                      void **value, size_t *size)
{
    godwit_err_t error;

    while (peer_again(error = godwit_get(peer, space, key, key_size, value, size)) &&
           !peer_stopped)
        peer_pause_us(AGAIN_US);
    return error;
}

/* --- time and chance --- */

uint64_t peer_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void peer_pause_us(uint64_t us)
{
    struct timespec left = {.tv_sec = (time_t)(us / 1000000),
                            .tv_nsec = (long)(us % 1000000) * 1000};

    while (!peer_stopped && nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

bool peer_chance(const struct peer_options *options, uint64_t in_a_million, godwit_id_t id,
                 uint32_t attempt, uint32_t what)
{
    struct lab_random_state random = {options->seed ^ id.epoch};

    random.at = lab_random_next(&random) ^ id.sequence;
    random.at = lab_random_next(&random) ^ ((uint64_t)what << 32 | attempt);
    return lab_random_below(&random, PEER_MILLION) < in_a_million;
}

/* --- effects --- */

void peer_put_number(unsigned char *bytes, uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        bytes[i] = (unsigned char)number;
}

uint64_t peer_get_number(const unsigned char *bytes)
{
    uint64_t number = 0;

    for (int i = 0; i < 8; i++)
        number = number << 8 | bytes[i];
    return number;
}

void peer_effect_key(godwit_id_t id, unsigned char key[PEER_EFFECT_KEY])
{
    peer_put_number(key, id.epoch);
    peer_put_number(key + 8, id.sequence);
}

godwit_id_t peer_effect_id(const unsigned char *key)
{
    return (godwit_id_t){peer_get_number(key), peer_get_number(key + 8)};
}

godwit_err_t peer_effect_raise(godwit_txn_t *txn, godwit_id_t id, uint64_t by, uint64_t *count)
{
    unsigned char key[PEER_EFFECT_KEY];
    void *value;
    size_t size;

    *count = 0;
    peer_effect_key(id, key);
    godwit_err_t error = godwit_txn_get(txn, PEER_EFFECTS, key, sizeof key, &value, &size);
    if (!error) {
        memcpy(count, value, sizeof *count);
        godwit_free(value);
    } else if (error != GODWIT_ENOTFOUND) {
        return error;
    }
    *count += by;
    return godwit_txn_put(txn, PEER_EFFECTS, key, sizeof key, count, sizeof *count);
}
