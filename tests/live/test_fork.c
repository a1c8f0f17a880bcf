/* SPDX-License-Identifier: MPL-2.0 */

/* A forked child of a process with an open peer: every public call that would reach the peer
 * answers GODWIT_EFORK, those that only read what the caller holds go on reading, and those that
 * end something do nothing. The calls are held against the headers, so that none is forgotten. */

#include "live.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define CHILD_SECONDS 60 /* then it hangs: SIGALRM ends it */

/* All that a program can hold. */
static struct {
    char own[128], still[128]; /* directories of `peer`, and of one that is stopped */
    godwit_peer_t *peer, *other;
    godwit_stage_t *stage;
    godwit_inbox_t *inbox;
    godwit_service_t *service;
    godwit_delivery_t *delivery, *in_txn, *many[2];
    godwit_txn_t *txn;
    godwit_cursor_t *cursor;
    godwit_reply_t *reply;
    godwit_dead_t *dead;
    godwit_inspect_t *running, *stopped;
    godwit_id_t id, request;
} held;

static uint32_t echo(void *context, godwit_call_t *call)
{
    (void)context;
    return godwit_call_reply(call, "yes", 3) ? GODWIT_CALL_RETRY : 0;
}

static uint32_t refuse(void *context, godwit_call_t *call)
{
    (void)context, (void)call;
    return 1;
}

