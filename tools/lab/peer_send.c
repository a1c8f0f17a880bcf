/* SPDX-License-Identifier: MPL-2.0 */
/* push and ask: sends in groups, and says `accepted` as soon as a group is stored, while the next
 * ones are on their way. */

#include "peer_send.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP      256   /* messages of which `accepted` is said together */
#define FLIGHTS    32    /* groups that are not known to be stored */
#define LOOK_MS    20    /* between looks at the clock and at signals */
#define END_US     10000000 /* for what is under way when it is told to end */
#define OUTCOME_US 10000000 /* for what must be told once all is settled */
#define SPACE      "lab.sender"
#define KEY        "until"

struct flights { /* a ring: sent, and not known to be stored */
    struct peer_range ranges[FLIGHTS];
    size_t first, count;
};

struct work {
    struct peer_sender *sender;
    struct flights flights;
    struct peer_say say;
    unsigned char *bytes;
    uint64_t sent;     /* in all lives */
    uint64_t here;     /* in this one */
    uint64_t began_us, until_us;
};

/* --- accepted --- */

static const char *extra(const struct work *work)
{
    return work->sender->asks ? " answer" : "";
}

static bool said(struct work *work, const struct peer_range *range, bool stored)
{
    if (stored)
        peer_say(&work->say, "accepted %s %s%s", peer_range_text(range),
                 godwit_peer_durability(work->sender->peer), extra(work));
    else
        peer_say(&work->say, "refused %s", peer_range_text(range));
    return true;
}

/* As long as it takes: a disk may be full or hang for any time. */
static godwit_err_t wait_stored(const struct work *work, godwit_id_t id)
{
    godwit_err_t error = GODWIT_ETIMEDOUT;

    while (error == GODWIT_ETIMEDOUT && !peer_stopped)
        error = godwit_wait(work->sender->peer, id, GODWIT_STORED, LOOK_MS);
    return error;
}

/* One by one: a store that failed may have kept some. False after a sentence. */
static bool say_each(struct work *work, const struct peer_range *range)
{
    struct peer_range run = {.first = range->first};
    bool stored = true;

    for (uint64_t i = 0; i < range->count; i++) {
        godwit_id_t id = {range->first.epoch, range->first.sequence + i};
        godwit_err_t error = wait_stored(work, id);

        if (error && error != GODWIT_ENOTSTORED)
            return peer_good(error, "waiting until a message is stored");
        work->sent -= error != GODWIT_OK;
        if (run.count > 0 && stored != !error) {
            said(work, &run, stored);
            run = (struct peer_range){.first = id};
        }
        stored = !error;
        run.count++;
    }
    return said(work, &run, stored);
}

/* The oldest group, if it is stored within the time. False after a sentence. */
static bool say_oldest(struct work *work, int wait_ms, bool *some)
{
    struct flights *flights = &work->flights;
    const struct peer_range *oldest = &flights->ranges[flights->first];

    *some = false;
    if (flights->count == 0)
        return true;
    godwit_id_t last = {oldest->first.epoch, oldest->first.sequence + oldest->count - 1};
    godwit_err_t error = godwit_wait(work->sender->peer, last, GODWIT_STORED, wait_ms);
    if (error == GODWIT_ETIMEDOUT)
        return true;
    if (!say_each(work, oldest))
        return false;
    flights->first = (flights->first + 1) % FLIGHTS;
    flights->count--;
    *some = true;
    return true;
}

static bool say_stored(struct work *work, int wait_ms)
{
    bool some = true;

    while (some) {
        if (!say_oldest(work, wait_ms, &some))
            return false;
        wait_ms = 0;
    }
    peer_say_all(&work->say);
    return true;
}

/* --- sending --- */

