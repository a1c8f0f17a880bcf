/* SPDX-License-Identifier: MPL-2.0 */
/* godwit counters, and the verbs that find and move single messages. */

#include "ask.h"
#include "records.h"
#include "table.h"
#include <inttypes.h>
#include <string.h>

const char help_counters[] =
    "usage: godwit counters [--json] DIRECTORY\n"
    "\n"
    "Prints the counters of a running peer: all since it was opened, and those that end in _now\n"
    "as they are. What each counts is in docs/counters.md.\n"
    "\n"
    "  --json   one JSON object a line\n";

int verb_counters(int argc, char **argv)
{
    static const char *const heads[] = {"COUNTER", ">VALUE", NULL};
    struct plain plain;
    struct record record;
    struct table table;
    char *answer, name[80];
    int status = ask_options(argc, argv, help_counters, 1, "[--json] DIRECTORY", &plain);

    if (status != OK)
        return status < 0 ? OK : status;
    if ((status = ask_once("counters", plain.words[0], "counters", &answer)) != OK)
        return status;
    if (plain.json) {
        ask_print(answer, NULL);
    } else {
        table_begin(&table, heads);
        for (const char *at = answer; record_next(&at, &record);) {
            table_text(&table, record_text(&record, "name", name, sizeof(name)));
            table_number(&table, record_number(&record, "value"));
        }
        table_end(&table, stdout);
    }
    godwit_free(answer);
    return OK;
}

const char help_find[] =
    "usage: godwit find [--json] DIRECTORY ID\n"
    "\n"
    "Says where a message is, as the peer of the directory knows it. Its sender knows whether it\n"
    "is queued, offered, in hand, processed or dead, and why; its receiver whether it is in hand,\n"
    "processed, rejected or skipped. ID is the 32 hex digits that the send printed.\n"
    "\n"
    "  --json   one JSON object for each side\n";

static void print_found(const struct record *record)
{
    char place[40], destination[100], other[80], text[600], span[TABLE_CELL];
    bool sender = strcmp(record_shown(record, "side", place, sizeof(place)), "sender") == 0;

    record_shown(record, "place", place, sizeof(place));
    record_shown(record, "destination", destination, sizeof(destination));
    if (sender) {
        printf("sent to %s: %s", destination, place);
        if (*record_shown(record, "member", other, sizeof(other)))
            printf(" at %s", other);
        if (record_has(record, "linked") && !record_flag(record, "linked"))
            printf(", which has no link now");
        if (record_number(record, "attempts") > 1)
            printf(", attempt %" PRIu64, record_number(record, "attempts"));
        if (record_has(record, "wait_ms"))
            printf(", offered again in %s", text_of_span(record_number(record, "wait_ms"), span));
    } else {
        printf("received for %s from %s: %s", destination,
               record_shown(record, "sender", other, sizeof(other)), place);
    }
    if (*record_shown(record, "reason", other, sizeof(other)))
        printf(" (%s)", strcmp(other, "attempts") == 0 ? "too many attempts failed" : other);
    if (record_number(record, "code"))
        printf(", code %" PRIu64, record_number(record, "code"));
    if (*record_shown(record, "text", text, sizeof(text)))
        printf(": %s", text);
    printf("\n");
}

static int ask_about(const char *verb, const char *directory, const char *id, char **answer)
{
    char request[64];
    godwit_id_t parsed;

    if (godwit_id_parse(id, &parsed))
        return refuse(verb, "'%.80s' is no message id: it is 32 hex digits", id);
    snprintf(request, sizeof(request), "%s %s", verb, id);
    return ask_once(verb, directory, request, answer);
}

int verb_find(int argc, char **argv)
{
    struct plain plain;
    struct record record;
    char *answer;
    int status = ask_options(argc, argv, help_find, 2, "[--json] DIRECTORY ID", &plain);

    if (status != OK)
        return status < 0 ? OK : status;
    if ((status = ask_about("find", plain.words[0], plain.words[1], &answer)) != OK)
        return status;
    if (plain.json)
        ask_print(answer, NULL);
    for (const char *at = answer; !plain.json && record_next(&at, &record);)
        print_found(&record);
    godwit_free(answer);
    return OK;
}

/* ---- what an operator says ---- */

const char help_forfeit[] =
    "usage: godwit forfeit DIRECTORY MEMBER\n"
    "\n"
    "Tells the peer of the directory that MEMBER, another peer without a link, will not come\n"
    "back: what it holds goes to others, flagged maybe-duplicate. A message that it did process\n"
    "is then processed twice.\n";

const char help_withdraw[] =
    "usage: godwit withdraw DIRECTORY ID\n"
    "\n"
    "Takes a message back for good, if no handler has begun with it. `godwit find` tells what\n"
    "came of it.\n";

static int say(const char *verb, const char *directory, const char *word)
{
    godwit_inspect_t *inspect = NULL;
    godwit_peer_t *peer = NULL;
    char request[160], *answer;
    int status = ask_begin(verb, directory, NULL, &inspect, &peer);

    if (status == OK) {
        snprintf(request, sizeof(request), "%s %s", verb, word);
        status = ask(verb, inspect, request, &answer);
    }
    if (status == OK)
        godwit_free(answer);
    ask_end(&inspect, &peer);
    return status;
}

int verb_forfeit(int argc, char **argv)
{
    struct plain plain;
    int status = ask_options(argc, argv, help_forfeit, 2, "DIRECTORY MEMBER", &plain);

    if (status != OK)
        return status < 0 ? OK : status;
    if (strlen(plain.words[1]) > 64 || !*plain.words[1] || strpbrk(plain.words[1], " \n"))
        return refuse("forfeit", "'%.80s' is no peer's name", plain.words[1]);
    return say("forfeit", plain.words[0], plain.words[1]);
}

int verb_withdraw(int argc, char **argv)
{
    struct plain plain;
    godwit_id_t id;
    int status = ask_options(argc, argv, help_withdraw, 2, "DIRECTORY ID", &plain);

    if (status != OK)
        return status < 0 ? OK : status;
    if (godwit_id_parse(plain.words[1], &id))
        return refuse("withdraw", "'%.80s' is no message id: it is 32 hex digits", plain.words[1]);
    return say("withdraw", plain.words[0], plain.words[1]);
}
