/* SPDX-License-Identifier: MPL-2.0 */

/* See helm.h. Two threads may wait for the network at a time: the engine's own and one driver, who
 * comes and goes. Both are in one epoll, where the kernel wakes the one that came last: the driver.
 * So the engine's thread need not be told of either. A signal for the driver is a wake of the net;
 * should the engine's thread have it, it does not take it. */

#include "peer/helm.h"

#include "peer/engine.h"

#include <sched.h>

#define REMIND_US      5000
#define EXPECT_US_MIN  200    /* the net waits for whole milliseconds: so, one */
#define EXPECT_US_MAX  5000
#define GROUP_LEAST    8      /* messages */
#define GROUP_LASTS_US 100000 /* then what comes is a lone message again */

/* With the helm: rounds may be run by anyone. */
static bool is_steerable(const struct gw_engine *engine)
{
    return !engine->mending && engine->phase == GW_ENGINE_OPEN && engine->turn && !engine->broken;
}

/* With the helm. What it leaves to do and nobody would come to in time is told to whoever waits. */
static void mind(struct gw_engine *engine)
{
    uint64_t awake_us = engine->asleep_until_us;

    if (engine->driver_until_us < awake_us)
        awake_us = engine->driver_until_us;
    if (!engine->mending &&
        (!is_steerable(engine) || gw_engine_due_us(engine) < awake_us))
        gw_net_wake(engine->net);
}

/* --- working --- */

/* Where several threads commit at a time it is left to the engine's: until that is awake, more of
 * them come together in one write. */
void gw_helm_work(struct gw_engine *engine, bool may_write)
{
    if (pthread_mutex_trylock(&engine->helm) != 0) {
        gw_peer_notify(engine->peer);
        return;
    }
    if (!is_steerable(engine) || engine->company > 1) {
        pthread_mutex_unlock(&engine->helm);
        gw_peer_notify(engine->peer);
        return;
    }
    engine->commit_kept = false;
    engine->keep_commit = may_write;
    atomic_store(&engine->peer->notified, true);
    gw_engine_round(engine, NULL);
    engine->keep_commit = false;
    bool kept = engine->commit_kept;
    mind(engine);
    pthread_mutex_unlock(&engine->helm);
    if (!kept)
        return;
    gw_store_thread_work(engine->disk);
    pthread_mutex_lock(&engine->helm);
    if (is_steerable(engine))
        gw_engine_round(engine, NULL);
    mind(engine);
    pthread_mutex_unlock(&engine->helm);
}

/* Its thread wakes up to hear of it, unless that is under way, and once more at the time: both once
 * in 5 ms, however much is left there meanwhile. */
void gw_helm_remind(struct gw_engine *engine)
{
    pthread_mutex_lock(&engine->helm);
    engine->remind_us = gw_clock_us() + REMIND_US;
    mind(engine);
    pthread_mutex_unlock(&engine->helm);
}

/* What comes back from another peer comes after a commit there and one here. */
static uint64_t patience_us(const struct gw_engine *engine)
{
    uint64_t two_us = engine->commit_us * 2;

    if (two_us < EXPECT_US_MIN)
        return EXPECT_US_MIN;
    return two_us < EXPECT_US_MAX ? two_us : EXPECT_US_MAX;
}

void gw_helm_expect(struct gw_engine *engine)
{
    pthread_mutex_lock(&engine->helm);
    uint64_t until_us = gw_clock_us() + patience_us(engine);
    if (until_us < engine->expect_us)
        engine->expect_us = until_us;
    mind(engine);
    pthread_mutex_unlock(&engine->helm);
}

/* --- waiting in the place of the engine's thread --- */

static void kick(struct gw_engine *engine)
{
    atomic_store(&engine->kicked, true);
    gw_net_wake(engine->net);
}

static int64_t until(uint64_t due_us)
{
    uint64_t now = gw_clock_us();

    if (due_us == GW_NEVER)
        return -1;
    return due_us > now ? (int64_t)(due_us - now) : 0;
}

/* With the helm. False: somebody else drives, or nobody may. */
static bool take_seat(struct gw_engine *engine, const struct gw_deadline *deadline)
{
    if (!is_steerable(engine) || engine->driver_until_us != GW_NEVER)
        return false;
    uint64_t due = gw_engine_due_us(engine), end = gw_deadline_us(deadline);

    engine->driver_until_us = due < end ? due : end;
    if (engine->driver_until_us == GW_NEVER)
        engine->driver_until_us--; /* taken */
    return true;
}

