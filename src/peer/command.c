/* SPDX-License-Identifier: MPL-2.0 */

/* What the application asks of the engine and waits for: endpoints and inboxes. None of it waits
 * for the network. */

#include "peer/engine.h"

#include "peer/inbox.h"
#include "peer/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIALS_MAX 1024
#define GOODBYE_US 200000  /* between BYE and hanging up, so that it can leave */
#define REDIAL_US 1000000  /* after a failure to make a socket */

void gw_engine_answer(struct gw_engine *engine, struct gw_command *command, godwit_err_t result)
{
    struct godwit_peer *peer = engine->peer;

    pthread_mutex_lock(&peer->lock);
    command->result = result;
    command->done = true; /* from here on it is the caller's */
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->lock);
}

static struct gw_dial *find_dial(struct gw_engine *engine, const char *endpoint)
{
    for (size_t i = 0; i < engine->dial_count; i++)
        if (!engine->dials[i].leaving && strcmp(engine->dials[i].endpoint, endpoint) == 0)
            return &engine->dials[i];
    return NULL;
}

static godwit_err_t bind_endpoint(struct gw_engine *engine, struct gw_command *command)
{
    int error = gw_net_bind(engine->net, command->endpoint, command->bound, sizeof command->bound,
                            command->why, sizeof command->why);

    return gw_error_of_errno(error);
}

static godwit_err_t add_dial(struct gw_engine *engine, struct gw_command *command)
{
    struct gw_dial dial = {0};

    struct gw_dial *more = realloc(engine->dials, (engine->dial_count + 1) * sizeof *more);
    if (more)
        engine->dials = more;
    dial.endpoint = strdup(command->endpoint);
    if (!more || !dial.endpoint) {
        free(dial.endpoint);
        snprintf(command->why, sizeof command->why, "out of memory");
        return GODWIT_ENOMEM;
    }
    int error = gw_net_dial(engine->net, dial.endpoint, &dial.conn, command->why,
                            sizeof command->why);
    if (error) {
        free(dial.endpoint);
        return gw_error_of_errno(error);
    }
    engine->dials[engine->dial_count++] = dial;
    if (engine->turn)
        gw_engine_check(engine, gw_turn_dial(engine->turn, engine->now_us, dial.conn));
    return GODWIT_OK;
}

static godwit_err_t dial_endpoint(struct gw_engine *engine, struct gw_command *command)
{
    if (find_dial(engine, command->endpoint)) {
        snprintf(command->why, sizeof command->why, "already connected to %s", command->endpoint);
        return GODWIT_EBUSY;
    }
    if (engine->dial_count >= DIALS_MAX) {
        snprintf(command->why, sizeof command->why, "%d endpoints are connected: no more",
                 DIALS_MAX);
        return GODWIT_EINVAL;
    }
    return add_dial(engine, command);
}

static godwit_err_t undial_endpoint(struct gw_engine *engine, struct gw_command *command)
{
    struct gw_dial *dial = find_dial(engine, command->endpoint);

    if (!dial) {
        snprintf(command->why, sizeof command->why, "not connected to %s", command->endpoint);
        return GODWIT_ENOTFOUND;
    }
    if (engine->turn && dial->conn)
        gw_engine_check(engine, gw_turn_undial(engine->turn, engine->now_us, dial->conn));
    dial->leaving = true;
    dial->due_us = engine->now_us + GOODBYE_US;
    return GODWIT_OK;
}

static void remove_dial(struct gw_engine *engine, size_t at)
{
    if (engine->dials[at].conn)
        gw_net_hangup(engine->net, engine->dials[at].conn);
    free(engine->dials[at].endpoint);
    engine->dials[at] = engine->dials[--engine->dial_count];
}

static void dial_again(struct gw_engine *engine, struct gw_dial *dial)
{
    char why[256];

    if (gw_net_dial(engine->net, dial->endpoint, &dial->conn, why, sizeof why) != 0) {
        gw_log(&engine->peer->settings, GODWIT_LOG_WARNING, "cannot dial %s: %s; trying again",
               dial->endpoint, why);
        dial->conn = 0;
        dial->due_us = engine->now_us + REDIAL_US;
        return;
    }
    gw_engine_check(engine, gw_turn_dial(engine->turn, engine->now_us, dial->conn));
}

