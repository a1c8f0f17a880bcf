/* SPDX-License-Identifier: MPL-2.0 */
/* Reading and printing orders. */

#include "order.h"

#include "mistake.h"
#include "words.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8 /* the longest order has five */
#define YEAR_US   UINT64_C(31557600000000) /* as in words.c */

struct reader {
    const struct lab_scenario *scenario;
    struct lab_order *order;
    struct lab_mistake *mistake;
    int line;
    char text[256];
    const char *words[WORDS_MAX + 1];
    size_t count, at;
};

static const char *next_word(struct reader *reader)
{
    return reader->at < reader->count ? reader->words[reader->at++] : NULL;
}

static bool cut_into_words(struct reader *reader, const char *text)
{
    char *rest = reader->text;

    if (strlen(text) >= sizeof reader->text) {
        lab_mistaken(reader->mistake, reader->line, "the order is too long");
        return lab_mend(reader->mistake, "at most %zu letters; a pattern as worker* names many",
                        sizeof reader->text - 1);
    }
    strcpy(reader->text, text);
    for (char *word; (word = strsep(&rest, " \t"));) {
        if (!*word)
            continue;
        if (reader->count == WORDS_MAX) {
            lab_mistaken(reader->mistake, reader->line, "an order has no %u words", WORDS_MAX + 1);
            return lab_mend(reader->mistake, "VERB TARGET [ARGUMENT] [for TIME]");
        }
        reader->words[reader->count++] = word;
    }
    return true;
}

static bool read_verb(struct reader *reader)
{
    const char *names[LAB_VERB_COUNT], *word = next_word(reader);

    for (int verb = 0; verb < LAB_VERB_COUNT; verb++)
        names[verb] = lab_verb_name((enum lab_verb)verb);
    int found = word ? lab_verb_find(word) : -1;
    if (found < 0) {
        lab_mistaken(reader->mistake, reader->line, "unknown action `%s`", word ? word : "");
        return lab_mend_word(reader->mistake, word ? word : "", names, LAB_VERB_COUNT);
    }
    reader->order->verb = (enum lab_verb)found;
    return true;
}

/* --- targets --- */

static size_t target_count(const struct reader *reader)
{
    return lab_verb_target(reader->order->verb) == LAB_ON_PROCESS
               ? reader->scenario->process_count
               : reader->scenario->link_count;
}

static const char *target_name(const struct reader *reader, size_t target)
{
    return lab_verb_target(reader->order->verb) == LAB_ON_PROCESS
               ? reader->scenario->processes[target].name
               : reader->scenario->links[target].name;
}

static bool unknown_target(struct reader *reader, const char *name)
{
    bool link = lab_verb_target(reader->order->verb) == LAB_ON_LINK;
    const char *names[LAB_LINKS_MAX > LAB_PROCESSES_MAX ? LAB_LINKS_MAX : LAB_PROCESSES_MAX];
    size_t count = target_count(reader);

    for (size_t i = 0; i < count; i++)
        names[i] = target_name(reader, i);
    if (link && lab_scenario_process(reader->scenario, name) >= 0)
        lab_mistaken(reader->mistake, reader->line, "`%s` is done to a link, `%s` is a process",
                     lab_verb_name(reader->order->verb), name);
    else if (!link && lab_scenario_link(reader->scenario, name) >= 0)
        lab_mistaken(reader->mistake, reader->line, "`%s` is done to a process, `%s` is a link",
                     lab_verb_name(reader->order->verb), name);
    else
        lab_mistaken(reader->mistake, reader->line, "there is no %s `%s`",
                     link ? "link" : "process", name);
    if (link && count == 0)
        return lab_mend(reader->mistake, "{worker} in the command of `sender` makes the link "
                                         "`sender-worker`; no command has such a word");
    return lab_mend_word(reader->mistake, name, names, count);
}

static bool add_target(struct reader *reader, size_t target)
{
    struct lab_order *order = reader->order;

    for (size_t i = 0; i < order->whom_count; i++) {
        if (order->whom[i] == target)
            return true;
    }
    if (order->whom_count == LAB_WHOM_MAX) {
        lab_mistaken(reader->mistake, reader->line, "the order is for more than %d",
                     LAB_WHOM_MAX);
        return lab_mend(reader->mistake, "make two orders of it");
    }
    order->whom[order->whom_count++] = target;
    return true;
}

static bool read_target(struct reader *reader, const char *name)
{
    bool any = false;

    for (size_t i = 0; i < target_count(reader); i++) {
        if (fnmatch(name, target_name(reader, i), FNM_NOESCAPE) != 0)
            continue;
        if (!add_target(reader, i))
            return false;
        any = true;
    }
    return any || unknown_target(reader, name);
}

