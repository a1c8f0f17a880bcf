/* SPDX-License-Identifier: MPL-2.0 */

/* The control socket's requests, carried out: on the engine's snapshot, on the store, and through
 * the public functions that any thread of the program could call. */

#include "peer/control.h"

#include "godwit/dead.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STORED_MS 8000 /* less than a client waits */

bool gw_control_writes(const struct gw_ask *ask)
{
    return gw_ask_is(ask, "send", NULL) || gw_ask_is(ask, "dead", "requeue") ||
           gw_ask_is(ask, "dead", "purge") || gw_ask_is(ask, "withdraw", NULL) ||
           gw_ask_is(ask, "forfeit", NULL);
}

static godwit_err_t not_asked_so(const char *usage)
{
    return gw_error(GODWIT_EINVAL, "the request must be: %s", usage);
}

/* ---- status, counters, find ---- */

static uint64_t counter(struct godwit_peer *peer, const char *name)
{
    uint64_t value = 0;

    godwit_peer_counter(peer, name, &value);
    return value;
}

static void answer_peer(struct godwit_peer *peer, struct gw_buffer *out)
{
    const struct gw_settings *settings = &peer->settings;
    char endpoint[sizeof peer->endpoint];

    pthread_mutex_lock(&peer->lock);
    memcpy(endpoint, peer->endpoint, sizeof endpoint);
    bool down = peer->down;
    uint64_t dead = gw_tail_dead_messages(peer->tail);
    pthread_mutex_unlock(&peer->lock);
    gw_json_begin(out, "peer");
    gw_json_text(out, "name", settings->name);
    gw_json_flag(out, "running", true);
    gw_json_number(out, "pid", (uint64_t)getpid());
    gw_json_text(out, "version", godwit_version());
    gw_json_text(out, "durability", godwit_peer_durability(peer));
    gw_json_flag(out, "store_ok", !down);
    gw_json_text(out, "endpoint", endpoint);
    gw_json_number(out, "outbox_messages", counter(peer, "outbox_messages_now"));
    gw_json_number(out, "outbox_bytes", counter(peer, "outbox_bytes_now"));
    gw_json_number(out, "outbox_max_messages", settings->outbox_max_messages);
    gw_json_number(out, "outbox_max_bytes", settings->outbox_max_bytes);
    gw_json_number(out, "dead_letters", dead);
    gw_json_number(out, "in_hand", counter(peer, "in_hand_now"));
    gw_json_number(out, "links", counter(peer, "links_now"));
    gw_json_number(out, "window", settings->window);
    gw_json_number(out, "heartbeat_ms", settings->heartbeat_ms);
}

/* While the store is being reopened there is no core: then only the peer itself is shown. */
static godwit_err_t ask_status(struct godwit_peer *peer, struct gw_buffer *out)
{
    struct gw_snapshot *snapshot = calloc(1, sizeof *snapshot);
    godwit_err_t error;

    if (!snapshot)
        return gw_error_memory();
    error = gw_snapshot_ask(peer, snapshot);
    if (error && error != GODWIT_EBUSY) {
        free(snapshot);
        return error;
    }
    answer_peer(peer, out);
    if (!error) {
        gw_json_number(out, "opens", snapshot->survey.open);
        gw_json_number(out, "closed_epochs", snapshot->survey.tombstones);
    }
    gw_json_end(out);
    if (!error) {
        gw_answer_dials(out, snapshot);
        gw_answer_survey(out, &snapshot->survey);
    }
    free(snapshot);
    return GODWIT_OK;
}

static godwit_err_t ask_counters(struct godwit_peer *peer, struct gw_buffer *out)
{
    const char *name;

    for (size_t i = 0; (name = godwit_counter_name(i)) != NULL; i++) {
        gw_json_begin(out, "counter");
        gw_json_text(out, "name", name);
        gw_json_number(out, "value", counter(peer, name));
        gw_json_end(out);
    }
    return GODWIT_OK;
}

/* The store, kept open until it is given back; NULL while it is being reopened. */
static struct gw_store *borrow_store(struct godwit_peer *peer)
{
    pthread_rwlock_rdlock(&peer->store_lock);
    if (peer->store)
        return peer->store;
    pthread_rwlock_unlock(&peer->store_lock);
    gw_error_reopening();
    return NULL;
}

static void return_store(struct godwit_peer *peer)
{
    pthread_rwlock_unlock(&peer->store_lock);
}

static godwit_err_t ask_find(struct godwit_peer *peer, const struct gw_ask *ask,
                             struct gw_buffer *out)
{
    struct gw_snapshot *snapshot = calloc(1, sizeof *snapshot);
    godwit_status_t sent = GODWIT_STATUS_INIT;
    godwit_err_t error;

    if (!snapshot)
        return gw_error_memory();
    snapshot->find = true;
    if (!(error = gw_ask_id(ask, 1, &snapshot->id)) &&
        !(error = gw_snapshot_ask(peer, snapshot)) &&
        !(error = godwit_status(peer, snapshot->id, &sent))) {
        struct gw_store *store = borrow_store(peer);
        error = store ? gw_answer_find(out, store, snapshot->id, &sent, &snapshot->received)
                      : GODWIT_EBUSY;
        if (store)
            return_store(peer);
    }
    free(snapshot);
    return error;
}

/* ---- dead letters ---- */

static godwit_err_t read_dead(struct godwit_peer *peer, const struct gw_ask *ask,
                              struct gw_buffer *out)
{
    bool list = gw_ask_is(ask, "dead", "list");
    godwit_id_t id = {0};
    godwit_err_t error = GODWIT_OK;

