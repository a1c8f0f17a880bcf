/* SPDX-License-Identifier: MPL-2.0 */

/* Dead letters: looked at in the store, sent again or forgotten by a transaction that deletes the
 * row. Two that want the same one come one after the other, so that it is sent again once. */

#include "peer/dead.h"

#include "peer/message.h"
#include "peer/transaction.h"
#include "store/row.h"

#include <stdlib.h>
#include <string.h>

/* --- reading --- */

struct reading {
    bool exactly;
    godwit_id_t from;
    struct gw_dead *dead;
    enum gw_store_error error;
};

void gw_dead_free(struct gw_dead *dead)
{
    if (!dead)
        return;
    godwit_message_destroy(&dead->shown.message);
    free(dead);
}

static void copy_text(struct gw_dead *dead, struct gw_slice text)
{
    size_t size = text.size < GW_TEXT_MAX ? text.size : GW_TEXT_MAX;

    if (size > 0)
        memcpy(dead->text, text.data, size);
}

static void fill(struct gw_dead *dead, const struct gw_row *row)
{
    dead->destination = row->destination;
    gw_destination_format(&row->destination, dead->text_of_destination);
    memcpy(dead->member, row->peer, sizeof dead->member);
    copy_text(dead, row->text);
    dead->shown.id = (godwit_id_t){row->epoch, row->first};
    dead->shown.destination = dead->text_of_destination;
    dead->shown.member = dead->member;
    dead->shown.text = dead->text;
    dead->shown.reason = row->how == GW_DEATH_REJECTED ? GODWIT_DEATH_REJECTED
                                                       : GODWIT_DEATH_ATTEMPTS;
    dead->shown.code = row->code;
    dead->shown.attempts = row->attempts < UINT32_MAX ? (uint32_t)row->attempts : UINT32_MAX;
    dead->shown.maybe_processed = row->maybe_duplicate;
    dead->shown.first_ms = row->first_ms;
    dead->shown.last_ms = row->last_ms;
}

static enum gw_store_error make(const struct gw_row *row, struct gw_slice head,
                                struct gw_slice data, struct gw_dead **result)
{
    struct gw_dead *dead = calloc(1, sizeof *dead);

    if (!dead || godwit_message_new(data.data, data.size, &dead->shown.message) != GODWIT_OK) {
        free(dead);
        return GW_STORE_NOMEM;
    }
    gw_buffer_append(&dead->shown.message->head, head.data, head.size);
    if (gw_buffer_failed(&dead->shown.message->head)) {
        gw_dead_free(dead);
        return GW_STORE_NOMEM;
    }
    fill(dead, row);
    dead->shown.data = dead->shown.message->data;
    dead->shown.size = dead->shown.message->size;
    *result = dead;
    return GW_STORE_OK;
}

static bool take(void *context, struct gw_slice key, struct gw_slice value)
{
    struct reading *reading = context;
    struct gw_slice message;
    struct gw_row row;
    uint32_t head;

    reading->error = gw_row_read_message(key, value, &row, &head, &message);
    if (reading->error != GW_STORE_OK)
        return false;
    if (reading->exactly &&
        (row.epoch != reading->from.epoch || row.first != reading->from.sequence))
        return false;
    reading->error = make(&row, (struct gw_slice){message.data, head},
                          (struct gw_slice){message.data + head, message.size - head},
                          &reading->dead);
    return false;
}

static godwit_err_t read_failed(struct gw_store *store, enum gw_store_error error)
{
    if (error == GW_STORE_CORRUPT)
        return gw_error(GODWIT_ECORRUPT, "a dead letter is damaged: %s", gw_store_why(store));
    if (error == GW_STORE_NOMEM)
        return gw_error_memory();
    return gw_error(gw_error_of_store(error), "the dead letters cannot be read: %s",
                    gw_store_why(store));
}

static godwit_err_t scan(struct godwit_peer *peer, struct reading *reading)
{
    struct gw_buffer from = {0}, to = {0};
    enum gw_store_error error = GW_STORE_NOMEM;
    godwit_err_t result = GODWIT_OK;

    gw_row_seek(&from, GW_ROW_DEAD, reading->from.epoch, reading->from.sequence);
    gw_row_seek_end(&to, GW_ROW_DEAD, UINT64_MAX);
    pthread_rwlock_rdlock(&peer->store_lock);
    if (!peer->store) {
        result = gw_error_reopening();
    } else {
        if (!gw_buffer_failed(&from) && !gw_buffer_failed(&to))
            error = gw_store_scan(peer->store, (struct gw_slice){from.data, from.size},
                                  (struct gw_slice){to.data, to.size}, take, reading);
        if (!error)
            error = reading->error;
        if (error)
            result = read_failed(peer->store, error);
    }
    pthread_rwlock_unlock(&peer->store_lock);
    gw_buffer_clear(&from);
    gw_buffer_clear(&to);
    return result;
}

