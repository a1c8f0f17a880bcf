/* SPDX-License-Identifier: MPL-2.0 */
/* A turn that runs out of memory says so, and gives back what it was handed: batches, bodies, what
 * it was about to deliver. AddressSanitizer watches. */

#define FAILING_HEAP_NOT_HERE

#include "base/crc32c.h"
#include "peer/turn.h"
#include "support/failing_heap.h"
#include "wire/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define CONN 1

struct shell {
    struct gw_turn *turn;
    uint64_t entropy;
    uint64_t now_us;
    int result;
    bool in_flight;
    size_t delivered, sent;
};

/* ---- the ports ---- */

static int port_send(void *context, uint64_t conn, struct gw_slice header, struct gw_blob *blob,
                     struct gw_slice body)
{
    (void)conn, (void)header, (void)body;
    ((struct shell *)context)->sent += blob != NULL;
    return 0;
}

static void port_conn(void *context, uint64_t conn)
{
    (void)context, (void)conn;
}

static void port_commit(void *context, struct gw_write *write, bool sync)
{
    (void)write, (void)sync;
    ((struct shell *)context)->in_flight = true;
}

static void port_four(void *context, uint64_t a, uint64_t b, uint64_t c, uint64_t e)
{
    (void)context, (void)a, (void)b, (void)c, (void)e;
}

static void port_three(void *context, uint64_t a, uint64_t b, uint64_t c)
{
    (void)context, (void)a, (void)b, (void)c;
}

static void port_two(void *context, uint64_t a, uint64_t b)
{
    (void)context, (void)a, (void)b;
}

static void port_deliver(void *context, struct gw_inbound *inbound)
{
    ((struct shell *)context)->delivered++;
    gw_inbound_destroy(&inbound);
}

static void port_members(void *context, const struct gw_destination *destination, size_t count)
{
    (void)context, (void)destination, (void)count;
}

static void port_note(void *context, uint8_t note, const char *peer, uint64_t a, uint64_t b)
{
    (void)context, (void)note, (void)peer, (void)a, (void)b;
}

static void port_settled(void *context, uint64_t epoch, uint64_t first, uint64_t last,
                         enum gw_outcome how)
{
    (void)context, (void)epoch, (void)first, (void)last, (void)how;
}

static void port_released(void *context, const struct gw_destination *destination,
                          uint64_t messages, uint64_t bytes)
{
    (void)context, (void)destination, (void)messages, (void)bytes;
}

static void port_recall(void *context, const struct gw_recall *recall)
{
    (void)context, (void)recall;
}

static uint64_t port_wall_ms(void *context)
{
    (void)context;
    return 0;
}

static uint64_t port_entropy(void *context)
{
    return ++((struct shell *)context)->entropy;
}

static const struct gw_turn_port port = {
    .send = port_send, .hangup = port_conn, .commit = port_commit, .load = port_four,
    .deliver = port_deliver, .stored = port_two, .settled = port_settled,
    .released = port_released, .buried = port_three, .outcomes = port_conn, .recall = port_recall,
    .idle = port_conn, .wall_ms = port_wall_ms,
    .transaction = port_conn, .stale = port_conn, .members = port_members, .note = port_note,
    .entropy = port_entropy,
};

/* ---- the story ---- */

/* Runs something of the test's own with all the memory that it wants. */
#define FREELY(statement)                                                                          \
    do {                                                                                           \
        size_t left_ = heap_left;                                                                  \
        heap_left = SIZE_MAX;                                                                      \
        statement;                                                                                 \
        heap_left = left_;                                                                         \
    } while (0)

static void frame(struct shell *shell, const struct gw_frame *what, struct gw_blob *body)
{
    struct gw_buffer header = {0};
    FREELY(assert_int_equal(gw_encode(what, &header), 0));
    if (shell->result == 0)
        shell->result = gw_turn_frame(shell->turn, shell->now_us, CONN,
                                      (struct gw_slice){header.data, header.size}, body);
    else
        gw_blob_drop(body);
    gw_buffer_clear(&header);
}

static void run(struct shell *shell)
{
    int error = 0;
    shell->now_us += 10000;
    if (shell->result == 0)
        gw_turn_run(shell->turn, shell->now_us, &error);
    shell->result = shell->result ? shell->result : error;
    if (shell->result == 0 && shell->in_flight) {
        shell->in_flight = false;
        shell->result = gw_turn_committed(shell->turn, shell->now_us, GW_STORE_OK);
    }
}

static const struct gw_destination work = {.kind = GW_KIND_STAGE, .name = "work"};

