/* SPDX-License-Identifier: MPL-2.0 */

/* What a program may ask for that cannot be: an error code, and a sentence that names the field or
 * the path and says what to do. The rest is in test_peer.c and tests/store/test_directory.c. */

#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void bad_endpoints_are_refused_with_advice(void **state)
{
    static const struct {
        const char *endpoint;
        const char *advice;
    } bad[] = {
        {"", "must begin with tcp://"},
        {"127.0.0.1:7000", "must begin with tcp://"},
        {"TCP://127.0.0.1:7000", "must begin with tcp://"},
        {"pgm://127.0.0.1:7000", "must begin with tcp://"},
        {"ws://127.0.0.1:7000", "must begin with tcp://"},
        {"tcp://", "tcp://HOST:PORT"},
        {"tcp://127.0.0.1", "tcp://HOST:PORT"},
        {"tcp://127.0.0.1:", "port must be a number"},
        {"tcp://127.0.0.1:65536", "port must be a number"},
        {"tcp://127.0.0.1:-1", "port must be a number"},
        {"tcp://127.0.0.1:7000/x", "port must be a number"},
        {"tcp://::1:7000", "brackets"},
        {"tcp://[127.0.0.1]:7000", "IPv6 address"},
        {"tcp://a b:7000", "the host may hold"},
        {"ipc://", "ipc://PATH"},
        {"inproc://", "inproc://NAME"},
        {"tcp://192.0.2.1:7000", "allow_unauthenticated"},
        {"tcp://[2001:db8::1]:7000", "allow_unauthenticated"},
    };
    godwit_peer_t *peer = live_peer("a");

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fails(GODWIT_EINVAL, godwit_peer_bind(peer, bad[i].endpoint));
        says(bad[i].advice);
        fails(GODWIT_EINVAL, godwit_peer_connect(peer, bad[i].endpoint));
        says(bad[i].advice);
    }
    fails(GODWIT_EINVAL, godwit_peer_connect(peer, "tcp://127.0.0.1:*"));
    says("port must be a number from 1");
    fails(GODWIT_EINVAL, godwit_peer_connect(peer, "tcp://somewhere.example:7000"));
    says("allow_unauthenticated");
    ok(godwit_peer_close(&peer));
}

static void an_endpoint_in_use_is_said(void **state)
{
    godwit_peer_t *a = live_peer("a"), *b = live_peer("b");
    char endpoint[256];

    (void)state;
    live_bind(a, endpoint);
    fails(GODWIT_EIO, godwit_peer_bind(b, endpoint));
    says("listens there already");
    fails(GODWIT_EIO, godwit_peer_bind(b, "ipc:///nonexistent/godwit.sock"));
    says("the folder does not exist");
    ok(godwit_peer_close(&b));
    ok(godwit_peer_close(&a));
}

static void options_name_their_field(void **state)
{
    godwit_peer_options_t options = live_options("a");
    godwit_peer_t *peer = NULL;

    (void)state;
#define REFUSED(field, value, sentence) \
    do { \
        options = live_options("a"); \
        options.field = (value); \
        fails(GODWIT_EINVAL, godwit_peer_open(&options, &peer)); \
        says(sentence); \
    } while (0)
    REFUSED(window, 1048577, "window is 1048577, but must be at most 1048576");
    REFUSED(max_message, (16 << 20) + 1, "max_message is 16777217");
    REFUSED(outbox_max_bytes, 1023, "outbox_max_bytes is 1023, but must be at least 1024");
    REFUSED(log_level, (godwit_log_level_t)5, "log_level is 5");
    REFUSED(durability, (godwit_durability_t)4, "durability is 4");
    REFUSED(directory, "", "directory is empty");
    REFUSED(size, 1, "GODWIT_PEER_OPTIONS_INIT");
    assert_null(peer);
}

static void put_file(const char *directory, const char *name, const char *text)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void directories_that_are_no_store_are_refused(void **state)
{
    godwit_peer_options_t options = live_options("a");
    char directory[128], path[160];
    godwit_peer_t *peer = NULL;

    (void)state;
    options.directory = live_directory(directory);
    put_file(directory, "letter.txt", "dear");
    fails(GODWIT_EFOREIGN, godwit_peer_open(&options, &peer));
    says(directory);
    snprintf(path, sizeof path, "%s/letter.txt", directory);
    options.directory = path;
    assert_int_not_equal(godwit_peer_open(&options, &peer), GODWIT_OK);
    says(path);
    options.directory = "/proc/godwit";
    fails(GODWIT_EIO, godwit_peer_open(&options, &peer));
    says("/proc/godwit");
    assert_null(peer);
    live_remove(directory);
}

static void a_newer_store_is_refused(void **state)
{
    godwit_peer_options_t options = live_options("a");
    char directory[128], path[160], text[256] = "";
    godwit_peer_t *peer = live_disk_peer("a", live_directory(directory));

    (void)state;
    ok(godwit_peer_close(&peer));
    snprintf(path, sizeof path, "%s/godwit", directory);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    size_t size = fread(text, 1, sizeof text - 1, file);
    char *version = strpbrk(text, "0123456789");
    assert_true(size > 0 && version);
    *version = '9';
    rewind(file);
    fputs(text, file);
    fclose(file);
    options.directory = directory;
    fails(GODWIT_EVERSION, godwit_peer_open(&options, &peer));
    says("newer");
    assert_null(peer);
    live_remove(directory);
}

/* In a process and a mount namespace of its own. 77: not possible here. */
static int open_on_full_disk(const char *directory)
{
    godwit_peer_options_t options = live_options("a");
    godwit_peer_t *peer = NULL;
    char store[160], path[160];
    static char block[4096];

    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", directory, "tmpfs", 0, "size=128k"))
        return 77;
    snprintf(path, sizeof path, "%s/ballast", directory);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    while (write(fd, block, sizeof block) > 0)
        continue;
    close(fd);
    snprintf(store, sizeof store, "%s/store", directory);
    options.directory = store;
    if (godwit_peer_open(&options, &peer) != GODWIT_EIO ||
        !strstr(godwit_last_error(), "free some space"))
        return 1;
    if (unlink(path) || mount("tmpfs", directory, "tmpfs", MS_REMOUNT, "size=64m"))
        return 2;
    if (godwit_peer_open(&options, &peer) || godwit_peer_close(&peer))
        return 3;
    return 0;
}

static void a_full_disk_at_start_is_said(void **state)
{
    char directory[128];
    int status;

    (void)state;
    live_directory(directory);
    pid_t pid = fork();
    if (pid == 0)
        _exit(open_on_full_disk(directory));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    live_remove(directory);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("a tmpfs cannot be mounted here: not tested\n");
        skip();
    }
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk_at_start_is_said), /* forks: before there are threads */
        cmocka_unit_test(bad_endpoints_are_refused_with_advice),
        cmocka_unit_test(an_endpoint_in_use_is_said),
        cmocka_unit_test(options_name_their_field),
        cmocka_unit_test(directories_that_are_no_store_are_refused),
        cmocka_unit_test(a_newer_store_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
