/* SPDX-License-Identifier: MPL-2.0 */

/* Handlers that take their process with them: what they had begun is charged at the next open, and
 * nothing else is. The worker that dies is a process of its own, forked before any thread. */

#include "live.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

/* --- the process that dies --- */

typedef void worker_fn(godwit_peer_t *peer, godwit_stage_t *stage);

struct doomed {
    pid_t pid;
    int endpoint; /* where to write the endpoint */
};

static void must(godwit_err_t error)
{
    if (error == GODWIT_OK)
        return;
    fprintf(stderr, "the worker: %s\n", godwit_last_error());
    _exit(99);
}

static void work_and_die(const char *directory, int endpoint_fd, worker_fn *work)
{
    const struct rlimit no_core = {0, 0};
    godwit_peer_options_t options = live_options("worker");
    char endpoint[256] = "";
    godwit_stage_t *stage;
    godwit_peer_t *peer;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &no_core);
    if (read(endpoint_fd, endpoint, sizeof endpoint) <= 0)
        _exit(98);
    options.directory = directory;
    options.durability = directory ? GODWIT_DURABILITY_OS : GODWIT_DURABILITY_MEMORY;
    must(godwit_peer_open(&options, &peer));
    must(godwit_stage_open(peer, "s", NULL, &stage));
    must(godwit_peer_connect(peer, endpoint));
    work(peer, stage);
    _exit(97);
}

static struct doomed start(const char *directory, worker_fn *work)
{
    struct doomed doomed;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    doomed.pid = fork();
    assert_true(doomed.pid >= 0);
    if (doomed.pid == 0) {
        close(ends[1]);
        work_and_die(directory, ends[0], work);
    }
    close(ends[0]);
    doomed.endpoint = ends[1];
    return doomed;
}

static void lets_work(struct doomed *doomed, godwit_peer_t *walker)
{
    char endpoint[256] = "";

    live_bind(walker, endpoint);
    assert_int_equal(write(doomed->endpoint, endpoint, sizeof endpoint), sizeof endpoint);
    close(doomed->endpoint);
}

/* Lets it work for the walker and waits for its end. */
static void dies(struct doomed *doomed, godwit_peer_t *walker, int expected)
{
    int status;

    lets_work(doomed, walker);
    assert_int_equal(waitpid(doomed->pid, &status, 0), doomed->pid);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != expected)
        print_error("the worker ended with status %x\n", (unsigned)status);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == expected);
}

static godwit_delivery_t *take(godwit_stage_t *stage)
{
    godwit_delivery_t *delivery;

    must(godwit_stage_next(stage, LIVE_TIMEOUT_MS, &delivery));
    return delivery;
}

/* --- and who is left --- */

static void push_numbers(godwit_peer_t *walker, int count)
{
    for (int i = 0; i < count; i++)
        ok(godwit_push_data(walker, "s", &i, sizeof i, NULL));
}

/* Takes `count` messages and tells each one's attempt. */
static void take_attempts(godwit_stage_t *stage, int count, uint32_t *attempts)
{
    memset(attempts, 0, (size_t)count * sizeof *attempts);
    for (int i = 0; i < count; i++) {
        godwit_delivery_t *delivery = live_next(stage);
        int number;

        memcpy(&number, godwit_delivery_data(delivery), sizeof number);
        assert_in_range(number, 0, count - 1);
        assert_int_equal(attempts[number], 0);
        attempts[number] = godwit_delivery_attempt(delivery);
        ok(godwit_ack(&delivery));
    }
}

struct aftermath {
    godwit_peer_t *walker, *worker;
    godwit_stage_t *stage;
};

static struct aftermath reopen(godwit_peer_t *walker, const char *directory)
{
    struct aftermath after = {.walker = walker, .worker = live_disk_peer("worker", directory)};
    char endpoint[256];

    after.stage = live_stage(after.worker, "s");
    ok(godwit_peer_endpoint(walker, endpoint, sizeof endpoint));
    ok(godwit_peer_connect(after.worker, endpoint));
    return after;
}

