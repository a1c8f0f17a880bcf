/* SPDX-License-Identifier: MPL-2.0 */

/* The parts of treehash that need no peer: messages, keys, the walk's order, manifest lines. */

#include "manifest.h"
#include "message.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- messages ---- */

static size_t write_message(uint8_t *bytes, const struct th_message *message)
{
    size_t head = th_message_head(message, bytes);
    if (message->data_size)
        memcpy(bytes + head, message->data, message->data_size);
    return head + message->data_size;
}

static void a_message_reads_as_it_was_written(void **state)
{
    (void)state;
    uint8_t bytes[TH_HEAD_MAX + 64];
    struct th_message sent = {TH_FILE, 0x0102030405060708u, "a/b\n\xff", 5, "content", 7, true};
    struct th_message got;
    size_t size = write_message(bytes, &sent);

    assert_int_equal(size, 13 + 5 + 7);
    assert_true(th_message_read(bytes, size, &got));
    assert_int_equal(got.kind, TH_FILE);
    assert_true(got.maybe_again);
    assert_true(got.number == sent.number);
    assert_int_equal(got.path_size, 5);
    assert_memory_equal(got.path, "a/b\n\xff", 5);
    assert_int_equal(got.data_size, 7);
    assert_memory_equal(got.data, "content", 7);
}

static void the_longest_path_fits(void **state)
{
    (void)state;
    static char path[TH_PATH_MAX];
    uint8_t bytes[TH_HEAD_MAX];
    struct th_message sent = {TH_FILE, 0, path, sizeof(path), "", 0, false}, got;

    memset(path, 'p', sizeof(path));
    assert_int_equal(write_message(bytes, &sent), TH_HEAD_MAX);
    assert_true(th_message_read(bytes, TH_HEAD_MAX, &got));
    assert_int_equal(got.path_size, TH_PATH_MAX);
}

static void every_shortened_message_is_refused_or_shorter(void **state)
{
    (void)state;
    uint8_t bytes[TH_HEAD_MAX + 64];
    uint8_t digest[TH_DIGEST_SIZE] = {7};
    struct th_message sent = {TH_DIGEST, 9, "path", 4, digest, sizeof(digest), false}, got;
    size_t size = write_message(bytes, &sent);

    assert_true(th_message_read(bytes, size, &got));
    for (size_t shorter = 0; shorter < size; shorter++)
        assert_false(th_message_read(bytes, shorter, &got));
}

static void what_no_stage_sends_is_refused(void **state)
{
    (void)state;
    static const struct th_message bad[] = {
        {0, 0, "p", 1, "", 0, false},                /* no such kind */
        {TH_END + 1, 0, "p", 1, "", 0, false},       /* nor this */
        {TH_FILE, 0, "", 0, "", 0, false},           /* no path */
        {TH_END, 0, "p", 1, "", 0, false},           /* an end of some path */
        {TH_FILE, 0, "p\0q", 3, "", 0, false},       /* a NUL in it */
        {TH_DIGEST, 0, "p", 1, "short", 5, false},   /* no digest */
        {TH_PART, 0, "p", 1, "short", 5, false},     /* a part is full, or the last */
    };
    uint8_t bytes[TH_HEAD_MAX];
    struct th_message got;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(th_message_read(bytes, write_message(bytes, &bad[i]), &got));
    memset(bytes, 0xff, sizeof(bytes)); /* a path length beyond everything */
    bytes[0] = TH_FILE;
    assert_false(th_message_read(bytes, sizeof(bytes), &got));
}

/* ---- keys ---- */

static void a_short_path_is_its_own_key(void **state)
{
    (void)state;
    uint8_t key[TH_KEY_MAX];

    assert_int_equal(th_key("a/b", 3, key), 3);
    assert_memory_equal(key, "a/b", 3);
}

static void long_paths_that_differ_late_have_different_keys(void **state)
{
    (void)state;
    static char a[TH_PATH_MAX], b[TH_PATH_MAX];
    uint8_t key_a[TH_KEY_MAX], key_b[TH_KEY_MAX];

    memset(a, 'x', sizeof(a));
    memset(b, 'x', sizeof(b));
    b[sizeof(b) - 1] = 'y';
    assert_int_equal(th_key(a, sizeof(a), key_a), TH_KEY_MAX);
    assert_int_equal(th_key(b, sizeof(b), key_b), TH_KEY_MAX);
    assert_memory_not_equal(key_a, key_b, TH_KEY_MAX);
    assert_int_equal(th_key(a, 479, key_a), 479);
    assert_int_equal(th_key(a, 480, key_a), TH_KEY_MAX);
}

/* ---- the walk ---- */

static char root[] = "/tmp/test_treehash.XXXXXX";

