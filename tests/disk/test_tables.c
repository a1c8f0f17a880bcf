/* SPDX-License-Identifier: MPL-2.0 */

/* LevelDB cannot turn a full log into a table, in a thread of its own: the next write learns of it,
 * and the peer goes on as after any failed commit (faults D07, D24). */

#include "disk_faults.h"
#include "traffic.h"

#include <errno.h>

#define COUNT 1500 /* two write buffers of LevelDB's, */
#define SIZE 12000 /* of bodies that do not lie apart */

static char directory[128];

static godwit_peer_t *open_roomy(void)
{
    godwit_peer_options_t options = live_options("walker");
    godwit_peer_t *peer;

    options.directory = live_directory(directory);
    options.outbox_max_bytes = 64 << 20;
    options.full_timeout_ms = 500; /* of a send while the store is away */
    ok(godwit_peer_open(&options, &peer));
    return peer;
}

/* What has an answer is stored or not; what is stored arrives, once, and nothing else. */
static void receive(godwit_peer_t *peer, const godwit_id_t *ids)
{
    godwit_peer_t *other = live_peer("worker");
    godwit_stage_t *stage = live_stage(other, "s");
    unsigned stored = 0;

    for (unsigned i = 0; i < COUNT; i++) {
        godwit_err_t error = godwit_wait(peer, ids[i], GODWIT_STORED, LIVE_TIMEOUT_MS);
        if (error != GODWIT_ENOTSTORED)
            ok(error);
        stored += error == GODWIT_OK;
    }
    live_join(peer, other);
    for (unsigned i = 0; i < stored; i++) {
        godwit_delivery_t *delivery = live_next(stage);
        unsigned number;
        memcpy(&number, godwit_delivery_data(delivery), sizeof number);
        assert_true(number < COUNT);
        ok(godwit_wait(peer, ids[number], GODWIT_STORED, 0));
        ok(godwit_ack(&delivery));
    }
    for (unsigned i = 0; i < COUNT; i++) {
        godwit_err_t error = godwit_wait(peer, ids[i], GODWIT_SETTLED, LIVE_TIMEOUT_MS);
        if (error != GODWIT_ENOTSTORED)
            ok(error);
    }
    print_message("%u of %u stored\n", stored, COUNT);
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&other));
}

static void run(struct disk_fault fault)
{
    static godwit_id_t ids[COUNT];
    static unsigned char bytes[SIZE];
    godwit_peer_t *peer = open_roomy();

    fault.below = directory;
    fault.name = ".ldb";
    disk_fault_add(&fault);
    for (unsigned i = 0; i < COUNT; i++) {
        memcpy(bytes, &i, sizeof i);
        for (unsigned tries = 0;
             godwit_push_data(peer, "s", bytes, sizeof bytes, &ids[i]) != GODWIT_OK; tries++) {
            assert_true(tries < 60);
            disk_faults_clear(); /* the peer waits for the disk */
        }
        /* One by one, so that no batch is large. One in doubt: the peer waits for the disk. */
        if (godwit_wait(peer, ids[i], GODWIT_STORED, 500) == GODWIT_ETIMEDOUT)
            disk_faults_clear();
    }
    for (int tries = 0; disk_fault_hits() == 0 && tries < LIVE_TIMEOUT_MS; tries++)
        pause_ms(1); /* until the last of it is on its way to the disk */
    disk_faults_clear();
    assert_true(disk_fault_hits() > 0);
    receive(peer, ids);
    assert_true(live_counter(peer, "commit_failures") > 0);
    ok(godwit_peer_close(&peer));
    live_remove(directory);
}

static void tables_that_cannot_be_written(void **state)
{
    (void)state;
    run((struct disk_fault){.call = DISK_WRITE, .error = ENOSPC});
    run((struct disk_fault){.call = DISK_SYNC, .error = EIO});
}

static void tables_that_cannot_be_opened(void **state)
{
    (void)state;
    run((struct disk_fault){.call = DISK_OPEN, .error = EMFILE});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_that_cannot_be_written),
        cmocka_unit_test(tables_that_cannot_be_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
