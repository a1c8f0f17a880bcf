/* SPDX-License-Identifier: MPL-2.0 */
/* godwit dead: messages that were given up. */

#include "ask.h"
#include "records.h"
#include "table.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char help_dead[] =
    "usage: godwit dead list [--json] DIRECTORY\n"
    "       godwit dead show [--json | --raw] DIRECTORY ID\n"
    "       godwit dead requeue DIRECTORY ID... | --all\n"
    "       godwit dead purge DIRECTORY ID... | --all\n"
    "\n"
    "Dead letters are messages that their sender gave up: rejected by a handler, or failed too\n"
    "often. The directory is the sender's. requeue sends one again as a new message, whose id is\n"
    "printed; purge forgets it for good.\n"
    "\n"
    "  --all    each one that is there when the command begins\n"
    "  --json   one JSON object a line; a message's bytes are base64\n"
    "  --raw    nothing but the message's bytes\n";

struct choice {
    const char *what; /* list, show, requeue, purge */
    bool all, json, raw;
    const char *directory;
    char **ids;
    int id_count;
};

/* ---- list ---- */

static const char *const heads[] = {"ID", "DESTINATION", "MEMBER", "REASON", ">ATTEMPTS",
                                    "LAST", ">BYTES", "TEXT", NULL};

static void add_row(struct table *table, const struct record *record)
{
    char text[TABLE_CELL];

    table_text(table, record_text(record, "id", text, sizeof(text)));
    table_text(table, record_text(record, "destination", text, sizeof(text)));
    table_text(table, record_text(record, "member", text, sizeof(text)));
    record_text(record, "reason", text, sizeof(text));
    if (record_number(record, "code"))
        snprintf(text + strlen(text), sizeof(text) - strlen(text), " %" PRIu64,
                 record_number(record, "code"));
    table_text(table, text);
    table_number(table, record_number(record, "attempts"));
    table_text(table, text_of_time(record_number(record, "last_ms"), text));
    table_number(table, record_number(record, "size"));
    table_text(table, record_text(record, "text", text, sizeof(text)));
}

/* Walks all pages; each is passed to `page`. */
static int walk(const char *verb, godwit_inspect_t *inspect,
                int (*page)(void *context, const char *answer), void *context)
{
    char request[64] = "dead list", last[40] = "", *answer;
    struct record record;
    bool more = true;
    int status = OK;

    while (more && status == OK && (status = ask(verb, inspect, request, &answer)) == OK) {
        more = false;
        for (const char *at = answer; record_next(&at, &record);)
            if (record_is(&record, "more"))
                more = true;
            else if (record_is(&record, "dead"))
                record_text(&record, "id", last, sizeof(last));
        status = page(context, answer);
        godwit_free(answer);
        snprintf(request, sizeof(request), "dead list %s", last);
    }
    return status;
}

static int print_page(void *context, const char *answer)
{
    const struct choice *choice = context;
    struct record record;
    struct table table;

    if (choice->json) {
        ask_print(answer, "dead");
        return OK;
    }
    table_begin(&table, heads);
    for (const char *at = answer; record_next(&at, &record);)
        if (record_is(&record, "dead"))
            add_row(&table, &record);
    table_end(&table, stdout);
    return OK;
}

static int list(struct choice *choice)
{
    godwit_inspect_t *inspect = NULL;
    int status = ask_open("dead", choice->directory, &inspect);

    if (status == OK)
        status = walk("dead", inspect, print_page, choice);
    godwit_inspect_close(&inspect);
    return status;
}

/* ---- show ---- */

static void print_letter(const struct record *record)
{
    char text[600], other[100], time[TABLE_CELL];

    printf("id           %s\n", record_shown(record, "id", text, sizeof(text)));
    printf("destination  %s\n", record_shown(record, "destination", text, sizeof(text)));
    if (*record_shown(record, "member", text, sizeof(text)))
        printf("failed at    %s\n", text);
    record_shown(record, "reason", other, sizeof(other));
    printf("reason       %s", strcmp(other, "attempts") == 0 ? "too many attempts failed" : other);
    if (record_number(record, "code"))
        printf(", code %" PRIu64, record_number(record, "code"));
    printf("\n");
    if (*record_shown(record, "text", text, sizeof(text)))
        printf("text         %s\n", text);
    printf("attempts     %" PRIu64 "\n", record_number(record, "attempts"));
    printf("first        %s\n", text_of_time(record_number(record, "first_ms"), time));
    printf("last         %s\n", text_of_time(record_number(record, "last_ms"), time));
    printf("size         %" PRIu64 "\n", record_number(record, "size"));
}

static void print_bytes(const unsigned char *bytes, size_t size)
{
    printf("\n");
    for (size_t i = 0; i < size; i += 16) {
        printf("%08zx ", i);
        for (size_t j = 0; j < 16; j++)
            if (i + j < size)
                printf("%s%02x", j == 8 ? "  " : " ", bytes[i + j]);
            else
                printf("%s  ", j == 8 ? "  " : " ");
        printf("  |");
        for (size_t j = i; j < size && j < i + 16; j++)
            putchar(bytes[j] >= ' ' && bytes[j] <= '~' ? bytes[j] : '.');
        printf("|\n");
    }
}

