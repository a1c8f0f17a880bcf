/* SPDX-License-Identifier: MPL-2.0 */

/* A producer and a consumer as real processes, killed with SIGKILL at random moments, round after
 * round. In the end every accepted message must have had its effect exactly once.
 *
 *     live_kill_rounds [ROUNDS [SEED]]    prints rounds, accepted, lost, repeated; 0: it holds
 *
 * The ledger is outside the code under test: the producer writes a payload's number to a file after
 * STORED was reported for it, and never uses a number twice, since it reserves them in another
 * file first. A number that is not in the ledger may have been stored all the same: then it may be
 * processed once or not at all. The effect is a counter per number, raised in the transaction that
 * acks the message. */

#include <godwit.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STAGE "work"
#define SPACE "count"
#define RESERVE 4096  /* numbers reserved at a time */
#define GROUP_MAX 64  /* messages between two looks at STORED */
#define TXN_MAX 16    /* deliveries in one transaction */
#define RUN_MS_MAX 120 /* a process lives up to this long before it is killed */
#define DRAIN_MS 30000

extern char **environ;
static volatile sig_atomic_t stopping;

static void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

static void must(godwit_err_t error, const char *what)
{
    if (error)
        die("%s: %s: %s", what, godwit_error_name(error), godwit_last_error());
}

static void stop(int number)
{
    (void)number;
    stopping = 1;
}

static void log_line(void *context, godwit_log_level_t level, const char *text)
{
    fprintf(stderr, "[%s %d] %s\n", (const char *)context, (int)level, text);
}

static void pause_ms(uint64_t ms)
{
    struct timespec pause = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

static godwit_peer_t *open_peer(const char *name, const char *directory)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    char store[256];
    godwit_peer_t *peer;

    snprintf(store, sizeof store, "%s/%s", directory, name);
    options.name = name;
    options.directory = store;
    options.durability = GODWIT_DURABILITY_OS;
    options.heartbeat_ms = 50;
    if (getenv("LIVE_LOG")) {
        options.log = log_line;
        options.log_context = (void *)name;
        options.log_level = GODWIT_LOG_DEBUG;
    }
    must(godwit_peer_open(&options, &peer), name);
    return peer;
}

/* Each binds and dials, so that whoever was killed finds the other at once. */
static void meet(godwit_peer_t *peer, const char *own, const char *other)
{
    must(godwit_peer_bind(peer, own), "bind");
    must(godwit_peer_connect(peer, other), "connect");
}

/* --- the producer --- */

static int open_file(const char *directory, const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        die("%s: %s", path, strerror(errno));
    return fd;
}

static void append(int fd, const uint64_t *numbers, size_t count)
{
    if (write(fd, numbers, count * sizeof *numbers) != (ssize_t)(count * sizeof *numbers))
        die("the ledger cannot be written: %s", strerror(errno));
}

static uint64_t last_number(int fd)
{
    uint64_t number = 0;
    off_t size = lseek(fd, 0, SEEK_END);

    if (size >= (off_t)sizeof number &&
        pread(fd, &number, sizeof number, size - (off_t)sizeof number) != sizeof number)
        die("the file of reserved numbers cannot be read");
    return number;
}

static void produce(const char *directory, const char *own, const char *other)
{
    godwit_peer_t *peer = open_peer("producer", directory);
    int ledger = open_file(directory, "ledger"), reserved = open_file(directory, "reserved");
    uint64_t next = last_number(reserved), end = next;
    uint64_t group[GROUP_MAX];
    godwit_id_t id;

    meet(peer, own, other);
    while (!stopping) {
        size_t count = 1 + (size_t)(next % GROUP_MAX);

        if (end - next < count) {
            next = end; /* a little waste: the rest of an earlier run's block */
            end += RESERVE;
            append(reserved, &end, 1);
        }
        for (size_t i = 0; i < count; i++) {
            group[i] = ++next;
            must(godwit_push_data(peer, STAGE, &group[i], sizeof group[i], &id), "push");
        }
        must(godwit_wait(peer, id, GODWIT_STORED, DRAIN_MS), "wait");
        append(ledger, group, count);
        pause_ms(1); /* keeps the backlog, and so the end of the test, short */
    }
    must(godwit_peer_drain(peer, GODWIT_SETTLED, DRAIN_MS), "drain");
    must(godwit_peer_close(&peer), "close");
}

