/* SPDX-License-Identifier: MPL-2.0 */

/* The core's notes as sentences for the log. */

#include "peer/engine.h"

#include <inttypes.h>
#include <stdio.h>

static const char *refusal_text(uint64_t code)
{
    switch (code) {
    case GW_REFUSE_VERSION: return "no protocol version in common";
    case GW_REFUSE_IDENTITY: return "another live peer has the name";
    case GW_REFUSE_CROSSED: return "the two have a link already";
    case GW_REFUSE_SELF: return "it is the peer itself";
    case GW_REFUSE_EPOCH: return "an epoch is unknown there: its store was lost or rolled back";
    case GW_REFUSE_LIMITS: return "the limits of the two cannot work together";
    case GW_REFUSE_BUSY: return "there is no room for another link";
    default: return "a reason that this version does not know";
    }
}

/* Crossing dials and the like are everyday; a refusal that needs somebody's hand is a warning. */
static godwit_log_level_t refusal_level(uint64_t code)
{
    return code == GW_REFUSE_CROSSED ? GODWIT_LOG_DEBUG : GODWIT_LOG_WARNING;
}

static const char *down_text(uint64_t reason)
{
    switch (reason) {
    case GW_DOWN_LOST: return "the connection is gone";
    case GW_DOWN_SILENT: return "it is silent for 3 heartbeats";
    case GW_DOWN_RESET: return "the other side started afresh";
    case GW_DOWN_BYE: return "it said goodbye";
    case GW_DOWN_REPLACED: return "a newer link took over";
    case GW_DOWN_GAP: return "a frame was lost on it";
    case GW_DOWN_VIOLATION: return "it broke the protocol";
    case GW_DOWN_CLOSED: return "this side left";
    default: return "no reason is known";
    }
}

static void note_down(const struct gw_settings *settings, const char *peer, uint64_t reason,
                      uint64_t waiting)
{
    godwit_log_level_t level = GODWIT_LOG_WARNING;

    if (reason == GW_DOWN_BYE || reason == GW_DOWN_CLOSED || reason == GW_DOWN_REPLACED)
        level = GODWIT_LOG_INFO;
    if (waiting > 0)
        gw_log(settings, level, "link to \"%s\" is down: %s; %" PRIu64 " messages wait for it",
               peer, down_text(reason), waiting);
    else
        gw_log(settings, level, "link to \"%s\" is down: %s", peer, down_text(reason));
}

/* The window is full: everything waits for its lowest message. */
static void note_stalled(const struct gw_settings *settings, const char *peer, uint64_t epoch,
                         uint64_t sequence)
{
    if (peer[0])
        gw_log(settings, GODWIT_LOG_WARNING,
               "a window is full: nothing more goes out until \"%s\" decides message %016" PRIx64
               "%016" PRIx64,
               peer, epoch, sequence);
    else
        gw_log(settings, GODWIT_LOG_WARNING,
               "a window is full: nothing more goes out until message %016" PRIx64 "%016" PRIx64
               ", which nobody has, is decided",
               epoch, sequence);
}

void gw_engine_note(struct gw_engine *engine, uint8_t note, const char *peer, uint64_t a,
                    uint64_t b)
{
    const struct gw_settings *settings = &engine->peer->settings;

    switch (note) {
    case GW_NOTE_LINK_UP:
        gw_log(settings, GODWIT_LOG_INFO, "link to \"%s\" is up", peer);
        break;
    case GW_NOTE_LINK_DOWN:
        note_down(settings, peer, a, b);
        break;
    case GW_NOTE_REFUSED:
        gw_log(settings, refusal_level(a), "\"%s\" refused the link: %s", peer[0] ? peer : "?",
               refusal_text(a));
        break;
    case GW_NOTE_REFUSING:
        gw_log(settings, refusal_level(a), "refused \"%s\": %s", peer, refusal_text(a));
        break;
    case GW_NOTE_VIOLATION:
        gw_log(settings, GODWIT_LOG_WARNING, "\"%s\" broke the protocol with a %s frame", peer,
               gw_frame_name((uint8_t)a));
        break;
    case GW_NOTE_QUARANTINE:
        gw_log(settings, GODWIT_LOG_ERROR,
               "\"%s\" does not know epoch %016" PRIx64 ", in which it has decided messages: "
               "its store was lost or restored from a backup; it gets nothing of that epoch",
               peer, a);
        break;
    case GW_NOTE_BURIED:
        gw_log(settings, GODWIT_LOG_WARNING,
               "message %016" PRIx64 "%016" PRIx64 " was given up: it is a dead letter now", a, b);
        break;
    case GW_NOTE_FORFEITED:
        gw_log(settings, GODWIT_LOG_WARNING,
               "\"%s\" stays away: the %" PRIu64 " messages it holds go to others", peer, a);
        break;
    case GW_NOTE_STALLED:
        note_stalled(settings, peer, a, b);
        break;
    case GW_NOTE_TOO_LARGE:
        gw_log(settings, GODWIT_LOG_WARNING,
               "message %016" PRIx64 "%016" PRIx64 " is larger than what \"%s\" takes: it waits, "
               "and its stream with it, until a peer of a larger max_message serves the "
               "destination",
               a, b, peer);
        break;
    case GW_NOTE_GONE:
        gw_log(settings, GODWIT_LOG_INFO,
               "\"%s\" is gone for good: what was kept for it is forgotten", peer);
        break;
    case GW_NOTE_BODY_LOST:
        gw_log(settings, GODWIT_LOG_ERROR,
               "%" PRIu64 " messages of epoch %016" PRIx64 " end as abandoned: a power cut took "
               "their bytes, which were never synced (durability os)", b, a);
        break;
    default:
        gw_log(settings, GODWIT_LOG_DEBUG, "note %u about \"%s\": %" PRIu64 " %" PRIu64, note,
               peer, a, b);
    }
}
