/* SPDX-License-Identifier: MPL-2.0 */

/* The engine's part in the sending side: policies, messages taken back, members given up, questions
 * where a message is, and the books of a store that was just opened. */

#include "peer/engine.h"

#include "peer/outcome.h"

#include <stdio.h>
#include <stdlib.h>

/* --- commands --- */

bool gw_engine_must_wait(const struct gw_engine *engine, const struct gw_command *command)
{
    bool of_turn = command->type == GW_COMMAND_WITHDRAW || command->type == GW_COMMAND_FORFEIT ||
                   command->type == GW_COMMAND_FIND;

    return of_turn && (!engine->turn || engine->broken);
}

void gw_engine_postpone(struct gw_engine *engine, struct gw_command *command)
{
    struct gw_command **link = &engine->postponed;

    while (*link)
        link = &(*link)->next;
    command->next = NULL;
    *link = command;
}

/* A wish lives in the turn; a new one is told again. Without memory, a failed store may undo it. */
static void remember_wish(struct gw_engine *engine, uint64_t epoch, uint64_t sequence)
{
    struct gw_ranges *wished = gw_map_get(&engine->wishes, epoch);

    if (!wished) {
        wished = calloc(1, sizeof *wished);
        if (!wished)
            return;
        if (gw_map_put(&engine->wishes, epoch, wished) != 0) {
            free(wished);
            return;
        }
    }
    (void)gw_ranges_add(wished, sequence, sequence);
}

void gw_engine_wish_over(struct gw_engine *engine, uint64_t epoch, uint64_t first, uint64_t last)
{
    struct gw_ranges *wished =
        engine->wishes.count > 0 ? gw_map_get(&engine->wishes, epoch) : NULL;

    if (!wished)
        return;
    (void)gw_ranges_remove(wished, first, last); /* wishing too much is harmless */
    if (wished->count > 0)
        return;
    gw_ranges_clear(wished);
    gw_map_remove(&engine->wishes, epoch);
    free(wished);
}

void gw_engine_forget_wishes(struct gw_engine *engine)
{
    struct gw_ranges *wished;

    for (size_t at = 0; (wished = gw_map_next(&engine->wishes, &at, NULL)) != NULL;) {
        gw_ranges_clear(wished);
        free(wished);
    }
    gw_map_clear(&engine->wishes);
}

static void say_wishes(struct gw_engine *engine)
{
    const struct gw_ranges *wished;
    uint64_t epoch;

    for (size_t at = 0; (wished = gw_map_next(&engine->wishes, &at, &epoch)) != NULL;)
        for (size_t i = 0; i < wished->count; i++)
            for (uint64_t one = wished->items[i].first; one <= wished->items[i].last; one++)
                gw_engine_check(engine, gw_turn_withdraw(engine->turn, engine->now_us, epoch, one,
                                                         GW_WITHDRAW_CANCELLED));
}

static godwit_err_t withdraw(struct gw_engine *engine, struct gw_command *command)
{
    gw_turn_find(engine->turn, command->epoch, command->sequence, &command->found);
    if (command->found.place == GW_PLACE_UNKNOWN || command->found.place == GW_PLACE_SETTLED) {
        snprintf(command->why, sizeof command->why,
                 "no message of that id is in the outbox: it has ended, or never was");
        return GODWIT_ENOTFOUND;
    }
    remember_wish(engine, command->epoch, command->sequence);
    gw_engine_check(engine, gw_turn_withdraw(engine->turn, engine->now_us, command->epoch,
                                             command->sequence, GW_WITHDRAW_CANCELLED));
    return GODWIT_OK;
}

static godwit_err_t forfeit(struct gw_engine *engine, struct gw_command *command)
{
    switch (gw_core_knows(gw_turn_core(engine->turn), command->member)) {
    case GW_PEER_LINKED:
        snprintf(command->why, sizeof command->why,
                 "\"%s\" has a link: what it holds is not given to others", command->member);
        return GODWIT_ENOTFOUND;
    case GW_PEER_UNKNOWN:
        snprintf(command->why, sizeof command->why, "no peer called \"%s\" is known",
                 command->member);
        return GODWIT_ENOTFOUND;
    case GW_PEER_AWAY: break;
    }
    gw_engine_check(engine, gw_turn_forfeit(engine->turn, engine->now_us, command->member));
    return GODWIT_OK;
}

