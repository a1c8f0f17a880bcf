/* SPDX-License-Identifier: MPL-2.0 */

/* A power cut may take what durability `os` never synced, and leave LevelDB's rows: what has lost
 * its bytes ends, and the peer goes on with the rest. */

#include "live.h"

#include <dirent.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define MESSAGES 400
#define SIZE 20000 /* each batch is large enough to lie apart */

/* All files of bodies keep so many bytes. */
static unsigned cut_bodies(const char *directory, off_t left)
{
    char path[256];
    unsigned count = 0;

    snprintf(path, sizeof path, "%s/bodies", directory);
    DIR *stream = opendir(path);
    struct dirent *entry;
    assert_non_null(stream);
    assert_int_equal(chdir(path), 0);
    while ((entry = readdir(stream)) != NULL)
        if (entry->d_name[0] != '.')
            count += truncate(entry->d_name, left) == 0;
    closedir(stream);
    assert_int_equal(chdir("/"), 0);
    return count;
}

static void lost_messages_end_and_the_others_arrive(void **state)
{
    char path[128], sub[160];
    godwit_peer_t *walker, *worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "work");

    (void)state;
    snprintf(sub, sizeof sub, "%s/walker", live_directory(path));
    walker = live_disk_peer("walker", sub);
    live_push_numbered(walker, "work", MESSAGES, SIZE);
    ok(godwit_peer_close(&walker));
    assert_true(cut_bodies(sub, 3000000) > 0);
    walker = live_disk_peer("walker", sub);
    live_join(worker, walker);
    uint64_t lost = 0, arrived = 0;
    for (int waits = 0; arrived + lost < MESSAGES && waits < LIVE_TIMEOUT_MS / 100;) {
        godwit_delivery_t *delivery;
        godwit_err_t error = godwit_stage_next(stage, 100, &delivery);
        lost = live_counter(walker, "lost_bodies");
        waits += error == GODWIT_ETIMEDOUT;
        if (error == GODWIT_ETIMEDOUT)
            continue;
        ok(error);
        arrived++;
        ok(godwit_ack(&delivery));
    }
    print_message("%" PRIu64 " lost, %" PRIu64 " arrived\n", lost, arrived);
    assert_true(lost > 0 && arrived > 0 && lost + arrived == MESSAGES);
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    assert_int_equal(live_counter(walker, "outbox_messages_now"), 0);
    assert_int_equal(live_counter(walker, "commit_failures"), 0);
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
    live_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lost_messages_end_and_the_others_arrive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