static void note(struct flights *flights, godwit_id_t id)
{
    size_t at = (flights->first + flights->count + FLIGHTS - 1) % FLIGHTS;
    struct peer_range *last = &flights->ranges[at];

    if (flights->count > 0 && last->first.epoch == id.epoch && last->count < GROUP &&
        last->first.sequence + last->count == id.sequence) {
        last->count++;
        return;
    }
    at = (flights->first + flights->count++) % FLIGHTS;
    flights->ranges[at] = (struct peer_range){.first = id, .count = 1};
}

static godwit_err_t send_one(struct work *work, godwit_id_t *id)
{
    const struct peer_options *options = work->sender->options;
    godwit_message_t *message = NULL;

    peer_put_number(work->bytes, work->sent + 1);
    if (!work->sender->asks)
        return godwit_push_data(work->sender->peer, options->stage, work->bytes, options->size, id);
    godwit_err_t error = godwit_message_new(work->bytes, options->size, &message);
    if (!error)
        error = godwit_request_send(work->sender->peer, options->service, &message, id);
    godwit_message_destroy(&message);
    return error;
}

/* How many may be sent now, as rate, number and time allow. */
static uint64_t allowed(const struct work *work)
{
    const struct peer_options *options = work->sender->options;
    uint64_t most = GROUP, now = peer_now_us();

    if (options->messages && options->messages - work->sent < most)
        most = options->messages - work->sent;
    if (work->flights.count >= FLIGHTS - 2) /* a new epoch may need one more */
        most = 0;
    if (options->rate) {
        uint64_t due = (now - work->began_us) * options->rate / 1000000 + 1;

        if (due < work->here + most)
            most = due > work->here ? due - work->here : 0;
    }
    return most;
}

static bool finished(const struct work *work)
{
    const struct peer_options *options = work->sender->options;

    return peer_stopped || atomic_load(&work->sender->failed) ||
           (options->messages && work->sent >= options->messages) ||
           (work->until_us && peer_now_us() >= work->until_us);
}

/* A group; *full: the outbox has no room. False after a sentence. */
static bool send_group(struct work *work, uint64_t count, bool *full)
{
    *full = false;
    for (uint64_t i = 0; i < count; i++) {
        godwit_id_t id;
        godwit_err_t error = send_one(work, &id);

        if (error == GODWIT_EFULL || error == GODWIT_ETIMEDOUT || error == GODWIT_EBUSY) {
            *full = true;
            return true;
        }
        if (!peer_good(error, "send"))
            return false;
        note(&work->flights, id);
        work->sent++;
        work->here++;
    }
    return true;
}

static bool send_all(struct work *work)
{
    while (!finished(work)) {
        uint64_t count = allowed(work);
        bool full;

        if (!send_group(work, count, &full))
            return false;
        bool idle = full || count == 0;
        if (idle && work->flights.count == 0)
            peer_pause_us(full ? LOOK_MS * 1000 : 1000);
        if (!say_stored(work, idle ? LOOK_MS : 0))
            return false;
    }
    return true;
}

/* --- the end --- */

static bool say_rest(struct work *work)
{
    uint64_t end_us = peer_now_us() + END_US;

    while (work->flights.count > 0 && (!peer_stopped || peer_now_us() < end_us))
        if (!say_stored(work, LOOK_MS))
            return false;
    return true;
}

/* All that was sent is settled, in earlier lives too. */
static bool drain(struct work *work)
{
    godwit_err_t error = GODWIT_ETIMEDOUT;

    while (error && !peer_stopped && !atomic_load(&work->sender->failed)) {
        error = godwit_peer_drain(work->sender->peer, GODWIT_SETTLED, LOOK_MS);
        if (error && error != GODWIT_ETIMEDOUT && error != GODWIT_ENOTSTORED)
            return peer_good(error, "drain");
        if (error && peer_unheard())
            return false;
    }
    return true;
}

