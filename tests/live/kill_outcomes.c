/* SPDX-License-Identifier: MPL-2.0 */

/* A sender that reads outcomes, and a worker that refuses every tenth message. The sender writes
 * down what was accepted, and each outcome before it says that it is done with it: one that it
 * wrote down just before it was killed may come again, with the same number and the same content.
 * In the end each accepted message has exactly one outcome, and there are as many dead letters as
 * outcomes say. */

#include "kill.h"

#include <unistd.h>

#define STAGE "work"

enum { SENDER, WORKER };

struct outcome {
    uint64_t number;
    uint64_t epoch;
    uint64_t first;
    uint64_t last;
    uint64_t how;
};

struct accepted {
    uint64_t epoch;
    uint64_t first;
    uint64_t last;
};

/* --- the sender --- */

static godwit_peer_t *open_sender(const char *directory)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    godwit_peer_t *peer;
    char store[256];

    snprintf(store, sizeof store, "%s/sender", directory);
    options.name = "sender";
    options.directory = store;
    options.durability = GODWIT_DURABILITY_OS;
    options.heartbeat_ms = 50;
    options.outcomes = true;
    kill_must(godwit_peer_open(&options, &peer), "sender");
    return peer;
}

/* Reads some of those that there are; false: there are none. */
static bool note_outcomes(godwit_peer_t *peer, int ledger, uint64_t most)
{
    godwit_err_t error = GODWIT_OK;
    godwit_outcome_t outcome;
    uint64_t last = 0;

    while (most-- > 0 && !(error = godwit_outcome_next(peer, last, 0, &outcome))) {
        struct outcome note = {outcome.number, outcome.first.epoch, outcome.first.sequence,
                               outcome.last_sequence, (uint64_t)outcome.how};

        kill_append(ledger, &note.number, sizeof note / sizeof note.number);
        last = outcome.number;
    }
    if (error && error != GODWIT_ETIMEDOUT)
        kill_must(error, "outcome_next");
    if (last)
        kill_must(godwit_outcome_done(peer, last), "outcome_done");
    return last > 0;
}

static void send_group(godwit_peer_t *peer, int ledger, uint64_t count)
{
    godwit_id_t first = {0}, id = {0};

    for (uint64_t i = 0; i < count; i++) {
        kill_must(godwit_push_data(peer, STAGE, "x", 1, &id), "push");
        if (i == 0)
            first = id;
    }
    kill_must(godwit_wait(peer, id, GODWIT_STORED, KILL_DRAIN_MS), "wait");
    struct accepted note = {id.epoch, first.sequence, id.sequence};
    kill_append(ledger, &note.epoch, sizeof note / sizeof note.epoch);
}

static void send_all(const char *directory, char *const *endpoints)
{
    godwit_peer_t *peer = open_sender(directory);
    int accepted = kill_file(directory, "accepted"), outcomes = kill_file(directory, "outcomes");

    kill_meet(peer, endpoints[SENDER], endpoints[WORKER]);
    for (uint64_t round = 0; round == 0 || !kill_stopping; round++) {
        send_group(peer, accepted, 1 + round % KILL_GROUP_MAX);
        note_outcomes(peer, outcomes, 1 + round % 8); /* some are left unread */
        kill_pause_ms(1); /* keeps the backlog, and so the end of the test, short */
    }
    kill_must(godwit_peer_drain(peer, GODWIT_SETTLED, KILL_DRAIN_MS), "drain");
    while (note_outcomes(peer, outcomes, 100))
        ;
    kill_must(godwit_peer_close(&peer), "close");
}

/* --- the worker --- */

static void work(const char *directory, char *const *endpoints)
{
    godwit_peer_t *peer = kill_peer("worker", directory);
    godwit_stage_t *stage;
    godwit_delivery_t *delivery;

    kill_must(godwit_stage_open(peer, STAGE, NULL, &stage), "stage");
    kill_meet(peer, endpoints[WORKER], endpoints[SENDER]);
    while (!kill_stopping) {
        if (godwit_stage_next(stage, 50, &delivery) != GODWIT_OK)
            continue;
        if (godwit_delivery_id(delivery).sequence % 10 == 3)
            kill_must(godwit_reject(&delivery, 1, "every tenth"), "reject");
        else
            kill_must(godwit_ack(&delivery), "ack");
    }
    godwit_stage_close(&stage);
    kill_must(godwit_peer_close(&peer), "close");
}

