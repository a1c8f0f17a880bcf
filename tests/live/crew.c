/* SPDX-License-Identifier: MPL-2.0 */

/* The honest peers of crew.h. */

#include "crew.h"

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define HONEST 2
#define BURST 8
#define MOST (1 << 20) /* messages of one sender, by far enough */
#define STEP 20        /* messages that show that a peer works */
#define PATIENCE LIVE_TIMEOUT_MS /* waits of a millisecond */

struct note {
    uint32_t sender;
    uint32_t number;
};

struct honest {
    godwit_peer_t *peer;
    godwit_stage_t *back;
    pthread_t sending, taking;
    uint32_t index;
    atomic_uint sent;    /* and settled */
    atomic_uint answers; /* taken from "back" */
};

godwit_peer_t *crew_server;
char crew_endpoint[256];

static struct honest crew[HONEST];
static godwit_stage_t *work;
static pthread_t working;
static atomic_bool stop_sending, stop_working, stop_taking;
static atomic_uint worked[HONEST]; /* by the server */
static atomic_uint repeated, failed;
static atomic_uchar seen[HONEST][MOST], answered[HONEST][MOST];
static _Atomic uint64_t epoch_in, epoch_out;
static uint32_t newcomers; /* one message of each */

static void pause_a_little(void)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    nanosleep(&pause, NULL);
}

static void wrong(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, godwit_last_error());
    atomic_fetch_add(&failed, 1);
}

/* ---- the threads ---- */

static void *send_work(void *context)
{
    struct honest *self = context;
    struct note note = {self->index, 0};
    godwit_id_t id;

    while (!atomic_load(&stop_sending) && note.number < MOST - 1000) {
        for (int i = 0; i < BURST; i++, note.number++)
            if (godwit_push_data(self->peer, "work", &note, sizeof note, &id))
                return wrong("push"), NULL;
        if (godwit_wait(self->peer, id, GODWIT_SETTLED, 2 * LIVE_TIMEOUT_MS))
            return wrong("settle"), NULL;
        if (self->index == 0)
            atomic_store(&epoch_in, id.epoch);
        atomic_fetch_add(&self->sent, BURST);
        pause_a_little(); /* leaves the machine to the test */
    }
    return NULL;
}

/* NULL: nothing came within a while. */
static godwit_delivery_t *take(godwit_stage_t *stage, struct note *note)
{
    godwit_delivery_t *delivery = NULL;
    godwit_err_t error = godwit_stage_next(stage, 20, &delivery);

    if (error == GODWIT_ETIMEDOUT)
        return NULL;
    if (error) {
        wrong("next");
        return NULL;
    }
    memcpy(note, godwit_delivery_data(delivery), sizeof *note);
    if (godwit_delivery_size(delivery) != sizeof *note || note->sender >= HONEST ||
        note->number >= MOST) {
        wrong("a message of nobody's");
        godwit_ack(&delivery);
        return NULL;
    }
    return delivery;
}

static void *do_work(void *context)
{
    godwit_delivery_t *delivery;
    struct note note;
    godwit_id_t id;

    (void)context;
    for (;;) {
        bool last = atomic_load(&stop_working);
        if (!(delivery = take(work, &note))) {
            if (last)
                return NULL;
            continue;
        }
        atomic_fetch_add(&repeated, atomic_exchange(&seen[note.sender][note.number], 1));
        if (godwit_ack(&delivery))
            wrong("ack");
        if (godwit_push_data(crew_server, "back", &note, sizeof note, &id))
            wrong("push back");
        atomic_store(&epoch_out, id.epoch);
        atomic_fetch_add(&worked[note.sender], 1);
    }
}

static void *take_answers(void *context)
{
    struct honest *self = context;
    godwit_delivery_t *delivery;
    struct note note;

    for (;;) {
        bool last = atomic_load(&stop_taking);
        if (!(delivery = take(self->back, &note))) {
            if (last)
                return NULL;
            continue;
        }
        atomic_fetch_add(&repeated, atomic_exchange(&answered[note.sender][note.number], 1));
        if (godwit_ack(&delivery))
            wrong("ack");
        atomic_fetch_add(&self->answers, 1);
    }
}

/* ---- coming and leaving ---- */

void crew_come(void)
{
    static const char *const names[HONEST] = {"honest-a", "honest-b"};

    crew_server = live_peer_beating("server", CREW_HEARTBEAT_MS);
    live_bind(crew_server, crew_endpoint);
    work = live_stage(crew_server, "work");
    for (uint32_t i = 0; i < HONEST; i++) {
        crew[i].index = i;
        crew[i].peer = live_peer_beating(names[i], CREW_HEARTBEAT_MS);
        crew[i].back = live_stage(crew[i].peer, "back");
        ok(godwit_peer_connect(crew[i].peer, crew_endpoint));
    }
    ok(godwit_peer_wait_members(crew_server, "stage:back", HONEST, LIVE_TIMEOUT_MS));
    assert_int_equal(pthread_create(&working, NULL, do_work, NULL), 0);
    for (uint32_t i = 0; i < HONEST; i++) {
        assert_int_equal(pthread_create(&crew[i].taking, NULL, take_answers, &crew[i]), 0);
        assert_int_equal(pthread_create(&crew[i].sending, NULL, send_work, &crew[i]), 0);
    }
    crew_works();
}

