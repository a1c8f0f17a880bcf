/* SPDX-License-Identifier: MPL-2.0 */

/* Files of bodies. What a sync makes durable, in calls: data before LevelDB may refer to it, each
 * new file's name once, and nothing that nobody asked for. And which file is cleared first. */

#include "scratch.h"

#include "store/bodies.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define LARGE ((size_t)9 << 20) /* two of them are more than one file takes */

static int data_syncs, name_syncs;

int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);

int __wrap_fdatasync(int fd)
{
    (void)fd;
    data_syncs++;
    return 0;
}

int __wrap_fsync(int fd)
{
    (void)fd;
    name_syncs++;
    return 0;
}

struct scene {
    int directory;
    struct gw_bodies *bodies;
    void *data;
};

static struct scene begin(void **state)
{
    struct scene scene = {.data = calloc(1, LARGE)};

    assert_int_equal(mkdir(scratch_at(*state, GW_BODIES), 0700), 0);
    scene.directory = open(scratch_at(*state, "."), O_RDONLY | O_DIRECTORY);
    assert_true(scene.directory >= 0 && scene.data);
    assert_int_equal(gw_bodies_open(scene.directory, false, &scene.bodies), 0);
    data_syncs = name_syncs = 0;
    return scene;
}

static void end(struct scene *scene)
{
    gw_bodies_close(&scene->bodies);
    close(scene->directory);
    free(scene->data);
}

/* Returns the number of its file. */
static uint64_t append(struct scene *scene, size_t size, bool synced)
{
    struct gw_body body = {.size = size, .synced = synced};

    assert_int_equal(gw_bodies_append(scene->bodies, scene->data, &body), 0);
    return body.file;
}

static void sync_with(struct scene *scene, int data, int names)
{
    assert_int_equal(gw_bodies_sync(scene->bodies), 0);
    assert_int_equal(data_syncs, data);
    assert_int_equal(name_syncs, names);
}

static void the_name_of_each_new_file_is_synced_once(void **state)
{
    struct scene scene = begin(state);
    uint64_t first = append(&scene, LARGE, true);

    sync_with(&scene, 1, 1);
    assert_int_equal(append(&scene, 10, true), first);
    sync_with(&scene, 2, 1);
    assert_int_not_equal(append(&scene, LARGE, true), first);
    sync_with(&scene, 3, 2);
    end(&scene);
}

/* One write may begin a file: what it had put into the one before counts, too. */
static void a_file_is_synced_before_the_next_one_begins(void **state)
{
    struct scene scene = begin(state);
    uint64_t first = append(&scene, LARGE, true);

    assert_int_not_equal(append(&scene, LARGE, true), first);
    assert_int_equal(data_syncs, 1);
    assert_int_equal(name_syncs, 1);
    sync_with(&scene, 2, 2);
    end(&scene);
}

static void what_is_not_to_be_synced_costs_no_sync(void **state)
{
    struct scene scene = begin(state);

    append(&scene, LARGE, false);
    append(&scene, LARGE, false);
    sync_with(&scene, 0, 0);
    append(&scene, 10, true);
    sync_with(&scene, 1, 1);
    sync_with(&scene, 1, 1); /* nothing since */
    end(&scene);
}

/* Bodies are moved out of the file of which the least is live, and never out of the current one. */
static void the_emptiest_file_is_the_one_with_the_least_live(void **state)
{
    struct scene scene = begin(state);
    uint64_t files[3];

    for (size_t i = 0; i < 3; i++) {
        struct gw_body body = {.size = LARGE};

        assert_int_equal(gw_bodies_append(scene.bodies, scene.data, &body), 0);
        files[i] = body.file;
        body.size = i == 1 ? 10 : 1000 - i; /* so much of it is referred to */
        gw_bodies_keep(scene.bodies, &body);
    }
    assert_int_not_equal(files[1], files[2]);
    assert_int_equal(gw_bodies_emptiest(scene.bodies), files[1]);
    end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_name_of_each_new_file_is_synced_once, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_file_is_synced_before_the_next_one_begins, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_to_be_synced_costs_no_sync, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(the_emptiest_file_is_the_one_with_the_least_live,
                                        scratch_setup, scratch_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
