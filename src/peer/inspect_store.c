/* SPDX-License-Identifier: MPL-2.0 */

/* A stopped peer. Its store is opened without counting an open and without a write of ours; a turn
 * recovers from it as it would at the next open, and is looked at instead of run. What it would
 * send, commit or load goes nowhere. */

#include "peer/inspect.h"

#include "peer/found.h"
#include "peer/outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gw_still {
    struct gw_store *store;
    struct gw_turn *turn;
    struct gw_row meta;
    struct gw_recovered recovered;
    uint64_t drawn; /* stands for the entropy that is never needed */
};

/* ---- a port to nowhere ---- */

static int no_send(void *context, uint64_t conn, struct gw_slice header, struct gw_blob *blob,
                   struct gw_slice body)
{
    (void)context, (void)conn, (void)header, (void)blob, (void)body;
    return 0;
}

static void no_hangup(void *context, uint64_t conn)
{
    (void)context, (void)conn;
}

static void no_commit(void *context, struct gw_write *write, bool sync)
{
    (void)context, (void)write, (void)sync;
}

static void no_load(void *context, uint64_t epoch, uint64_t from, uint64_t messages,
                    uint64_t bytes)
{
    (void)context, (void)epoch, (void)from, (void)messages, (void)bytes;
}

static void no_deliver(void *context, struct gw_inbound *inbound)
{
    (void)context;
    gw_inbound_destroy(&inbound);
}

static void no_stored(void *context, uint64_t epoch, uint64_t upto)
{
    (void)context, (void)epoch, (void)upto;
}

static void no_settled(void *context, uint64_t epoch, uint64_t first, uint64_t last,
                       enum gw_outcome how)
{
    (void)context, (void)epoch, (void)first, (void)last, (void)how;
}

static void no_released(void *context, const struct gw_destination *destination, uint64_t messages,
                        uint64_t bytes)
{
    (void)context, (void)destination, (void)messages, (void)bytes;
}

static void no_buried(void *context, uint64_t epoch, uint64_t sequence, uint64_t bytes)
{
    (void)context, (void)epoch, (void)sequence, (void)bytes;
}

static void no_number(void *context, uint64_t number)
{
    (void)context, (void)number;
}

static void no_recall(void *context, const struct gw_recall *recall)
{
    (void)context, (void)recall;
}

static void no_members(void *context, const struct gw_destination *destination, size_t count)
{
    (void)context, (void)destination, (void)count;
}

static void no_note(void *context, uint8_t note, const char *peer, uint64_t a, uint64_t b)
{
    (void)context, (void)note, (void)peer, (void)a, (void)b;
}

static uint64_t no_entropy(void *context)
{
    struct gw_still *still = context;

    return ++still->drawn;
}

static uint64_t no_wall(void *context)
{
    (void)context;
    return 0;
}

static const struct gw_turn_port nowhere = {
    .send = no_send,
    .hangup = no_hangup,
    .commit = no_commit,
    .load = no_load,
    .deliver = no_deliver,
    .stored = no_stored,
    .settled = no_settled,
    .released = no_released,
    .buried = no_buried,
    .outcomes = no_number,
    .recall = no_recall,
    .idle = no_number,
    .transaction = no_number,
    .members = no_members,
    .note = no_note,
    .entropy = no_entropy,
    .wall_ms = no_wall,
};

/* ---- open and close ---- */

static enum gw_store_error recover(struct gw_still *still, char *why, size_t why_size)
{
    struct gw_turn_options options = {0};
    uint64_t now_us = gw_clock_us();

    memcpy(options.core.name, still->meta.peer, sizeof options.core.name);
    memcpy(options.core.store, still->meta.store, sizeof options.core.store);
    options.core.open = still->meta.number;
    options.core.process = 1;
    options.core.max_message = GW_MESSAGE_MAX;
    options.core.window = GW_WINDOW_MAX;
    options.core.heartbeat_us = 1000000;
    still->turn = gw_turn_new(&options, &nowhere, still);
    if (!still->turn) {
        snprintf(why, why_size, "out of memory");
        return GW_STORE_NOMEM;
    }
    return gw_turn_recover(still->turn, still->store, now_us, &still->recovered, why, why_size);
}

godwit_err_t gw_still_open(const char *directory, struct gw_still **result)
{
    struct gw_still *still = calloc(1, sizeof *still);
    struct gw_buffer value = {0};
    char why[256] = "";

    if (!still)
        return gw_error_memory();
    enum gw_store_error error = gw_leveldb_inspect(directory, &still->store, why, sizeof why);
    if (!error) {
        error = gw_found_row(still->store, GW_ROW_META, 0, 0, &value, &still->meta);
        if (error == GW_STORE_NOT_FOUND)
            snprintf(why, sizeof why, "%.150s holds a store that no peer was opened on yet",
                     directory);
        else if (error)
            snprintf(why, sizeof why, "the store's first row cannot be read: %.150s",
                     error == GW_STORE_VERSION ? "another version of godwit wrote it"
                                               : gw_store_why(still->store));
    }
    gw_buffer_clear(&value);
    if (!error)
        error = recover(still, why, sizeof why);
    if (!error) {
        *result = still;
        return GODWIT_OK;
    }
    gw_still_close(&still);
    return gw_error(gw_error_of_store(error), "%s", why);
}

