/* SPDX-License-Identifier: MPL-2.0 */
/* The processes of a scenario, and the links that their commands make. */

#include "keys.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a command may name beside processes. */
static const char *const own_names[] = {"dir", "endpoint", "seed"};
#define OWN_NAMES (sizeof own_names / sizeof *own_names)
#define DIRECT    "direct:"

static bool read_command(struct lab_reader *reader, const struct lab_item *item, char ***words)
{
    const char *why;

    *words = lab_words_split(item->value, &why);
    if (*words)
        return true;
    lab_mistaken(reader->mistake, item->line, "the command of `%s`: %s", item->name, why);
    return lab_mend(reader->mistake, "`%s = COMMAND ARGUMENT ...`, in words and quotes as in a "
                                     "shell", item->name);
}

/* --- one process --- */

static bool read_disk(struct lab_reader *reader, size_t item, void *into)
{
    return lab_value_size(reader, item, &((struct lab_process_plan *)into)->disk_bytes);
}

static bool read_files(struct lab_reader *reader, size_t item, void *into)
{
    return lab_value_number(reader, item, 1, 1 << 20,
                            &((struct lab_process_plan *)into)->file_limit);
}

static bool read_memory(struct lab_reader *reader, size_t item, void *into)
{
    return lab_value_size(reader, item, &((struct lab_process_plan *)into)->memory_limit);
}

static bool read_audit(struct lab_reader *reader, size_t item, void *into)
{
    return read_command(reader, &reader->zpl.items[item],
                        &((struct lab_process_plan *)into)->audit);
}

static bool read_stays_down(struct lab_reader *reader, size_t item, void *into)
{
    return lab_value_yes(reader, item, &((struct lab_process_plan *)into)->stays_down);
}

static bool read_restart(struct lab_reader *reader, size_t item, void *into)
{
    return lab_value_time(reader, item, &((struct lab_process_plan *)into)->restart_us);
}

static const struct lab_key keys[] = {
    {"disk", false, read_disk},       {"files", false, read_files},
    {"memory", false, read_memory},   {"audit", false, read_audit},
    {"restart", false, read_restart}, {"stays-down", false, read_stays_down},
};

