/* SPDX-License-Identifier: MPL-2.0 */

/* Reading outcomes, and forgetting what was read: by writes that nobody waits for, made of
 * deletions and of the row that says how far the reader is. Without that row numbers would begin
 * anew after a restart that finds no other. */

#include "peer/outcome.h"

#include "store/row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define DELETIONS_A_WRITE 10000

/* --- the book; with the lock --- */

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void show(struct gw_outcome_book *book)
{
    bool readable = book->last > larger(book->read, book->given);
    uint64_t one = 1;
    ssize_t ignored;

    if (book->fd < 0 || readable == book->readable)
        return;
    book->readable = readable;
    if (readable)
        ignored = write(book->fd, &one, sizeof one);
    else
        ignored = read(book->fd, &one, sizeof one);
    (void)ignored; /* cannot fail: the counter is 0 or 1 */
}

godwit_err_t gw_outcomes_open(struct godwit_peer *peer)
{
    if (!peer->settings.outcomes)
        return GODWIT_OK;
    peer->outcomes.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (peer->outcomes.fd < 0)
        return gw_error(GODWIT_EIO, "no eventfd for the outcomes: %s", strerror(errno));
    return GODWIT_OK;
}

void gw_outcomes_close(struct godwit_peer *peer)
{
    if (peer->outcomes.fd >= 0)
        close(peer->outcomes.fd);
    peer->outcomes.fd = -1;
}

void gw_outcomes_stored(struct godwit_peer *peer, uint64_t number)
{
    peer->outcomes.last = number;
    show(&peer->outcomes);
}

void gw_outcomes_recovered(struct godwit_peer *peer, uint64_t last, uint64_t read)
{
    struct gw_outcome_book *book = &peer->outcomes;

    book->last = last;
    book->read = larger(book->read, read);
    if (book->read > last)
        book->read = last; /* a store in memory that was lost began anew */
    if (book->given > last)
        book->given = last;
    book->forgotten = read;
    show(book);
}

static void over(struct gw_commit *commit)
{
    gw_write_clear(&commit->keys); /* it has nothing else */
    free(commit);
}

/* One write: the deletion of `first` to `last`. NULL: no memory. */
static struct gw_commit *deletion(uint64_t first, uint64_t last)
{
    struct gw_commit *commit = calloc(1, sizeof *commit);
    struct gw_row row = {.kind = GW_ROW_OUTCOME, .how = GW_OUTCOME_PROCESSED};

    if (!commit)
        return NULL;
    for (row.number = first; row.number <= last; row.number++)
        gw_row_delete(&commit->keys, &row);
    row.number = 0;
    row.first = row.last = last;
    gw_row_put(&commit->keys, &row);
    commit->over = over;
    if (!gw_write_failed(&commit->keys))
        return commit;
    over(commit);
    return NULL;
}

godwit_err_t gw_outcomes_forget(struct godwit_peer *peer)
{
    struct gw_outcome_book *book = &peer->outcomes;

    while (book->forgotten < book->read) {
        uint64_t last = book->read;

        if (last - book->forgotten > DELETIONS_A_WRITE)
            last = book->forgotten + DELETIONS_A_WRITE;
        struct gw_submission submission = {.commit = deletion(book->forgotten + 1, last)};
        if (!submission.commit)
            return gw_error_memory();
        if (gw_mailbox_reserve(&peer->mailbox) != 0) {
            gw_commit_done(submission.commit);
            return gw_error_memory();
        }
        submission.commit->token = ++peer->last_token;
        gw_mailbox_submit(&peer->mailbox, &submission);
        book->forgotten = last;
    }
    return GODWIT_OK;
}

/* --- reading --- */

struct reading {
    struct gw_row row;
    bool found;
    enum gw_store_error error;
};

static bool take_first(void *context, struct gw_slice key, struct gw_slice value)
{
    struct reading *reading = context;

    reading->error = gw_row_read(key, value, &reading->row);
    reading->found = reading->error == GW_STORE_OK;
    return false;
}

/* The first row from a number on. GODWIT_ENOTFOUND: there is none. */
static godwit_err_t read_from(struct godwit_peer *peer, uint64_t number, struct gw_row *row)
{
    struct reading reading = {.found = false};
    struct gw_buffer from = {0}, to = {0};
    enum gw_store_error error = GW_STORE_NOMEM;
    godwit_err_t result = GODWIT_OK;

    gw_row_seek(&from, GW_ROW_OUTCOME, number, 0);
    gw_row_seek_end(&to, GW_ROW_OUTCOME, UINT64_MAX);
    pthread_rwlock_rdlock(&peer->store_lock);
    if (!peer->store)
        result = gw_error_reopening();
    else if (!gw_buffer_failed(&from) && !gw_buffer_failed(&to))
        error = gw_store_scan(peer->store, (struct gw_slice){from.data, from.size},
                              (struct gw_slice){to.data, to.size}, take_first, &reading);
    if (!result && !error)
        error = reading.error;
    if (!result && error)
        result = gw_error(gw_error_of_store(error), "an outcome cannot be read: %s",
                          gw_store_why(peer->store));
    pthread_rwlock_unlock(&peer->store_lock);
    gw_buffer_clear(&from);
    gw_buffer_clear(&to);
    *row = reading.row;
    return result ? result : reading.found ? GODWIT_OK : GODWIT_ENOTFOUND;
}

