/* SPDX-License-Identifier: MPL-2.0 */

/* A peer in a host program that was there first: with CZMQ sockets and actors, signal handlers,
 * random numbers, files and threads of its own. Whatever the peer does, all of that stays the
 * host's. */

#include "live.h"

#include <czmq.h>
#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define DRAWS 1000
#define SIGNALS 64
#define THREADS_MAX 256
#define DESCRIPTORS_MAX 1024
#define EXEC_ARGUMENT "--descriptors"

/* --- the host --- */

static zactor_t *actor;  /* sends back what it gets */
static zsock_t *in, *out; /* over tcp */
static atomic_int interrupts;
static atomic_int interrupted_thread;

static void on_interrupt(int number)
{
    (void)number;
    atomic_store(&interrupted_thread, (int)syscall(SYS_gettid));
    atomic_fetch_add(&interrupts, 1);
}

static void echo_actor(zsock_t *pipe, void *argument)
{
    char *text;

    (void)argument;
    zsock_signal(pipe, 0);
    while ((text = zstr_recv(pipe)) != NULL) {
        bool end = streq(text, "$TERM");

        if (!end)
            zstr_send(pipe, text);
        zstr_free(&text);
        if (end)
            return;
    }
}

static int start_host(void **state)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};

    (void)state;
    zsys_handler_set(NULL); /* a host with handlers of its own says so to CZMQ */
    sigaddset(&action.sa_mask, SIGUSR2);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    actor = zactor_new(echo_actor, NULL);
    in = zsock_new(ZMQ_PULL);
    int port = zsock_bind(in, "tcp://127.0.0.1:*");
    out = zsock_new(ZMQ_PUSH);
    assert_true(port > 0);
    assert_int_equal(zsock_connect(out, "tcp://127.0.0.1:%d", port), 0);
    return 0;
}

static int stop_host(void **state)
{
    (void)state;
    zactor_destroy(&actor);
    zsock_destroy(&in);
    zsock_destroy(&out);
    return 0;
}

static void czmq_works(void)
{
    for (int i = 0; i < 10; i++) {
        char *text;

        assert_int_equal(zstr_sendf(out, "%d", i), 0);
        text = zstr_recv(in);
        assert_non_null(text);
        assert_int_equal(atoi(text), i);
        assert_int_equal(zstr_send(actor, text), 0);
        zstr_free(&text);
        text = zstr_recv(actor);
        assert_non_null(text);
        assert_int_equal(atoi(text), i);
        zstr_free(&text);
    }
    assert_int_equal(zsys_interrupted, 0);
}

/* --- what is the host's --- */

struct belongings {
    struct sigaction actions[SIGNALS + 1];
    sigset_t blocked;
    mode_t mask;
    char folder[4096];
    char locale[256];
    struct rlimit limits[RLIM_NLIMITS];
    char **environment;
    char *variables[DESCRIPTORS_MAX];
    struct itimerval timer;
    int priority;
};

static void look_at(struct belongings *own)
{
    memset(own, 0, sizeof *own);
    for (int i = 1; i <= SIGNALS; i++)
        sigaction(i, NULL, &own->actions[i]); /* those of libc's own are refused, and stay 0 */
    pthread_sigmask(SIG_SETMASK, NULL, &own->blocked);
    umask(own->mask = umask(0));
    assert_non_null(getcwd(own->folder, sizeof own->folder));
    snprintf(own->locale, sizeof own->locale, "%s", setlocale(LC_ALL, NULL));
    for (int i = 0; i < (int)RLIM_NLIMITS; i++)
        getrlimit((__rlimit_resource_t)i, &own->limits[i]);
    own->environment = environ;
    for (size_t i = 0; environ[i] && i < DESCRIPTORS_MAX; i++)
        own->variables[i] = environ[i];
    getitimer(ITIMER_REAL, &own->timer);
    own->priority = getpriority(PRIO_PROCESS, 0);
}

