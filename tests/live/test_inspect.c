/* SPDX-License-Identifier: MPL-2.0 */

/* Looking at a peer from outside, while it runs and while it does not. */

#include "live.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *asked(godwit_inspect_t *inspect, const char *request)
{
    char *answer = NULL;

    ok(godwit_inspect_ask(inspect, request, NULL, 0, LIVE_TIMEOUT_MS, &answer));
    assert_non_null(answer);
    return answer;
}

static void has(char *answer, const char *text)
{
    if (!strstr(answer, text))
        fail_msg("\"%s\" does not say \"%s\"", answer, text);
    godwit_free(answer);
}

static void a_running_peer_and_its_store_say_the_same(void **state)
{
    char here[128], request[64] = "find ";
    godwit_peer_t *walker = live_disk_peer("walker", live_directory(here));
    godwit_inspect_t *inspect;
    godwit_id_t id;

    (void)state;
    ok(godwit_push_data(walker, "resize", "x", 1, &id));
    ok(godwit_wait(walker, id, GODWIT_STORED, LIVE_TIMEOUT_MS));
    godwit_id_format(id, request + 5);
    ok(godwit_inspect_open(here, &inspect));
    assert_true(godwit_inspect_running(inspect));
    assert_string_equal(godwit_inspect_name(inspect), "");
    has(asked(inspect, "status"), "\"unsettled\":1,\"unoffered\":1");
    char *running = asked(inspect, request);
    ok(godwit_peer_close(&walker));
    char *answer = NULL;
    fails(GODWIT_ECLOSED, godwit_inspect_ask(inspect, "status", NULL, 0, 1000, &answer));
    assert_null(answer);
    walker = live_disk_peer("walker", here); /* started again, it is asked again */
    has(asked(inspect, "status"), "\"running\":true");
    ok(godwit_peer_close(&walker));
    godwit_inspect_close(&inspect);

    ok(godwit_inspect_open(here, &inspect));
    assert_false(godwit_inspect_running(inspect));
    assert_string_equal(godwit_inspect_name(inspect), "walker");
    has(asked(inspect, "status"), "\"unsettled\":1,\"unoffered\":1");
    char *stopped = asked(inspect, request);
    assert_string_equal(running, stopped);
    godwit_free(running);
    godwit_free(stopped);
    fails(GODWIT_ECLOSED, godwit_inspect_ask(inspect, "counters", NULL, 0, 1000, &answer));
    fails(GODWIT_ECLOSED, godwit_inspect_ask(inspect, "nonsense", NULL, 0, 1000, &answer));
    fails(GODWIT_EINVAL, godwit_inspect_ask(inspect, "find 1", NULL, 0, 1000, &answer));
    godwit_inspect_close(&inspect);
    live_remove(here);
}