/* Runs a command of the shell in the test's directory. */
static void run(const char *command)
{
    char whole[4096];
    snprintf(whole, sizeof(whole), "cd %s && { %s; }", root, command);
    assert_int_equal(system(whole), 0);
}

/* "a" and what is in it, beside names that sort around "a/". */
static const char *const files[] = {"a/b/1", "a/b/2", "a/c", "a-b", "a.b/1", "b", "z/z/z"};
#define FILES (sizeof(files) / sizeof(*files))

static int make_tree(void **state)
{
    (void)state;
    if (!mkdtemp(root))
        return -1;
    run("mkdir -p a/b a.b z/z empty && touch a/b/1 a/b/2 a/c a-b a.b/1 b z/z/z &&"
        " ln -s a link && ln -s nowhere dangling && mkfifo fifo");
    return 0;
}

static int remove_tree(void **state)
{
    (void)state;
    run("rm -r \"$PWD\"");
    return 0;
}

/* Walks on behind files[passed - 1] (0: from the start) and compares with what is to come. */
static void walk_from(size_t passed)
{
    const char *path;
    struct th_tree *tree = th_tree_open(root);
    assert_non_null(tree);
    if (passed)
        th_tree_pass(tree, files[passed - 1]);
    for (size_t i = passed; i < FILES; i++) {
        assert_int_equal(th_tree_next(tree, &path), TH_TREE_FILE);
        assert_string_equal(path, files[i]);
    }
    assert_int_equal(th_tree_next(tree, &path), TH_TREE_END);
    assert_int_equal(th_tree_next(tree, &path), TH_TREE_END);
    th_tree_close(&tree);
    assert_null(tree);
}

static void a_walk_goes_on_behind_any_path(void **state)
{
    (void)state;
    for (size_t passed = 0; passed <= FILES; passed++)
        walk_from(passed);
}

static void a_walk_goes_on_behind_a_path_that_is_gone(void **state)
{
    (void)state;
    const char *path;
    static const struct {
        const char *gone, *next;
    } cases[] = {{"a/b/15", "a/b/2"}, {"a/bb/1", "a/c"}, {"a/b/2/3", "a/b/2"}, {"", "a/b/1"},
                 {"a.a", "a.b/1"}, {"0/0", "a/b/1"}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct th_tree *tree = th_tree_open(root);
        th_tree_pass(tree, cases[i].gone);
        assert_int_equal(th_tree_next(tree, &path), TH_TREE_FILE);
        assert_string_equal(path, cases[i].next);
        th_tree_close(&tree);
    }
}

static void a_tree_that_is_not_there_says_so(void **state)
{
    (void)state;
    errno = 0;
    assert_null(th_tree_open("/nonexistent/tree"));
    assert_int_equal(errno, ENOENT);
}

/* ---- the manifest ---- */

static void lines_are_those_of_sha256sum(void **state)
{
    (void)state;
    static const char *const names[] = {"plain", "with space", "back\\slash", "new\nline", "-"};
    static const uint8_t empty[TH_DIGEST_SIZE] = { /* of no bytes: FIPS 180-4's usual example */
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
        0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
        0xb8, 0x55};
    char path[256], ours[512], theirs[512];

    snprintf(path, sizeof(path), "%s/names", root);
    run("mkdir names");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char name[300];
        snprintf(name, sizeof(name), "%s/%s", path, names[i]);
        FILE *file = fopen(name, "we");
        assert_non_null(file);
        fclose(file);

        memset(ours, 0, sizeof(ours));
        file = fmemopen(ours, sizeof(ours), "w");
        th_manifest_line(file, empty, names[i], strlen(names[i]));
        fclose(file);

        char command[512];
        snprintf(command, sizeof(command), "cd %s && sha256sum ./*", path);
        file = popen(command, "re");
        assert_non_null(file);
        memset(theirs, 0, sizeof(theirs));
        assert_true(fread(theirs, 1, sizeof(theirs) - 1, file) > 0);
        assert_int_equal(pclose(file), 0);
        assert_string_equal(ours, theirs);
        assert_int_equal(unlink(name), 0);
    }
    run("rmdir names");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_reads_as_it_was_written),
        cmocka_unit_test(the_longest_path_fits),
        cmocka_unit_test(every_shortened_message_is_refused_or_shorter),
        cmocka_unit_test(what_no_stage_sends_is_refused),
        cmocka_unit_test(a_short_path_is_its_own_key),
        cmocka_unit_test(long_paths_that_differ_late_have_different_keys),
        cmocka_unit_test(a_walk_goes_on_behind_any_path),
        cmocka_unit_test(a_walk_goes_on_behind_a_path_that_is_gone),
        cmocka_unit_test(a_tree_that_is_not_there_says_so),
        cmocka_unit_test(lines_are_those_of_sha256sum),
    };
    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
