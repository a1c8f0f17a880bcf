/* SPDX-License-Identifier: MPL-2.0 */
/* work: takes what is there, says `began`, counts the effects in the transaction of the acks, and
 * says `processed` once that is committed. */

#include "peer.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS   100 /* between looks at signals */
#define EARLY_US  20000 /* how much too early --break early says it */
#define BYTES_MAX (512u << 10) /* passed on in one transaction */
#define FLAGGED   0x80000000u /* tag of a range: maybe-duplicate; the rest is the attempt */

enum chances { CHANCE_NACK = 1, CHANCE_REJECT, CHANCE_CRASH };

struct worker {
    const struct peer_options *options;
    godwit_peer_t *peer;
    godwit_stage_t *stage;
    godwit_delivery_t *taken[256];
    size_t count;
    struct peer_ranges ranges;
    struct peer_say say;
};

/* --- what is said --- */

static bool says(const struct worker *worker, godwit_id_t id)
{
    if (worker->options->onward)
        return false;
    return worker->options->breaks != PEER_SILENT || id.sequence % 10 != 3;
}

static bool breaks(const struct worker *worker, godwit_id_t id, enum peer_break how)
{
    return worker->options->breaks == how && id.sequence % 10 == 3;
}

/* The id by which the ledger knows it: that of its first stage. */
static godwit_id_t known_as(const godwit_delivery_t *delivery)
{
    godwit_id_t id = godwit_delivery_id(delivery);
    char text[GODWIT_ID_TEXT_SIZE] = "";
    const void *value;
    size_t size;

    if (godwit_delivery_header(delivery, PEER_ORIGIN, &value, &size) ||
        size != GODWIT_ID_TEXT_SIZE - 1)
        return id;
    memcpy(text, value, size);
    godwit_id_parse(text, &id);
    return id;
}

static void collect(struct worker *worker, size_t from, size_t to)
{
    worker->ranges.count = 0;
    for (size_t i = from; i < to; i++) {
        const godwit_delivery_t *delivery = worker->taken[i];
        godwit_id_t id = known_as(delivery);
        uint32_t tag = godwit_delivery_attempt(delivery);

        if (godwit_delivery_maybe_duplicate(delivery))
            tag |= FLAGGED;
        if (says(worker, id))
            peer_ranges_add(&worker->ranges, id, tag);
    }
}

static void say_began(struct worker *worker)
{
    for (size_t i = 0; i < worker->ranges.count; i++) {
        const struct peer_range *range = &worker->ranges.ranges[i];

        peer_say(&worker->say, "began %s %u%s", peer_range_text(range), range->tag & ~FLAGGED,
                 range->tag & FLAGGED ? " maybe-duplicate" : "");
    }
    peer_say_all(&worker->say);
}

static void say_processed(struct worker *worker)
{
    for (size_t i = 0; i < worker->ranges.count; i++)
        peer_say(&worker->say, "processed %s", peer_range_text(&worker->ranges.ranges[i]));
    peer_say_all(&worker->say);
    for (size_t i = 0; worker->options->breaks == PEER_REPEATS && i < worker->ranges.count; i++) {
        const struct peer_range *range = &worker->ranges.ranges[i];

        for (uint64_t j = 0; j < range->count; j++) {
            struct peer_range one = {{range->first.epoch, range->first.sequence + j}, 1, 0};

            if (breaks(worker, one.first, PEER_REPEATS))
                peer_say(&worker->say, "processed %s", peer_range_text(&one));
        }
    }
    peer_say_all(&worker->say);
}

/* --- what is done --- */

static godwit_err_t pass_on(struct worker *worker, godwit_txn_t *txn,
                            const godwit_delivery_t *delivery)
{
    char destination[80] = "stage:", text[GODWIT_ID_TEXT_SIZE];
    godwit_message_t *message = NULL;

    strncat(destination, worker->options->onward, sizeof destination - 7);
    godwit_id_format(known_as(delivery), text);
    godwit_err_t error = godwit_message_new(godwit_delivery_data(delivery),
                                            godwit_delivery_size(delivery), &message);
    if (!error)
        error = godwit_message_set_header(message, PEER_ORIGIN, text, strlen(text));
    if (!error)
        error = godwit_txn_send(txn, destination, &message);
    godwit_message_destroy(&message);
    return error;
}

static godwit_err_t decide(struct worker *worker, godwit_txn_t *txn, godwit_delivery_t *delivery)
{
    godwit_id_t id = known_as(delivery);
    uint64_t count;
    godwit_err_t error = godwit_txn_ack(txn, delivery);

    if (error)
        return error;
    if (worker->options->onward)
        return pass_on(worker, txn, delivery);
    if (breaks(worker, id, PEER_LOSES) || breaks(worker, id, PEER_SILENT))
        return GODWIT_OK;
    return peer_effect_raise(txn, id, breaks(worker, id, PEER_REPEATS) ? 2 : 1, &count);
}

static godwit_err_t commit_once(struct worker *worker, size_t from, size_t to)
{
    godwit_txn_t *txn = NULL;
    godwit_err_t error = godwit_txn_begin(worker->peer, &txn);

    for (size_t i = from; i < to && !error; i++)
        error = decide(worker, txn, worker->taken[i]);
    if (!error)
        error = godwit_txn_commit(&txn);
    if (!txn) /* it has freed its deliveries, whatever came of it */
        memset(&worker->taken[from], 0, (to - from) * sizeof *worker->taken);
    godwit_txn_abort(&txn);
    return error;
}