static void is_as_it_was(const struct belongings *before)
{
    static struct belongings now;

    look_at(&now);
    for (int i = 1; i <= SIGNALS; i++) {
        assert_ptr_equal(now.actions[i].sa_handler, before->actions[i].sa_handler);
        assert_int_equal(now.actions[i].sa_flags, before->actions[i].sa_flags);
        for (int s = 1; s <= SIGNALS; s++)
            assert_int_equal(sigismember(&now.actions[i].sa_mask, s),
                             sigismember(&before->actions[i].sa_mask, s));
        assert_int_equal(sigismember(&now.blocked, i), sigismember(&before->blocked, i));
    }
    assert_int_equal(now.mask, before->mask);
    assert_string_equal(now.folder, before->folder);
    assert_string_equal(now.locale, before->locale);
    assert_memory_equal(now.limits, before->limits, sizeof now.limits);
    assert_ptr_equal(now.environment, before->environment);
    assert_memory_equal(now.variables, before->variables, sizeof now.variables);
    assert_memory_equal(&now.timer, &before->timer, sizeof now.timer);
    assert_int_equal(now.priority, before->priority);
}

/* --- a peer that does everything --- */

struct pair {
    char directory[128];
    godwit_peer_t *near, *far;
    godwit_stage_t *stage;
    godwit_service_t *service;
};

static uint32_t answer(void *context, godwit_call_t *call)
{
    (void)context;
    return godwit_call_reply(call, "42", 2) ? GODWIT_CALL_RETRY : 0;
}

static void open_far(struct pair *pair)
{
    pair->far = live_peer("far");
    pair->stage = live_stage(pair->far, "s");
    ok(godwit_service_open(pair->far, "asked", answer, NULL, NULL, &pair->service));
    ok(godwit_peer_bind(pair->far, "tcp://127.0.0.1:*"));
}

static void open_near(struct pair *pair)
{
    godwit_peer_options_t options = live_options("near");
    char endpoint[256];

    options.directory = live_directory(pair->directory);
    options.durability = GODWIT_DURABILITY_OS;
    options.outcomes = true;
    ok(godwit_peer_open(&options, &pair->near));
    ok(godwit_peer_endpoint(pair->far, endpoint, sizeof endpoint));
    ok(godwit_peer_connect(pair->near, endpoint));
}

static void open_pair(struct pair *pair)
{
    open_far(pair);
    open_near(pair);
}