void gw_still_close(struct gw_still **pointer)
{
    struct gw_still *still = *pointer;

    if (!still)
        return;
    gw_turn_destroy(&still->turn);
    gw_store_close(&still->store);
    free(still);
    *pointer = NULL;
}

const char *gw_still_name(const struct gw_still *still)
{
    return still->meta.peer;
}

/* ---- answers ---- */

static godwit_err_t still_status(struct gw_still *still, struct gw_buffer *out)
{
    struct gw_survey *survey = calloc(1, sizeof *survey);

    if (!survey)
        return gw_error_memory();
    gw_core_survey(gw_turn_core(still->turn), survey);
    gw_json_begin(out, "peer");
    gw_json_text(out, "name", still->meta.peer);
    gw_json_flag(out, "running", false);
    gw_json_text(out, "version", godwit_version());
    gw_json_number(out, "outbox_messages", still->recovered.messages);
    gw_json_number(out, "outbox_bytes", still->recovered.bytes);
    gw_json_number(out, "dead_letters", still->recovered.dead_messages);
    gw_json_number(out, "opens", still->meta.number);
    gw_json_number(out, "closed_epochs", survey->tombstones);
    gw_json_end(out);
    gw_answer_survey(out, survey);
    free(survey);
    return GODWIT_OK;
}

/* It is not in the outbox: what the store still tells, as godwit_status does. */
static enum gw_store_error ended(struct gw_still *still, godwit_id_t id,
                                 const struct gw_whereabouts *found, godwit_status_t *sent)
{
    struct gw_buffer value = {0};
    struct gw_row row;
    bool told;
    uint8_t how;
    enum gw_store_error error =
        gw_found_row(still->store, GW_ROW_DEAD, id.epoch, id.sequence, &value, &row);

    gw_buffer_clear(&value);
    if (!error) {
        sent->place = GODWIT_PLACE_DEAD;
        sent->attempts = (uint32_t)row.attempts;
        gw_destination_format(&row.destination, sent->destination);
        snprintf(sent->member, sizeof sent->member, "%s", row.peer);
    }
    if (error != GW_STORE_NOT_FOUND)
        return error;
    error = gw_found_outcome(still->store, id.epoch, id.sequence, &told, &how);
    if (!error && told)
        sent->place = gw_outcome_place(how);
    else if (!error && found->place == GW_PLACE_SETTLED)
        sent->place = gw_outcome_place(found->how);
    return error;
}

static godwit_err_t sent_from(struct gw_still *still, godwit_id_t id, godwit_status_t *sent)
{
    struct gw_whereabouts found;

    gw_turn_find(still->turn, id.epoch, id.sequence, &found);
    sent->attempts = (uint32_t)found.attempts;
    snprintf(sent->member, sizeof sent->member, "%s", found.peer);
    if (found.place != GW_PLACE_UNKNOWN)
        gw_destination_format(&found.destination, sent->destination);
    switch (found.place) {
    case GW_PLACE_QUEUED: sent->place = GODWIT_PLACE_QUEUED; return GODWIT_OK;
    case GW_PLACE_ASSIGNED: sent->place = GODWIT_PLACE_OFFERED; return GODWIT_OK;
    case GW_PLACE_IN_HAND: sent->place = GODWIT_PLACE_IN_HAND; return GODWIT_OK;
    case GW_PLACE_SETTLED:
    case GW_PLACE_UNKNOWN: break;
    }
    enum gw_store_error error = ended(still, id, &found, sent);
    if (error)
        return gw_error(gw_error_of_store(error), "the store cannot be read: %s",
                        gw_store_why(still->store));
    return GODWIT_OK;
}

static godwit_err_t still_find(struct gw_still *still, const struct gw_ask *ask,
                               struct gw_buffer *out)
{
    godwit_status_t sent = GODWIT_STATUS_INIT;
    struct gw_received received;
    godwit_id_t id;
    godwit_err_t error;

    if (!(error = gw_ask_id(ask, 1, &id))) {
        gw_core_received(gw_turn_core(still->turn), id.epoch, id.sequence, &received);
        if (!(error = sent_from(still, id, &sent)))
            error = gw_answer_find(out, still->store, id, &sent, &received);
    }
    return error;
}

static godwit_err_t still_dead(struct gw_still *still, const struct gw_ask *ask,
                               struct gw_buffer *out)
{
    bool list = gw_ask_is(ask, "dead", "list");
    godwit_id_t id = {0};
    godwit_err_t error = list && ask->count == 2 ? GODWIT_OK : gw_ask_id(ask, 2, &id);

    if (error)
        return error;
    return list ? gw_answer_dead_list(out, still->store, id)
                : gw_answer_dead_show(out, still->store, id);
}

godwit_err_t gw_still_answer(struct gw_still *still, const struct gw_ask *ask,
                             struct gw_buffer *out)
{
    if (gw_ask_is(ask, "status", NULL) && ask->count == 1)
        return still_status(still, out);
    if (gw_ask_is(ask, "find", NULL) && ask->count == 2)
        return still_find(still, ask, out);
    if ((gw_ask_is(ask, "dead", "list") || gw_ask_is(ask, "dead", "show")) && ask->count <= 3)
        return still_dead(still, ask, out);
    return gw_error(GODWIT_ECLOSED, "\"%s\" is not running: start it, and ask again",
                    still->meta.peer);
}
