/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_STORE_THREAD_H
#define GW_PEER_STORE_THREAD_H

/* The thread that waits for the disk, so that the engine does not: a sync of ten seconds must not
 * silence heartbeats. One job at a time: the commit, if there is one, before any load. Bounded by
 * its callers: one commit, and one load per epoch. All calls but gw_store_thread_work are made at
 * the helm (engine.h).
 *
 * A thread of the application that waits for its commit in any case can do it itself: that saves
 * two hand-overs. The commit is *kept* for it, and made outside the helm; as to the rest it is a
 * commit of this thread. */

#include "core/batch.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gw_store_thread;

struct gw_load {
    uint64_t epoch;
    uint64_t from;
    uint64_t max_messages;
    uint64_t max_bytes;
};

struct gw_done { /* a job that is finished */
    bool commit;
    enum gw_store_error error;
    char why[256];
    uint64_t epoch;           /* of a load */
    struct gw_batch **batches; /* malloc'ed; the references are the taker's */
    size_t count;
};

/* `wake` is called from the thread after each job. 0 or a negative errno. */
int gw_store_thread_start(void (*wake)(void *context), void *context,
                          struct gw_store_thread **result);
/* Ends the job under way, forgets the others, joins. NULL is accepted. */
void gw_store_thread_stop(struct gw_store_thread **thread);

/* `write` must stay as it is until the job is done. */
void gw_store_thread_commit(struct gw_store_thread *thread, struct gw_store *store,
                            const struct gw_write *write, bool sync);
/* The same, kept: the caller, having left the helm, makes it by gw_store_thread_work. That returns
 * when it is done, or was forgotten meanwhile (gw_store_thread_quiesce); no wake follows it. */
void gw_store_thread_keep(struct gw_store_thread *thread, struct gw_store *store,
                          const struct gw_write *write, bool sync);
void gw_store_thread_work(struct gw_store_thread *thread);
int gw_store_thread_load(struct gw_store_thread *thread, struct gw_store *store,
                         const struct gw_load *load); /* 0 or -ENOMEM */
bool gw_store_thread_take(struct gw_store_thread *thread, struct gw_done *done);
/* Waits until nothing is under way and forgets all jobs and results: the store may be closed. */
void gw_store_thread_quiesce(struct gw_store_thread *thread);

#endif