static void a_withdrawn_message_is_told_as_such_while_its_outcome_is_unread(void **state)
{
    char here[128], request[64] = "find ";
    godwit_peer_options_t options = live_options("walker");
    godwit_inspect_t *inspect;
    godwit_peer_t *walker;
    godwit_id_t id;

    (void)state;
    options.directory = live_directory(here);
    options.outcomes = true;
    ok(godwit_peer_open(&options, &walker));
    ok(godwit_push_data(walker, "resize", "x", 1, &id));
    ok(godwit_withdraw(walker, id));
    fails(GODWIT_EWITHDRAWN, godwit_wait(walker, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_id_format(id, request + 5);
    ok(godwit_peer_close(&walker));
    ok(godwit_inspect_open(here, &inspect));
    has(asked(inspect, request), "\"place\":\"withdrawn\"");
    godwit_inspect_close(&inspect);
    ok(godwit_peer_open(&options, &walker)); /* asked, it says the same */
    ok(godwit_inspect_open(here, &inspect));
    has(asked(inspect, request), "\"place\":\"withdrawn\"");
    godwit_inspect_close(&inspect);
    ok(godwit_peer_close(&walker));
    live_remove(here);
}

static void looking_keeps_the_peer_out_and_leaves_no_trace(void **state)
{
    char here[128];
    godwit_peer_t *walker = live_disk_peer("walker", live_directory(here));
    godwit_peer_options_t options = live_options("walker");
    godwit_inspect_t *inspect, *second = NULL;

    (void)state;
    ok(godwit_peer_close(&walker));
    ok(godwit_inspect_open(here, &inspect));
    has(asked(inspect, "status"), "\"opens\":1,");
    options.directory = here;
    fails(GODWIT_EBUSY, godwit_peer_open(&options, &walker));
    fails(GODWIT_EBUSY, godwit_inspect_open(here, &second));
    godwit_inspect_close(&inspect);
    ok(godwit_inspect_open(here, &inspect));
    has(asked(inspect, "status"), "\"opens\":1,"); /* nobody opened it meanwhile */
    godwit_inspect_close(&inspect);
    walker = live_disk_peer("walker", here);
    ok(godwit_peer_close(&walker));
    live_remove(here);
}

/* Another process that looks until it is told to end. */
static pid_t look_elsewhere(const char *directory, int *hold)
{
    int begun[2], end[2];
    char byte;

    assert_true(pipe(begun) == 0 && pipe(end) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        godwit_inspect_t *inspect;
        close(end[1]);
        godwit_err_t error = godwit_inspect_open(directory, &inspect);
        if (error || write(begun[1], "x", 1) != 1)
            _exit(1);
        (void)!read(end[0], &byte, 1);
        godwit_inspect_close(&inspect);
        _exit(0);
    }
    close(end[0]);
    close(begun[1]);
    assert_int_equal(read(begun[0], &byte, 1), 1);
    close(begun[0]);
    *hold = end[1];
    return pid;
}

static void *open_walker(void *context)
{
    godwit_peer_t *walker = NULL;
    godwit_peer_options_t options = live_options("walker");

    options.directory = context;
    if (godwit_peer_open(&options, &walker))
        print_error("%s\n", godwit_last_error());
    return walker;
}

static void a_peer_that_starts_waits_for_who_looks(void **state)
{
    char here[128];
    godwit_peer_t *walker = live_disk_peer("walker", live_directory(here));
    pthread_t thread;
    void *opened;
    int hold[2], status;

    (void)state;
    ok(godwit_peer_close(&walker));
    pid_t first = look_elsewhere(here, &hold[0]);
    pid_t second = look_elsewhere(here, &hold[1]); /* they do not mind each other */
    assert_int_equal(pthread_create(&thread, NULL, open_walker, here), 0);
    usleep(20000); /* it has to wait; if it is late, it has to wait less */
    close(hold[0]);
    close(hold[1]);
    assert_int_equal(pthread_join(thread, &opened), 0);
    assert_non_null(opened);
    walker = opened;
    assert_true(waitpid(first, &status, 0) == first && status == 0);
    assert_true(waitpid(second, &status, 0) == second && status == 0);
    ok(godwit_peer_close(&walker));
    live_remove(here);
}

static void what_is_no_peers_is_refused_with_a_sentence(void **state)
{
    char here[128], path[160];
    godwit_inspect_t *inspect = NULL;

    (void)state;
    live_directory(here);
    fails(GODWIT_ENOTFOUND, godwit_inspect_open("/nonexistent/peer", &inspect));
    says("there is no directory");
    mkdir(here, 0700);
    fails(GODWIT_ENOTFOUND, godwit_inspect_open(here, &inspect));
    says("no store");
    DIR *listing = opendir(here);
    size_t count = 0;
    while (readdir(listing))
        count++;
    closedir(listing);
    assert_int_equal(count, 2); /* . and .. */
    snprintf(path, sizeof path, "%s/godwit", here);
    FILE *file = fopen(path, "w");
    fputs("something else\n", file);
    fclose(file);
    fails(GODWIT_EFOREIGN, godwit_inspect_open(here, &inspect));
    fails(GODWIT_EINVAL, godwit_inspect_open(NULL, &inspect));
    fails(GODWIT_EINVAL, godwit_inspect_open("", &inspect));
    fails(GODWIT_EINVAL, godwit_inspect_open(here, NULL));
    assert_null(inspect);
    assert_false(godwit_inspect_running(NULL));
    assert_string_equal(godwit_inspect_name(NULL), "");
    godwit_inspect_close(NULL);
    godwit_inspect_close(&inspect);
    live_remove(here);
}

static void impossible_requests_are_refused(void **state)
{
    char here[128], line[8192], *answer = NULL;
    godwit_peer_t *walker = live_disk_peer("walker", live_directory(here));
    godwit_inspect_t *inspect;

    (void)state;
    ok(godwit_inspect_open(here, &inspect));
    fails(GODWIT_EINVAL, godwit_inspect_ask(inspect, NULL, NULL, 0, 1000, &answer));
    fails(GODWIT_EINVAL, godwit_inspect_ask(inspect, "status", NULL, 0, 1000, NULL));
    fails(GODWIT_EINVAL, godwit_inspect_ask(inspect, "status", NULL, 5, 1000, &answer));
    fails(GODWIT_EINVAL, godwit_inspect_ask(inspect, "status", NULL, 0, -2, &answer));
    fails(GODWIT_EINVAL, godwit_inspect_ask(inspect, "status\nstatus", NULL, 0, 1000, &answer));
    fails(GODWIT_EINVAL, godwit_inspect_ask(NULL, "status", NULL, 0, 1000, &answer));
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    fails(GODWIT_EINVAL, godwit_inspect_ask(inspect, line, NULL, 0, 1000, &answer));
    fails(GODWIT_EINVAL, godwit_inspect_ask(inspect, "nonsense", NULL, 0, 1000, &answer));
    says("no request is \"nonsense\"");
    fails(GODWIT_ENOTFOUND, godwit_inspect_ask(inspect, "forfeit nobody", NULL, 0, 1000, &answer));
    assert_null(answer);
    godwit_inspect_close(&inspect);
    ok(godwit_peer_close(&walker));
    live_remove(here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_peer_and_its_store_say_the_same),
        cmocka_unit_test(a_withdrawn_message_is_told_as_such_while_its_outcome_is_unread),
        cmocka_unit_test(looking_keeps_the_peer_out_and_leaves_no_trace),
        cmocka_unit_test(a_peer_that_starts_waits_for_who_looks),
        cmocka_unit_test(what_is_no_peers_is_refused_with_a_sentence),
        cmocka_unit_test(impossible_requests_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