godwit_err_t gw_dead_read(struct godwit_peer *peer, godwit_id_t from, bool exactly,
                          struct gw_dead **dead)
{
    struct reading reading = {.exactly = exactly, .from = from};
    godwit_err_t error = scan(peer, &reading);

    if (!error && !reading.dead)
        error = gw_error(GODWIT_ENOTFOUND,
                         exactly ? "no dead letter has that id" : "no more dead letters");
    *dead = reading.dead;
    return error;
}

static godwit_err_t read_shown(godwit_peer_t *peer, godwit_id_t from, bool exactly,
                               godwit_dead_t **result)
{
    struct gw_dead *dead = NULL;
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (!result)
        error = gw_error(GODWIT_EINVAL, "dead is NULL: there is nowhere to put the result");
    else
        error = gw_dead_read(peer, from, exactly, &dead);
    gw_peer_leave(peer);
    if (!error)
        *result = &dead->shown;
    return error;
}

godwit_err_t godwit_dead_get(godwit_peer_t *peer, godwit_id_t id, godwit_dead_t **dead)
{
    return read_shown(peer, id, true, dead);
}

godwit_err_t godwit_dead_next(godwit_peer_t *peer, godwit_id_t after, godwit_dead_t **dead)
{
    if (after.sequence < UINT64_MAX) /* far above any sequence: past all of the epoch */
        after.sequence++;
    return read_shown(peer, after, false, dead);
}

void godwit_dead_free(godwit_dead_t **dead)
{
    if (!dead)
        return;
    gw_dead_free((struct gw_dead *)*dead);
    *dead = NULL;
}

/* --- again, or never --- */

struct gw_dead_end { /* in the calling thread, while it ends one; guarded by the peer's lock */
    godwit_id_t id;
    struct gw_dead_end *next;
};

static bool is_ending(const struct godwit_peer *peer, godwit_id_t id)
{
    for (const struct gw_dead_end *one = peer->dead_ends; one; one = one->next)
        if (one->id.epoch == id.epoch && one->id.sequence == id.sequence)
            return true;
    return false;
}

/* Waits until nobody else ends that one. Others go on: a requeue may wait long for room. */
static godwit_err_t claim(struct godwit_peer *peer, struct gw_dead_end *claimed)
{
    const struct gw_deadline never = {.never = true};
    godwit_err_t error = GODWIT_OK;

    pthread_mutex_lock(&peer->lock);
    while (gw_peer_may_wait() && is_ending(peer, claimed->id))
        gw_peer_wait_change(peer, &never);
    if (is_ending(peer, claimed->id)) {
        error = gw_error(GODWIT_EFULL, "another call that sends it again waits for room");
    } else {
        claimed->next = peer->dead_ends;
        peer->dead_ends = claimed;
    }
    pthread_mutex_unlock(&peer->lock);
    return error;
}

static void unclaim(struct godwit_peer *peer, const struct gw_dead_end *claimed)
{
    pthread_mutex_lock(&peer->lock);
    struct gw_dead_end **link = &peer->dead_ends;
    while (*link != claimed)
        link = &(*link)->next;
    *link = claimed->next;
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->lock);
}

/* Inside gw_peer_enter, claimed. */
static godwit_err_t end(struct godwit_peer *peer, struct gw_dead *dead, bool again,
                        godwit_id_t *id)
{
    godwit_txn_t *txn;
    godwit_err_t error = godwit_txn_begin(peer, &txn);

    if (error)
        return error;
    txn->dead = (struct gw_row){.kind = GW_ROW_DEAD,
                                .epoch = dead->shown.id.epoch,
                                .first = dead->shown.id.sequence};
    txn->dead_bytes = dead->shown.message->head.size + dead->shown.message->size;
    if (again)
        error = godwit_txn_send(txn, dead->text_of_destination, &dead->shown.message);
    if (!error)
        error = gw_txn_commit(&txn, id);
    godwit_txn_abort(&txn);
    return error;
}

static godwit_err_t find_and_end(godwit_peer_t *peer, godwit_id_t id, bool again,
                                 godwit_id_t *new_id)
{
    struct gw_dead_end claimed = {.id = id};
    struct gw_dead *dead = NULL;
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (!(error = claim(peer, &claimed))) {
        error = gw_dead_read(peer, id, true, &dead);
        if (!error)
            error = end(peer, dead, again, new_id);
        unclaim(peer, &claimed);
    }
    gw_dead_free(dead);
    gw_peer_leave(peer);
    return error;
}

godwit_err_t godwit_dead_requeue(godwit_peer_t *peer, godwit_id_t dead, godwit_id_t *id)
{
    godwit_id_t sent = {0, 0};
    godwit_err_t error = find_and_end(peer, dead, true, &sent);

    if (!error && id)
        *id = sent;
    return error;
}

godwit_err_t godwit_dead_purge(godwit_peer_t *peer, godwit_id_t dead)
{
    godwit_id_t none;

    return find_and_end(peer, dead, false, &none);
}