/* --- the consumer --- */

static void raise_count(godwit_txn_t *txn, uint64_t number)
{
    uint64_t count = 0;
    void *value;
    size_t size;
    godwit_err_t error = godwit_txn_get(txn, SPACE, &number, sizeof number, &value, &size);

    if (!error) {
        memcpy(&count, value, sizeof count);
        godwit_free(value);
    } else if (error != GODWIT_ENOTFOUND) {
        must(error, "get");
    }
    count++;
    must(godwit_txn_put(txn, SPACE, &number, sizeof number, &count, sizeof count), "put");
}

static void process(godwit_peer_t *peer, godwit_stage_t *stage, godwit_delivery_t *delivery)
{
    godwit_txn_t *txn;
    uint64_t number;

    must(godwit_txn_begin(peer, &txn), "begin");
    for (int i = 0; delivery && i < TXN_MAX; i++) {
        memcpy(&number, godwit_delivery_data(delivery), sizeof number);
        must(godwit_txn_ack(txn, delivery), "txn_ack");
        raise_count(txn, number);
        delivery = NULL;
        if (i + 1 < TXN_MAX && godwit_stage_next(stage, 0, &delivery) != GODWIT_OK)
            break;
    }
    must(godwit_txn_commit(&txn), "commit");
}

static void consume(const char *directory, const char *own, const char *other)
{
    godwit_peer_t *peer = open_peer("consumer", directory);
    godwit_stage_t *stage;
    godwit_delivery_t *delivery;

    must(godwit_stage_open(peer, STAGE, NULL, &stage), "stage");
    meet(peer, own, other);
    while (!stopping)
        if (godwit_stage_next(stage, 50, &delivery) == GODWIT_OK)
            process(peer, stage, delivery);
    godwit_stage_close(&stage);
    must(godwit_peer_close(&peer), "close");
}

/* --- the verdict --- */

struct verdict {
    uint64_t accepted;
    uint64_t lost;
    uint64_t repeated;
    uint64_t processed;
};

/* counts[number]: how often its effect happened. */
static uint64_t *read_counts(const char *directory, uint64_t limit, struct verdict *verdict)
{
    godwit_peer_t *peer = open_peer("consumer", directory);
    uint64_t *counts = calloc(limit + 1, sizeof *counts);
    godwit_cursor_t *cursor;
    const void *key, *value;
    size_t key_size, value_size;
    godwit_err_t error;

    if (!counts)
        die("out of memory");
    must(godwit_scan(peer, SPACE, NULL, 0, &cursor), "scan");
    while (!(error = godwit_cursor_next(cursor, &key, &key_size, &value, &value_size))) {
        uint64_t number;

        memcpy(&number, key, sizeof number);
        if (number > limit)
            die("number %" PRIu64 " was never sent", number);
        memcpy(&counts[number], value, sizeof number);
        verdict->processed++;
        verdict->repeated += counts[number] > 1;
    }
    if (error != GODWIT_ENOTFOUND)
        must(error, "cursor_next");
    godwit_cursor_close(&cursor);
    must(godwit_peer_close(&peer), "close");
    return counts;
}

static struct verdict judge(const char *directory)
{
    struct verdict verdict = {0};
    int ledger = open_file(directory, "ledger"), reserved = open_file(directory, "reserved");
    uint64_t *counts = read_counts(directory, last_number(reserved), &verdict);
    uint64_t number;

