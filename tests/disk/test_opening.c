/* SPDX-License-Identifier: MPL-2.0 */

/* A peer whose process dies, or whose disk refuses, at each call in turn from its open to its
 * close: it opens the next time, and what was accepted is there. So no crash and no error at any
 * instant makes an honest store refused (decision 0009). */

#include "disk_faults.h"

#include "../live/live.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define CALLS_MAX 200 /* of one kind in one life; there are some twenty */

struct ledger { /* shared with children */
    unsigned stored;
    unsigned sent;
    char why[256];
};

static struct ledger *ledger;
static char directory[128];

/* Opens, has one message stored, closes. What a child returns is its status. */
static int live(void)
{
    godwit_peer_options_t options = live_options("walker");
    godwit_peer_t *peer;
    godwit_id_t id;

    options.directory = directory;
    if (godwit_peer_open(&options, &peer)) {
        snprintf(ledger->why, sizeof ledger->why, "%s", godwit_last_error());
        return 1;
    }
    ledger->sent++;
    if (godwit_push_data(peer, "s", &ledger->sent, sizeof ledger->sent, &id) == GODWIT_OK &&
        godwit_wait(peer, id, GODWIT_STORED, 10000) == GODWIT_OK)
        ledger->stored++;
    godwit_peer_close(&peer);
    return 0;
}

/* The status; 0 and no hit: the life had fewer such calls. */
static int live_with(const struct disk_fault *fault, bool *hit)
{
    int status;

    ledger->why[0] = '\0';
    pid_t pid = fork();
    if (pid == 0) {
        if (fault)
            disk_fault_add(fault);
        int result = live();
        _exit(result + (fault && disk_fault_hits() > 0 ? 16 : 0));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    int code = WEXITSTATUS(status);
    *hit = code == DISK_DEATH || code & 16;
    return code == DISK_DEATH ? code : code & 15;
}

static void live_well(const char *what, unsigned nth)
{
    bool hit;

    if (live_with(NULL, &hit) != 0)
        fail_msg("after %s at call %u: %s", what, nth, ledger->why);
}

/* What was stored is there; what was sent and not known to be stored may be. */
static void count_all(void)
{
    godwit_peer_t *peer = live_disk_peer("walker", directory), *other = live_peer("worker");
    godwit_stage_t *stage = live_stage(other, "s");
    unsigned found = 0;

    live_join(peer, other);
    while (godwit_peer_drain(peer, GODWIT_SETTLED, 0) != GODWIT_OK) {
        godwit_delivery_t *delivery = NULL;
        if (godwit_stage_next(stage, 20, &delivery) == GODWIT_OK) {
            ok(godwit_ack(&delivery));
            found++;
        }
    }
    assert_in_range(found, ledger->stored, ledger->sent);
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&other));
    ok(godwit_peer_close(&peer));
    print_message("%u sent, %u known to be stored, %u found\n", ledger->sent, ledger->stored,
                  found);
}

/* Each kind of call, each one in turn. `fresh`: of a directory that is made. */
static void sweep(struct disk_fault fault, bool fresh, const char *what)
{
    static const enum disk_call calls[] = {DISK_WRITE, DISK_SYNC, DISK_OPEN, DISK_RENAME};

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        bool hit = true;
        unsigned nth;

        fault.call = calls[i];
        fault.below = directory;
        fault.count = 1;
        for (nth = 1; hit; nth++) {
            assert_true(nth < CALLS_MAX);
            if (fresh) {
                live_remove(directory);
                ledger->sent = ledger->stored = 0;
            }
            fault.first = nth;
            int status = live_with(&fault, &hit);
            if (status == 1 && !ledger->why[0])
                fail_msg("%s at call %u: no reason given", what, nth);
            live_well(what, nth);
            if (fresh)
                count_all();
        }
        assert_true(nth > 2);
    }
}

static void begin(void)
{
    live_directory(directory);
    ledger->sent = ledger->stored = 0;
}

static void deaths_of_a_fresh_peer(void **state)
{
    (void)state;
    begin();
    sweep((struct disk_fault){.die = true}, true, "a death");
    live_remove(directory);
}

static void deaths_of_a_peer(void **state)
{
    (void)state;
    begin();
    live_well("nothing", 0);
    sweep((struct disk_fault){.die = true}, false, "a death");
    count_all();
    live_remove(directory);
}

static void errors_of_a_peer(void **state)
{
    (void)state;
    begin();
    live_well("nothing", 0);
    sweep((struct disk_fault){.error = EIO}, false, "EIO");
    sweep((struct disk_fault){.error = ENOSPC, .half = true}, false, "ENOSPC");
    count_all();
    live_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deaths_of_a_fresh_peer),
        cmocka_unit_test(deaths_of_a_peer),
        cmocka_unit_test(errors_of_a_peer),
    };

    ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (ledger == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
