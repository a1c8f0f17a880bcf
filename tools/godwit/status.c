/* SPDX-License-Identifier: MPL-2.0 */
/* godwit status: a peer, its links, and what is on its way. */

#include "status.h"
#include "ask.h"
#include "records.h"
#include "table.h"
#include <inttypes.h>
#include <string.h>

const char help_status[] =
    "usage: godwit status [--json] DIRECTORY\n"
    "\n"
    "Shows the peer of a directory: its links, destinations, members with their credit, streams\n"
    "and windows. A running peer is asked through its control socket; of a stopped one the store\n"
    "is read, which stays as it is.\n"
    "\n"
    "  --json   one JSON object a line; each says in \"record\" what it is\n";

static void print_peer(const struct record *record, FILE *to)
{
    char name[80], text[300], a[TABLE_CELL], b[TABLE_CELL];

    record_shown(record, "name", name, sizeof(name));
    if (record_flag(record, "running")) {
        fprintf(to, "%s runs as process %" PRIu64 ", godwit %s", name,
                record_number(record, "pid"), record_shown(record, "version", text, sizeof(text)));
        fprintf(to, ", durability %s", record_shown(record, "durability", text, sizeof(text)));
        if (*record_shown(record, "endpoint", text, sizeof(text)))
            fprintf(to, ", at %s", text);
        fputc('\n', to);
        if (!record_flag(record, "store_ok"))
            fputs("its store has failed and is being reopened\n", to);
        fprintf(to, "outbox: %" PRIu64 " of %" PRIu64 " messages, %s of %s; in hand: %" PRIu64,
                record_number(record, "outbox_messages"),
                record_number(record, "outbox_max_messages"),
                text_of_bytes(record_number(record, "outbox_bytes"), a),
                text_of_bytes(record_number(record, "outbox_max_bytes"), b),
                record_number(record, "in_hand"));
        fprintf(to, "; dead letters: %" PRIu64 "; links: %" PRIu64 "\n",
                record_number(record, "dead_letters"), record_number(record, "links"));
        return;
    }
    fprintf(to, "%s is stopped; opens of its store: %" PRIu64 "\n", name,
            record_number(record, "opens"));
    fprintf(to, "outbox: %" PRIu64 " messages, %s; dead letters: %" PRIu64 "\n",
            record_number(record, "outbox_messages"),
            text_of_bytes(record_number(record, "outbox_bytes"), a),
            record_number(record, "dead_letters"));
}

static void cell_of(struct table *table, const struct record *record, const char *name)
{
    char text[TABLE_CELL];
    table_text(table, record_shown(record, name, text, sizeof(text)));
}

static void add_link(struct table *table, const struct record *record)
{
    bool up = record_flag(record, "up");
    cell_of(table, record, "peer");
    table_text(table, !up                                ? record_flag(record, "gone") ? "gone"
                                                                                       : "down"
                      : !record_flag(record, "complete") ? "meeting"
                                                         : "up");
    if (record_has(record, "since_ms"))
        table_span(table, record_number(record, "since_ms"));
    else
        table_text(table, "-");
    if (up && record_has(record, "rtt_us")) {
        char text[TABLE_CELL];
        snprintf(text, sizeof(text), "%.1f ms", (double)record_number(record, "rtt_us") / 1000);
        table_text(table, text);
    } else {
        table_text(table, "-");
    }
    table_number(table, record_number(record, "holds"));
    table_number(table, record_number(record, "in_hand"));
}

static void add_destination(struct table *table, const struct record *record)
{
    cell_of(table, record, "destination");
    table_number(table, record_number(record, "members"));
    table_number(table, record_number(record, "unsettled"));
    table_number(table, record_number(record, "unoffered"));
    table_number(table, record_number(record, "waiting"));
    table_number(table, record_number(record, "failing"));
    table_text(table, record_flag(record, "ordered")    ? "ordered"
                      : record_flag(record, "failover") ? "failover"
                                                        : "");
}

static void add_member(struct table *table, const struct record *record)
{
    cell_of(table, record, "destination");
    cell_of(table, record, "peer");
    table_text(table, record_flag(record, "serving")     ? "serves"
                      : record_flag(record, "linked")    ? "linked"
                      : record_flag(record, "forfeited") ? "forfeited"
                                                         : "away");
    table_number(table, record_number(record, "outstanding"));
    table_number(table, record_number(record, "credit_messages"));
    table_bytes(table, record_number(record, "credit_bytes"));
}