godwit_place_t gw_outcome_place(uint8_t how)
{
    switch (how) {
    case GW_OUTCOME_DEAD: return GODWIT_PLACE_DEAD;
    case GW_OUTCOME_WITHDRAWN:
    case GW_OUTCOME_ABANDONED: return GODWIT_PLACE_WITHDRAWN;
    default: return GODWIT_PLACE_PROCESSED;
    }
}

/* Waits until there is one above; *after is raised to what was read. */
static godwit_err_t wait_above(struct godwit_peer *peer, uint64_t *after,
                               const struct gw_deadline *deadline, bool in_time)
{
    godwit_err_t error = GODWIT_OK;

    pthread_mutex_lock(&peer->lock);
    while (peer->outcomes.last <= (*after = larger(*after, peer->outcomes.read)) && in_time &&
           !atomic_load(&peer->closing))
        in_time = gw_peer_wait_change(peer, deadline);
    if (atomic_load(&peer->closing))
        error = gw_error_closed();
    else if (peer->outcomes.last <= *after)
        error = gw_error(GODWIT_ETIMEDOUT, "no outcome after number %llu yet",
                         (unsigned long long)*after);
    pthread_mutex_unlock(&peer->lock);
    return error;
}

/* Waits for one above `after` and reads it. */
static godwit_err_t read_next(struct godwit_peer *peer, uint64_t after,
                              const struct gw_deadline *deadline, bool may_wait,
                              struct gw_row *row)
{
    uint64_t missing = UINT64_MAX; /* nothing is above that one: there is no wait for it */

    for (;;) {
        godwit_err_t error = wait_above(peer, &after, deadline, may_wait);
        if (error)
            return error;
        if (after == missing)
            return gw_error(GODWIT_EIO, "the store does not hold the outcome after number %llu",
                            (unsigned long long)after);
        error = read_from(peer, after + 1, row);
        if (error != GODWIT_ENOTFOUND)
            return error;
        missing = after; /* unless another thread had it forgotten in between */
    }
}

static void give(struct godwit_peer *peer, const struct gw_row *row, godwit_outcome_t *outcome)
{
    *outcome = (godwit_outcome_t){.number = row->number,
                                  .first = {row->epoch, row->first},
                                  .last_sequence = row->last,
                                  .how = gw_outcome_place(row->how),
                                  .maybe_processed = row->maybe_duplicate};
    pthread_mutex_lock(&peer->lock);
    peer->outcomes.given = row->number;
    show(&peer->outcomes);
    pthread_mutex_unlock(&peer->lock);
}

static godwit_err_t check(const struct godwit_peer *peer)
{
    if (peer->settings.outcomes)
        return GODWIT_OK;
    return gw_error(GODWIT_EINVAL, "the peer was opened without outcomes");
}

godwit_err_t godwit_outcome_next(godwit_peer_t *peer, uint64_t after, int timeout_ms,
                                 godwit_outcome_t *outcome)
{
    struct gw_row row = {0};
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if (!outcome)
        error = gw_error(GODWIT_EINVAL, "outcome is NULL: there is nowhere to put the result");
    if (!error && !(error = check(peer)) && !(error = gw_check_timeout(timeout_ms))) {
        struct gw_deadline deadline = gw_deadline_in(timeout_ms);

        error = read_next(peer, after, &deadline, timeout_ms != 0, &row);
    }
    if (!error)
        give(peer, &row, outcome);
    gw_peer_leave(peer);
    return error;
}

godwit_err_t godwit_outcome_done(godwit_peer_t *peer, uint64_t number)
{
    godwit_err_t error = gw_peer_enter(peer);

    if (error)
        return error;
    if ((error = check(peer)) != GODWIT_OK) {
        gw_peer_leave(peer);
        return error;
    }
    pthread_mutex_lock(&peer->lock);
    if (number > peer->outcomes.last) {
        error = gw_error(GODWIT_EINVAL, "no outcome has the number %llu yet: the last one is %llu",
                         (unsigned long long)number, (unsigned long long)peer->outcomes.last);
    } else if (number > peer->outcomes.read) {
        peer->outcomes.read = number;
        show(&peer->outcomes);
        if (!peer->down)
            error = gw_outcomes_forget(peer);
        pthread_cond_broadcast(&peer->space);
    }
    pthread_mutex_unlock(&peer->lock);
    if (!error)
        gw_peer_notify(peer);
    gw_peer_leave(peer);
    return error;
}

int godwit_outcome_fd(godwit_peer_t *peer)
{
    return peer ? peer->outcomes.fd : -1;
}