static void end(struct aftermath *after, const char *directory)
{
    ok(godwit_peer_drain(after->walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&after->stage);
    ok(godwit_peer_close(&after->worker));
    ok(godwit_peer_close(&after->walker));
    live_remove(directory);
}

/* --- tests --- */

static void die_on_the_second(godwit_peer_t *peer, godwit_stage_t *stage)
{
    godwit_delivery_t *delivery = take(stage);

    must(godwit_ack(&delivery));
    delivery = take(stage); /* begun: nothing says so but the mark */
    (void)peer;
    raise(SIGKILL);
}

static void what_a_killed_handler_had_begun_is_an_attempt(void **state)
{
    char directory[128];
    uint32_t attempts[10];

    (void)state;
    struct doomed doomed = start(live_directory(directory), die_on_the_second);
    godwit_peer_t *walker = live_peer("walker");
    push_numbers(walker, 10);
    dies(&doomed, walker, SIGKILL);
    struct aftermath after = reopen(walker, directory);
    /* The first one's ack was submitted, but need not have been stored. */
    godwit_delivery_t *delivery = live_next(after.stage);
    int number, seen = 0;
    memset(attempts, 0, sizeof attempts);
    for (;;) {
        memcpy(&number, godwit_delivery_data(delivery), sizeof number);
        attempts[number] = godwit_delivery_attempt(delivery);
        assert_true(number == 0 || godwit_delivery_redelivered(delivery) ||
                    attempts[number] == 1);
        ok(godwit_ack(&delivery));
        seen += number > 0;
        if (seen == 9)
            break;
        delivery = live_next(after.stage);
    }
    assert_true(attempts[0] <= 1); /* its handler had finished: not charged */
    assert_int_equal(attempts[1], 2);
    for (int i = 2; i < 10; i++)
        assert_int_equal(attempts[i], 1);
    end(&after, directory);
}

/* Of many only those that were looked at; a fault, not a signal from outside. */
static void fault_on_the_third_of_many(godwit_peer_t *peer, godwit_stage_t *stage)
{
    godwit_delivery_t *deliveries[6];
    size_t got = 0, count;

    (void)peer;
    while (got < 6) {
        must(godwit_stage_next_many(stage, LIVE_TIMEOUT_MS, deliveries + got, 6 - got, &count));
        got += count;
    }
    (void)godwit_delivery_data(deliveries[0]);
    (void)godwit_delivery_data(deliveries[2]);
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

static void of_many_only_what_was_looked_at_is_charged(void **state)
{
    char directory[128];
    uint32_t attempts[8];

    (void)state;
    struct doomed doomed = start(live_directory(directory), fault_on_the_third_of_many);
    godwit_peer_t *walker = live_peer("walker");
    push_numbers(walker, 8);
    dies(&doomed, walker, SIGSEGV);
    struct aftermath after = reopen(walker, directory);
    take_attempts(after.stage, 8, attempts);
    for (int i = 0; i < 8; i++)
        assert_int_equal(attempts[i], i == 0 || i == 2 ? 2 : 1);
    end(&after, directory);
}

static void finish_and_die(godwit_peer_t *peer, godwit_stage_t *stage)
{
    godwit_delivery_t *delivery;
    godwit_txn_t *txn;

    delivery = take(stage);
    must(godwit_nack(&delivery, 0, NULL));
    delivery = take(stage);
    godwit_delivery_drop(&delivery);
    delivery = take(stage);
    must(godwit_txn_begin(peer, &txn));
    must(godwit_txn_ack(txn, delivery));
    godwit_txn_abort(&txn); /* in hand as before, and begun */
    raise(SIGKILL);
}

static void a_handler_that_had_finished_is_not_charged(void **state)
{
    char directory[128];
    uint32_t attempts[3];

    (void)state;
    struct doomed doomed = start(live_directory(directory), finish_and_die);
    godwit_peer_t *walker = live_peer("walker");
    push_numbers(walker, 3);
    dies(&doomed, walker, SIGKILL);
    struct aftermath after = reopen(walker, directory);
    take_attempts(after.stage, 3, attempts);
    assert_in_range(attempts[0], 1, 2); /* the nack may have arrived */
    assert_int_equal(attempts[1], 1);
    assert_int_equal(attempts[2], 2);
    end(&after, directory);
}

static void die_at_once(godwit_peer_t *peer, godwit_stage_t *stage)
{
    (void)peer;
    take(stage);
    raise(SIGKILL);
}

/* Death after death, each in a process of its own that opens the same store. */
static void a_message_that_kills_becomes_a_dead_letter(void **state)
{
    godwit_destination_options_t policy = GODWIT_DESTINATION_OPTIONS_INIT;
    godwit_peer_options_t options = live_options("walker");
    char directory[128], sender[128];
    godwit_peer_t *walker;
    godwit_dead_t *dead;
    godwit_id_t id = {0};

    (void)state;
    live_directory(directory);
    live_directory(sender);
    policy.max_attempts = 3;
    options.directory = sender;
    options.durability = GODWIT_DURABILITY_OS;
    for (int round = 0; round < 3; round++) {
        struct doomed doomed = start(directory, die_at_once);

        ok(godwit_peer_open(&options, &walker));
        ok(godwit_destination_set(walker, "stage:s", &policy));
        if (round == 0)
            ok(godwit_push_data(walker, "s", "poison", 6, &id));
        dies(&doomed, walker, SIGKILL);
        if (round < 2) /* the next worker is forked without threads */
            ok(godwit_peer_close(&walker));
    }
    struct aftermath after = reopen(walker, directory);
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_dead_get(walker, id, &dead));
    assert_int_equal(dead->reason, GODWIT_DEATH_ATTEMPTS);
    assert_int_equal(dead->attempts, 3);
    godwit_dead_free(&dead);
    end(&after, directory);
    live_remove(sender);
}

static void hold_the_first(godwit_peer_t *peer, godwit_stage_t *stage)
{
    (void)peer;
    take(stage);
    for (;;)
        pause();
}

static void waits_until_begun(godwit_peer_t *walker, godwit_id_t id)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    godwit_status_t status = GODWIT_STATUS_INIT;

    for (int i = 0; i < LIVE_TIMEOUT_MS / 5; i++) {
        ok(godwit_status(walker, id, &status));
        if (status.place == GODWIT_PLACE_IN_HAND)
            return;
        nanosleep(&moment, NULL);
    }
    fail_msg("it is %s", godwit_place_name(status.place));
}