static void add_stream(struct table *table, const struct record *record)
{
    cell_of(table, record, "epoch");
    cell_of(table, record, "destination");
    table_number(table, record_number(record, "floor"));
    table_number(table, record_number(record, "last"));
    table_number(table, record_number(record, "unsettled"));
    table_text(table, record_flag(record, "stalled") ? "at W"
                      : record_flag(record, "old")   ? "old"
                                                     : "");
    cell_of(table, record, "holder");
}

static void add_window(struct table *table, const struct record *record)
{
    cell_of(table, record, "epoch");
    cell_of(table, record, "destination");
    cell_of(table, record, "sender");
    table_number(table, record_number(record, "floor"));
    table_number(table, record_number(record, "last"));
    table_number(table, record_number(record, "in_hand"));
    table_number(table, record_number(record, "begun"));
    table_number(table, record_number(record, "decided"));
}

static void add_serve(struct table *table, const struct record *record)
{
    cell_of(table, record, "destination");
    table_text(table, record_flag(record, "open") ? "open" : "closed");
    table_number(table, record_number(record, "credit_messages"));
    table_bytes(table, record_number(record, "credit_bytes"));
}

static void add_dial(struct table *table, const struct record *record)
{
    cell_of(table, record, "endpoint");
}

#define HEADS (const char *const[])
static const struct view {
    const char *kind;
    const char *const *heads;
    void (*add)(struct table *table, const struct record *record);
} views[] = {
    {"dial", HEADS{"DIALS", NULL}, add_dial},
    {"link", HEADS{"PEER", "LINK", ">SINCE", ">ROUND TRIP", ">HOLDS", ">IN HAND", NULL}, add_link},
    {"serve", HEADS{"SERVES", "STATE", ">CREDIT", ">BYTES", NULL}, add_serve},
    {"destination",
     HEADS{"DESTINATION", ">MEMBERS", ">UNSETTLED", ">NOT OFFERED", ">WAITING", ">FAILING", "MODE",
           NULL},
     add_destination},
    {"member", HEADS{"DESTINATION", "MEMBER", "STATE", ">HOLDS", ">CREDIT", ">BYTES", NULL},
     add_member},
    {"stream",
     HEADS{"STREAM", "DESTINATION", ">FLOOR", ">LAST", ">UNSETTLED", "STATE", "LOWEST IS AT", NULL},
     add_stream},
    {"window",
     HEADS{"WINDOW", "DESTINATION", "SENDER", ">FLOOR", ">LAST", ">IN HAND", ">BEGUN",
           ">DECIDED ABOVE", NULL},
     add_window},
};

static void print_view(const struct view *view, const char *answer, FILE *to)
{
    struct record record;
    struct table table;
    char name[32];

    table_begin(&table, view->heads);
    for (const char *at = answer; record_next(&at, &record);)
        if (record_is(&record, view->kind))
            view->add(&table, &record);
    table_end(&table, to);
    for (const char *at = answer; record_next(&at, &record);)
        if (record_is(&record, "cut") &&
            strcmp(record_shown(&record, "table", name, sizeof(name)), view->kind) == 0)
            fprintf(to, "(the first %" PRIu64 " of %" PRIu64 ")\n",
                    record_number(&record, "shown"), record_number(&record, "total"));
}

/* What needs somebody's eye, in words. */
static void print_stalls(const char *answer, FILE *to)
{
    struct record record;
    char id[40], holder[80], destination[100];

    while (record_next(&answer, &record)) {
        if (!record_is(&record, "stream") || !record_flag(&record, "stalled"))
            continue;
        record_shown(&record, "holder", holder, sizeof(holder));
        fprintf(to, "\n%s offers nothing new: it is at W, until message %s is settled, which is "
                "%s%s\n",
                record_shown(&record, "destination", destination, sizeof(destination)),
                record_shown(&record, "lowest", id, sizeof(id)), *holder ? "at " : "with nobody",
                holder);
    }
}

void status_print(const char *answer, FILE *to)
{
    struct record record;

    for (const char *at = answer; record_next(&at, &record);)
        if (record_is(&record, "peer"))
            print_peer(&record, to);
    for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++)
        print_view(&views[i], answer, to);
    print_stalls(answer, to);
}

int verb_status(int argc, char **argv)
{
    struct plain plain;
    char *answer;
    int status = ask_options(argc, argv, help_status, 1, "[--json] DIRECTORY", &plain);

    if (status != OK)
        return status < 0 ? OK : status;
    if ((status = ask_once("status", plain.words[0], "status", &answer)) != OK)
        return status;
    if (plain.json)
        ask_print(answer, NULL);
    else
        status_print(answer, stdout);
    godwit_free(answer);
    return OK;
}