/* What must follow is waited for as long as it goes on; what does not come is for the verdict. */
static void hear_the_rest(struct work *work)
{
    struct peer_sender *sender = work->sender;
    uint64_t before = 0, since_us = peer_now_us();

    while (!peer_stopped && !atomic_load(&sender->failed) &&
           peer_now_us() - since_us < OUTCOME_US) {
        uint64_t ended = atomic_load(&sender->ended), answered = atomic_load(&sender->answered);

        if (ended >= work->sent && (!sender->asks || answered >= atomic_load(&sender->processed)))
            return;
        if (ended + answered != before)
            since_us = peer_now_us();
        before = ended + answered;
        peer_pause_us(2000);
    }
}

static bool send_and_drain(struct work *work)
{
    do {
        if (!send_all(work) || !say_rest(work))
            return false;
    } while (!finished(work)); /* what was refused is sent anew */
    if (!drain(work))
        return false;
    hear_the_rest(work);
    return true;
}

/* --- lives --- */

/* When to stop, from the first life on. */
static bool keep_time(struct work *work)
{
    struct peer_sender *sender = work->sender;
    void *value;
    size_t size;

    if (!sender->options->seconds)
        return true;
    work->until_us = work->began_us + sender->options->seconds * 1000000;
    godwit_err_t error = peer_get(sender->peer, SPACE, KEY, strlen(KEY), &value, &size);
    if (!error) {
        memcpy(&work->until_us, value, sizeof work->until_us);
        godwit_free(value);
        return true;
    }
    if (error != GODWIT_ENOTFOUND)
        return peer_good(error, "when to end");
    return peer_put(sender->peer, SPACE, KEY, &work->until_us, sizeof work->until_us,
                    "writing down when to end");
}

static bool run_with_threads(struct work *work)
{
    struct peer_sender *sender = work->sender;
    pthread_t outcomes, replies;

    if (pthread_create(&outcomes, NULL, peer_outcomes_run, sender) != 0) {
        peer_complain("a thread cannot be made");
        return false;
    }
    bool asks = sender->asks && pthread_create(&replies, NULL, peer_replies_run, sender) == 0;
    bool good = asks == sender->asks && send_and_drain(work);
    if (!good)
        atomic_store(&sender->failed, true);
    atomic_store(&sender->over, true);
    if (asks)
        pthread_join(replies, NULL);
    pthread_join(outcomes, NULL);
    return good && !atomic_load(&sender->failed);
}

static bool run(struct work *work)
{
    struct peer_sender *sender = work->sender;
    const struct peer_options *options = sender->options;
    godwit_destination_options_t how = GODWIT_DESTINATION_OPTIONS_INIT;

    work->bytes = calloc(1, options->size);
    work->began_us = peer_now_us();
    how.ordering = options->ordered ? GODWIT_ORDERING_ORDERED : GODWIT_ORDERING_SHARED;
    how.member_lost = options->failover_ms ? GODWIT_LOST_FAILOVER : GODWIT_LOST_STRICT;
    how.failover_ms = (uint32_t)options->failover_ms;
    if (!work->bytes) {
        peer_complain("out of memory");
        return false;
    }
    if (!peer_good(godwit_destination_set(sender->peer, sender->destination, &how), "destination"))
        return false;
    return peer_outcomes_begin(sender, &work->sent) &&
           (!sender->asks || peer_replies_begin(sender)) && keep_time(work) &&
           peer_meet(options, sender->peer) && run_with_threads(work);
}

int peer_send(const struct peer_options *options)
{
    struct peer_sender sender = {.options = options, .asks = strcmp(options->role, "ask") == 0};
    struct work work = {.sender = &sender};

    snprintf(sender.destination, sizeof sender.destination, "%s:%s",
             sender.asks ? "service" : "stage", sender.asks ? options->service : options->stage);
    if (!peer_open(options, true, &sender.peer))
        return PEER_FAILED;
    bool good = run(&work);
    free(work.bytes);
    good = peer_good(godwit_peer_close(&sender.peer), "close") && good;
    return good ? PEER_OK : PEER_FAILED;
}
