/* SPDX-License-Identifier: MPL-2.0 */

/* Opening and closing a peer. */

#include "peer/control.h"
#include "peer/engine.h"
#include "peer/inbox.h"
#include "peer/outcome.h"
#include "peer/reply.h"
#include "store/directory.h"

#include <sys/vfs.h>
#include <time.h>

#define CALLERS_NS 200000 /* between looks at whether all callers have left */

/* Allowed, but said: the level in force promises more than such a place can keep (fault G03). */
static void warn_of_file_system(const struct godwit_peer *peer)
{
    struct statfs about;

    if (!peer->directory || peer->settings.durability != GODWIT_DURABILITY_FSYNC ||
        statfs(peer->directory, &about) != 0)
        return;
    const char *name = gw_directory_forgetful((long)about.f_type);
    if (name)
        gw_log(&peer->settings, GODWIT_LOG_WARNING,
               "%s is on %s: what is accepted there may not survive the loss of power",
               peer->directory, name);
}

godwit_err_t godwit_peer_open(const godwit_peer_options_t *options, godwit_peer_t **result)
{
    struct gw_settings settings;
    godwit_err_t error;

    if (!result)
        return gw_error(GODWIT_EINVAL, "peer is NULL: there is nowhere to put the result");
    if ((error = gw_settings_read(options, &settings)) != GODWIT_OK)
        return error;
    struct godwit_peer *peer = gw_peer_new(&settings);
    if (!peer)
        return gw_error_memory();
    if ((error = gw_outcomes_open(peer)) || (error = gw_engine_open(peer))) {
        gw_peer_drop(peer);
        return error;
    }
    gw_log(&peer->settings, GODWIT_LOG_INFO, "peer \"%s\" is open, durability %s",
           peer->settings.name, godwit_peer_durability(peer));
    warn_of_file_system(peer);
    if (peer->directory && !settings.no_control)
        gw_control_open(peer);
    *result = peer;
    return GODWIT_OK;
}

const char *godwit_peer_durability(const godwit_peer_t *peer)
{
    switch (peer ? peer->settings.durability : GODWIT_DURABILITY_DEFAULT) {
    case GODWIT_DURABILITY_FSYNC: return "fsync";
    case GODWIT_DURABILITY_OS: return "os";
    case GODWIT_DURABILITY_MEMORY: return "memory";
    case GODWIT_DURABILITY_DEFAULT: break;
    }
    return "unknown";
}

/* From here on no call begins, and those that wait return. False: another thread closes it. */
static bool begin_closing(struct godwit_peer *peer, struct gw_command *command)
{
    pthread_mutex_lock(&peer->lock);
    bool first = !atomic_exchange(&peer->closing, true);
    if (first)
        gw_mailbox_command(&peer->mailbox, command);
    pthread_cond_broadcast(&peer->changed);
    pthread_cond_broadcast(&peer->space);
    pthread_mutex_unlock(&peer->lock);
    return first;
}

static void shut_inboxes(struct godwit_peer *peer)
{
    /* closing keeps the array as it is */
    for (size_t i = 0; i < peer->inbox_count; i++)
        gw_inbox_shut(peer->inboxes[i]);
}

static void wait_for_callers(struct godwit_peer *peer)
{
    const struct timespec pause = {.tv_nsec = CALLERS_NS};

    while (atomic_load(&peer->callers) > 0)
        nanosleep(&pause, NULL);
}

godwit_err_t godwit_peer_close(godwit_peer_t **pointer)
{
    struct gw_command command = {.type = GW_COMMAND_CLOSE};

    if (!pointer || !*pointer)
        return GODWIT_OK;
    struct godwit_peer *peer = *pointer;
    if (gw_forked(&peer->fork_mark))
        return gw_error_fork();
    if (!begin_closing(peer, &command))
        return gw_error_closed();
    *pointer = NULL;
    shut_inboxes(peer);
    gw_engine_wake(peer->engine);
    gw_control_close(peer);
    gw_engine_join(peer->engine);
    wait_for_callers(peer); /* one may be about to wake the engine */
    gw_replies_end(peer);
    gw_engine_destroy(peer->engine);
    for (size_t i = 0; i < peer->inbox_count; i++)
        gw_inbox_flush(peer->inboxes[i]); /* each run holds the peer */
    gw_log(&peer->settings, GODWIT_LOG_INFO, "peer \"%s\" is closed", peer->settings.name);
    gw_peer_drop(peer);
    return GODWIT_OK;
}
