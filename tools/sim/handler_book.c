/* SPDX-License-Identifier: MPL-2.0 */

/* What was sent, answered and done, kept for the user's check; and asking it. */

#include "handler_inside.h"

#include "peer/headers.h"
#include "peer/reply_book.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct godwit_sim_view {
    struct sim_world *world;
    bool settled;
    struct godwit_peer *peers[SIM_PEERS_MAX]; /* NULL: not asked for yet */
};

static void *must(void *memory)
{
    if (!memory)
        abort();
    return memory;
}

static uint64_t key_of(uint64_t epoch, uint64_t sequence)
{
    return gw_mix64(epoch) ^ sequence;
}

/* --- messages --- */

void handler_book_made(godwit_id_t id)
{
    if (gw_map_put(&handler_world.made, key_of(id.epoch, id.sequence), &handler_world) != 0)
        abort();
}

static void keep(struct sim_peer *peer, const struct gw_destination *destination,
                 const struct gw_batch *batch, uint64_t sequence)
{
    struct handler_message *message = must(calloc(1, sizeof *message));
    uint32_t head = batch->heads ? batch->heads[sequence - batch->first] : 0;
    uint32_t from = gw_batch_offset(batch, sequence) + head;
    uint32_t to = gw_batch_offset(batch, sequence + 1);
    void *bytes = must(malloc(to - from + 1));

    memcpy(bytes, batch->body->data + from, to - from);
    gw_destination_format(destination, message->destination);
    memcpy(message->sender, peer->name, sizeof message->sender);
    message->shown = (godwit_sim_message_t){.id = {batch->epoch, sequence},
                                            .destination = message->destination,
                                            .sender = message->sender,
                                            .data = bytes,
                                            .size = to - from};
    if (handler_world.message_count == handler_world.message_capacity) {
        handler_world.message_capacity = handler_world.message_capacity * 2 + 64;
        handler_world.messages = must(realloc(handler_world.messages,
                                              handler_world.message_capacity *
                                                  sizeof(struct handler_message *)));
    }
    handler_world.messages[handler_world.message_count++] = message;
}

static void show(struct sim_peer *peer, const struct gw_destination *destination,
                 const struct handler_message *message)
{
    struct sim_trace *trace = peer->world->trace;
    char text[100];

    if (!trace->on)
        return;
    sim_trace_begin(trace, peer->world->now_us, peer->label, "%s to %s: e%" PRIu64 " %" PRIu64,
                    message->shown.made ? "input" : "sends", destination->name,
                    sim_trace_epoch(trace, message->shown.id.epoch), message->shown.id.sequence);
    sim_trace_effect(trace, "%s",
                     handler_show(message->shown.data, message->shown.size, text, sizeof text));
}

/* What a reply says that it answers, of what is decided with it; NULL: none of that. */
static const struct sim_item *origin_of(const struct gw_batch *batch, uint64_t sequence,
                                        const struct sim_transaction *transaction)
{
    struct gw_slice value;
    uint32_t head = batch->heads ? batch->heads[sequence - batch->first] : 0;
    struct gw_slice heads = {batch->body->data + gw_batch_offset(batch, sequence), head};

    if (!gw_headers_find(heads, GW_REPLY_RE, &value) || value.size != 16)
        return NULL;
    struct gw_reader reader = gw_reader_of(value.data, value.size);
    uint64_t epoch = gw_read_u64(&reader), number = gw_read_u64(&reader);
    for (size_t i = 0; i < transaction->count; i++)
        if (transaction->items[i].epoch == epoch && transaction->items[i].sequence == number)
            return &transaction->items[i];
    return NULL;
}

void handler_book_batch(struct sim_peer *peer, const struct gw_destination *destination,
                        const struct gw_batch *batch, const struct sim_transaction *transaction)
{
    for (uint64_t at = batch->first; at <= gw_batch_last(batch) && !peer->world->failed; at++) {
        uint32_t from = gw_batch_offset(batch, at), to = gw_batch_offset(batch, at + 1);
        const struct sim_item *origin =
            transaction && destination->kind == GW_KIND_REPLY
                ? origin_of(batch, at, transaction)
                : NULL;
        peer->world->ledger.next_id++;
        sim_app_number(peer, destination, batch->epoch, at,
                       sim_body_id(batch->body->data + from, to - from), to - from, origin);
        if (destination->kind == GW_KIND_REPLY)
            continue;
        keep(peer, destination, batch, at);
        struct handler_message *message =
            handler_world.messages[handler_world.message_count - 1];
        message->shown.made = gw_map_get(&handler_world.made, key_of(batch->epoch, at)) != NULL;
        show(peer, destination, message);
    }
}