static bool check_name(struct lab_reader *reader, const struct lab_item *item)
{
    size_t size = strspn(item->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789_.-");

    if (item->name[size] || size > LAB_NAME_MAX || strchr("_.-", item->name[0])) {
        lab_mistaken(reader->mistake, item->line, "a process cannot be called `%s`", item->name);
        return lab_mend(reader->mistake, "1 to %d letters and digits, and _.- between them",
                        LAB_NAME_MAX);
    }
    for (size_t i = 0; i < OWN_NAMES; i++) {
        if (strcmp(own_names[i], item->name) != 0)
            continue;
        lab_mistaken(reader->mistake, item->line, "a process cannot be called `%s`", item->name);
        return lab_mend(reader->mistake, "{%s} means something else in commands", item->name);
    }
    int other = lab_scenario_process(reader->scenario, item->name);
    if (other < 0)
        return true;
    lab_mistaken(reader->mistake, item->line, "there are two processes `%s`", item->name);
    return lab_mend(reader->mistake, "the other one is on line %d",
                    reader->scenario->processes[other].line);
}

static bool read_process(struct lab_reader *reader, size_t at)
{
    struct lab_scenario *scenario = reader->scenario;
    const struct lab_item *item = &reader->zpl.items[at];

    if (!check_name(reader, item))
        return false;
    if (scenario->process_count == LAB_PROCESSES_MAX) {
        lab_mistaken(reader->mistake, item->line, "more than %d processes", LAB_PROCESSES_MAX);
        return lab_mend(reader->mistake, "leave some out, or let one command start several");
    }
    struct lab_process_plan *process = &scenario->processes[scenario->process_count++];
    snprintf(process->name, sizeof process->name, "%s", item->name);
    process->line = item->line;
    return read_command(reader, item, &process->argv) &&
           lab_keys_read(reader, at, keys, sizeof keys / sizeof *keys, process);
}

bool lab_read_processes(struct lab_reader *reader)
{
    size_t item = lab_zpl_child(&reader->zpl, reader->processes);

    if (item == SIZE_MAX) {
        lab_mistaken(reader->mistake, reader->zpl.items[reader->processes].line,
                     "there are no processes");
        return lab_mend(reader->mistake, "lines `    NAME = COMMAND` below it");
    }
    reader->scenario->processes = calloc(LAB_PROCESSES_MAX, sizeof *reader->scenario->processes);
    reader->scenario->links = calloc(LAB_LINKS_MAX, sizeof *reader->scenario->links);
    if (!reader->scenario->processes || !reader->scenario->links)
        return lab_mistaken(reader->mistake, 0, "out of memory");
    for (; item != SIZE_MAX; item = lab_zpl_next(&reader->zpl, item)) {
        if (!read_process(reader, item))
            return false;
    }
    return true;
}

/* --- links --- */

static bool words_name(char *const *words, const char *name)
{
    struct lab_place place;

    for (; *words; words++) {
        for (size_t at = 0; lab_place_next(*words, at, &place); at = place.at + place.size) {
            if (strcmp(place.name, name) == 0)
                return true;
        }
    }
    return false;
}

static bool add_link(struct lab_reader *reader, size_t from, size_t to)
{
    struct lab_scenario *scenario = reader->scenario;
    char name[sizeof scenario->links->name];

    snprintf(name, sizeof name, "%s-%s", scenario->processes[from].name,
             scenario->processes[to].name);
    int other = lab_scenario_link(scenario, name);
    if (other >= 0 && scenario->links[other].from == from && scenario->links[other].to == to)
        return true;
    if (other >= 0) {
        lab_mistaken(reader->mistake, scenario->processes[from].line,
                     "there are two links `%s`", name);
        return lab_mend(reader->mistake, "give the processes names without dashes");
    }
    if (scenario->link_count == LAB_LINKS_MAX) {
        lab_mistaken(reader->mistake, scenario->processes[from].line, "more than %d links",
                     LAB_LINKS_MAX);
        return lab_mend(reader->mistake, "{" DIRECT "%s} goes without one",
                        scenario->processes[to].name);
    }
    struct lab_link_plan *link = &scenario->links[scenario->link_count++];
    memcpy(link->name, name, sizeof name);
    link->from = from;
    link->to = to;
    return true;
}

static bool unknown_place(struct lab_reader *reader, size_t from, const char *name)
{
    const struct lab_scenario *scenario = reader->scenario;
    const char *names[LAB_PROCESSES_MAX + OWN_NAMES];
    size_t count = 0;

    for (size_t i = 0; i < OWN_NAMES; i++)
        names[count++] = own_names[i];
    for (size_t i = 0; i < scenario->process_count; i++) {
        if (i != from)
            names[count++] = scenario->processes[i].name;
    }
    lab_mistaken(reader->mistake, scenario->processes[from].line,
                 "{%s} in the command of `%s` is no process", name, scenario->processes[from].name);
    return lab_mend_word(reader->mistake, name, names, count);
}

static bool read_place(struct lab_reader *reader, size_t from, const char *name)
{
    struct lab_scenario *scenario = reader->scenario;
    bool direct = strncmp(name, DIRECT, strlen(DIRECT)) == 0;

    for (size_t i = 0; i < OWN_NAMES; i++) {
        if (strcmp(own_names[i], name) == 0)
            return true;
    }
    const char *peer = direct ? name + strlen(DIRECT) : name;
    int to = lab_scenario_process(scenario, peer);
    if (to < 0)
        return unknown_place(reader, from, peer);
    if ((size_t)to == from) {
        lab_mistaken(reader->mistake, scenario->processes[from].line,
                     "`%s` names itself in its command", peer);
        return lab_mend(reader->mistake, "{endpoint} is where it listens");
    }
    if (!words_name(scenario->processes[to].argv, "endpoint")) {
        lab_mistaken(reader->mistake, scenario->processes[from].line,
                     "{%s}, but `%s` is told no place to listen", name, peer);
        return lab_mend(reader->mistake, "{endpoint} in its command, on line %d, is its own",
                        scenario->processes[to].line);
    }
    return direct || add_link(reader, from, (size_t)to);
}

static bool read_places(struct lab_reader *reader, size_t from, char *const *words)
{
    struct lab_place place;

    for (; words && *words; words++) {
        for (size_t at = 0; lab_place_next(*words, at, &place); at = place.at + place.size) {
            if (!read_place(reader, from, place.name))
                return false;
        }
    }
    return true;
}

bool lab_read_links(struct lab_reader *reader)
{
    for (size_t i = 0; i < reader->scenario->process_count; i++) {
        const struct lab_process_plan *process = &reader->scenario->processes[i];
        if (!read_places(reader, i, process->argv) || !read_places(reader, i, process->audit))
            return false;
    }
    return true;
}
