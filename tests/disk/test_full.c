/* SPDX-License-Identifier: MPL-2.0 */

/* A real file system runs full in the middle of a run of both sides, then has space again:
 * everything that was accepted arrives, once (faults D06, D07). A small tmpfs in a mount namespace
 * of this process, filled by a ballast file; skipped where mounting is not permitted. */

#include "traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define SIZE "size=40m"
#define ROUNDS 3

static char mount_point[128];
static char ballast[160];

/* Takes whatever space there is, to the last page. */
static void fill(void)
{
    static const char chunk[1 << 16];
    int file = open(ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    size_t size = sizeof chunk;

    assert_true(file >= 0);
    while (size > 0) {
        ssize_t written = write(file, chunk, size);
        if (written < 0) {
            assert_int_equal(errno, ENOSPC);
            size /= 2;
        }
    }
    close(file);
}

static uint64_t failures(enum side side)
{
    return live_counter(traffic_peer[side], "commit_failures");
}

/* Reopening deletes old logs, so that there may be space again for a while: it is taken too. */
static void stay_full_until_both_failed(void)
{
    uint64_t before[SIDES] = {failures(LEFT), failures(RIGHT)};

    for (unsigned ms = 0; failures(LEFT) == before[LEFT] || failures(RIGHT) == before[RIGHT];
         ms++) {
        assert_true(ms < LIVE_TIMEOUT_MS);
        fill();
        pause_ms(1);
    }
}

/* Nobody gets anywhere, for as long as some tries to reopen take. */
static void stay_full_a_while(void)
{
    for (unsigned i = 0; i < 500; i++) {
        fill();
        pause_ms(1);
    }
}

static void everything_accepted_arrives_once(void **state)
{
    (void)state;
    traffic_begin(mount_point);
    for (unsigned i = 0; i < ROUNDS; i++) {
        traffic_gets_on(200);
        stay_full_until_both_failed();
        if (i > 0)
            stay_full_a_while();
        assert_int_equal(unlink(ballast), 0);
        traffic_gets_on(200);
    }
    print_message("commits failed: %u and %u\n", (unsigned)failures(LEFT),
                  (unsigned)failures(RIGHT));
    traffic_end();
}

#define LARGE ((size_t)12 << 20) /* some fit, and a part of one more */

static unsigned char large[LARGE];

static godwit_peer_t *large_peer(const char *name, const char *directory)
{
    godwit_peer_options_t options = live_options(name);
    godwit_peer_t *peer;

    options.directory = directory;
    options.max_message = LARGE;
    ok(godwit_peer_open(&options, &peer));
    return peer;
}

static void take(godwit_stage_t *stage, int number)
{
    godwit_delivery_t *delivery = live_next(stage);

    memset(large, number, LARGE);
    assert_int_equal(godwit_delivery_size(delivery), LARGE);
    assert_true(memcmp(godwit_delivery_data(delivery), large, LARGE) == 0);
    ok(godwit_ack(&delivery));
}

static godwit_err_t push(godwit_peer_t *peer, int number)
{
    godwit_id_t id;

    memset(large, number, LARGE);
    ok(godwit_push_data(peer, "work", large, LARGE, &id));
    return godwit_wait(peer, id, GODWIT_STORED, LIVE_TIMEOUT_MS);
}

/* The disk takes some of a body and no more: it is not accepted, and does no harm to the others. */
static void half_a_body_is_none(void **state)
{
    char directory[160];
    godwit_peer_t *walker, *worker = large_peer("worker", NULL);
    godwit_stage_t *stage = live_stage(worker, "work");

    (void)state;
    snprintf(directory, sizeof directory, "%s/large", mount_point);
    walker = large_peer("walker", directory);
    godwit_err_t error;
    int accepted = 0;
    while ((error = push(walker, accepted)) == GODWIT_OK)
        accepted++;
    fails(GODWIT_ENOTSTORED, error);
    assert_in_range(accepted, 1, 3);
    live_join(walker, worker);
    for (int i = 0; i < accepted; i++)
        take(stage, i);
    fails(GODWIT_ENOTSTORED, godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(push(walker, accepted));
    take(stage, accepted);
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&walker));
    ok(godwit_peer_close(&worker));
    live_remove(directory);
}

/* The namespace, and with it the mount, ends with the process. */
static int mount_one(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return -1;
    live_directory(mount_point);
    snprintf(ballast, sizeof ballast, "%s/ballast", mount_point);
    if (mount("none", mount_point, "tmpfs", MS_NOSUID | MS_NODEV, SIZE ",mode=0700") == 0)
        return 0;
    rmdir(mount_point);
    return -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_accepted_arrives_once),
        cmocka_unit_test(half_a_body_is_none),
    };

    if (mount_one() != 0) {
        printf("skipped: mounting a tmpfs is not permitted here (%s)\n", strerror(errno));
        return 77;
    }
    int result = cmocka_run_group_tests(tests, NULL, NULL);
    umount2(mount_point, MNT_DETACH);
    rmdir(mount_point);
    return result;
}
