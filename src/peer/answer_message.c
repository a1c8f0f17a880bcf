/* SPDX-License-Identifier: MPL-2.0 */

/* Answers about single messages: where one is, and dead letters. Read from the store, so that a
 * running peer and a stopped one say the same. */

#include "peer/answer.h"

#include "peer/found.h"
#include "peer/headers.h"

#include <string.h>

static struct gw_slice slice_of(const struct gw_buffer *buffer)
{
    return (struct gw_slice){buffer->data, buffer->size};
}

static godwit_err_t store_error(struct gw_store *store, enum gw_store_error error)
{
    return gw_error(gw_error_of_store(error), "the store cannot be read: %s",
                    error == GW_STORE_NOMEM ? "out of memory" : gw_store_why(store));
}

/* ---- dead letters ---- */

static const char *death_name(uint8_t how)
{
    switch (how) {
    case GW_DEATH_REJECTED: return "rejected";
    case GW_DEATH_ATTEMPTS: return "attempts";
    default: return "unknown";
    }
}

static void answer_dead(struct gw_buffer *out, const struct gw_row *row, size_t head,
                        struct gw_slice message, bool whole)
{
    struct gw_slice block = {message.data, head};
    struct gw_slice data = {message.data + head, message.size - head};

    gw_json_begin(out, "dead");
    gw_json_id(out, "id", row->epoch, row->first);
    gw_json_destination(out, &row->destination);
    gw_json_text(out, "member", row->peer);
    gw_json_text(out, "reason", death_name(row->how));
    gw_json_number(out, "code", row->code);
    gw_json_slice(out, "text", row->text);
    gw_json_number(out, "attempts", row->attempts);
    gw_json_number(out, "first_ms", row->first_ms);
    gw_json_number(out, "last_ms", row->last_ms);
    gw_json_number(out, "size", data.size);
    if (whole)
        gw_json_base64(out, "data", data);
    gw_json_end(out);
    struct gw_header header;
    for (size_t at = 0; whole && gw_headers_next(block, &at, &header);) {
        gw_json_begin(out, "header");
        gw_json_slice(out, "key", header.key);
        gw_json_slice(out, "value", header.value);
        gw_json_end(out);
    }
}

struct listing {
    struct gw_buffer *out;
    struct gw_slice after; /* the key to pass over */
    size_t count;
    enum gw_store_error error;
    bool more;
};

static bool list_one(void *context, struct gw_slice key, struct gw_slice value)
{
    struct listing *listing = context;
    struct gw_slice message;
    struct gw_row row;
    uint32_t head;

    if (key.size == listing->after.size && memcmp(key.data, listing->after.data, key.size) == 0)
        return true;
    if (listing->count == GW_ASK_MANY) {
        listing->more = true;
        return false;
    }
    listing->error = gw_row_read_message(key, value, &row, &head, &message);
    if (listing->error)
        return false;
    answer_dead(listing->out, &row, head, message, false);
    listing->count++;
    return true;
}

godwit_err_t gw_answer_dead_list(struct gw_buffer *out, struct gw_store *store, godwit_id_t after)
{
    struct gw_buffer from = {0}, to = {0};
    struct listing listing = {.out = out};
    godwit_err_t result = GODWIT_OK;

    gw_row_seek(&from, GW_ROW_DEAD, after.epoch, after.sequence);
    gw_row_seek_end(&to, GW_ROW_DEAD, UINT64_MAX);
    listing.after = slice_of(&from);
    enum gw_store_error error = GW_STORE_NOMEM;
    if (!gw_buffer_failed(&from) && !gw_buffer_failed(&to))
        error = gw_store_scan(store, slice_of(&from), slice_of(&to), list_one, &listing);
    if (!error)
        error = listing.error;
    if (error)
        result = store_error(store, error);
    else if (listing.more)
        gw_json_begin(out, "more"), gw_json_end(out);
    gw_buffer_clear(&from);
    gw_buffer_clear(&to);
    return result;
}

godwit_err_t gw_answer_dead_show(struct gw_buffer *out, struct gw_store *store, godwit_id_t id)
{
    struct gw_buffer key = {0}, value = {0};
    struct gw_slice message = {0};
    struct gw_row row = {0};
    uint32_t head = 0;
    godwit_err_t result = GODWIT_OK;

    gw_row_seek(&key, GW_ROW_DEAD, id.epoch, id.sequence);
    enum gw_store_error error = gw_buffer_failed(&key)
                                    ? GW_STORE_NOMEM
                                    : gw_store_get(store, slice_of(&key), &value);
    if (!error)
        error = gw_row_read_message(slice_of(&key), slice_of(&value), &row, &head, &message);
    if (error == GW_STORE_NOT_FOUND)
        result = gw_error(GODWIT_ENOTFOUND, "no dead letter has this id: "
                                            "`godwit dead list` shows those that are there");
    else if (error)
        result = store_error(store, error);
    else
        answer_dead(out, &row, head, message, true);
    gw_buffer_clear(&key);
    gw_buffer_clear(&value);
    return result;
}

