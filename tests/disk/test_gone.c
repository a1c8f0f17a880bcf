/* SPDX-License-Identifier: MPL-2.0 */

/* A store's directory moved, emptied, replaced or closed to its peer while that runs (fault D19):
 * nothing is accepted any more, nothing is made in its place, and when it is back the peer goes on
 * by itself. Runs as nobody if started by root, for whom no directory is closed. */

#include "traffic.h"

#include <grp.h>
#include <limits.h>
#include <sys/stat.h>

#define ABSENT_MS 700 /* some tries to reopen */

static char base[128];
static char directory[160];

static void shell(const char *text)
{
    char command[512];

    snprintf(command, sizeof command, "cd '%s' && %s", base, text);
    assert_int_equal(system(command), 0);
}

static bool exists(const char *name)
{
    struct stat status;
    char path[320];

    snprintf(path, sizeof path, "%s/%s", base, name);
    return stat(path, &status) == 0;
}

static godwit_peer_t *begin(void)
{
    live_directory(base);
    snprintf(directory, sizeof directory, "%s/store", base);
    return live_disk_peer("walker", directory);
}

static void store_one(godwit_peer_t *peer)
{
    godwit_id_t id;

    ok(godwit_push_data(peer, "s", "kept", 4, &id));
    ok(godwit_wait(peer, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
}

/* Sent while the directory is away: no answer before it is back, but one then. (Sends after it
 * wait, as at a full outbox.) */
static godwit_id_t send_in_vain(godwit_peer_t *peer)
{
    godwit_id_t id;

    ok(godwit_push_data(peer, "s", "lost", 4, &id));
    fails(GODWIT_ETIMEDOUT, godwit_wait(peer, id, GODWIT_STORED, ABSENT_MS));
    return id;
}

static void ends_not_stored(godwit_peer_t *peer, godwit_id_t id)
{
    fails(GODWIT_ENOTSTORED, godwit_wait(peer, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
}

/* What was stored before and after arrives, and nothing else. */
static void end(godwit_peer_t *peer, unsigned stored)
{
    godwit_peer_t *other = live_peer("worker");
    godwit_stage_t *stage = live_stage(other, "s");

    live_join(peer, other);
    for (unsigned i = 0; i < stored; i++) {
        godwit_delivery_t *delivery = live_next(stage);
        assert_memory_equal(godwit_delivery_data(delivery), "kept", 4);
        ok(godwit_ack(&delivery));
    }
    godwit_err_t error = godwit_peer_drain(peer, GODWIT_SETTLED, LIVE_TIMEOUT_MS);
    assert_true(error == GODWIT_OK || error == GODWIT_ENOTSTORED);
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&other));
    ok(godwit_peer_close(&peer));
    live_remove(base);
}

static void moved_away_and_back(void **state)
{
    godwit_peer_t *peer = begin();

    (void)state;
    store_one(peer);
    shell("mv store elsewhere");
    godwit_id_t id = send_in_vain(peer);
    assert_false(exists("store")); /* nothing was made in its place */
    shell("mv elsewhere store");
    ends_not_stored(peer, id);
    store_one(peer);
    end(peer, 2);
}

static void database_moved_away_and_back(void **state)
{
    godwit_peer_t *peer = begin();

    (void)state;
    store_one(peer);
    shell("mv store/db db");
    godwit_id_t id = send_in_vain(peer);
    assert_false(exists("store/db"));
    shell("mv db store/db");
    ends_not_stored(peer, id);
    store_one(peer);
    end(peer, 2);
}

static void removed_for_good(void **state)
{
    godwit_peer_t *peer = begin();

    (void)state;
    store_one(peer);
    shell("rm -r store");
    send_in_vain(peer);
    assert_false(exists("store"));
    ok(godwit_peer_close(&peer));
    assert_false(exists("store"));
    live_remove(base);
}

static void replaced_by_another(void **state)
{
    char path[160];
    godwit_peer_t *peer = begin();

    (void)state;
    store_one(peer);
    snprintf(path, sizeof path, "%s/other", base);
    godwit_peer_t *other = live_disk_peer("walker", path); /* even one of the same name */
    store_one(other);
    ok(godwit_peer_close(&other));
    shell("mv store elsewhere && mv other store");
    godwit_id_t id = send_in_vain(peer);
    shell("mv store other && mv elsewhere store");
    ends_not_stored(peer, id);
    store_one(peer);
    other = live_disk_peer("walker", path); /* it was not harmed */
    ok(godwit_peer_close(&other));
    end(peer, 2);
}

static void closed_to_its_peer(void **state)
{
    godwit_peer_t *peer = begin();

    (void)state;
    if (geteuid() == 0)
        skip();
    store_one(peer);
    shell("chmod 000 store");
    godwit_id_t id = send_in_vain(peer);
    shell("chmod 700 store");
    ends_not_stored(peer, id);
    store_one(peer);
    end(peer, 2);
}

/* A reopening finds the directory that was opened, wherever the host has gone since. */
static void a_relative_name_outlives_a_chdir(void **state)
{
    char home[PATH_MAX];

    (void)state;
    live_directory(base);
    assert_non_null(getcwd(home, sizeof home));
    assert_int_equal(chdir(base), 0);
    godwit_peer_t *peer = live_disk_peer("walker", "store");
    store_one(peer);
    assert_int_equal(chdir("/"), 0);
    shell("mv store/db db");
    godwit_id_t id = send_in_vain(peer);
    shell("mv db store/db");
    ends_not_stored(peer, id);
    store_one(peer);
    assert_int_equal(chdir(home), 0);
    end(peer, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moved_away_and_back),
        cmocka_unit_test(database_moved_away_and_back),
        cmocka_unit_test(removed_for_good),
        cmocka_unit_test(replaced_by_another),
        cmocka_unit_test(closed_to_its_peer),
        cmocka_unit_test(a_relative_name_outlives_a_chdir),
    };

    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
        printf("this runs as root: one test is skipped\n");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