/* A worker in memory leaves no file behind: its sender goes by what it was told meanwhile. */
static void what_a_memory_worker_was_seen_to_begin_is_an_attempt(void **state)
{
    struct doomed doomed = start(NULL, hold_the_first);
    godwit_peer_t *walker = live_peer("walker"), *worker;
    uint32_t attempts[2];
    char endpoint[256];
    godwit_id_t id;
    int status, zero = 0, one = 1;

    (void)state;
    ok(godwit_push_data(walker, "s", &zero, sizeof zero, &id));
    ok(godwit_push_data(walker, "s", &one, sizeof one, NULL));
    lets_work(&doomed, walker);
    waits_until_begun(walker, id);
    kill(doomed.pid, SIGKILL);
    assert_int_equal(waitpid(doomed.pid, &status, 0), doomed.pid);
    worker = live_peer("worker");
    godwit_stage_t *stage = live_stage(worker, "s");
    ok(godwit_peer_endpoint(walker, endpoint, sizeof endpoint));
    ok(godwit_peer_connect(worker, endpoint));
    take_attempts(stage, 2, attempts);
    assert_int_equal(attempts[0], 2);
    assert_int_equal(attempts[1], 1);
    ok(godwit_peer_drain(walker, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
}

static void a_clean_close_charges_nothing(void **state)
{
    godwit_peer_t *walker = live_peer("walker");
    char directory[128], endpoint[256];
    uint32_t attempts[2];
    struct stat status;
    char file[160];

    (void)state;
    live_bind(walker, endpoint);
    struct aftermath after = reopen(walker, live_directory(directory));
    push_numbers(walker, 2);
    godwit_delivery_t *delivery = live_next(after.stage);
    godwit_stage_close(&after.stage);
    ok(godwit_peer_close(&after.worker));
    snprintf(file, sizeof file, "%s/begun", directory);
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    after = reopen(walker, directory);
    godwit_delivery_drop(&delivery); /* of the peer that was: touches nothing of the new one */
    take_attempts(after.stage, 2, attempts);
    assert_int_equal(attempts[0], 1);
    assert_int_equal(attempts[1], 1);
    end(&after, directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_killed_handler_had_begun_is_an_attempt),
        cmocka_unit_test(of_many_only_what_was_looked_at_is_charged),
        cmocka_unit_test(a_handler_that_had_finished_is_not_charged),
        cmocka_unit_test(a_message_that_kills_becomes_a_dead_letter),
        cmocka_unit_test(what_a_memory_worker_was_seen_to_begin_is_an_attempt),
        cmocka_unit_test(a_clean_close_charges_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
