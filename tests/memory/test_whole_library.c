/* SPDX-License-Identifier: MPL-2.0 */

/* Two peers live from their open to their close and do a bit of everything, and one allocation of
 * the library fails: the first, the second, ... up to the last of their life; then one descriptor,
 * one thread (faults M01, M02). The call that meets it names an error that its header allows, and
 * made again it works; nothing crashes, hangs or leaks; and when all is well again, what was
 * accepted was processed once.
 *
 *     test_whole_library         every one
 *     test_whole_library 23      every 23rd: what a normal run has time for
 *     test_whole_library 1 500   every one from the 500th on
 *
 * LevelDB and libzmq keep their memory: they end the process when they get none, which is the
 * tests of kill -9. */

#include "../live/live.h"
#include "support/failing_calls.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <zmq.h>

#define MESSAGES 8      /* of one life; their number modulo 8 says what becomes of them */
#define CALLS_MAX 20000 /* of one life; there are some thousands */
#define LIVES 24        /* of one store */
#define PAUSE_NS 2000000
#define TRIES_MAX (LIVE_TIMEOUT_MS * 1000000LL / PAUSE_NS)

enum fate { COMMITTED, ACKED, GIVEN_BACK, REJECTED, REQUESTED, SENT_IN_TRANSACTION };

static char base[128], directory[2][160];
static godwit_peer_t *a, *b; /* a sends and asks, b processes and answers */
static atomic_uint numbers;  /* of this and the earlier lives of their stores */
static atomic_bool stopping;
static unsigned nth; /* what fails in this life */

/* --- libzmq's calls that allocate or open --- */

void *__real_zmq_ctx_new(void);
void *__wrap_zmq_ctx_new(void);
void *__wrap_zmq_ctx_new(void)
{
    return calls_one_fails(CALLS_MEMORY, "zmq_ctx_new") ? NULL : __real_zmq_ctx_new();
}

void *__real_zmq_socket(void *context, int type);
void *__wrap_zmq_socket(void *context, int type);
void *__wrap_zmq_socket(void *context, int type)
{
    return calls_one_fails(CALLS_DESCRIPTORS, "zmq_socket") ? NULL
                                                            : __real_zmq_socket(context, type);
}

int __real_zmq_msg_init_size(zmq_msg_t *message, size_t size);
int __wrap_zmq_msg_init_size(zmq_msg_t *message, size_t size);
int __wrap_zmq_msg_init_size(zmq_msg_t *message, size_t size)
{
    return calls_one_fails(CALLS_MEMORY, "zmq_msg_init_size")
               ? -1
               : __real_zmq_msg_init_size(message, size);
}

int __real_zmq_msg_init_data(zmq_msg_t *message, void *data, size_t size, zmq_free_fn *release,
                             void *hint);
int __wrap_zmq_msg_init_data(zmq_msg_t *message, void *data, size_t size, zmq_free_fn *release,
                             void *hint);
int __wrap_zmq_msg_init_data(zmq_msg_t *message, void *data, size_t size, zmq_free_fn *release,
                             void *hint)
{
    return calls_one_fails(CALLS_MEMORY, "zmq_msg_init_data")
               ? -1
               : __real_zmq_msg_init_data(message, data, size, release, hint);
}

/* --- calls that may fail once --- */

#define MAY(error) (1u << GODWIT_##error)
#define SHORT (MAY(ENOMEM) | MAY(EIO) | MAY(EBUSY)) /* of memory, of descriptors; reopening */

/* Handlers' threads come here too: nothing is left to cmocka. */
static void wrong(const char *call, const char *what)
{
    print_error("with call %u failing (%s): %s: %s (%s)\n", nth, calls_failed_last(), call, what,
                godwit_last_error());
    live_remove(base);
    _exit(1);
}

static bool goes(godwit_err_t error, unsigned allowed, const char *call)
{
    if (error == GODWIT_OK)
        return true;
    if (!(allowed & (1u << error)))
        wrong(call, godwit_error_name(error));
    if (godwit_last_error()[0] == '\0')
        wrong(call, "an error without a sentence");
    return false;
}