/* `peer` sends to `other` and serves it: it holds one of everything. */
static int set_up(void **state)
{
    godwit_peer_options_t options = live_options("peer");
    godwit_message_t *message;
    godwit_delivery_t *refused;
    godwit_stage_t *stage;
    size_t count;

    (void)state;
    held.stopped = NULL;
    godwit_peer_t *past = live_disk_peer("past", live_directory(held.still));
    ok(godwit_peer_close(&past));
    ok(godwit_inspect_open(held.still, &held.stopped));
    options.directory = live_directory(held.own);
    options.durability = GODWIT_DURABILITY_OS;
    options.outcomes = true;
    ok(godwit_peer_open(&options, &held.peer));
    ok(godwit_inspect_open(held.own, &held.running));
    held.other = live_peer("other");
    stage = live_stage(held.other, "s");
    ok(godwit_service_open(held.other, "asked", echo, NULL, NULL, &held.service));
    held.stage = live_stage(held.peer, "s");
    ok(godwit_inbox_open(held.peer, "stage:i", NULL, &held.inbox));
    live_join(held.other, held.peer);

    for (int i = 0; i < 4; i++)
        ok(godwit_push_data(held.other, "s", "x", 1, NULL));
    held.delivery = live_next(held.stage);
    held.in_txn = live_next(held.stage);
    for (size_t got = 0; got < 2; got += count)
        ok(godwit_stage_next_many(held.stage, LIVE_TIMEOUT_MS, held.many + got, 2 - got, &count));
    ok(godwit_txn_begin(held.peer, &held.txn));
    ok(godwit_txn_put(held.txn, "space", "key", 3, "value", 5));
    ok(godwit_txn_ack(held.txn, held.in_txn));
    ok(godwit_scan(held.peer, "space", NULL, 0, &held.cursor));

    ok(godwit_push_data(held.peer, "s", "x", 1, &held.id));
    refused = live_next(stage);
    ok(godwit_reject(&refused, 1, "no"));
    fails(GODWIT_EDEAD, godwit_wait(held.peer, held.id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_dead_get(held.peer, held.id, &held.dead));
    ok(godwit_message_new("?", 1, &message));
    ok(godwit_request(held.peer, "asked", &message, LIVE_TIMEOUT_MS, &held.reply, &held.request));
    godwit_stage_close(&stage);
    return 0;
}

/* The parent goes on with all that it holds. */
static int tear_down(void **state)
{
    (void)state;
    ok(godwit_ack(&held.delivery));
    ok(godwit_ack_many(held.many, 2));
    ok(godwit_txn_commit(&held.txn));
    godwit_reply_done(&held.reply);
    ok(godwit_peer_drain(held.other, GODWIT_SETTLED, LIVE_TIMEOUT_MS)); /* the reply too */
    godwit_cursor_close(&held.cursor);
    ok(godwit_dead_purge(held.peer, held.id));
    godwit_dead_free(&held.dead);
    godwit_inbox_close(&held.inbox);
    godwit_stage_close(&held.stage);
    ok(godwit_service_close(&held.service));
    ok(godwit_peer_close(&held.other));
    ok(godwit_peer_close(&held.peer));
    godwit_inspect_close(&held.running);
    godwit_inspect_close(&held.stopped);
    live_remove(held.own);
    live_remove(held.still);
    return 0;
}

/* --- in the child: no cmocka, the exit status tells --- */

static char called[16384]; /* the calls made, each between spaces */
static int wrong;

static void note(const char *call)
{
    const char *name = strstr(call, "godwit_");
    size_t used = strlen(called);

    snprintf(called + used, sizeof called - used, " %.*s ", (int)strcspn(name, "("), name);
}

static void complain(const char *call, const char *what)
{
    dprintf(STDERR_FILENO, "in the child, %s: %s\n", call, what);
    wrong = 1;
}

static void refused(godwit_err_t error, const char *call)
{
    note(call);
    if (error != GODWIT_EFORK)
        complain(call, godwit_error_name(error));
    else if (!strstr(godwit_last_error(), "fork"))
        complain(call, godwit_last_error());
}

#define REFUSED(call) refused((call), #call)
/* It must come back, and the parent must not notice. */
#define HARMLESS(call) (note(#call), (void)(call))
#define HOLDS(call) (note(#call), (call) ? (void)0 : complain(#call, "not so"))

static void peer_calls(void)
{
    godwit_peer_t *peer = held.peer, *same = peer;
    godwit_destination_options_t policy = GODWIT_DESTINATION_OPTIONS_INIT;
    godwit_status_t status = GODWIT_STATUS_INIT;
    godwit_outcome_t outcome;
    godwit_dead_t *dead;
    char text[256];
    uint64_t value;

    REFUSED(godwit_peer_close(&same));
    REFUSED(godwit_peer_bind(peer, "tcp://127.0.0.1:*"));
    REFUSED(godwit_peer_endpoint(peer, text, sizeof text));
    REFUSED(godwit_peer_connect(peer, "tcp://127.0.0.1:1"));
    REFUSED(godwit_peer_disconnect(peer, "tcp://127.0.0.1:1"));
    REFUSED(godwit_peer_wait_members(peer, "stage:s", 0, 0));
    REFUSED(godwit_peer_drain(peer, GODWIT_SETTLED, -1));
    REFUSED(godwit_peer_forfeit(peer, "other"));
    REFUSED(godwit_peer_counter(peer, "links_lost", &value));
    HOLDS(strcmp(godwit_peer_durability(peer), "os") == 0);
    REFUSED(godwit_destination_set(peer, "stage:s", &policy));
    REFUSED(godwit_wait(peer, held.id, GODWIT_STORED, -1));
    REFUSED(godwit_withdraw(peer, held.id));
    REFUSED(godwit_status(peer, held.id, &status));
    REFUSED(godwit_outcome_next(peer, 0, -1, &outcome));
    REFUSED(godwit_outcome_done(peer, 1));
    HARMLESS(godwit_outcome_fd(peer));
    REFUSED(godwit_dead_get(peer, held.id, &dead));
    REFUSED(godwit_dead_next(peer, (godwit_id_t){0}, &dead));
    REFUSED(godwit_dead_requeue(peer, held.id, NULL));
    REFUSED(godwit_dead_purge(peer, held.id));
    HARMLESS(godwit_dead_free(&held.dead));
}

static void sending_calls(void)
{
    godwit_peer_t *peer = held.peer;
    godwit_message_t *message;
    godwit_reply_t *reply;
    const void *value;
    size_t size;

    HOLDS(godwit_message_new("x", 1, &message) == GODWIT_OK);
    HOLDS(godwit_message_set_header(message, "k", "v", 1) == GODWIT_OK);
    HOLDS(godwit_message_header(message, "k", &value, &size) == GODWIT_OK);
    HOLDS(godwit_message_size(message) == 1);
    HOLDS(*(const char *)godwit_message_data(message) == 'x');
    REFUSED(godwit_send(peer, "stage:s", &message, NULL));
    REFUSED(godwit_send_data(peer, "stage:s", "x", 1, NULL));
    REFUSED(godwit_push(peer, "s", &message, NULL));
    REFUSED(godwit_push_data(peer, "s", "x", 1, NULL));
    REFUSED(godwit_txn_send(held.txn, "stage:s", &message));
    REFUSED(godwit_request(peer, "asked", &message, -1, &reply, NULL));
    REFUSED(godwit_request_send(peer, "asked", &message, NULL));
    HOLDS(message != NULL && "godwit_message_new gave it, and it is still ours");
    HARMLESS(godwit_message_destroy(&message));
    REFUSED(godwit_request_cancel(peer, held.request));
    REFUSED(godwit_reply_wait(peer, held.request, -1, &reply));
    REFUSED(godwit_reply_next(peer, -1, &reply));
    HOLDS(godwit_reply_fd(peer) == -1 && strstr(godwit_last_error(), "fork"));
    HOLDS(godwit_reply_request(held.reply).sequence == held.request.sequence);
    HOLDS(memcmp(godwit_reply_data(held.reply), "yes", 3) == 0);
    HOLDS(godwit_reply_size(held.reply) == 3);
    HOLDS(godwit_reply_code(held.reply) == 0);
    HOLDS(*godwit_reply_text(held.reply) == '\0');
    HOLDS(strcmp(godwit_reply_server(held.reply), "other") == 0);
    HOLDS(godwit_reply_header(held.reply, "k", &value, &size) == GODWIT_ENOTFOUND);
    HARMLESS(godwit_reply_done(&held.reply));
}

static void receiving_calls(void)
{
    godwit_delivery_t *delivery, *several[2];
    godwit_stage_t *stage;
    godwit_inbox_t *inbox;
    godwit_service_t *service;
    const char *key;
    const void *value;
    size_t size;

    REFUSED(godwit_stage_open(held.peer, "t", NULL, &stage));
    REFUSED(godwit_stage_next(held.stage, -1, &delivery));
    REFUSED(godwit_stage_next_many(held.stage, -1, several, 2, &size));
    HARMLESS(godwit_stage_fd(held.stage));
    REFUSED(godwit_inbox_open(held.peer, "stage:t", NULL, &inbox));
    REFUSED(godwit_inbox_next(held.inbox, -1, &delivery));
    REFUSED(godwit_inbox_next_many(held.inbox, -1, several, 2, &size));
    HARMLESS(godwit_inbox_fd(held.inbox));
    HOLDS(!godwit_inbox_ready(held.inbox));
    REFUSED(godwit_service_open(held.peer, "t", refuse, NULL, NULL, &service));
    HOLDS(*(const char *)godwit_delivery_data(held.many[0]) == 'x'); /* begins nothing here */
    HOLDS(godwit_delivery_size(held.delivery) == 1);
    HOLDS(godwit_delivery_id(held.delivery).sequence > 0);
    HOLDS(godwit_delivery_attempt(held.delivery) == 1);
    HOLDS(!godwit_delivery_redelivered(held.delivery));
    HOLDS(!godwit_delivery_maybe_duplicate(held.delivery));
    HOLDS(strcmp(godwit_delivery_sender(held.delivery), "other") == 0);
    HOLDS(godwit_delivery_header(held.delivery, "k", &value, &size) == GODWIT_ENOTFOUND);
    HOLDS(godwit_delivery_header_at(held.delivery, 0, &key, &value, &size) == GODWIT_ENOTFOUND);
    REFUSED(godwit_ack(&held.delivery));
    REFUSED(godwit_nack(&held.delivery, 0, NULL));
    REFUSED(godwit_reject(&held.delivery, 1, NULL));
    REFUSED(godwit_ack_many(held.many, 2));
    HARMLESS(godwit_delivery_drop(&held.delivery));
}

static void transaction_calls(void)
{
    godwit_txn_t *txn = held.txn, *other;
    godwit_cursor_t *cursor;
    void *value;
    const void *key, *found;
    size_t size, key_size;

    REFUSED(godwit_txn_begin(held.peer, &other));
    REFUSED(godwit_txn_ack(txn, held.many[0]));
    REFUSED(godwit_txn_reject(txn, held.many[0], 1, "no"));
    REFUSED(godwit_txn_send_data(txn, "stage:s", "x", 1));
    REFUSED(godwit_txn_push_data(txn, "s", "x", 1));
    REFUSED(godwit_txn_get(txn, "space", "key", 3, &value, &size));
    REFUSED(godwit_txn_put(txn, "space", "key", 3, "other", 5));
    REFUSED(godwit_txn_delete(txn, "space", "key", 3));
    REFUSED(godwit_txn_commit_async(&txn));
    REFUSED(godwit_txn_commit(&txn));
    HARMLESS(godwit_txn_abort(&txn));
    REFUSED(godwit_get(held.peer, "space", "key", 3, &value, &size));
    REFUSED(godwit_scan(held.peer, "space", NULL, 0, &cursor));
    REFUSED(godwit_cursor_next(held.cursor, &key, &key_size, &found, &size));
    HARMLESS(godwit_cursor_close(&held.cursor));
    HARMLESS(godwit_free(NULL));
}

static void looking_calls(void)
{
    char *answer;

    REFUSED(godwit_inspect_ask(held.running, "status", NULL, 0, 1000, &answer));
    REFUSED(godwit_inspect_ask(held.stopped, "status", NULL, 0, 1000, &answer));
    HOLDS(godwit_inspect_running(held.running));
    HOLDS(strcmp(godwit_inspect_name(held.stopped), "past") == 0);
    HARMLESS(godwit_inspect_close(&held.running));
    HARMLESS(godwit_inspect_close(&held.stopped));
}

static void ending_calls(void)
{
    HARMLESS(godwit_stage_close(&held.stage));
    HARMLESS(godwit_inbox_close(&held.inbox));
    REFUSED(godwit_service_close(&held.service));
}

/* Calls that reach no peer of the parent's, or only inside a handler. */
static const char *const elsewhere[] = {
    "godwit_peer_open", "godwit_inspect_open", "godwit_call_", "godwit_id_", "godwit_error_name",
    "godwit_last_error", "godwit_set_last_error", "godwit_counter_name", "godwit_place_name",
    "godwit_version",
};

static void must_be_called(const char *name, int length)
{
    char text[96];

    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (strncmp(name, elsewhere[i], strlen(elsewhere[i])) == 0)
            return;
    snprintf(text, sizeof text, " %.*s ", length, name);
    if (!strstr(called, text))
        complain(text, "this test does not call it");
}

/* Every function that a header exports. */
static void check_header(const char *path)
{
    static char text[65536];
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;

    if (file)
        fclose(file);
    text[size] = '\0';
    for (char *at = text; (at = strstr(at, "\nGODWIT_EXPORT ")) != NULL;) {
        char *end = strchr(at, '('), *name = end;

        while (name && name[-1] != ' ' && name[-1] != '*')
            name--;
        if (name)
            must_be_called(name, (int)(end - name));
        at = end ? end : at + 1;
    }
}

static void check_headers(void)
{
    const char *folder = GODWIT_SOURCE_DIR "/include/godwit";
    DIR *stream = opendir(folder);
    struct dirent *entry;
    char path[512];

    if (!stream)
        complain(folder, "cannot be read");
    while (stream && (entry = readdir(stream)) != NULL) {
        snprintf(path, sizeof path, "%s/%.255s", folder, entry->d_name);
        bool simulator = strcmp(entry->d_name, "simulate.h") == 0; /* none of it is the library's */
        if (entry->d_name[0] != '.' && !simulator)
            check_header(path);
    }
    if (stream)
        closedir(stream);
}

static int in_the_child(void)
{
    alarm(CHILD_SECONDS);
    peer_calls();
    sending_calls();
    receiving_calls();
    transaction_calls();
    looking_calls();
    ending_calls();
    check_headers();
    return wrong;
}

/* --- in the parent --- */

static void ends_well(pid_t child)
{
    int status;

    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* That the parent's things are unharmed shows in tear_down, which uses them all. */
static void every_call_of_a_forked_child_is_refused(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0)
        _exit(in_the_child());
    ends_well(child);
}

static void forks_in_the_middle_of_traffic_change_nothing(void **state)
{
    godwit_delivery_t *delivery;
    pid_t children[10];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        ok(godwit_push_data(held.other, "s", &i, sizeof i, NULL));
        if (i % 100 != 0)
            continue;
        children[i / 100] = fork();
        if (children[i / 100] == 0)
            _exit(godwit_push_data(held.other, "s", "x", 1, NULL) != GODWIT_EFORK);
    }
    for (int i = 0; i < 1000; i++) {
        delivery = live_next(held.stage);
        assert_int_equal(godwit_delivery_size(delivery), sizeof i);
        assert_memory_equal(godwit_delivery_data(delivery), &i, sizeof i);
        ok(godwit_ack(&delivery));
    }
    for (int i = 0; i < 10; i++)
        ends_well(children[i]);
}

/* The child has copies of all descriptors, but the lock is given back with the peer's end. */
static void a_child_that_lives_on_holds_no_lock(void **state)
{
    char directory[128];
    godwit_peer_t *peer = live_disk_peer("a", live_directory(directory));

    (void)state;
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    ok(godwit_push_data(peer, "s", "x", 1, NULL));
    ok(godwit_peer_close(&peer));
    peer = live_disk_peer("a", directory);
    assert_int_equal(live_counter(peer, "outbox_messages_now"), 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    ok(godwit_peer_close(&peer));
    live_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_call_of_a_forked_child_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(forks_in_the_middle_of_traffic_change_nothing, set_up,
                                        tear_down),
        cmocka_unit_test(a_child_that_lives_on_holds_no_lock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
