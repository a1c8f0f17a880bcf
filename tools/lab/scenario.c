/* SPDX-License-Identifier: MPL-2.0 */
/* A scenario as a whole: its file, its own keys, looking things up. */

#include "keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US UINT64_C(1000000)

/* --- the file's own keys --- */

static bool keep_text(struct lab_reader *reader, const char *text, char **kept)
{
    *kept = strdup(text);
    return *kept || lab_mistaken(reader->mistake, 0, "out of memory");
}

static bool read_about(struct lab_reader *reader, size_t item, void *into)
{
    (void)into;
    return keep_text(reader, reader->zpl.items[item].value, &reader->scenario->about);
}

static bool read_seconds(struct lab_reader *reader, size_t item, void *into)
{
    (void)into;
    return lab_value_time(reader, item, &reader->scenario->length_us);
}

static bool read_settle(struct lab_reader *reader, size_t item, void *into)
{
    (void)into;
    return lab_value_time(reader, item, &reader->scenario->settle_us);
}

static bool read_order(struct lab_reader *reader, size_t item, void *into)
{
    (void)into;
    return lab_value_yes(reader, item, &reader->scenario->ordered);
}

static bool read_smoke(struct lab_reader *reader, size_t item, void *into)
{
    (void)into;
    return lab_value_yes(reader, item, &reader->scenario->smoke);
}

static bool read_excuse(struct lab_reader *reader, size_t at, void *into)
{
    const struct lab_item *item = &reader->zpl.items[at];

    (void)into;
    reader->scenario->repeats_excused = strcmp(item->value, "repeats") == 0;
    if (reader->scenario->repeats_excused)
        return true;
    lab_mistaken(reader->mistake, item->line, "`%s` cannot be excused", item->value);
    return lab_mend(reader->mistake, "only `excuse = repeats`, where a receiver loses or restores "
                                     "its disk");
}

/* A letter and two digits, as in the catalogue. */
static bool is_row(const char *id)
{
    return strlen(id) == 3 && id[0] >= 'A' && id[0] <= 'Z' && strspn(id + 1, "0123456789") == 2;
}

static bool read_covers(struct lab_reader *reader, size_t at, void *into)
{
    const struct lab_item *item = &reader->zpl.items[at];
    char ids[LAB_ZPL_LINE_MAX + 1], *rest = ids;
    size_t count = 0;

    (void)into;
    snprintf(ids, sizeof ids, "%s", item->value);
    for (char *id; (id = strsep(&rest, " ,\t"));) {
        if (!*id)
            continue;
        if (!is_row(id)) {
            lab_mistaken(reader->mistake, item->line, "`%s` is no row of the catalogue", id);
            return lab_mend(reader->mistake, "ids of faults, as in `covers = P01 N03`");
        }
        if (count == LAB_COVERS_MAX - 1) {
            lab_mistaken(reader->mistake, item->line, "more than %d ids", LAB_COVERS_MAX - 1);
            return lab_mend(reader->mistake, "make two scenarios of it");
        }
        if (!keep_text(reader, id, &reader->scenario->covers[count++]))
            return false;
    }
    return true;
}

static bool note_section(struct lab_reader *reader, size_t item, void *into)
{
    const char *name = reader->zpl.items[item].name;

    (void)into;
    *(strcmp(name, "processes") == 0 ? &reader->processes
      : strcmp(name, "actions") == 0 ? &reader->actions
                                     : &reader->random) = item;
    return true;
}

static const struct lab_key keys[] = {
    {"about", false, read_about},         {"seconds", false, read_seconds},
    {"settle", false, read_settle},       {"order", false, read_order},
    {"excuse", false, read_excuse},       {"covers", false, read_covers},
    {"smoke", false, read_smoke},         {"processes", true, note_section},
    {"actions", true, note_section},      {"random", true, note_section},
};

/* Who an order plays with needs the shim. */
static void mark_shim(struct lab_scenario *scenario, const struct lab_order *order)
{
    for (size_t i = 0; lab_verb_needs_shim(order->verb) && i < order->whom_count; i++)
        scenario->processes[order->whom[i]].shim = true;
}