/* With the helm. */
static void give_seat_up(struct gw_engine *engine)
{
    engine->driver_until_us = GW_NEVER;
    atomic_store(&engine->kicked, false);
    if (engine->stepped_aside)
        pthread_cond_signal(&engine->seat_free);
}

/* One wait and the round that follows. False: not possible now. */
static bool drive(struct gw_engine *engine, const struct gw_deadline *deadline)
{
    struct gw_net_news news;

    pthread_mutex_lock(&engine->helm);
    bool seated = take_seat(engine, deadline);
    int64_t timeout_us = seated ? until(engine->driver_until_us) : 0;
    bool kicked = seated && atomic_load(&engine->kicked);
    if (kicked) /* before it sat down */
        give_seat_up(engine);
    pthread_mutex_unlock(&engine->helm);
    if (!seated || kicked)
        return seated;
    gw_net_wait(engine->net, timeout_us, &news);
    pthread_mutex_lock(&engine->helm);
    give_seat_up(engine);
    if (is_steerable(engine))
        gw_engine_round(engine, &news);
    else
        gw_net_forget_news(engine->net);
    if (!is_steerable(engine))
        gw_net_wake(engine->net);
    pthread_mutex_unlock(&engine->helm);
    return true;
}

static void mind_after(struct gw_seat *seat, struct gw_engine *engine)
{
    if (!seat->drove)
        return;
    seat->drove = false;
    pthread_mutex_lock(&engine->helm);
    mind(engine);
    pthread_mutex_unlock(&engine->helm);
}

bool gw_seat_wait(struct gw_seat *seat, struct gw_engine *engine, pthread_cond_t *cond,
                  pthread_mutex_t *lock, const struct gw_deadline *deadline)
{
    if (seat->refused && !seat->drove) {
        seat->refused = false;
        return gw_cond_wait(cond, lock, deadline);
    }
    seat->thread = pthread_self();
    seat->taken = true;
    pthread_mutex_unlock(lock);
    if (seat->refused)
        mind_after(seat, engine);
    else if (drive(engine, deadline))
        seat->drove = true;
    else
        seat->refused = true;
    pthread_mutex_lock(lock);
    seat->taken = false;
    return !gw_deadline_passed(deadline);
}

void gw_seat_leave(struct gw_seat *seat, struct gw_engine *engine)
{
    mind_after(seat, engine);
}

bool gw_seat_is_own(const struct gw_seat *seat)
{
    return seat->taken && pthread_equal(seat->thread, pthread_self());
}

void gw_seat_signal(const struct gw_seat *seat, struct gw_engine *engine, pthread_cond_t *cond)
{
    if (!seat->taken)
        pthread_cond_signal(cond);
    else if (!gw_seat_is_own(seat))
        kick(engine);
}

/* --- the engine's thread --- */

/* With the helm. It came out of the epoll with a signal for the driver, who is still in there: it
 * stays outside until that has got it. */
static void step_aside(struct gw_engine *engine)
{
    const struct gw_deadline never = {.never = true};

    engine->stepped_aside = true;
    while (atomic_load(&engine->kicked) && engine->driver_until_us != GW_NEVER) {
        gw_net_wake(engine->net);
        gw_cond_wait(&engine->seat_free, &engine->helm, &never);
    }
    engine->stepped_aside = false;
}

/* With the helm. Messages come in groups here: the thread was woken for the first of one. Whoever
 * brings the rest may wait for this very core, and the group would end where it began; so that goes
 * first. On an idle core it costs a system call. A lone message has no group before it. */
static bool is_polite(const struct gw_engine *engine)
{
    return engine->group >= GROUP_LEAST && engine->now_us - engine->group_us < GROUP_LASTS_US;
}

void gw_helm_sleep(struct gw_engine *engine, struct gw_net_news *news)
{
    engine->asleep_until_us = gw_engine_due_us(engine);
    int64_t timeout_us = until(engine->asleep_until_us);
    bool polite = timeout_us != 0 && is_polite(engine);

    if (engine->driver_until_us != GW_NEVER && timeout_us != 0)
        gw_net_nudge(engine->net);
    pthread_mutex_unlock(&engine->helm);
    gw_net_wait(engine->net, timeout_us, news);
    if (polite)
        sched_yield();
    pthread_mutex_lock(&engine->helm);
    step_aside(engine);
    engine->asleep_until_us = 0; /* awake: it looks at everything before it sleeps again */
}