static void pause_once(void)
{
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
}

/* Made again until it works. */
#define UNTIL_IT_GOES(call, allowed) do { \
    unsigned tries_ = 0; \
    while (!goes((call), (allowed), #call)) { \
        if (++tries_ > TRIES_MAX) \
            wrong(#call, "never works again"); \
        pause_once(); \
    } \
} while (0)

/* --- processing --- */

static bool read_count(godwit_txn_t *txn, uint32_t number, unsigned char *count)
{
    void *value = NULL;
    size_t size = 0;
    godwit_err_t error = godwit_txn_get(txn, "seen", &number, sizeof number, &value, &size);

    *count = error == GODWIT_OK && size == 1 ? *(unsigned char *)value : 0;
    godwit_free(value);
    return error == GODWIT_ENOTFOUND || goes(error, SHORT, "godwit_txn_get");
}

static bool count_one(godwit_txn_t *txn, uint32_t number)
{
    unsigned char count;

    if (!read_count(txn, number, &count))
        return false;
    count++;
    return goes(godwit_txn_put(txn, "seen", &number, sizeof number, &count, 1), SHORT,
                "godwit_txn_put");
}

static void give_back(godwit_delivery_t **delivery)
{
    while (*delivery && !goes(godwit_nack(delivery, 0, "again"), SHORT | MAY(ESTALE),
                              "godwit_nack"))
        ;
}

/* One transaction: true if it is committed, or nothing of it happened and the message comes again
 * by itself. */
static bool commit_one(godwit_delivery_t *delivery, uint32_t number)
{
    godwit_txn_t *txn = NULL;

    if (!goes(godwit_txn_begin(b, &txn), SHORT, "godwit_txn_begin"))
        return false;
    godwit_err_t error = number % MESSAGES == REJECTED
                             ? godwit_txn_reject(txn, delivery, 7, "no")
                             : godwit_txn_ack(txn, delivery);
    if (goes(error, SHORT, "godwit_txn_ack") && count_one(txn, number))
        goes(godwit_txn_commit(&txn), SHORT | MAY(ESTALE) | MAY(ENOTSTORED), "godwit_txn_commit");
    bool over = txn == NULL;
    godwit_txn_abort(&txn);
    return over;
}

static void process(godwit_delivery_t *delivery)
{
    uint32_t number;

    if (godwit_delivery_size(delivery) != sizeof number)
        wrong("godwit_delivery_size", "not what was sent");
    memcpy(&number, godwit_delivery_data(delivery), sizeof number);
    if (number >= atomic_load(&numbers))
        wrong("godwit_delivery_data", "not what was sent");
    if (number % MESSAGES == GIVEN_BACK && godwit_delivery_attempt(delivery) == 1) {
        give_back(&delivery);
    } else if (number % MESSAGES == ACKED) {
        goes(godwit_ack(&delivery), SHORT | MAY(ESTALE), "godwit_ack");
        give_back(&delivery);
    } else if (!commit_one(delivery, number)) {
        give_back(&delivery);
    }
}

static void *work(void *context)
{
    godwit_stage_t *stage = context;
    godwit_delivery_t *delivery;

    while (!atomic_load(&stopping))
        if (goes(godwit_stage_next(stage, 20, &delivery), SHORT | MAY(ETIMEDOUT),
                 "godwit_stage_next"))
            process(delivery);
    return NULL;
}

static uint32_t answer(void *context, godwit_call_t *call)
{
    uint32_t number;

    (void)context;
    if (godwit_call_size(call) != sizeof number)
        wrong("godwit_call_size", "not what was asked");
    memcpy(&number, godwit_call_data(call), sizeof number);
    if (!count_one(godwit_call_txn(call), number) ||
        !goes(godwit_call_reply(call, &number, sizeof number), SHORT, "godwit_call_reply"))
        return GODWIT_CALL_RETRY;
    return 0;
}

/* --- sending and asking --- */

static void bury(godwit_id_t id)
{
    godwit_dead_t *dead = NULL;

    UNTIL_IT_GOES(godwit_dead_get(a, id, &dead), SHORT);
    if (dead->code != 7 || strcmp(dead->text, "no") != 0)
        wrong("godwit_dead_get", "not what was said");
    godwit_dead_free(&dead);
    godwit_err_t error = godwit_dead_purge(a, id);
    while (!goes(error, SHORT | MAY(ENOTSTORED) | MAY(ENOTFOUND), "godwit_dead_purge") &&
           error != GODWIT_ENOTFOUND) {
        pause_once();
        error = godwit_dead_purge(a, id);
    }
}

static void send_plainly(uint32_t number)
{
    godwit_err_t error;
    godwit_id_t id;

    do {
        UNTIL_IT_GOES(godwit_push_data(a, "s", &number, sizeof number, &id), SHORT);
        error = godwit_wait(a, id, GODWIT_STORED, LIVE_TIMEOUT_MS);
    } while (!goes(error, MAY(ENOTSTORED), "godwit_wait"));
    if (number % MESSAGES != REJECTED)
        return;
    if (godwit_wait(a, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS) != GODWIT_EDEAD)
        wrong("godwit_wait", "what was rejected is no dead letter");
    bury(id);
}

static void send_in_transaction(uint32_t number)
{
    for (bool done = false; !done;) {
        godwit_txn_t *txn = NULL;
        UNTIL_IT_GOES(godwit_txn_begin(a, &txn), SHORT);
        done = goes(godwit_txn_push_data(txn, "s", &number, sizeof number), SHORT,
                    "godwit_txn_push_data") &&
               goes(godwit_txn_put(txn, "sent", &number, sizeof number, "1", 1), SHORT,
                    "godwit_txn_put") &&
               goes(godwit_txn_commit(&txn), SHORT | MAY(ENOTSTORED), "godwit_txn_commit");
        godwit_txn_abort(&txn);
    }
}

/* The request is made again only if it is certain that it was not accepted. */
static void ask(uint32_t number)
{
    godwit_message_t *message = NULL;
    godwit_reply_t *reply = NULL;

    while (!reply) {
        godwit_id_t id;
        if (!message)
            UNTIL_IT_GOES(godwit_message_new(&number, sizeof number, &message), SHORT);
        godwit_err_t error = godwit_request(a, "echo", &message, LIVE_TIMEOUT_MS, &reply, &id);
        if (goes(error, SHORT | MAY(ENOTSTORED), "godwit_request") || message ||
            error == GODWIT_ENOTSTORED)
            continue;
        do /* it is sent, and only the wait failed */
            error = godwit_reply_wait(a, id, LIVE_TIMEOUT_MS, &reply);
        while (!goes(error, SHORT | MAY(ENOTSTORED), "godwit_reply_wait") &&
               error != GODWIT_ENOTSTORED);
    }
    if (godwit_reply_size(reply) != sizeof number ||
        memcmp(godwit_reply_data(reply), &number, sizeof number) != 0)
        wrong("godwit_reply_data", "not the answer");
    godwit_reply_done(&reply);
}

static void send_some(void)
{
    for (unsigned i = 0; i < MESSAGES; i++) {
        uint32_t number = atomic_fetch_add(&numbers, 1);
        if (number % MESSAGES == REQUESTED)
            ask(number);
        else if (number % MESSAGES == SENT_IN_TRANSACTION)
            send_in_transaction(number);
        else
            send_plainly(number);
    }
    goes(godwit_peer_drain(a, GODWIT_STORED, LIVE_TIMEOUT_MS), MAY(ENOTSTORED),
         "godwit_peer_drain");
    UNTIL_IT_GOES(godwit_peer_drain(a, GODWIT_SETTLED, LIVE_TIMEOUT_MS), MAY(ENOTSTORED));
}

/* --- a life --- */

static void open_one(const char *name, const char *path, godwit_peer_t **peer)
{
    godwit_peer_options_t options = live_options(name);

    options.directory = path;
    options.heartbeat_ms = 100;
    UNTIL_IT_GOES(godwit_peer_open(&options, peer), SHORT);
}

static void live(void)
{
    char endpoint[256];
    godwit_stage_t *stage;
    godwit_service_t *service;
    pthread_t worker;

    atomic_store(&stopping, false);
    open_one("a", directory[0], &a);
    open_one("b", directory[1], &b);
    UNTIL_IT_GOES(godwit_stage_open(b, "s", NULL, &stage), SHORT);
    UNTIL_IT_GOES(godwit_service_open(b, "echo", answer, NULL, NULL, &service), SHORT);
    UNTIL_IT_GOES(godwit_peer_bind(b, "tcp://127.0.0.1:*"), SHORT);
    UNTIL_IT_GOES(godwit_peer_endpoint(b, endpoint, sizeof endpoint), SHORT);
    UNTIL_IT_GOES(godwit_peer_connect(a, endpoint), SHORT);
    while (pthread_create(&worker, NULL, work, stage) != 0)
        ;
    send_some();
    atomic_store(&stopping, true);
    pthread_join(worker, NULL);
    UNTIL_IT_GOES(godwit_service_close(&service), 0);
    godwit_stage_close(&stage);
    UNTIL_IT_GOES(godwit_peer_close(&a), 0);
    UNTIL_IT_GOES(godwit_peer_close(&b), 0);
}

/* --- the books --- */

static unsigned count_of(uint32_t number)
{
    void *value = NULL;
    size_t size = 0;
    godwit_err_t error = godwit_get(b, "seen", &number, sizeof number, &value, &size);
    unsigned count = error == GODWIT_OK && size == 1 ? *(unsigned char *)value : 0;

    if (error != GODWIT_OK && error != GODWIT_ENOTFOUND)
        wrong("godwit_get", godwit_error_name(error));
    godwit_free(value);
    return count;
}

/* What an ack decides goes into the store with a later write, and may come again before: that it
 * is not lost is seen by the drain, and its effects are not counted. */
static void check_books(uint32_t from)
{
    char what[64];

    open_one("b", directory[1], &b);
    for (uint32_t number = from; number < numbers; number++) {
        unsigned count = number % MESSAGES == ACKED ? 1 : count_of(number);
        snprintf(what, sizeof what, "accepted, and processed %u times", count);
        if (count != 1)
            wrong("a message", what);
    }
    UNTIL_IT_GOES(godwit_peer_close(&b), 0);
}

/* --- each call in turn --- */

static unsigned step = 1, first = 1;

/* New stores after some lives: each leaves a few rows behind that the next ones read. */
static void begin_anew(void)
{
    static unsigned times;

    snprintf(directory[0], sizeof directory[0], "%s/a%u", base, ++times);
    snprintf(directory[1], sizeof directory[1], "%s/b%u", base, times);
    numbers = 0;
    live(); /* so that each life finds a store */
}

static void sweep(const char *what, struct failing_calls calls)
{
    unsigned failed = 1, lives = 0;

    live_directory(base);
    calls.count = 1;
    for (nth = first; failed > 0; nth += step, lives++) {
        if (nth > CALLS_MAX)
            wrong(what, "there is no end");
        if (lives % LIVES == 0)
            begin_anew();
        uint32_t from = numbers;
        calls.first = nth;
        calls_fail(calls);
        live();
        failed = calls_mend();
        check_books(from);
    }
    print_message("%s: up to call %u, %u lives\n", what, nth - step, lives);
    live_remove(base);
}

static void every_allocation(void **state)
{
    (void)state;
    sweep("allocations", (struct failing_calls){.kinds = CALLS_MEMORY});
}

static void every_descriptor(void **state)
{
    (void)state;
    sweep("descriptors", (struct failing_calls){.kinds = CALLS_DESCRIPTORS, .error = EMFILE});
}

static void every_thread(void **state)
{
    (void)state;
    sweep("threads", (struct failing_calls){.kinds = CALLS_THREADS});
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_thread),
        cmocka_unit_test(every_descriptor),
        cmocka_unit_test(every_allocation),
    };

    if (argc > 1)
        step = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        first = (unsigned)strtoul(argv[2], NULL, 10);
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1);
    return cmocka_run_group_tests_name("whole_library", tests, NULL, NULL);
}
