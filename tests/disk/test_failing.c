/* SPDX-License-Identifier: MPL-2.0 */

/* Disks that refuse, of a sender and of a receiver, under traffic both ways: each waiting send gets
 * STORED or NOT_STORED, service goes on by itself when the disk is well again, and everything that
 * was accepted is processed once. Faults D05 to D08, D11; hazards DB01, DB02. */

#include "disk_faults.h"
#include "traffic.h"

#include <errno.h>

static uint64_t failures(void)
{
    return live_counter(traffic_peer[LEFT], "commit_failures");
}

/* Until the left peer's commit failed once more. Traffic makes commits. */
static void await_failure(uint64_t before)
{
    for (unsigned ms = 0; failures() == before; ms++) {
        assert_true(ms < LIVE_TIMEOUT_MS);
        pause_ms(1);
    }
}

static void await_hits(unsigned hits)
{
    for (unsigned ms = 0; disk_fault_hits() < hits; ms++) {
        assert_true(ms < LIVE_TIMEOUT_MS);
        pause_ms(1);
    }
}

/* One that hits a few calls only. */
static void once(struct disk_fault fault)
{
    uint64_t before = failures();

    fault.below = traffic_directory[LEFT];
    traffic_gets_on(40);
    disk_fault_add(&fault);
    await_failure(before);
    traffic_gets_on(40);
    disk_faults_clear();
}

/* One that lasts until the disk is mended, through some tries to reopen. */
static void lasting(struct disk_fault fault)
{
    uint64_t before = failures();

    fault.below = traffic_directory[LEFT];
    traffic_gets_on(40);
    disk_fault_add(&fault);
    await_failure(before);
    await_hits(4);
    unsigned stored = traffic_stored(LEFT);
    await_hits(6);
    assert_int_equal(traffic_stored(LEFT), stored); /* nothing is accepted meanwhile */
    disk_faults_clear();
    traffic_gets_on(40);
}

static void writes_that_fail_once(void **state)
{
    static const int errors[] = {ENOSPC, EIO, EDQUOT, EFBIG};

    (void)state;
    traffic_begin(NULL);
    for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++) {
        once((struct disk_fault){.call = DISK_WRITE, .error = errors[i], .count = 1});
        once((struct disk_fault){.call = DISK_WRITE, .error = errors[i], .count = 1, .half = true,
                                 .first = 3});
    }
    traffic_end();
}

static void writes_that_fail_until_there_is_space(void **state)
{
    (void)state;
    traffic_begin(NULL);
    lasting((struct disk_fault){.call = DISK_WRITE, .error = ENOSPC});
    lasting((struct disk_fault){.call = DISK_WRITE, .error = ENOSPC, .half = true});
    lasting((struct disk_fault){.call = DISK_WRITE, .error = EIO});
    traffic_end();
}

/* The reopening is what fails: at each of its calls. */
static void a_reopening_that_fails_anywhere(void **state)
{
    (void)state;
    traffic_begin(NULL);
    for (unsigned i = 1; i <= 12; i++) {
        struct disk_fault first = {.call = DISK_WRITE, .error = ENOSPC, .count = 1};
        struct disk_fault opening = {.below = traffic_directory[LEFT], .call = DISK_OPEN,
                                     .error = ENOSPC, .first = i, .count = 2};
        struct disk_fault syncing = {.below = traffic_directory[LEFT], .call = DISK_SYNC,
                                     .error = EIO, .first = i, .count = 2};
        struct disk_fault renaming = {.below = traffic_directory[LEFT], .call = DISK_RENAME,
                                      .error = EIO, .first = i % 3 + 1, .count = 1};
        disk_fault_add(i % 3 == 0 ? &opening : i % 3 == 1 ? &syncing : &renaming);
        if (i % 3 == 1) { /* it hits commits by itself */
            traffic_gets_on(40);
            disk_faults_clear();
        } else {
            once(first);
        }
    }
    traffic_end();
}

static void syncs_that_fail(void **state)
{
    (void)state;
    traffic_begin(NULL);
    for (unsigned done = 0; done < 2; done++) {
        once((struct disk_fault){.call = DISK_SYNC, .error = EIO, .count = 1, .done = done});
        lasting((struct disk_fault){.call = DISK_SYNC, .error = EIO, .done = done});
    }
    traffic_end();
}

static void a_disk_turned_read_only(void **state)
{
    (void)state;
    traffic_begin(NULL);
    struct disk_fault open = {.below = traffic_directory[LEFT], .call = DISK_OPEN, .error = EROFS};
    disk_fault_add(&open);
    lasting((struct disk_fault){.call = DISK_WRITE, .error = EROFS});
    traffic_end();
}

/* Legal, and no failure: the rest is written next. */
static void writes_that_are_short(void **state)
{
    struct disk_fault fault = {.call = DISK_WRITE, .half = true};

    (void)state;
    traffic_begin(NULL);
    fault.below = traffic_directory[LEFT];
    disk_fault_add(&fault);
    traffic_gets_on(100);
    assert_true(disk_fault_hits() > 0);
    disk_faults_clear();
    assert_int_equal(failures(), 0);
    traffic_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_that_fail_once),
        cmocka_unit_test(writes_that_fail_until_there_is_space),
        cmocka_unit_test(a_reopening_that_fails_anywhere),
        cmocka_unit_test(syncs_that_fail),
        cmocka_unit_test(a_disk_turned_read_only),
        cmocka_unit_test(writes_that_are_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