godwit_err_t gw_engine_outbox_command(struct gw_engine *engine, struct gw_command *command)
{
    switch (command->type) {
    case GW_COMMAND_WITHDRAW: return withdraw(engine, command);
    case GW_COMMAND_FORFEIT: return forfeit(engine, command);
    case GW_COMMAND_FIND:
        gw_turn_find(engine->turn, command->epoch, command->sequence, &command->found);
        command->now_us = engine->now_us;
        return GODWIT_OK;
    default: /* POLICY; a new turn is told by gw_engine_say_again */
        if (engine->turn && !engine->broken)
            gw_engine_check(engine, gw_turn_policy(engine->turn, engine->now_us,
                                                   &command->destination, &command->policy));
        return GODWIT_OK;
    }
}

static void say_policies(struct gw_engine *engine)
{
    struct godwit_peer *peer = engine->peer;
    size_t count;

    pthread_mutex_lock(&peer->lock);
    count = peer->destination_count;
    for (size_t i = 0; i < count; i++) {
        struct gw_destination_entry entry = peer->destinations[i];

        pthread_mutex_unlock(&peer->lock); /* the turn's news may need it */
        gw_engine_check(engine, gw_turn_policy(engine->turn, engine->now_us, &entry.destination,
                                               &entry.policy));
        pthread_mutex_lock(&peer->lock);
    }
    pthread_mutex_unlock(&peer->lock);
}

void gw_engine_say_again(struct gw_engine *engine)
{
    say_policies(engine);
    say_wishes(engine);
}

/* --- the books of an opened store --- */

void gw_engine_share(void *context, const struct gw_destination *destination, uint64_t messages,
                     uint64_t bytes)
{
    struct gw_engine *engine = context;

    if (messages == 0)
        return;
    if (engine->share_count == engine->share_capacity) {
        size_t capacity = engine->share_capacity ? engine->share_capacity * 2 : 16;
        struct gw_share *more = realloc(engine->shares, capacity * sizeof *more);

        if (!more)
            return; /* its share counts too little, no more */
        engine->shares = more;
        engine->share_capacity = capacity;
    }
    engine->shares[engine->share_count++] = (struct gw_share){*destination, messages, bytes};
}

void gw_engine_count(struct gw_engine *engine, const struct gw_recovered *recovered)
{
    struct gw_tail *tail = engine->peer->tail;

    gw_tail_recovered(tail, recovered->messages, recovered->bytes);
    gw_tail_dead(tail, (int64_t)recovered->dead_messages, (int64_t)recovered->dead_bytes);
    for (size_t i = 0; i < engine->share_count; i++) {
        const struct gw_share *share = &engine->shares[i];

        if (gw_tail_recovered_of(tail, &share->destination, share->messages, share->bytes) != 0)
            break; /* the same */
    }
    engine->share_count = 0;
    gw_outcomes_recovered(engine->peer, recovered->outcome_last, recovered->outcome_read);
}

/* --- epochs that end --- */

void gw_engine_idle(struct gw_engine *engine, uint64_t epoch)
{
    if (engine->retiring_count == engine->retiring_capacity) {
        size_t capacity = engine->retiring_capacity ? engine->retiring_capacity * 2 : 16;
        uint64_t *more = realloc(engine->retiring, capacity * sizeof *more);

        if (!more)
            return; /* it ends with the next open */
        engine->retiring = more;
        engine->retiring_capacity = capacity;
    }
    if (!gw_tail_retire(engine->peer->tail, epoch))
        return;
    engine->retiring[engine->retiring_count++] = epoch;
    free(gw_map_remove(&engine->epochs, epoch)); /* a reopened store has nothing to add */
}

void gw_engine_retire(struct gw_engine *engine)
{
    for (size_t i = 0; i < engine->retiring_count && engine->turn && !engine->broken; i++) {
        gw_engine_check(engine,
                        gw_turn_retire(engine->turn, engine->now_us, engine->retiring[i]));
        engine->next_us = engine->now_us;
    }
    engine->retiring_count = 0; /* what a broken turn did not hear of is old to the next one */
}