    if (!list || ask->count > 2)
        error = gw_ask_id(ask, 2, &id);
    if (error)
        return error;
    struct gw_store *store = borrow_store(peer);
    if (!store)
        return GODWIT_EBUSY;
    error = list ? gw_answer_dead_list(out, store, id) : gw_answer_dead_show(out, store, id);
    return_store(peer);
    return error;
}

static godwit_err_t requeue(struct godwit_peer *peer, godwit_id_t dead, struct gw_buffer *out)
{
    godwit_id_t id;
    godwit_err_t error = godwit_dead_requeue(peer, dead, &id);

    if (error)
        return error;
    gw_json_begin(out, "requeued");
    gw_json_id(out, "dead", dead.epoch, dead.sequence);
    gw_json_id(out, "id", id.epoch, id.sequence);
    gw_json_end(out);
    return GODWIT_OK;
}

static godwit_err_t ask_dead(struct godwit_peer *peer, const struct gw_ask *ask,
                             struct gw_buffer *out)
{
    godwit_id_t id;
    godwit_err_t error;

    if (gw_ask_is(ask, "dead", "list") || gw_ask_is(ask, "dead", "show"))
        return read_dead(peer, ask, out);
    bool again = gw_ask_is(ask, "dead", "requeue");
    if (!again && !gw_ask_is(ask, "dead", "purge"))
        return not_asked_so("dead list [AFTER] or dead show|requeue|purge ID");
    if ((error = gw_ask_id(ask, 2, &id)))
        return error;
    return again ? requeue(peer, id, out) : godwit_dead_purge(peer, id);
}

/* ---- sending, and what an operator says ---- */

struct parcel { /* COUNT messages in a send's body: each 4 bytes of length, then its own */
    struct gw_reader reader;
    uint64_t count;
};

static godwit_err_t check_parcel(const struct gw_ask *ask, struct parcel *parcel)
{
    struct gw_reader reader = gw_reader_of(ask->body, ask->body_size);

    if (!gw_ask_number(ask->words[2], GW_ASK_MANY, &parcel->count) || !parcel->count)
        return gw_error(GODWIT_EINVAL, "a send has 1 to %d messages", GW_ASK_MANY);
    parcel->reader = reader;
    for (uint64_t i = 0; i < parcel->count; i++)
        gw_read_slice(&reader, gw_read_u32(&reader));
    if (reader.failed || gw_reader_left(&reader) > 0)
        return gw_error(GODWIT_EINVAL, "the bytes of the send are not %s messages", ask->words[2]);
    return GODWIT_OK;
}

static godwit_err_t send_one(struct godwit_peer *peer, const struct gw_ask *ask,
                             struct gw_slice data, struct gw_buffer *out, godwit_id_t *id)
{
    godwit_message_t *message = NULL;
    godwit_err_t error = godwit_message_new(data.data, data.size, &message);

    if (!error)
        error = gw_ask_headers(ask, 4, message);
    if (!error)
        error = godwit_send(peer, ask->words[1], &message, id);
    godwit_message_destroy(&message);
    if (error)
        return error;
    gw_json_begin(out, "sent");
    gw_json_id(out, "id", id->epoch, id->sequence);
    gw_json_end(out);
    return GODWIT_OK;
}

static godwit_err_t ask_send(struct godwit_peer *peer, const struct gw_ask *ask,
                             struct gw_buffer *out)
{
    struct parcel parcel;
    godwit_id_t ids[GW_ASK_MANY];
    uint64_t sent = 0;
    godwit_err_t error = check_parcel(ask, &parcel);

    while (!error && sent < parcel.count) {
        struct gw_slice data = gw_read_slice(&parcel.reader, gw_read_u32(&parcel.reader));
        error = send_one(peer, ask, data, out, &ids[sent]);
        sent += !error;
    }
    if (sent > 0)
        error = GODWIT_OK; /* as write(2): less than was asked for, and the next one says why */
    /* Not a drain: what that finds not stored is the application's to hear. */
    for (uint64_t i = 0; i < sent && !error; i++)
        error = godwit_wait(peer, ids[i], GODWIT_STORED, STORED_MS);
    return error;
}

static godwit_err_t ask_withdraw(struct godwit_peer *peer, const struct gw_ask *ask)
{
    godwit_id_t id;
    godwit_err_t error = gw_ask_id(ask, 1, &id);

    return error ? error : godwit_withdraw(peer, id);
}

static godwit_err_t dispatch(struct godwit_peer *peer, const struct gw_ask *ask,
                             struct gw_buffer *out)
{
    if (gw_ask_is(ask, "status", NULL) && ask->count == 1)
        return ask_status(peer, out);
    if (gw_ask_is(ask, "counters", NULL) && ask->count == 1)
        return ask_counters(peer, out);
    if (gw_ask_is(ask, "find", NULL) && ask->count == 2)
        return ask_find(peer, ask, out);
    if (gw_ask_is(ask, "dead", NULL) && ask->count <= 3)
        return ask_dead(peer, ask, out);
    if (gw_ask_is(ask, "send", NULL))
        return ask_send(peer, ask, out);
    if (gw_ask_is(ask, "forfeit", NULL) && ask->count == 2)
        return godwit_peer_forfeit(peer, ask->words[1]);
    if (gw_ask_is(ask, "withdraw", NULL) && ask->count == 2)
        return ask_withdraw(peer, ask);
    return gw_ask_unknown(ask);
}

godwit_err_t gw_control_answer(struct godwit_peer *peer, const struct gw_ask *ask,
                               struct gw_buffer *out)
{
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    error = dispatch(peer, ask, out);
    gw_peer_leave(peer);
    return error;
}
