/* SPDX-License-Identifier: MPL-2.0 */

/* A producer and a consumer. The producer writes a payload's number to the ledger after STORED was
 * reported for it. A number that is not in the ledger may have been stored all the same: then it
 * may be processed once or not at all. */

#include "kill.h"

#include <unistd.h>

#define STAGE "work"
#define TXN_MAX 16 /* deliveries in one transaction */

enum { PRODUCER, CONSUMER };

/* The number stands at both ends, if there is room for two. */
static void number_message(unsigned char *message, uint64_t number)
{
    if (kill_padding >= sizeof number)
        memcpy(message + kill_padding, &number, sizeof number);
    memcpy(message, &number, sizeof number);
}

static uint64_t number_of(godwit_delivery_t *delivery)
{
    const unsigned char *message = godwit_delivery_data(delivery);
    uint64_t number;

    if (godwit_delivery_size(delivery) != sizeof number + kill_padding ||
        (kill_padding >= sizeof number &&
         memcmp(message, message + kill_padding, sizeof number) != 0))
        kill_die("a message is not what was sent");
    memcpy(&number, message, sizeof number);
    return number;
}

static void produce(const char *directory, char *const *endpoints)
{
    godwit_peer_t *peer = kill_peer("producer", directory);
    struct kill_numbers numbers;
    static unsigned char message[sizeof(uint64_t) + KILL_PADDING_MAX];
    uint64_t group[KILL_GROUP_MAX];
    int ledger = kill_file(directory, "ledger");
    godwit_id_t id;

    kill_numbers_begin(&numbers, directory);
    kill_meet(peer, endpoints[PRODUCER], endpoints[CONSUMER]);
    do {
        size_t most = kill_padding < KILL_PADDING_LARGE ? KILL_GROUP_MAX : 3;
        size_t count = 1 + (size_t)(numbers.next % most);

        kill_numbers_group(&numbers, group, count);
        for (size_t i = 0; i < count; i++) {
            number_message(message, group[i]);
            kill_must(godwit_push_data(peer, STAGE, message, sizeof group[i] + kill_padding, &id),
                      "push");
        }
        kill_must(godwit_wait(peer, id, GODWIT_STORED, KILL_DRAIN_MS), "wait");
        kill_append(ledger, group, count);
        kill_pause_ms(1); /* keeps the backlog, and so the end of the test, short */
    } while (!kill_stopping);
    kill_must(godwit_peer_drain(peer, GODWIT_SETTLED, KILL_DRAIN_MS), "drain");
    kill_must(godwit_peer_close(&peer), "close");
}

static void process(godwit_peer_t *peer, godwit_stage_t *stage, godwit_delivery_t *delivery)
{
    godwit_txn_t *txn;

    kill_must(godwit_txn_begin(peer, &txn), "begin");
    for (int i = 0; delivery && i < TXN_MAX; i++) {
        uint64_t number = number_of(delivery);
        kill_must(godwit_txn_ack(txn, delivery), "txn_ack");
        kill_raise(txn, number, 0);
        delivery = NULL;
        if (i + 1 < TXN_MAX && godwit_stage_next(stage, 0, &delivery) != GODWIT_OK)
            break;
    }
    kill_must(godwit_txn_commit(&txn), "commit");
}

static void consume(const char *directory, char *const *endpoints)
{
    godwit_peer_t *peer = kill_peer("consumer", directory);
    godwit_stage_t *stage;
    godwit_delivery_t *delivery;

    kill_must(godwit_stage_open(peer, STAGE, NULL, &stage), "stage");
    kill_meet(peer, endpoints[CONSUMER], endpoints[PRODUCER]);
    while (!kill_stopping)
        if (godwit_stage_next(stage, 50, &delivery) == GODWIT_OK)
            process(peer, stage, delivery);
    godwit_stage_close(&stage);
    kill_must(godwit_peer_close(&peer), "close");
}

static void run(size_t role, const char *directory, char *const *endpoints)
{
    if (role == PRODUCER)
        produce(directory, endpoints);
    else
        consume(directory, endpoints);
}

static void judge(const char *directory, struct kill_verdict *verdict)
{
    int ledger = kill_file(directory, "ledger"), reserved = kill_file(directory, "reserved");
    uint64_t limit = kill_last(reserved), number;
    struct kill_effect *effects = calloc(limit + 1, sizeof *effects);

    if (!effects)
        kill_die("out of memory");
    kill_effects(directory, "consumer", effects, limit, verdict);
    kill_count_dead(directory, "producer", verdict);
    lseek(ledger, 0, SEEK_SET);
    while (read(ledger, &number, sizeof number) == sizeof number) {
        verdict->accepted++;
        if (effects[number].count == 0) {
            if (verdict->lost++ < 10)
                fprintf(stderr, "lost: %" PRIu64 "\n", number);
        }
    }
    free(effects);
    close(ledger);
    close(reserved);
}

const struct kill_pattern kill_pipeline = {
    .name = "pipeline",
    .roles = {"producer", "consumer"},
    .run = run,
    .judge = judge,
};