/* ---- find ---- */

/* What the store has on it: why it died, or how it failed last. */
static void answer_failures(struct gw_buffer *out, const struct gw_row *row, bool dead)
{
    if (dead) {
        gw_json_text(out, "reason", death_name(row->how));
        gw_json_number(out, "code", row->code);
    }
    if (row->text.size)
        gw_json_slice(out, "text", row->text);
}

static godwit_err_t find_sent(struct gw_buffer *out, struct gw_store *store, godwit_id_t id,
                              const godwit_status_t *sent)
{
    struct gw_buffer value = {0};
    struct gw_row row = {0};
    bool dead = sent->place == GODWIT_PLACE_DEAD;
    enum gw_store_error error =
        gw_found_row(store, dead ? GW_ROW_DEAD : GW_ROW_STORY, id.epoch, id.sequence, &value, &row);

    if (error && error != GW_STORE_NOT_FOUND) {
        gw_buffer_clear(&value);
        return store_error(store, error);
    }
    gw_json_begin(out, "found");
    gw_json_text(out, "side", "sender");
    gw_json_id(out, "id", id.epoch, id.sequence);
    gw_json_text(out, "place", godwit_place_name(sent->place));
    gw_json_text(out, "destination", sent->destination);
    if (sent->member[0])
        gw_json_text(out, "member", sent->member);
    if (sent->place == GODWIT_PLACE_OFFERED || sent->place == GODWIT_PLACE_IN_HAND)
        gw_json_flag(out, "linked", sent->linked);
    if (sent->attempts)
        gw_json_number(out, "attempts", sent->attempts);
    if (sent->wait_ms)
        gw_json_number(out, "wait_ms", sent->wait_ms);
    if (!error)
        answer_failures(out, &row, dead);
    gw_json_end(out);
    gw_buffer_clear(&value);
    return GODWIT_OK;
}

static const char *reception_name(enum gw_reception reception, const struct gw_row *exception)
{
    if (exception)
        return exception->how == GW_EXCEPTION_REJECTED ? "rejected" : "skipped";
    switch (reception) {
    case GW_RECEPTION_MISSING: return "not received";
    case GW_RECEPTION_IN_HAND: return "in hand";
    case GW_RECEPTION_BEGUN: return "begun";
    case GW_RECEPTION_DECIDING: return "being decided";
    case GW_RECEPTION_DECIDED: return "processed";
    case GW_RECEPTION_BELOW: return "settled";
    case GW_RECEPTION_UNKNOWN: break;
    }
    return "not found";
}

static godwit_err_t find_received(struct gw_buffer *out, struct gw_store *store, godwit_id_t id,
                                  const struct gw_received *received)
{
    struct gw_buffer value = {0};
    struct gw_row row = {0};
    enum gw_store_error error = GW_STORE_NOT_FOUND;

    if (received->reception == GW_RECEPTION_DECIDED)
        error = gw_found_row(store, GW_ROW_EXCEPTION, id.epoch, id.sequence, &value, &row);
    if (error && error != GW_STORE_NOT_FOUND) {
        gw_buffer_clear(&value);
        return store_error(store, error);
    }
    gw_json_begin(out, "found");
    gw_json_text(out, "side", "receiver");
    gw_json_id(out, "id", id.epoch, id.sequence);
    gw_json_text(out, "place", reception_name(received->reception, error ? NULL : &row));
    gw_json_destination(out, &received->destination);
    gw_json_text(out, "sender", received->sender);
    if (!error) {
        gw_json_number(out, "code", row.code);
        gw_json_slice(out, "text", row.text);
    }
    gw_json_end(out);
    gw_buffer_clear(&value);
    return GODWIT_OK;
}

godwit_err_t gw_answer_find(struct gw_buffer *out, struct gw_store *store, godwit_id_t id,
                            const godwit_status_t *sent, const struct gw_received *received)
{
    bool as_sender = sent->place != GODWIT_PLACE_NOT_FOUND;
    bool as_receiver = received->reception != GW_RECEPTION_UNKNOWN;
    godwit_err_t error = GODWIT_OK;

    if (!as_sender && !as_receiver)
        return gw_error(GODWIT_ENOTFOUND, "this peer knows no message of this id: it neither sent "
                        "nor received it, or the whole epoch is settled and forgotten");
    if (as_sender)
        error = find_sent(out, store, id, sent);
    if (!error && as_receiver)
        error = find_received(out, store, id, received);
    return error;
}
