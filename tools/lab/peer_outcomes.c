/* SPDX-License-Identifier: MPL-2.0 */
/* How messages ended: told, then written down, then forgotten by the library, in that order. So one
 * that was told just before a kill is told once more, and none is counted twice. */

#include "peer_send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE   "lab.sender"
#define KEY     "outcomes"
#define MOST    4096 /* outcomes, each of many messages, between two writes */
#define WAIT_MS 100

struct told { /* the value of KEY */
    uint64_t number; /* of the last outcome */
    uint64_t processed, ended;
};

static bool load(godwit_peer_t *peer, struct told *told)
{
    void *value;
    size_t size;

    *told = (struct told){0};
    godwit_err_t error = peer_get(peer, SPACE, KEY, strlen(KEY), &value, &size);
    if (error == GODWIT_ENOTFOUND)
        return true;
    if (!peer_good(error, "what was told"))
        return false;
    memcpy(told, value, size < sizeof *told ? size : sizeof *told);
    godwit_free(value);
    return true;
}

static bool save(godwit_peer_t *peer, const struct told *told)
{
    return peer_put(peer, SPACE, KEY, told, sizeof *told, "writing down what was told");
}

static void tell(const struct peer_sender *sender, struct peer_say *say,
                 const godwit_outcome_t *outcome, uint64_t count)
{
    static const char *const hows[] = {[GODWIT_PLACE_PROCESSED] = "processed",
                                       [GODWIT_PLACE_DEAD] = "dead",
                                       [GODWIT_PLACE_WITHDRAWN] = "withdrawn"};
    bool processed = outcome->how == GODWIT_PLACE_PROCESSED;

    /* A request ends with its reply, and what was passed on at its last stage. */
    if (processed && (sender->asks || sender->options->passed_on))
        return;
    const struct peer_range range = {.first = outcome->first, .count = count};
    peer_say(say, "settled %s %s%s", peer_range_text(&range), hows[outcome->how],
             outcome->maybe_processed ? " maybe-processed" : "");
}

/* Tells what there is, at most MOST. *count is how many outcomes. */
static godwit_err_t tell_some(struct peer_sender *sender, struct told *told, int wait_ms,
                              size_t *count)
{
    godwit_err_t error = GODWIT_OK;
    godwit_outcome_t outcome;
    struct peer_say say = {0};

    for (*count = 0; *count < MOST; ++*count) {
        error = godwit_outcome_next(sender->peer, told->number, *count ? 0 : wait_ms, &outcome);
        if (error)
            break;
        uint64_t messages = outcome.last_sequence - outcome.first.sequence + 1;
        told->number = outcome.number;
        told->ended += messages;
        told->processed += outcome.how == GODWIT_PLACE_PROCESSED ? messages : 0;
        tell(sender, &say, &outcome, messages);
    }
    peer_say_all(&say);
    return error;
}

/* The same, and writes it down. False after a sentence. */
static bool tell_and_save(struct peer_sender *sender, struct told *told, int wait_ms,
                          size_t *count)
{
    godwit_err_t error = tell_some(sender, told, wait_ms, count);

    if (error && error != GODWIT_ETIMEDOUT && error != GODWIT_ECLOSED && error != GODWIT_EBUSY &&
        error != GODWIT_EIO)
        return peer_good(error, "outcomes");
    if (*count == 0)
        return true;
    if (!save(sender->peer, told))
        return false;
    atomic_store(&sender->processed, told->processed);
    atomic_store(&sender->ended, told->ended);
    error = godwit_outcome_done(sender->peer, told->number);
    return error == GODWIT_ECLOSED || peer_good(error, "outcomes");
}

/* --- what the outbox still has --- */

/* The number that is member `name` of a flat JSON object. */
static bool member(const char *record, const char *end, const char *name, uint64_t *value)
{
    char pattern[48];

    snprintf(pattern, sizeof pattern, "\"%s\":", name);
    const char *at = strstr(record, pattern);
    if (!at || at >= end)
        return false;
    *value = strtoull(at + strlen(pattern), NULL, 10);
    return true;
}

static uint64_t unsettled_in(const char *answer, const char *destination)
{
    char kind[] = "{\"record\":\"destination\"", whose[120];
    uint64_t count = 0;

    snprintf(whose, sizeof whose, "\"destination\":\"%s\"", destination);
    for (const char *record = answer; *record;) {
        const char *end = strchr(record, '\n');

        if (!end)
            break;
        const char *found = strstr(record, whose);
        if (strncmp(record, kind, strlen(kind)) == 0 && found && found < end &&
            member(record, end, "unsettled", &count))
            return count;
        record = end + 1;
    }
    return 0;
}

static bool unsettled(const struct peer_sender *sender, uint64_t *count)
{
    godwit_inspect_t *inspect = NULL;
    char *answer = NULL;

    *count = 0;
    if (!sender->options->directory)
        return true;
    godwit_err_t error = godwit_inspect_open(sender->options->directory, &inspect);
    while (!error && !answer) {
        error = godwit_inspect_ask(inspect, "status", NULL, 0, 10000, &answer);
        if (peer_again(error) && !peer_stopped) { /* the peer is reopening its store */
            error = GODWIT_OK;
            peer_pause_us(20000);
        }
    }
    if (!error)
        *count = unsettled_in(answer, sender->destination);
    bool good = peer_good(error, "asking what is in the outbox");
    godwit_free(answer);
    godwit_inspect_close(&inspect);
    return good;
}

bool peer_outcomes_begin(struct peer_sender *sender, uint64_t *sent)
{
    struct told told;
    size_t count;

    if (!load(sender->peer, &told))
        return false;
    atomic_store(&sender->processed, told.processed);
    atomic_store(&sender->ended, told.ended);
    do {
        if (!tell_and_save(sender, &told, 0, &count))
            return false;
    } while (count > 0);
    if (!unsettled(sender, sent))
        return false;
    *sent += told.ended;
    return true;
}

void *peer_outcomes_run(void *context)
{
    struct peer_sender *sender = context;
    struct told told;
    size_t count = 0;

    bool good = load(sender->peer, &told);
    while (good && !atomic_load(&sender->failed)) {
        bool last = atomic_load(&sender->over);

        good = tell_and_save(sender, &told, WAIT_MS, &count);
        if (last && count == 0)
            break;
    }
    if (!good)
        atomic_store(&sender->failed, true);
    return NULL;
}
