/* SPDX-License-Identifier: MPL-2.0 */

/* Two peers live from their open to their close and hand over some messages, and one write of one
 * of them fails: the first, the second, ... up to the last of its life. Then there is space again,
 * and the run goes on to its end: what was accepted was processed once (fault D06; short writes,
 * writes interrupted by a signal). */

#include "disk_faults.h"

#include "../live/live.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define MESSAGES 5     /* of one life */
#define WRITES_MAX 400 /* of one life; there are some dozens */
#define NUMBERS_MAX 20000

enum side { SENDER, RECEIVER };

static char base[128], directory[2][160];
static unsigned numbers; /* accepted so far */
static atomic_uchar processed[NUMBERS_MAX];
static atomic_bool stopping;

/* --- the two --- */

/* The write that fails may be one of its open. */
static godwit_peer_t *open_at_last(enum side side)
{
    godwit_peer_options_t options = live_options(side == SENDER ? "sender" : "receiver");
    godwit_peer_t *peer;
    unsigned tries = 0;

    options.directory = directory[side];
    while (godwit_peer_open(&options, &peer) != GODWIT_OK)
        if (++tries > 3)
            fail_msg("%s", godwit_last_error());
    return peer;
}

struct work {
    godwit_peer_t *peer;
    godwit_stage_t *stage;
};

static void process(struct work *work, godwit_delivery_t *delivery)
{
    godwit_txn_t *txn;
    unsigned number;

    memcpy(&number, godwit_delivery_data(delivery), sizeof number);
    if (number >= NUMBERS_MAX || godwit_txn_begin(work->peer, &txn) != GODWIT_OK)
        return;
    if (godwit_txn_ack(txn, delivery) != GODWIT_OK ||
        godwit_txn_put(txn, "seen", &number, sizeof number, "1", 1) != GODWIT_OK)
        godwit_txn_abort(&txn);
    else if (godwit_txn_commit(&txn) == GODWIT_OK)
        atomic_fetch_add(&processed[number], 1);
}

static void *work_all(void *context)
{
    struct work *work = context;
    godwit_delivery_t *delivery;

    while (!atomic_load(&stopping))
        if (godwit_stage_next(work->stage, 20, &delivery) == GODWIT_OK)
            process(work, delivery);
    return NULL;
}

/* Sent again for as long as it is said not to be stored. */
static void send_one(godwit_peer_t *peer, unsigned number)
{
    godwit_err_t error;
    godwit_id_t id;

    do {
        ok(godwit_push_data(peer, "s", &number, sizeof number, &id));
        error = godwit_wait(peer, id, GODWIT_STORED, LIVE_TIMEOUT_MS);
    } while (error == GODWIT_ENOTSTORED);
    ok(error);
}

static void drain(godwit_peer_t *peer)
{
    godwit_err_t error = godwit_peer_drain(peer, GODWIT_SETTLED, LIVE_TIMEOUT_MS);

    ok(error == GODWIT_ENOTSTORED ? godwit_peer_drain(peer, GODWIT_SETTLED, LIVE_TIMEOUT_MS)
                                  : error);
}

static void live(void)
{
    godwit_peer_t *sender = open_at_last(SENDER);
    struct work work = {.peer = open_at_last(RECEIVER)};
    pthread_t worker;

    work.stage = live_stage(work.peer, "s");
    live_join(sender, work.peer);
    atomic_store(&stopping, false);
    assert_int_equal(pthread_create(&worker, NULL, work_all, &work), 0);
    for (unsigned i = 0; i < MESSAGES; i++) {
        assert_true(numbers < NUMBERS_MAX);
        send_one(sender, numbers++);
    }
    drain(sender);
    atomic_store(&stopping, true);
    pthread_join(worker, NULL);
    godwit_stage_close(&work.stage);
    godwit_peer_close(&work.peer);
    godwit_peer_close(&sender);
}

/* --- each write in turn --- */

static void check_books(void)
{
    for (unsigned i = 0; i < numbers; i++)
        if (atomic_load(&processed[i]) != 1)
            fail_msg("number %u of %u: accepted, and processed %u times", i, numbers,
                     (unsigned)atomic_load(&processed[i]));
}

static void sweep(enum side side, struct disk_fault fault)
{
    unsigned nth = 1;

    fault.below = directory[side];
    fault.call = DISK_WRITE;
    fault.count = 1;
    for (bool hit = true; hit; nth++) {
        assert_true(nth < WRITES_MAX);
        fault.first = nth;
        disk_fault_add(&fault);
        live();
        hit = disk_fault_hits() > 0;
        disk_faults_clear();
        check_books();
    }
    assert_true(nth > 10);
    print_message("%u writes of the %s\n", nth - 2, side == SENDER ? "sender" : "receiver");
}

static void begin(void)
{
    live_directory(base);
    snprintf(directory[SENDER], sizeof directory[SENDER], "%s/sender", base);
    snprintf(directory[RECEIVER], sizeof directory[RECEIVER], "%s/receiver", base);
    for (unsigned i = 0; i < NUMBERS_MAX; i++)
        atomic_store(&processed[i], 0);
    numbers = 0;
    live(); /* so that each life finds a store */
}

static void both(struct disk_fault fault)
{
    begin();
    sweep(SENDER, fault);
    sweep(RECEIVER, fault);
    print_message("%u accepted, lost 0, repeated 0\n", numbers);
    live_remove(base);
}

static void no_space_at_every_write(void **state)
{
    (void)state;
    both((struct disk_fault){.error = ENOSPC});
}

static void no_space_in_the_middle_of_every_write(void **state)
{
    (void)state;
    both((struct disk_fault){.error = ENOSPC, .half = true});
}

static void every_write_is_short_once(void **state)
{
    (void)state;
    both((struct disk_fault){.half = true});
}

static void every_write_is_interrupted_once(void **state)
{
    (void)state;
    both((struct disk_fault){.error = EINTR});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_space_at_every_write),
        cmocka_unit_test(no_space_in_the_middle_of_every_write),
        cmocka_unit_test(every_write_is_short_once),
        cmocka_unit_test(every_write_is_interrupted_once),
    };

    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1); /* hundreds of opens and syncs */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