static void show_answer(const struct choice *choice, const char *answer)
{
    struct record record, letter = {0};
    char key[80], value[600];
    size_t size = 0;

    for (const char *at = answer; record_next(&at, &record);) {
        if (record_is(&record, "dead")) {
            letter = record;
            if (!choice->raw)
                print_letter(&record);
        } else if (record_is(&record, "header") && !choice->raw) {
            printf("header       %s=%s\n", record_shown(&record, "key", key, sizeof(key)),
                   record_shown(&record, "value", value, sizeof(value)));
        }
    }
    unsigned char *bytes = letter.text ? record_bytes(&letter, "data", &size) : NULL;
    if (bytes && choice->raw)
        fwrite(bytes, 1, size, stdout);
    else if (bytes)
        print_bytes(bytes, size);
    free(bytes);
}

static int show(struct choice *choice)
{
    char request[80], *answer;

    snprintf(request, sizeof(request), "dead show %s", choice->ids[0]);
    int status = ask_once("dead", choice->directory, request, &answer);
    if (status != OK)
        return status;
    if (choice->json)
        ask_print(answer, NULL);
    else
        show_answer(choice, answer);
    godwit_free(answer);
    return OK;
}

/* ---- requeue and purge ---- */

struct chosen { /* ids of --all, before anything is done with one: a requeued one may die again */
    char (*ids)[40];
    size_t count;
};

static int choose_page(void *context, const char *answer)
{
    struct chosen *chosen = context;
    struct record record;

    while (record_next(&answer, &record)) {
        if (!record_is(&record, "dead"))
            continue;
        void *more = realloc(chosen->ids, (chosen->count + 1) * sizeof(*chosen->ids));
        if (!more) {
            fprintf(stderr, "godwit dead: out of memory\n");
            return FAILED;
        }
        chosen->ids = more;
        record_text(&record, "id", chosen->ids[chosen->count++], sizeof(*chosen->ids));
    }
    return OK;
}

static int move_one(godwit_inspect_t *inspect, const char *what, const char *id)
{
    char request[80], text[40], *answer;
    struct record record;

    snprintf(request, sizeof(request), "dead %s %s", what, id);
    int status = ask("dead", inspect, request, &answer);
    if (status != OK)
        return status;
    for (const char *at = answer; record_next(&at, &record);)
        if (record_is(&record, "requeued"))
            printf("%s\n", record_text(&record, "id", text, sizeof(text)));
    godwit_free(answer);
    return OK;
}

static int move(struct choice *choice)
{
    godwit_inspect_t *inspect = NULL;
    godwit_peer_t *peer = NULL;
    struct chosen chosen = {0};
    int status = ask_begin("dead", choice->directory, NULL, &inspect, &peer);

    if (status == OK && choice->all)
        status = walk("dead", inspect, choose_page, &chosen);
    for (size_t i = 0; i < chosen.count && status == OK; i++)
        status = move_one(inspect, choice->what, chosen.ids[i]);
    for (int i = 0; i < choice->id_count && status == OK; i++)
        status = move_one(inspect, choice->what, choice->ids[i]);
    free(chosen.ids);
    ask_end(&inspect, &peer);
    return status;
}

/* ---- the command line ---- */

static int check(const struct choice *choice)
{
    bool lists = strcmp(choice->what, "list") == 0, shows = strcmp(choice->what, "show") == 0;
    bool moves = strcmp(choice->what, "requeue") == 0 || strcmp(choice->what, "purge") == 0;
    godwit_id_t id;

    if (!lists && !shows && !moves)
        return refuse("dead", "it is list, show, requeue or purge, not '%.40s'", choice->what);
    if (!choice->directory)
        return refuse("dead", "a directory is missing");
    if ((choice->all && !moves) || (choice->raw && !shows) || (choice->json && moves) ||
        (choice->json && choice->raw))
        return refuse("dead", "'dead %s' takes no such option", choice->what);
    if (lists && choice->id_count > 0)
        return refuse("dead", "'dead list' takes no id");
    if (!lists && !choice->all && choice->id_count == 0)
        return refuse("dead", moves ? "give ids, or --all" : "give an id");
    if ((shows && choice->id_count > 1) || (choice->all && choice->id_count > 0))
        return refuse("dead", "'%.40s' is too much", choice->ids[shows ? 1 : 0]);
    for (int i = 0; i < choice->id_count; i++)
        if (godwit_id_parse(choice->ids[i], &id))
            return refuse("dead", "'%.80s' is no message id: it is 32 hex digits",
                          choice->ids[i]);
    return OK;
}

static int read_options(int argc, char **argv, struct choice *choice)
{
    static const struct option options[] = {{"all", no_argument, NULL, 'a'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"raw", no_argument, NULL, 'r'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option;

    optind = 0;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'a': choice->all = true; break;
        case 'j': choice->json = true; break;
        case 'r': choice->raw = true; break;
        case 'h': fputs(help_dead, stdout); return -1;
        default: return refuse("dead", "there is no option '%s'", argv[optind - 1]);
        }
    }
    if (optind == argc)
        return refuse("dead", "it is list, show, requeue or purge");
    choice->what = argv[optind++];
    choice->directory = optind < argc ? argv[optind++] : NULL;
    choice->ids = argv + optind;
    choice->id_count = argc - optind;
    return check(choice);
}

int verb_dead(int argc, char **argv)
{
    struct choice choice = {0};
    int status = read_options(argc, argv, &choice);

    if (status != OK)
        return status < 0 ? OK : status;
    if (strcmp(choice.what, "list") == 0)
        return list(&choice);
    return strcmp(choice.what, "show") == 0 ? show(&choice) : move(&choice);
}