static bool read_targets(struct reader *reader)
{
    char names[sizeof reader->text], *rest = names;
    const char *word = next_word(reader);
    bool link = lab_verb_target(reader->order->verb) == LAB_ON_LINK;

    if (!word) {
        const char *verb = lab_verb_name(reader->order->verb);
        lab_mistaken(reader->mistake, reader->line, "`%s` of what?", verb);
        return lab_mend(reader->mistake, "`%s %s`", verb,
                        target_count(reader) > 0 ? target_name(reader, 0)
                        : link                   ? "SENDER-WORKER"
                                                 : "PROCESS");
    }
    strcpy(names, word);
    for (char *name; (name = strsep(&rest, "|"));) {
        if (!read_target(reader, name))
            return false;
    }
    return true;
}

/* --- arguments --- */

static bool take_argument(struct lab_order *order, enum lab_argument kind, const char *word)
{
    switch (kind) {
    case LAB_TAKES_ERRNO: return lab_read_errno(word, &order->error);
    case LAB_TAKES_SPAN: return lab_read_span(word, &order->span);
    case LAB_TAKES_SHIFT: return lab_read_shift(word, &order->shift_us);
    case LAB_TAKES_COUNT:
        return lab_read_number(word, UINT32_MAX, &order->amount) && order->amount > 0;
    case LAB_TAKES_SIZE: return lab_read_size(word, &order->amount) && order->amount > 0;
    default: return false;
    }
}

static bool wrong_argument(struct reader *reader, enum lab_argument kind, const char *word)
{
    static const char *const wanted[] = {
        [LAB_TAKES_SPAN] = "a time or a span, as 20ms or 10ms..200ms",
        [LAB_TAKES_SHIFT] = "a time with a sign, as +10y or -1ms",
        [LAB_TAKES_COUNT] = "a whole number, as 64",
        [LAB_TAKES_SIZE] = "bytes, as 1000, 64k or 10M",
    };
    const char *verb = lab_verb_name(reader->order->verb), *target = reader->words[1];

    if (word)
        lab_mistaken(reader->mistake, reader->line, "`%s` is nothing that `%s` takes", word, verb);
    else
        lab_mistaken(reader->mistake, reader->line, "`%s %s` lacks a word", verb, target);
    if (kind != LAB_TAKES_ERRNO)
        return lab_mend(reader->mistake, "`%s %s` takes %s", verb, target, wanted[kind]);
    return lab_mend_word(reader->mistake, word ? word : "", lab_errno_names, lab_errno_count);
}

static bool read_way(struct reader *reader)
{
    if (reader->at == reader->count)
        return true;
    if (strcmp(reader->words[reader->at], "forward") == 0)
        reader->order->way = LAB_FORWARD;
    else if (strcmp(reader->words[reader->at], "back") == 0)
        reader->order->way = LAB_BACK;
    else
        return true;
    reader->at++;
    return true;
}

static bool read_argument(struct reader *reader)
{
    enum lab_argument kind = lab_verb_argument(reader->order->verb);

    if (kind == LAB_TAKES_NONE)
        return true;
    if (kind == LAB_TAKES_WAY)
        return read_way(reader);
    const char *word = next_word(reader);
    return (word && take_argument(reader->order, kind, word)) ||
           wrong_argument(reader, kind, word);
}

/* --- the rest --- */

static bool read_length(struct reader *reader)
{
    const char *time = next_word(reader), *verb = lab_verb_name(reader->order->verb);

    if (lab_verb_length(reader->order->verb) == LAB_INSTANT) {
        lab_mistaken(reader->mistake, reader->line, "`%s` takes no `for`", verb);
        return lab_mend(reader->mistake, "it is done once, at its time");
    }
    if (!time || !lab_read_span(time, &reader->order->lasts)) {
        lab_mistaken(reader->mistake, reader->line, "`for %s` is no time", time ? time : "");
        return lab_mend(reader->mistake, "as in `for 500ms`, `for 2s` or `for 100ms..1s`");
    }
    if (reader->order->lasts.low_us == 0) {
        lab_mistaken(reader->mistake, reader->line, "`for %s` begins with no time at all", time);
        return lab_mend(reader->mistake, "at least 1us");
    }
    return true;
}