    lseek(ledger, 0, SEEK_SET);
    while (read(ledger, &number, sizeof number) == sizeof number) {
        verdict.accepted++;
        if (counts[number] == 0) {
            verdict.lost++;
            fprintf(stderr, "lost: %" PRIu64 "\n", number);
        }
    }
    free(counts);
    close(ledger);
    close(reserved);
    return verdict;
}

/* --- the rounds --- */

struct child {
    char role[16];
    char own[64]; /* endpoint */
    char other[64];
    pid_t pid;
};

static uint64_t random_state;

static uint64_t random_below(uint64_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % bound;
}

static void start(struct child *child, char *directory)
{
    char name[] = "live_kill_rounds";
    char *arguments[] = {name, child->role, directory, child->own, child->other, NULL};
    int error = posix_spawn(&child->pid, "/proc/self/exe", NULL, NULL, arguments, environ);

    if (error)
        die("posix_spawn: %s", strerror(error));
}

/* False if it had ended by itself, which it never should. */
static bool kill_now(struct child *child)
{
    int status;

    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static bool end_well(struct child *child)
{
    int status;

    kill(child->pid, SIGTERM);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void free_endpoint(char endpoint[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        die("no free port: %s", strerror(errno));
    close(fd);
    snprintf(endpoint, 64, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static bool play(char *directory, uint64_t rounds)
{
    struct child children[] = {{.role = "producer"}, {.role = "consumer"}};
    bool good = true;

    for (int c = 0; c < 2; c++) {
        free_endpoint(children[c].own);
        memcpy(children[1 - c].other, children[c].own, sizeof children[c].own);
    }

    for (uint64_t i = 0; i < rounds && good; i++) {
        uint64_t victims = 1 + random_below(3); /* one, the other, or both */

        for (int c = 0; c < 2; c++)
            if (!children[c].pid)
                start(&children[c], directory);
        pause_ms(random_below(RUN_MS_MAX));
        for (int c = 0; c < 2; c++) {
            if (!(victims >> c & 1))
                continue;
            good = kill_now(&children[c]) && good;
            if (victims == 3)
                pause_ms(random_below(5));
        }
    }
    for (int c = 0; c < 2; c++)
        if (!children[c].pid)
            start(&children[c], directory);
    pause_ms(300);
    good = end_well(&children[0]) && good; /* drains: the consumer must still be there */
    good = end_well(&children[1]) && good;
    return good;
}

static int control(uint64_t rounds, uint64_t seed)
{
    const char *base = getenv("TMPDIR");
    char directory[128];

    random_state = seed;
    snprintf(directory, sizeof directory, "%s/godwit-kill-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(directory))
        die("%s: %s", directory, strerror(errno));
    printf("seed %" PRIu64 ", store %s\n", seed, directory);
    fflush(stdout);
    bool good = play(directory, rounds);
    struct verdict verdict = judge(directory);
    printf("rounds %" PRIu64 ", accepted %" PRIu64 ", processed %" PRIu64 ", lost %" PRIu64
           ", repeated %" PRIu64 "\n",
           rounds, verdict.accepted, verdict.processed, verdict.lost, verdict.repeated);
    if (!good)
        printf("a process ended by itself, or not when it was asked to\n");
    good = good && verdict.accepted > 0 && verdict.lost == 0 && verdict.repeated == 0;
    if (good)
        nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return good ? 0 : 1;
}

int main(int count, char **arguments)
{
    struct sigaction action = {.sa_handler = stop};

    if (count == 5) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* no child outlives the test */
        sigaction(SIGTERM, &action, NULL);
        if (strcmp(arguments[1], "producer") == 0)
            produce(arguments[2], arguments[3], arguments[4]);
        else
            consume(arguments[2], arguments[3], arguments[4]);
        return 0;
    }
    return control(count > 1 ? strtoull(arguments[1], NULL, 10) : 200,
                   count > 2 ? strtoull(arguments[2], NULL, 10) : (uint64_t)time(NULL));
}