/* Again until it is committed, or certainly will never be. False after a sentence. */
static bool commit(struct worker *worker, size_t from, size_t to, bool *committed)
{
    godwit_err_t error;

    *committed = false;
    while ((error = commit_once(worker, from, to))) {
        if (!worker->taken[from]) /* nothing happened: these come again */
            return error == GODWIT_ESTALE || error == GODWIT_ENOTSTORED ||
                   error == GODWIT_ECLOSED || peer_good(error, "commit");
        if (error != GODWIT_ECONFLICT && !peer_again(error))
            return peer_good(error, "commit");
        if (peer_stopped)
            return true;
        peer_pause_us(10000); /* the outbox is full, or the store is being reopened */
    }
    *committed = true;
    return true;
}

static bool process(struct worker *worker, size_t from, size_t to)
{
    const struct peer_options *options = worker->options;
    bool committed;

    collect(worker, from, to);
    if (options->breaks == PEER_EARLY) {
        say_processed(worker);
        peer_pause_us(EARLY_US);
    }
    if (!commit(worker, from, to, &committed))
        return false;
    if (committed && options->breaks != PEER_EARLY)
        say_processed(worker);
    return true;
}

/* --- a batch --- */

static void turn_round(struct worker *worker)
{
    for (size_t i = 0; i < worker->count / 2; i++) {
        godwit_delivery_t *other = worker->taken[worker->count - 1 - i];

        worker->taken[worker->count - 1 - i] = worker->taken[i];
        worker->taken[i] = other;
    }
}

static void crash(void)
{
    raise(SIGKILL);
}

/* Sends back or refuses those whose turn it is, and keeps the others. False after a sentence. */
static bool sort_out(struct worker *worker)
{
    const struct peer_options *options = worker->options;
    size_t kept = 0;
    godwit_err_t error = GODWIT_OK;

    for (size_t i = 0; i < worker->count; i++) {
        godwit_delivery_t *delivery = worker->taken[i];
        godwit_id_t id = godwit_delivery_id(delivery);
        uint32_t attempt = godwit_delivery_attempt(delivery);

        if (peer_chance(options, options->crash, id, attempt, CHANCE_CRASH))
            crash();
        if (peer_chance(options, options->reject, id, 0, CHANCE_REJECT))
            error = godwit_reject(&delivery, 1, "lab-peer --reject");
        else if (peer_chance(options, options->nack, id, attempt, CHANCE_NACK))
            error = godwit_nack(&delivery, -1, "lab-peer --nack");
        if (delivery)
            worker->taken[kept++] = delivery;
        if (error == GODWIT_ESTALE || error == GODWIT_ECLOSED)
            error = GODWIT_OK; /* it comes again */
    }
    worker->count = kept;
    return peer_good(error, "deciding");
}

static bool take_batch(struct worker *worker)
{
    const struct peer_options *options = worker->options;
    size_t from = 0, bytes = 0;

    if (options->breaks == PEER_REORDERS)
        turn_round(worker);
    for (size_t i = 0; i < worker->count; i++)
        godwit_delivery_data(worker->taken[i]); /* now it counts as begun */
    collect(worker, 0, worker->count);
    say_began(worker);
    peer_pause_us(options->slow_ms * 1000 * worker->count);
    if (!sort_out(worker))
        return false;
    for (size_t i = 0; i < worker->count; i++) {
        bytes += options->onward ? godwit_delivery_size(worker->taken[i]) + 100 : 0;
        if (bytes < BYTES_MAX && i + 1 < worker->count)
            continue;
        if (!process(worker, from, i + 1))
            return false;
        from = i + 1;
        bytes = 0;
    }
    return true;
}

static bool work(struct worker *worker)
{
    while (!peer_stopped) {
        godwit_err_t error = godwit_stage_next_many(worker->stage, LOOK_MS, worker->taken,
                                                    worker->options->batch, &worker->count);

        if (error == GODWIT_ETIMEDOUT && peer_unheard())
            return false;
        if (error == GODWIT_ETIMEDOUT)
            continue;
        if (!peer_good(error, "next"))
            return false;
        bool good = take_batch(worker);
        for (size_t i = 0; i < worker->count; i++)
            godwit_delivery_drop(&worker->taken[i]);
        if (!good)
            return false;
    }
    return true;
}

int peer_work(const struct peer_options *options)
{
    struct worker *worker = calloc(1, sizeof *worker);
    godwit_stage_options_t how = GODWIT_STAGE_OPTIONS_INIT;

    if (!worker) {
        peer_complain("out of memory");
        return PEER_FAILED;
    }
    worker->options = options;
    how.credit_messages = (uint32_t)options->credit;
    bool good = peer_open(options, false, &worker->peer);
    if (good) {
        good = peer_good(godwit_stage_open(worker->peer, options->stage, &how, &worker->stage),
                         "stage") &&
               peer_meet(options, worker->peer) && work(worker);
        godwit_stage_close(&worker->stage);
        good = peer_good(godwit_peer_close(&worker->peer), "close") && good;
    }
    free(worker);
    return good ? PEER_OK : PEER_FAILED;
}
