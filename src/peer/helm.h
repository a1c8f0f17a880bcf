/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_HELM_H
#define GW_PEER_HELM_H

/* The helm: who runs the engine's rounds. It is a lock; the engine's thread takes it for each of
 * its rounds, and a thread of the application that waits for their result in any case may take it
 * and run one itself. That saves the hand-overs to the engine's thread and back, each of which
 * costs more than the round (docs/decisions/0019).
 *
 *     gw_helm_work    I left something in the mailbox: one round with it, and its commit
 *     gw_seat_wait    I wait for a message: until it is there, or somebody else may have it, I wait
 *                     for the network in the place of the engine's thread
 *
 * Three rules keep the engine alive whatever these threads do. The helm is never held while the
 * disk, the network or the application is waited for. Only the engine's thread mends: reopens a
 * failed store, closes; then nobody else runs a round. And the engine's thread sleeps on the same
 * descriptors as the one that waits in its place, until the next timer at the latest, so what that
 * thread leaves undone it finds. */

#include "peer/clock.h"

struct gw_engine;
struct gw_net_news;

/* Has the engine look into the mailbox, in this thread if the engine is idle. `may_write`: this
 * thread may be kept by the disk, so it also makes the commit that comes of it, outside the helm.
 * No lock may be held. */
void gw_helm_work(struct gw_engine *engine, bool may_write);

/* Has it look there with whatever it does next, 5 ms from now at the latest. No lock held. */
void gw_helm_remind(struct gw_engine *engine);

/* The same after twice the time that a commit takes, from 1 to 5 ms, and not sooner unless it is
 * notified: gw_peer_expect. */
void gw_helm_expect(struct gw_engine *engine);

/* A thread that waits for something the engine brings. Its condition variable belongs to a lock,
 * which guards the seat as well. */
struct gw_seat {
    pthread_t thread; /* who sits in it */
    bool taken;       /* it waits for the network, not for the condition */
    bool refused;     /* it could not: now it waits for the condition, once */
    bool drove;
};

/* Waits with the lock, which is free meanwhile, for a signal or any other reason; false when the
 * deadline passed. */
bool gw_seat_wait(struct gw_seat *seat, struct gw_engine *engine, pthread_cond_t *cond,
                  pthread_mutex_t *lock, const struct gw_deadline *deadline);
/* After the last wait: nobody may be waiting for the engine's timers as far as this thread knows
 * them. No lock may be held. */
void gw_seat_leave(struct gw_seat *seat, struct gw_engine *engine);
/* With the lock: ends its wait. */
void gw_seat_signal(const struct gw_seat *seat, struct gw_engine *engine, pthread_cond_t *cond);
/* With the lock: this very thread sits in it, and looks by itself once the round is over. */
bool gw_seat_is_own(const struct gw_seat *seat);

/* --- the engine's thread --- */

/* With the helm, which is free in between: waits for news. */
void gw_helm_sleep(struct gw_engine *engine, struct gw_net_news *news);

#endif
