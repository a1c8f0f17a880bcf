/* SPDX-License-Identifier: MPL-2.0 */
/* Runs with a backlog: everything is pushed while nobody is there. Memory is that of result.h; what
 * it was after each phase has a name of its own here. */

#include "cast.h"
#include "measure.h"
#include <inttypes.h>
#include <stdio.h>

/* Notes what the sender holds now, and the most it did so far. */
static bool note_memory(struct cast *cast, const struct member *sender, const char *peak,
                        const char *now)
{
    struct result_process *process = &cast->result->process[sender - cast->member];
    long kib;
    return measure_memory(sender->child.pid, process, &kib) &&
           result_set(cast->result, peak, (double)process->anon_kib) &&
           result_set(cast->result, now, (double)kib);
}

/* Starts the sender and waits until all is stored; the endpoint at which it listens then. */
static struct member *fill(struct cast *cast, char *endpoint, size_t size)
{
    uint64_t count = cast->step->count;
    struct member *sender = cast_start(cast, "backlog-fill", true, 0, count, NULL, NULL);
    const char *text = sender ? cast_until(cast, sender, "endpoint") : NULL;
    if (!text)
        return NULL;
    snprintf(endpoint, size, "%s", text);
    return sender;
}

/* A worker of another stage comes, and takes what is pushed beside the backlog. */
static bool play_beside(struct cast *cast, struct member *sender, const char *endpoint)
{
    uint64_t count;
    if (!cast_start(cast, "backlog-take", false, 0, 0, endpoint, NULL) ||
        !cast_until(cast, sender, "ready") || !cast_go(sender))
        return false;
    const char *beside = cast_until(cast, sender, "beside");
    return beside && sscanf(beside, "%" SCNu64, &count) == 1 && cast_taken(cast, count);
}

static bool play_drain(struct cast *cast, struct member *sender, const char *endpoint)
{
    uint64_t before = cast->took;
    if (!cast_until(cast, sender, "ready") || !cast_go(sender) ||
        !cast_start(cast, "backlog-take", false, 1, 0, endpoint, NULL))
        return false;
    return cast_until(cast, sender, "done") && cast_taken(cast, before + cast->step->count);
}

bool run_backlog(const struct step *step, struct result *result)
{
    char endpoint[256];
    struct cast *cast = cast_new(step, result);
    struct member *sender = cast ? fill(cast, endpoint, sizeof(endpoint)) : NULL;
    bool good = sender && note_memory(cast, sender, "fill_anon_kib", "held_anon_kib") &&
                play_beside(cast, sender, endpoint) && play_drain(cast, sender, endpoint) &&
                cast_end(cast);
    cast_free(cast);
    return good;
}

/* Fills, kills the sender, and lets it come back where a worker waits for it. */
static bool play_restart(struct cast *cast)
{
    char endpoint[256];
    struct member *sender = fill(cast, endpoint, sizeof(endpoint));
    if (!sender || !cast_end_one(cast, sender, true))
        return false;
    struct member *worker = cast_start(cast, "recover-take", false, 0, 0, NULL, NULL);
    const char *text = worker ? cast_until(cast, worker, "endpoint") : NULL;
    if (!text)
        return false;
    snprintf(endpoint, sizeof(endpoint), "%s", text);
    struct member *again = cast_start(cast, "recover-open", true, 0, cast->step->count, endpoint,
                                      sender->directory);
    return again && cast_until(cast, again, "ready") && cast_go(again) &&
           cast_until(cast, again, "done") && cast_until(cast, worker, "done");
}

bool run_recover(const struct step *step, struct result *result)
{
    struct cast *cast = cast_new(step, result);
    result->messages = 1;
    bool good = cast && play_restart(cast) && cast_end(cast) &&
                result_set(result, "first_s", result->seconds);
    result->bytes = 0; /* how many went through before the end is chance */
    cast_free(cast);
    return good;
}