static unsigned all_answers(void)
{
    unsigned sum = 0;

    for (uint32_t i = 0; i < HONEST; i++)
        sum += atomic_load(&crew[i].answers);
    return sum;
}

static unsigned all_worked(void)
{
    unsigned sum = 0;

    for (uint32_t i = 0; i < HONEST; i++)
        sum += atomic_load(&worked[i]);
    return sum;
}

static void settle_all(void)
{
    atomic_store(&stop_sending, true);
    for (uint32_t i = 0; i < HONEST; i++) {
        pthread_join(crew[i].sending, NULL);
        ok(godwit_peer_drain(crew[i].peer, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    }
    atomic_store(&stop_working, true);
    pthread_join(working, NULL);
    for (int tries = 0; tries < PATIENCE && all_answers() < all_worked(); tries++)
        pause_a_little();
    atomic_store(&stop_taking, true);
    for (uint32_t i = 0; i < HONEST; i++)
        pthread_join(crew[i].taking, NULL);
}

void crew_leave(void)
{
    unsigned sent = 0;

    settle_all();
    for (uint32_t i = 0; i < HONEST; i++) {
        sent += atomic_load(&crew[i].sent);
        assert_int_equal(live_counter(crew[i].peer, "links_up"), 1);
        assert_int_equal(live_counter(crew[i].peer, "links_lost"), 0);
        assert_int_equal(live_counter(crew[i].peer, "settled"), atomic_load(&crew[i].sent));
    }
    print_message("honest: %u sent and settled, %u answers\n", sent, all_answers());
    assert_int_equal(atomic_load(&failed), 0);
    assert_int_equal(atomic_load(&repeated), 0);
    assert_int_equal(all_worked(), sent + newcomers);
    assert_int_equal(all_answers(), sent + newcomers);
    assert_true(sent >= 1000);
    for (uint32_t i = 0; i < HONEST; i++) {
        godwit_stage_close(&crew[i].back);
        ok(godwit_peer_close(&crew[i].peer));
    }
    godwit_stage_close(&work);
    ok(godwit_peer_close(&crew_server));
}

/* ---- looking ---- */

void crew_works(void)
{
    unsigned sent[HONEST], answers[HONEST];

    for (uint32_t i = 0; i < HONEST; i++) {
        sent[i] = atomic_load(&crew[i].sent);
        answers[i] = atomic_load(&crew[i].answers);
    }
    for (uint32_t i = 0; i < HONEST; i++) {
        for (int tries = 0; atomic_load(&crew[i].sent) < sent[i] + STEP ||
                            atomic_load(&crew[i].answers) < answers[i] + STEP / 4;
             tries++) {
            if (tries > PATIENCE || atomic_load(&failed))
                fail_msg("honest peer %u does not get on", i);
            pause_a_little();
        }
    }
}

uint64_t crew_epoch_in(void)
{
    return atomic_load(&epoch_in);
}

uint64_t crew_epoch_out(void)
{
    return atomic_load(&epoch_out);
}

static const char *const watched[] = {
    "malformed", "bad_checksum", "violations", "refused",      "stale_frames",     "resets_sent",
    "gaps",      "over_credit",  "not_ready",  "unknown_epoch", "duplicates_dropped",
    "links_lost", "resets_received", "refusals_received", "crossed", "tombstones_answered",
};
#define WATCHED (sizeof watched / sizeof *watched)
static uint64_t noted[WATCHED];

void crew_note(void)
{
    for (size_t i = 0; i < WATCHED; i++)
        noted[i] = live_counter(crew_server, watched[i]);
}

static void await(size_t i, uint64_t by)
{
    uint64_t value = 0;

    for (int tries = 0; tries < PATIENCE; tries++) {
        value = live_counter(crew_server, watched[i]) - noted[i];
        if (value == by)
            return;
        if (value > by)
            break;
        pause_a_little();
    }
    fail_msg("%s moved by %llu, not %llu", watched[i], (unsigned long long)value,
             (unsigned long long)by);
}

void crew_moved(const char *name, ...)
{
    uint64_t by[WATCHED] = {0};
    va_list list;

    va_start(list, name);
    for (; name; name = va_arg(list, const char *)) {
        size_t i = 0;
        while (i < WATCHED && strcmp(watched[i], name) != 0)
            i++;
        assert_true(i < WATCHED);
        by[i] = (uint64_t)va_arg(list, int);
    }
    va_end(list);
    for (size_t i = 0; i < WATCHED; i++)
        await(i, by[i]);
    crew_works();
    for (size_t i = 0; i < WATCHED; i++) /* and no further */
        await(i, by[i]);
}

void crew_newcomer(const char *name)
{
    godwit_peer_t *peer = live_peer_beating(name, CREW_HEARTBEAT_MS);
    struct note note = {0, MOST - ++newcomers}; /* from the end, where honest-a does not get */
    godwit_id_t id;

    ok(godwit_peer_connect(peer, crew_endpoint));
    ok(godwit_push_data(peer, "work", &note, sizeof note, &id));
    ok(godwit_wait(peer, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    ok(godwit_peer_close(&peer));
}

size_t crew_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 3; /* . and .. and the folder's own */
}

size_t crew_heap(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}
