/* SPDX-License-Identifier: MPL-2.0 */
/* audit: what is in the store of a process that has ended. Effects that are there, outcomes that it
 * did not come to tell, and messages that its outbox still holds. */

#include "peer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAMS_MAX 256 /* as many as the library tells of */

struct stream {
    uint64_t epoch, floor, last;
};

struct audit {
    struct stream streams[STREAMS_MAX];
    size_t count;
    bool cut; /* there are more than the library tells of */
    struct peer_say say;
};

/* --- what the outbox has --- */

static bool number_of(const char *record, const char *name, int base, uint64_t *value)
{
    char pattern[48];

    snprintf(pattern, sizeof pattern, "\"%s\":", name);
    const char *at = strstr(record, pattern);
    if (!at)
        return false;
    at += strlen(pattern);
    at += *at == '"';
    *value = strtoull(at, NULL, base);
    return true;
}

static void read_record(struct audit *audit, const char *record)
{
    struct stream stream;

    if (strstr(record, "\"record\":\"cut\"") == record + 1) {
        audit->cut |= strstr(record, "\"stream\"") != NULL;
        return;
    }
    if (strstr(record, "\"record\":\"stream\"") != record + 1 || audit->count == STREAMS_MAX ||
        !number_of(record, "epoch", 16, &stream.epoch) ||
        !number_of(record, "floor", 10, &stream.floor) ||
        !number_of(record, "last", 10, &stream.last))
        return;
    audit->streams[audit->count++] = stream;
}

/* False after a sentence. */
static bool find_streams(struct audit *audit, const char *directory)
{
    godwit_inspect_t *inspect = NULL;
    char *answer = NULL, *rest = NULL;

    if (!peer_good(godwit_inspect_open(directory, &inspect), directory))
        return false;
    bool runs = godwit_inspect_running(inspect);
    if (runs)
        peer_complain("the peer of %s runs: an audit is for when it has ended", directory);
    bool good = !runs && peer_good(godwit_inspect_ask(inspect, "status", NULL, 0, 30000, &answer),
                                   "asking for its streams");
    for (char *line = good ? strtok_r(answer, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest))
        read_record(audit, line);
    godwit_free(answer);
    godwit_inspect_close(&inspect);
    return good;
}

static const char *place_of(godwit_peer_t *peer, godwit_id_t id)
{
    godwit_status_t status = GODWIT_STATUS_INIT;

    if (godwit_status(peer, id, &status))
        return NULL;
    switch (status.place) {
    case GODWIT_PLACE_QUEUED:
    case GODWIT_PLACE_OFFERED:
    case GODWIT_PLACE_IN_HAND: return "held";
    case GODWIT_PLACE_DEAD: return "dead";
    default: return "";
    }
}

static bool say_held(struct audit *audit, godwit_peer_t *peer, const struct stream *stream)
{
    struct peer_range range = {.count = 0};
    const char *last = "";

    for (uint64_t sequence = stream->floor; sequence <= stream->last + 1; sequence++) {
        godwit_id_t id = {stream->epoch, sequence};
        const char *place = sequence > stream->last ? "" : sequence ? place_of(peer, id) : "";

        if (!place)
            return peer_good(GODWIT_EIO, "where a message is");
        if (range.count > 0 && strcmp(place, last) != 0) {
            peer_say(&audit->say, *last == 'h' ? "held %s" : "settled %s dead",
                     peer_range_text(&range));
            range.count = 0;
        }
        if (*place && range.count++ == 0)
            range.first = id;
        last = place;
    }
    return true;
}

/* --- what it did not come to tell --- */

static bool say_outcomes(struct audit *audit, godwit_peer_t *peer)
{
    godwit_outcome_t outcome = {.number = 0};
    godwit_err_t error;

    while (!(error = godwit_outcome_next(peer, outcome.number, 0, &outcome))) {
        struct peer_range range = {outcome.first,
                                   outcome.last_sequence - outcome.first.sequence + 1, 0};

        if (outcome.how != GODWIT_PLACE_PROCESSED)
            peer_say(&audit->say, "settled %s %s%s", peer_range_text(&range),
                     outcome.how == GODWIT_PLACE_DEAD ? "dead" : "withdrawn",
                     outcome.maybe_processed ? " maybe-processed" : "");
    }
    return error == GODWIT_ETIMEDOUT || peer_good(error, "outcomes");
}

/* --- effects --- */

static bool say_effects(struct audit *audit, godwit_peer_t *peer)
{
    struct peer_range range = {.count = 0};
    godwit_cursor_t *cursor = NULL;
    const void *key, *value;
    size_t key_size, value_size;
    uint64_t count, before = 0;
    godwit_err_t error;

    if (!peer_good(godwit_scan(peer, PEER_EFFECTS, NULL, 0, &cursor), "effects"))
        return false;
    while (!(error = godwit_cursor_next(cursor, &key, &key_size, &value, &value_size))) {
        godwit_id_t id = peer_effect_id(key);

        memcpy(&count, value, sizeof count);
        if (range.count > 0 && count == before && id.epoch == range.first.epoch &&
            id.sequence == range.first.sequence + range.count && range.count < 1u << 16) {
            range.count++;
            continue;
        }
        if (range.count > 0)
            peer_say(&audit->say, "effect %s %" PRIu64, peer_range_text(&range), before);
        range = (struct peer_range){.first = id, .count = 1};
        before = count;
    }
    if (range.count > 0)
        peer_say(&audit->say, "effect %s %" PRIu64, peer_range_text(&range), before);
    godwit_cursor_close(&cursor);
    return error == GODWIT_ENOTFOUND || peer_good(error, "effects");
}

static bool look(struct audit *audit, godwit_peer_t *peer)
{
    bool good = say_effects(audit, peer) && say_outcomes(audit, peer);

    for (size_t i = 0; i < audit->count && good; i++)
        good = say_held(audit, peer, &audit->streams[i]);
    if (good && audit->cut)
        peer_complain("it has more than %d streams: what the others hold is not told",
                      STREAMS_MAX);
    if (good && !audit->cut)
        peer_say(&audit->say, "audited");
    peer_say_all(&audit->say);
    return good;
}

int peer_audit(const struct peer_options *options)
{
    struct peer_options how = *options;
    struct audit *audit = calloc(1, sizeof *audit);
    godwit_peer_t *peer = NULL;

    if (!audit) {
        peer_complain("out of memory");
        return PEER_FAILED;
    }
    how.durability = GODWIT_DURABILITY_OS;
    bool good = find_streams(audit, options->directory) && peer_open(&how, true, &peer);
    if (good)
        good = look(audit, peer);
    if (peer)
        good = peer_good(godwit_peer_close(&peer), "close") && good;
    free(audit);
    return good ? PEER_OK : PEER_FAILED;
}