void gw_engine_tend_dials(struct gw_engine *engine)
{
    for (size_t i = engine->dial_count; i-- > 0;) {
        struct gw_dial *dial = &engine->dials[i];

        if (dial->due_us > engine->now_us)
            continue;
        if (dial->leaving)
            remove_dial(engine, i);
        else if (dial->conn == 0 && engine->turn && !engine->broken)
            dial_again(engine, dial);
    }
}

uint64_t gw_engine_dials_due_us(const struct gw_engine *engine)
{
    uint64_t due = GW_NEVER;

    for (size_t i = 0; i < engine->dial_count; i++) {
        const struct gw_dial *dial = &engine->dials[i];

        if ((dial->leaving || (dial->conn == 0 && engine->turn)) && dial->due_us < due)
            due = dial->due_us;
    }
    return due;
}

static struct gw_serving *find_serving(struct gw_engine *engine, const struct godwit_inbox *inbox)
{
    for (size_t i = 0; i < engine->serving_count; i++)
        if (engine->servings[i].inbox == inbox)
            return &engine->servings[i];
    return NULL;
}

static godwit_err_t serve(struct gw_engine *engine, struct gw_command *command)
{
    struct gw_serving *serving = find_serving(engine, command->inbox);

    if (!serving) {
        struct gw_serving *more =
            realloc(engine->servings, (engine->serving_count + 1) * sizeof *more);
        if (!more) {
            snprintf(command->why, sizeof command->why, "out of memory");
            return GODWIT_ENOMEM;
        }
        engine->servings = more;
        serving = &engine->servings[engine->serving_count++];
        serving->inbox = command->inbox;
    }
    serving->credit = command->credit;
    serving->open = true;
    if (engine->turn)
        gw_engine_check(engine, gw_turn_serve(engine->turn, engine->now_us,
                                              &command->inbox->destination,
                                              command->credit.credit_messages,
                                              command->credit.credit_bytes));
    return GODWIT_OK;
}

static godwit_err_t unserve(struct gw_engine *engine, struct gw_command *command)
{
    struct gw_serving *serving = find_serving(engine, command->inbox);

    if (serving)
        serving->open = false;
    if (serving && engine->turn) {
        gw_engine_check(engine, gw_turn_unserve(engine->turn, engine->now_us,
                                                &command->inbox->destination));
        gw_engine_empty(engine, command->inbox);
    }
    return GODWIT_OK;
}

static void begin_closing(struct gw_engine *engine)
{
    uint64_t heartbeat_us = engine->options.core.heartbeat_us;

    if (engine->phase != GW_ENGINE_OPEN)
        return;
    engine->phase = GW_ENGINE_ENDING;
    engine->end_us = engine->now_us + (heartbeat_us < 1000000 ? heartbeat_us : 1000000);
}

void gw_engine_command(struct gw_engine *engine, struct gw_command *command)
{
    godwit_err_t result = GODWIT_OK;

    if (gw_engine_must_wait(engine, command)) {
        gw_engine_postpone(engine, command);
        return;
    }
    switch (command->type) {
    case GW_COMMAND_BIND: result = bind_endpoint(engine, command); break;
    case GW_COMMAND_DIAL: result = dial_endpoint(engine, command); break;
    case GW_COMMAND_UNDIAL: result = undial_endpoint(engine, command); break;
    case GW_COMMAND_SERVE: result = serve(engine, command); break;
    case GW_COMMAND_UNSERVE: result = unserve(engine, command); break;
    case GW_COMMAND_LOOK: result = gw_snapshot_take(engine, command); break;
    case GW_COMMAND_POLICY:
    case GW_COMMAND_WITHDRAW:
    case GW_COMMAND_FORFEIT:
    case GW_COMMAND_FIND: result = gw_engine_outbox_command(engine, command); break;
    case GW_COMMAND_CLOSE: begin_closing(engine); break;
    }
    gw_engine_answer(engine, command, result);
}