static bool read_rest(struct reader *reader)
{
    const char *word = next_word(reader);

    if (word && strcmp(word, "for") == 0) {
        if (!read_length(reader))
            return false;
        word = next_word(reader);
    }
    if (!word)
        return true;
    lab_mistaken(reader->mistake, reader->line, "`%s` is too much", word);
    if (reader->at == reader->count && lab_verb_length(reader->order->verb) != LAB_INSTANT) {
        struct lab_span span;
        if (lab_read_span(word, &span))
            return lab_mend(reader->mistake, "`for %s`?", word);
    }
    return lab_mend(reader->mistake, "%s: %s", lab_verb_name(reader->order->verb),
                    lab_verb_about(reader->order->verb));
}

static bool check_tmpfs(struct reader *reader)
{
    const struct lab_order *order = reader->order;

    for (size_t i = 0; lab_verb_needs_tmpfs(order->verb) && i < order->whom_count; i++) {
        const struct lab_process_plan *process = &reader->scenario->processes[order->whom[i]];
        if (process->disk_bytes > 0)
            continue;
        lab_mistaken(reader->mistake, reader->line, "`%s` has no disk of its own to %s",
                     process->name, lab_verb_name(order->verb));
        return lab_mend(reader->mistake, "`disk = 40M` below `%s`, on line %d", process->name,
                        process->line);
    }
    return true;
}

bool lab_order_read(const struct lab_scenario *scenario, const char *text, int line,
                    struct lab_order *order, struct lab_mistake *mistake)
{
    struct reader reader = {
        .scenario = scenario, .order = order, .mistake = mistake, .line = line};

    *order = (struct lab_order){0};
    return cut_into_words(&reader, text) && read_verb(&reader) && read_targets(&reader) &&
           read_argument(&reader) && read_rest(&reader) && check_tmpfs(&reader);
}

/* --- printing --- */

struct printer {
    char *text;
    size_t used;
};

static void print(struct printer *printer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void print(struct printer *printer, const char *format, ...)
{
    size_t room = LAB_ORDER_TEXT - printer->used;
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(printer->text + printer->used, room, format, arguments);
    va_end(arguments);
    if (size > 0)
        printer->used += (size_t)size < room ? (size_t)size : room - 1;
}

/* Exact, in the largest unit that has no fraction. */
static void print_time(struct printer *printer, uint64_t us)
{
    if (us > 0 && us % YEAR_US == 0)
        print(printer, "%" PRIu64 "y", us / YEAR_US);
    else if (us % 1000 != 0)
        print(printer, "%" PRIu64 "us", us);
    else if (us % 1000000 != 0)
        print(printer, "%" PRIu64 "ms", us / 1000);
    else
        print(printer, "%" PRIu64 "s", us / 1000000);
}

static void print_span(struct printer *printer, const struct lab_span *span)
{
    print_time(printer, span->low_us);
    if (span->high_us > span->low_us) {
        print(printer, "..");
        print_time(printer, span->high_us);
    }
}

static void print_argument(struct printer *printer, const struct lab_order *order)
{
    static const char *const ways[] = {
        [LAB_BOTH_WAYS] = "", [LAB_FORWARD] = " forward", [LAB_BACK] = " back"};

    switch (lab_verb_argument(order->verb)) {
    case LAB_TAKES_NONE: break;
    case LAB_TAKES_ERRNO: print(printer, " %s", strerrorname_np(order->error)); break;
    case LAB_TAKES_SPAN:
        print(printer, " ");
        print_span(printer, &order->span);
        break;
    case LAB_TAKES_SHIFT:
        print(printer, " %c", order->shift_us < 0 ? '-' : '+');
        print_time(printer, (uint64_t)(order->shift_us < 0 ? -order->shift_us : order->shift_us));
        break;
    case LAB_TAKES_COUNT:
    case LAB_TAKES_SIZE: print(printer, " %" PRIu64, order->amount); break;
    case LAB_TAKES_WAY: print(printer, "%s", ways[order->way]); break;
    }
}

const char *lab_order_text(const struct lab_scenario *scenario, const struct lab_order *order,
                           char text[LAB_ORDER_TEXT])
{
    struct printer printer = {text, 0};

    print(&printer, "%s ", lab_verb_name(order->verb));
    for (size_t i = 0; i < order->whom_count; i++)
        print(&printer, "%s%s", i > 0 ? "|" : "",
              lab_verb_target(order->verb) == LAB_ON_PROCESS
                  ? scenario->processes[order->whom[i]].name
                  : scenario->links[order->whom[i]].name);
    print_argument(&printer, order);
    if (order->lasts.high_us > 0) {
        print(&printer, " for ");
        print_span(&printer, &order->lasts);
    }
    return text;
}