static void batch(struct shell *shell, uint64_t first)
{
    struct gw_batch *made;
    uint8_t *bytes;
    FREELY(made = gw_batch_new(5, first, 10));
    FREELY(made->body = gw_blob_new(100, &bytes));
    memset(bytes, 'x', 100);
    made->bytes = 100;
    made->fixed = 10;
    if (shell->result == 0)
        shell->result = gw_turn_batch(shell->turn, shell->now_us, &work, made);
    else
        gw_batch_drop(made);
}

static void link_up(struct shell *shell, uint64_t *link)
{
    struct gw_frame hello = {.type = GW_FRAME_HELLO}, ready = {.type = GW_FRAME_READY};
    struct gw_identity *identity = &hello.u.identity;
    *identity = (struct gw_identity){.version_min = 1, .version_max = 1, .name = "b", .open = 1};
    identity->process = 9;
    identity->max_message = identity->window = 1000;
    identity->heartbeat_ms = 1000;
    frame(shell, &hello, NULL);
    *link = ready.link = shell->entropy;
    frame(shell, &ready, NULL);
}

static void data(struct shell *shell, uint64_t link)
{
    static const uint8_t lengths[] = {0, 10};
    struct gw_frame open = {.type = GW_FRAME_OPEN, .link = link};
    struct gw_frame what = {.type = GW_FRAME_DATA, .link = link};
    struct gw_blob *body;
    uint8_t *bytes;
    open.u.open.destination = work;
    open.u.open.epoch = 6;
    open.u.open.floor = 1;
    open.u.open.fresh = true;
    frame(shell, &open, NULL);
    FREELY(body = gw_blob_new(30, &bytes));
    memset(bytes, 'y', 30);
    what.u.data.floor = what.u.data.first = 1;
    what.u.data.number = what.u.data.attempt = 1;
    what.u.data.epoch = 6;
    what.u.data.count = 3;
    what.u.data.lengths = (struct gw_slice){lengths, sizeof lengths};
    what.u.data.crc = gw_crc32c(gw_crc32c(0, lengths, sizeof lengths), bytes, 30);
    frame(shell, &what, body);
}

static void story(struct shell *shell)
{
    struct gw_serve item = {work, 1, 100, 10000};
    struct gw_range range = {1, 20};
    struct gw_ack_epoch entry = {.epoch = 5, .floor = 1, .decided = &range, .decided_count = 1};
    struct gw_frame serve = {.type = GW_FRAME_SERVE}, ack = {.type = GW_FRAME_ACK};
    shell->result = gw_turn_start(shell->turn, shell->now_us);
    if (shell->result == 0)
        shell->result = gw_turn_serve(shell->turn, shell->now_us, &work, 10, 1000);
    link_up(shell, &serve.link);
    ack.link = serve.link;
    serve.u.serve.items = &item;
    serve.u.serve.count = 1;
    frame(shell, &serve, NULL);
    ack.u.ack.complete = true;
    frame(shell, &ack, NULL);
    for (uint64_t i = 0; i < 40; i++) /* many effects at once when they are stored */
        batch(shell, 1 + i * 10);
    run(shell);
    data(shell, serve.link);
    if (shell->result == 0)
        shell->result = gw_turn_decide(shell->turn, shell->now_us,
                                       &(struct gw_decision){
                                           .epoch = 6, .first = 1, .last = 3, .bytes = 30});
    run(shell);
    ack.u.ack.complete = false;
    ack.u.ack.epochs = &entry;
    ack.u.ack.epoch_count = 1;
    frame(shell, &ack, NULL);
    run(shell);
    run(shell);
}

static void a_turn_without_memory_breaks_and_leaks_nothing(void **state)
{
    (void)state;
    size_t n = 0;
    heap_refused = true;
    for (; heap_refused; n++) {
        struct shell shell = {.now_us = 1000000, .entropy = 100};
        struct gw_turn_options options = {.sync = true};
        strcpy(options.core.name, "a");
        options.core.window = options.core.max_message = 1000;
        options.core.heartbeat_us = 1000000;
        options.core.open = options.core.process = 1;
        heap_refused = false;
        heap_left = n;
        shell.turn = gw_turn_new(&options, &port, &shell);
        if (shell.turn)
            story(&shell);
        heap_left = SIZE_MAX;
        if (shell.turn)
            assert_true((shell.result < 0) == heap_refused);
        if (!heap_refused) {
            assert_int_equal(shell.delivered, 1);
            assert_true(shell.sent >= 10);
        }
        gw_turn_destroy(&shell.turn);
    }
    assert_true(n > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_turn_without_memory_breaks_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