static bool read_all(struct lab_reader *reader)
{
    struct lab_scenario *scenario = reader->scenario;

    if (!lab_keys_read(reader, SIZE_MAX, keys, sizeof keys / sizeof *keys, NULL))
        return false;
    if (reader->processes == SIZE_MAX) {
        lab_mistaken(reader->mistake, 0, "there are no `processes`");
        return lab_mend(reader->mistake, "a line `processes`, and below it lines "
                                         "`    NAME = COMMAND`");
    }
    if (!lab_read_processes(reader) || !lab_read_links(reader) || !lab_read_actions(reader) ||
        !lab_read_random(reader))
        return false;
    for (size_t i = 0; i < scenario->action_count; i++)
        mark_shim(scenario, &scenario->actions[i].order);
    for (size_t i = 0; i < scenario->random.count; i++)
        mark_shim(scenario, &scenario->random.orders[i]);
    return true;
}

/* --- the file --- */

/* Its name without folder and ending. */
static char *title_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');

    return strndup(name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
}

struct lab_scenario *lab_scenario_parse(const char *path, const char *text, size_t size,
                                        struct lab_mistake *mistake)
{
    struct lab_scenario *scenario = calloc(1, sizeof *scenario);
    struct lab_reader reader = {.scenario = scenario,
                                .mistake = mistake,
                                .processes = SIZE_MAX,
                                .actions = SIZE_MAX,
                                .random = SIZE_MAX};

    *mistake = (struct lab_mistake){0};
    if (!scenario) {
        lab_mistaken(mistake, 0, "out of memory");
        return NULL;
    }
    scenario->length_us = 30 * SECOND_US;
    scenario->settle_us = 20 * SECOND_US;
    scenario->path = strdup(path);
    scenario->title = title_of(path);
    bool good = lab_zpl_read(&reader.zpl, text, size, mistake);
    if (good) { /* text without a NUL: it was checked */
        scenario->text = strndup(text, size);
        good = read_all(&reader);
    }
    lab_zpl_clear(&reader.zpl);
    if (good && (!scenario->path || !scenario->title || !scenario->text))
        good = lab_mistaken(mistake, 0, "out of memory");
    if (!good)
        lab_scenario_free(&scenario);
    return scenario;
}

struct lab_scenario *lab_scenario_read(const char *path, struct lab_mistake *mistake)
{
    struct lab_scenario *scenario = NULL;
    char *text = malloc(LAB_ZPL_TEXT_MAX + 1); /* one more: too large is told by the size */
    FILE *file = fopen(path, "re");

    *mistake = (struct lab_mistake){0};
    size_t size = file && text ? fread(text, 1, LAB_ZPL_TEXT_MAX + 1, file) : 0;
    if (!file || !text || ferror(file)) {
        lab_mistaken(mistake, 0, "cannot be read: %s", strerror(errno));
        lab_mend(mistake, "`godwit lab list` names the ready ones");
    } else {
        scenario = lab_scenario_parse(path, text, size, mistake);
    }
    if (file)
        fclose(file);
    free(text);
    if (scenario && !lab_scenario_check(scenario, mistake))
        lab_scenario_free(&scenario);
    return scenario;
}

void lab_scenario_free(struct lab_scenario **scenario)
{
    struct lab_scenario *gone = *scenario;

    if (!gone)
        return;
    for (size_t i = 0; i < gone->process_count; i++) {
        free(gone->processes[i].argv);
        free(gone->processes[i].audit);
    }
    for (size_t i = 0; i < LAB_COVERS_MAX; i++)
        free(gone->covers[i]);
    free(gone->processes);
    free(gone->links);
    free(gone->actions);
    free(gone->random.orders);
    free(gone->about);
    free(gone->title);
    free(gone->text);
    free(gone->path);
    free(gone);
    *scenario = NULL;
}

/* --- looking up --- */

int lab_scenario_process(const struct lab_scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->process_count; i++) {
        if (strcmp(scenario->processes[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

int lab_scenario_link(const struct lab_scenario *scenario, const char *name)
{
    for (size_t i = 0; i < scenario->link_count; i++) {
        if (strcmp(scenario->links[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}