static void use_pair(struct pair *pair)
{
    static char bytes[1 << 20];
    godwit_peer_t *none = NULL;
    godwit_delivery_t *delivery;
    godwit_message_t *message;
    godwit_reply_t *reply;
    godwit_txn_t *txn;

    for (int i = 0; i < 12; i++) /* more than LevelDB keeps in memory: it starts its thread */
        ok(godwit_push_data(pair->near, "s", bytes, sizeof bytes, NULL));
    for (int i = 0; i < 12; i++) {
        delivery = live_next(pair->stage);
        ok(godwit_ack(&delivery));
    }
    ok(godwit_message_new("?", 1, &message));
    ok(godwit_request(pair->near, "asked", &message, LIVE_TIMEOUT_MS, &reply, NULL));
    godwit_reply_done(&reply);
    ok(godwit_txn_begin(pair->near, &txn));
    ok(godwit_txn_put(txn, "space", "key", 3, "value", 5));
    ok(godwit_txn_commit(&txn));
    ok(godwit_peer_drain(pair->near, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    /* what goes wrong is told to the caller alone */
    fails(GODWIT_EINVAL, godwit_peer_open(NULL, &none));
    fails(GODWIT_EINVAL, godwit_peer_bind(pair->near, "tcp://8.8.8.8:1"));
    fails(GODWIT_EBUSY, godwit_inbox_open(pair->far, "stage:s", NULL, &(godwit_inbox_t *){NULL}));
}

static void close_near(struct pair *pair)
{
    ok(godwit_peer_close(&pair->near));
    live_remove(pair->directory);
}

static void close_far(struct pair *pair)
{
    godwit_stage_close(&pair->stage);
    ok(godwit_service_close(&pair->service));
    ok(godwit_peer_close(&pair->far));
}

static void close_pair(struct pair *pair)
{
    close_near(pair);
    close_far(pair);
}

/* --- the tests --- */

static void *a_host_thread(void *pair)
{
    static struct belongings before;

    look_at(&before);
    use_pair(pair);
    is_as_it_was(&before);
    return NULL;
}

static void what_is_the_hosts_stays_as_it_was(void **state)
{
    static struct belongings before;
    struct pair pair;
    pthread_t thread;
    sigset_t some;

    (void)state;
    umask(027);
    setlocale(LC_ALL, "C.UTF-8");
    sigemptyset(&some);
    sigaddset(&some, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &some, NULL);
    look_at(&before);
    open_pair(&pair);
    is_as_it_was(&before);
    use_pair(&pair);
    is_as_it_was(&before);
    assert_int_equal(pthread_create(&thread, NULL, a_host_thread, &pair), 0);
    pthread_join(thread, NULL);
    czmq_works();
    close_pair(&pair);
    is_as_it_was(&before);
    czmq_works();
    pthread_sigmask(SIG_UNBLOCK, &some, NULL);
}

/* The first numbers after this seed. */
static void draw(unsigned int seed, long numbers[DRAWS], long numbers48[DRAWS])
{
    srandom(seed);
    srand48((long)seed);
    for (int i = 0; i < DRAWS; i++) {
        numbers[i] = random();
        numbers48[i] = lrand48();
    }
    srandom(seed);
    srand48((long)seed);
}

static void random_numbers_are_the_hosts(void **state)
{
    static long expected[DRAWS], expected48[DRAWS];
    struct pair pair;

    (void)state;
    open_far(&pair);
    draw(7, expected, expected48);
    for (int i = 0; i < 8; i++) {
        if (i == 1)
            open_near(&pair);
        if (i == 3)
            use_pair(&pair);
        if (i == 5)
            close_near(&pair);
        assert_int_equal(random(), expected[i]);
        assert_int_equal(lrand48(), expected48[i]);
    }
    close_far(&pair);
}

/* libzmq itself draws a few from rand when it binds or redials: they are missing in the host's
 * sequence, but it is still the one of the host's seed. */
static void random_numbers_are_never_seeded(void **state)
{
    static long expected[DRAWS], expected48[DRAWS];
    struct pair pair;
    size_t at = 0;

    (void)state;
    draw(8, expected, expected48);
    for (int i = 0; i < 8; i++) {
        if (i == 1)
            open_pair(&pair);
        if (i == 3)
            use_pair(&pair);
        if (i == 5)
            close_pair(&pair);
        long number = random();
        while (at < DRAWS && expected[at] != number)
            at++;
        assert_true(at < DRAWS);
        assert_int_equal(lrand48(), expected48[i]);
    }
}

/* cmocka writes there too, so that on a failure the file is shown. */
static int saved_output = -1, saved_errors = -1;
static char written[] = "/tmp/godwit-host-XXXXXX";

static int restore_output(void **state)
{
    char text[4096];
    ssize_t size = 0;

    (void)state;
    if (saved_output < 0)
        return 0;
    dup2(saved_output, STDOUT_FILENO);
    dup2(saved_errors, STDERR_FILENO);
    close(saved_output);
    close(saved_errors);
    saved_output = -1;
    int file = open(written, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        size = read(file, text, sizeof text);
        close(file);
        unlink(written);
    }
    if (size > 0)
        print_error("written by somebody: %.*s\n", (int)size, text);
    return size != 0;
}

static void nothing_is_written_to_the_hosts_output(void **state)
{
    struct pair pair;

    int file = mkstemp(written);
    assert_true(file >= 0);
    fflush(NULL);
    saved_errors = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    saved_output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    close(file);
    open_pair(&pair);
    use_pair(&pair);
    close_pair(&pair);
    fflush(NULL);
    assert_int_equal(restore_output(state), 0);
}

/* --- threads --- */

static size_t list_threads(int threads[THREADS_MAX])
{
    DIR *stream = opendir("/proc/self/task");
    struct dirent *entry;
    size_t count = 0;

    assert_non_null(stream);
    while ((entry = readdir(stream)) != NULL && count < THREADS_MAX)
        if (entry->d_name[0] != '.')
            threads[count++] = atoi(entry->d_name);
    closedir(stream);
    return count;
}

/* The signals that a thread blocks, as the kernel shows them; 0 if it has ended. */
static unsigned long long blocked_by(int thread)
{
    char path[64], line[256];
    unsigned long long blocked = 0;

    snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        sscanf(line, "SigBlk: %llx", &blocked);
    if (file)
        fclose(file);
    return blocked;
}

static void threads_of_the_library_take_no_signal(void **state)
{
    int before[THREADS_MAX], after[THREADS_MAX];
    size_t old = list_threads(before), count, checked = 0;
    int started = atomic_load(&interrupts);
    sigset_t all, mask;
    struct pair pair;

    (void)state;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    unsigned long long everything = blocked_by((int)syscall(SYS_gettid));
    pthread_sigmask(SIG_SETMASK, &mask, NULL);

    open_pair(&pair);
    use_pair(&pair);
    count = list_threads(after);
    for (size_t i = 0; i < count; i++) {
        bool known = false;

        for (size_t j = 0; j < old; j++)
            known = known || before[j] == after[i];
        unsigned long long blocked = known ? 0 : blocked_by(after[i]);
        if (blocked == 0)
            continue;
        assert_int_equal(blocked & everything, everything); /* libc's own come and go */
        checked++;
    }
    assert_true(checked >= 8); /* two peers: engines, stores, ZeroMQ's, the service's, ... */
    for (int i = 1; i <= 20; i++) {
        kill(getpid(), i % 2 ? SIGINT : SIGTERM);
        for (int j = 0; j < 1000 && atomic_load(&interrupts) < started + i; j++)
            usleep(10000);
        assert_int_equal(atomic_load(&interrupts), started + i);
        bool hosts = false;
        for (size_t j = 0; j < old; j++)
            hosts = hosts || before[j] == atomic_load(&interrupted_thread);
        assert_true(hosts);
    }
    use_pair(&pair);
    close_pair(&pair);
    czmq_works();
}

/* --- descriptors over exec --- */

/* Another program's view: what it has open, as text. */
static int show_descriptors(void)
{
    char path[64], target[256];

    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(path, target, sizeof target);
        if (size >= 0 && fd > STDERR_FILENO)
            printf("%d %.*s\n", fd, (int)size, target);
    }
    return 0;
}

static void run_another_program(char *shown, size_t size)
{
    int ends[2];
    size_t used = 0;
    ssize_t got;
    int status;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl("/proc/self/exe", "test_host", EXEC_ARGUMENT, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while (used < size - 1 && (got = read(ends[0], shown + used, size - 1 - used)) > 0)
        used += (size_t)got;
    shown[used] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void another_program_inherits_no_descriptor(void **state)
{
    static char before[65536], during[65536];
    struct pair pair;

    (void)state;
    run_another_program(before, sizeof before);
    open_pair(&pair);
    use_pair(&pair);
    run_another_program(during, sizeof during);
    assert_string_equal(during, before);
    close_pair(&pair);
    czmq_works();
}

/* --- a forked child, and the end of CZMQ --- */

static void a_forked_child_harms_neither(void **state)
{
    struct pair pair;
    int status;

    (void)state;
    open_pair(&pair);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        bool told = godwit_push_data(pair.near, "s", "x", 1, NULL) == GODWIT_EFORK &&
                    godwit_peer_close(&pair.near) == GODWIT_EFORK &&
                    godwit_peer_close(&pair.far) == GODWIT_EFORK;
        _exit(!told);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    use_pair(&pair);
    czmq_works();
    close_pair(&pair);
}

/* Last: CZMQ's context ends, the peers have one of their own. */
static void a_peer_outlives_czmq(void **state)
{
    struct pair pair;

    open_pair(&pair);
    stop_host(state);
    zsys_shutdown();
    use_pair(&pair);
    close_pair(&pair);
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_the_hosts_stays_as_it_was),
        cmocka_unit_test(random_numbers_are_the_hosts),
        cmocka_unit_test(random_numbers_are_never_seeded),
        cmocka_unit_test_teardown(nothing_is_written_to_the_hosts_output, restore_output),
        cmocka_unit_test(threads_of_the_library_take_no_signal),
        cmocka_unit_test(another_program_inherits_no_descriptor),
        cmocka_unit_test(a_forked_child_harms_neither),
        cmocka_unit_test(a_peer_outlives_czmq),
    };

    if (count > 1 && strcmp(arguments[1], EXEC_ARGUMENT) == 0)
        return show_descriptors();
    return cmocka_run_group_tests(tests, start_host, stop_host);
}