static struct handler_message *find(godwit_id_t id)
{
    for (size_t i = handler_world.message_count; i-- > 0;) {
        struct handler_message *message = handler_world.messages[i];
        if (message->shown.id.epoch == id.epoch && message->shown.id.sequence == id.sequence)
            return message;
    }
    return NULL;
}

/* A reply that was not collected in time comes again, and must be the same. */
void handler_book_answer(godwit_id_t request, uint32_t code, const void *data, size_t size)
{
    struct handler_message *message = find(request);
    struct sim_trace *trace = handler_world.sim->trace;

    if (!message) {
        sim_fail(handler_world.sim, "a reply to a request that nobody sent");
        return;
    }
    godwit_sim_message_t *shown = &message->shown;
    if (!shown->answered) {
        void *copy = must(malloc(size + 1));
        memcpy(copy, data, size);
        shown->answered = true;
        shown->code = code;
        shown->answer = copy;
        shown->answer_size = size;
    } else if (shown->code != code || shown->answer_size != size ||
               memcmp(shown->answer, data, size) != 0) {
        sim_fail(handler_world.sim, "two different replies to e%" PRIu64 " %" PRIu64,
                 sim_trace_epoch(trace, request.epoch), request.sequence);
    }
}

/* What the ledger knows of it by now. */
static void refresh(struct handler_message *message)
{
    godwit_sim_message_t *shown = &message->shown;
    const struct sim_message *known =
        sim_ledger_message(&handler_world.sim->ledger, shown->id.epoch, shown->id.sequence);

    shown->accepted = known->durable;
    shown->processed = known->decided_by != 0;
    shown->dead = known->ended == GW_OUTCOME_DEAD;
}

/* --- effects --- */

void handler_book_effect(const char *text)
{
    if (handler_world.effect_count == handler_world.effect_capacity) {
        handler_world.effect_capacity = handler_world.effect_capacity * 2 + 32;
        handler_world.effects = must(realloc(handler_world.effects,
                                             handler_world.effect_capacity * sizeof(char *)));
    }
    handler_world.effects[handler_world.effect_count++] = must(strdup(text));
}

void handler_book_clear(void)
{
    for (size_t i = 0; i < handler_world.message_count; i++) {
        free((void *)handler_world.messages[i]->shown.data);
        free((void *)handler_world.messages[i]->shown.answer);
        free(handler_world.messages[i]);
    }
    for (size_t i = 0; i < handler_world.effect_count; i++)
        free(handler_world.effects[i]);
    free(handler_world.messages);
    free(handler_world.effects);
    gw_map_clear(&handler_world.made);
}

/* --- the check --- */

static void check(void *context)
{
    handler_world.told->check(context);
}

void handler_book_look(struct sim_world *world, bool settled)
{
    struct godwit_sim_view view = {.world = world, .settled = settled};

    if (!handler_world.told->check || world->failed)
        return;
    for (size_t i = 0; i < handler_world.message_count; i++)
        refresh(handler_world.messages[i]);
    sim_trace_begin(world->trace, world->now_us, "*", settled ? "the last check" : "check");
    handler_thread_call(check, &view, "check");
    for (size_t i = 0; i < SIM_PEERS_MAX; i++) {
        if (view.peers[i])
            handler_shell_view_end(&view.peers[i]);
    }
}

void godwit_sim_violated(godwit_sim_view_t *view, const char *format, ...)
{
    char text[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sim_fail(view->world, "%s: %s", handler_world.told->name, text);
}

bool godwit_sim_settled(const godwit_sim_view_t *view)
{
    return view->settled;
}

size_t godwit_sim_peer_count(const godwit_sim_view_t *view)
{
    return view->world->options.peers;
}

godwit_peer_t *godwit_sim_peer(const godwit_sim_view_t *view, size_t index)
{
    struct godwit_sim_view *own = (struct godwit_sim_view *)view;

    if (index >= view->world->options.peers)
        return NULL;
    if (!own->peers[index])
        own->peers[index] = handler_shell_view(&view->world->peers[index]);
    return own->peers[index];
}

size_t godwit_sim_message_count(const godwit_sim_view_t *view)
{
    (void)view;
    return handler_world.message_count;
}

const godwit_sim_message_t *godwit_sim_message(const godwit_sim_view_t *view, size_t index)
{
    (void)view;
    return index < handler_world.message_count ? &handler_world.messages[index]->shown : NULL;
}

size_t godwit_sim_effect_count(const godwit_sim_view_t *view)
{
    (void)view;
    return handler_world.effect_count;
}

const char *godwit_sim_effect_text(const godwit_sim_view_t *view, size_t index)
{
    (void)view;
    return index < handler_world.effect_count ? handler_world.effects[index] : NULL;
}