static void run(size_t role, const char *directory, char *const *endpoints)
{
    if (role == SENDER)
        send_all(directory, endpoints);
    else
        work(directory, endpoints);
}

/* --- the verdict --- */

static void *read_all(const char *directory, const char *name, size_t size, size_t *count)
{
    int fd = kill_file(directory, name);
    off_t end = lseek(fd, 0, SEEK_END);
    uint8_t *all = malloc((size_t)end + 1);

    if (!all || pread(fd, all, (size_t)end, 0) != end)
        kill_die("%s cannot be read", name);
    close(fd);
    *count = (size_t)end / size;
    return all;
}

static int by_number(const void *a, const void *b)
{
    const struct outcome *left = a, *right = b;

    return left->number < right->number ? -1 : left->number > right->number;
}

static int by_id(const void *a, const void *b)
{
    const struct outcome *left = a, *right = b;

    if (left->epoch != right->epoch)
        return left->epoch < right->epoch ? -1 : 1;
    return left->first < right->first ? -1 : left->first > right->first;
}

/* Each number once; *dead: how many messages died. */
static size_t distinct(struct outcome *outcomes, size_t count, uint64_t *dead,
                       struct kill_verdict *verdict)
{
    size_t kept = 0;

    qsort(outcomes, count, sizeof *outcomes, by_number);
    for (size_t i = 0; i < count; i++) {
        const struct outcome *before = kept > 0 ? &outcomes[kept - 1] : NULL;

        if (before && before->number == outcomes[i].number) {
            verdict->repeated += memcmp(before, &outcomes[i], sizeof *before) != 0;
            continue;
        }
        if (outcomes[i].how == GODWIT_PLACE_DEAD)
            *dead += outcomes[i].last - outcomes[i].first + 1;
        verdict->processed += outcomes[i].last - outcomes[i].first + 1;
        outcomes[kept++] = outcomes[i];
    }
    return kept;
}

static uint64_t covered(const struct outcome *outcomes, size_t count, uint64_t epoch,
                        uint64_t first, uint64_t last)
{
    uint64_t sum = 0;
    size_t low = 0, high = count;

    while (low < high) { /* the first one of the epoch that ends at `first` or later */
        size_t middle = low + (high - low) / 2;
        const struct outcome *at = &outcomes[middle];
        if (at->epoch < epoch || (at->epoch == epoch && at->last < first))
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < count && outcomes[low].epoch == epoch && outcomes[low].first <= last; low++) {
        uint64_t begin = outcomes[low].first > first ? outcomes[low].first : first;
        uint64_t end = outcomes[low].last < last ? outcomes[low].last : last;
        sum += end - begin + 1;
    }
    return sum;
}

static uint64_t count_dead(const char *directory)
{
    godwit_peer_t *peer = open_sender(directory);
    godwit_id_t at = {0};
    godwit_dead_t *dead;
    uint64_t count = 0;

    for (; godwit_dead_next(peer, at, &dead) == GODWIT_OK; count++) {
        at = dead->id;
        godwit_dead_free(&dead);
    }
    kill_must(godwit_peer_close(&peer), "close");
    return count;
}

static void judge(const char *directory, struct kill_verdict *verdict)
{
    size_t count, accepted_count;
    uint64_t dead = 0, stored = count_dead(directory);
    struct outcome *outcomes = read_all(directory, "outcomes", sizeof *outcomes, &count);
    struct accepted *accepted = read_all(directory, "accepted", sizeof *accepted, &accepted_count);

    count = distinct(outcomes, count, &dead, verdict);
    qsort(outcomes, count, sizeof *outcomes, by_id);
    for (size_t i = 1; i < count; i++)
        verdict->repeated += outcomes[i].epoch == outcomes[i - 1].epoch &&
                             outcomes[i].first <= outcomes[i - 1].last;
    for (size_t i = 0; i < accepted_count; i++) {
        uint64_t size = accepted[i].last - accepted[i].first + 1;
        uint64_t found = covered(outcomes, count, accepted[i].epoch, accepted[i].first,
                                 accepted[i].last);

        verdict->accepted += size;
        verdict->lost += found < size ? size - found : 0;
    }
    if (stored != dead) {
        fprintf(stderr, "%" PRIu64 " outcomes say dead, %" PRIu64 " dead letters are there\n",
                dead, stored);
        verdict->lost++;
    }
    free(outcomes);
    free(accepted);
}

const struct kill_pattern kill_outcomes = {
    .name = "outcomes",
    .roles = {"sender", "worker"},
    .run = run,
    .judge = judge,
};
