/* SPDX-License-Identifier: MPL-2.0 */
/* What happens when: timed actions and random ones. */

#include "keys.h"
#include "order.h"
#include "words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_US   UINT64_C(1000000)
#define EVERY_LEAST UINT64_C(1000) /* between two actions */

static bool beyond_end(struct lab_reader *reader, int line, const char *what, uint64_t at_us)
{
    uint64_t seconds = (at_us + SECOND_US - 1) / SECOND_US;

    lab_mistaken(reader->mistake, line, "%s after %.6g s, and the end is at %.6g s", what,
                 (double)at_us / 1e6, (double)reader->scenario->length_us / 1e6);
    return lab_mend(reader->mistake, "`seconds = %" PRIu64 "`", seconds);
}

/* --- timed --- */

/* TIME, or FIRST..LAST/EVERY. */
struct when {
    uint64_t first_us, last_us, every_us;
};

static bool read_when(const char *name, struct when *when)
{
    char span[LAB_ZPL_LINE_MAX + 1];
    const char *slash = strchr(name, '/');
    struct lab_span both;

    if (!slash) {
        bool good = lab_read_time(name, &when->first_us);
        when->last_us = when->first_us;
        when->every_us = SECOND_US;
        return good;
    }
    snprintf(span, sizeof span, "%.*s", (int)(slash - name), name);
    if (!strstr(span, "..") || !lab_read_span(span, &both) ||
        !lab_read_time(slash + 1, &when->every_us) || when->every_us < EVERY_LEAST)
        return false;
    when->first_us = both.low_us;
    when->last_us = both.high_us;
    return true;
}

static bool add_action(struct lab_reader *reader, uint64_t at_us, const struct lab_order *order,
                       int line)
{
    struct lab_scenario *scenario = reader->scenario;

    if (scenario->action_count == LAB_ACTIONS_MAX) {
        lab_mistaken(reader->mistake, line, "more than %d actions", LAB_ACTIONS_MAX);
        return lab_mend(reader->mistake, "`random` with `every` goes on as long as you like");
    }
    scenario->actions[scenario->action_count++] =
        (struct lab_action){.at_us = at_us, .order = *order, .line = line};
    return true;
}

static bool read_action(struct lab_reader *reader, size_t at)
{
    const struct lab_item *item = &reader->zpl.items[at];
    struct lab_order order;
    struct when when;

    if (!read_when(item->name, &when)) {
        lab_mistaken(reader->mistake, item->line, "`%s` is no time", item->name);
        return lab_mend(reader->mistake, "seconds since the start, as `2.5 = ORDER`; or "
                                         "`1..10/2 = ORDER`: from 1 to 10, every 2");
    }
    if (!lab_keys_leaf(reader, at) ||
        !lab_order_read(reader->scenario, item->value, item->line, &order, reader->mistake))
        return false;
    if (when.last_us > reader->scenario->length_us)
        return beyond_end(reader, item->line, "it is done", when.last_us);
    if (when.last_us + order.lasts.high_us > reader->scenario->length_us)
        return beyond_end(reader, item->line, "it is over",
                          when.last_us + order.lasts.high_us);
    for (uint64_t us = when.first_us; us <= when.last_us; us += when.every_us) {
        if (!add_action(reader, us, &order, item->line))
            return false;
    }
    return true;
}

/* By time, and those of one time as they stand in the file. */
static int by_time(const void *one, const void *other)
{
    const struct lab_action *a = one, *b = other;

    if (a->at_us != b->at_us)
        return a->at_us < b->at_us ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

/* What lasts until the end of the faults must not be that end itself. */
static bool check_lengths(struct lab_reader *reader)
{
    const struct lab_scenario *scenario = reader->scenario;
    uint64_t end_us = scenario->random.used ? scenario->random.until_us : 0;

    for (size_t i = 0; i < scenario->action_count; i++) {
        uint64_t over_us = scenario->actions[i].at_us + scenario->actions[i].order.lasts.high_us;
        end_us = over_us > end_us ? over_us : end_us;
    }
    for (size_t i = 0; i < scenario->action_count; i++) {
        const struct lab_action *action = &scenario->actions[i];
        const char *verb = lab_verb_name(action->order.verb);
        if (lab_verb_length(action->order.verb) != LAB_LASTS || action->order.lasts.high_us > 0 ||
            action->at_us < end_us)
            continue;
        lab_mistaken(reader->mistake, action->line,
                     "`%s` goes on until the end of the faults, and that is now", verb);
        return lab_mend(reader->mistake, "say how long: `%s ... for 2s`", verb);
    }
    return true;
}

bool lab_read_actions(struct lab_reader *reader)
{
    struct lab_scenario *scenario = reader->scenario;

    if (reader->actions == SIZE_MAX)
        return true;
    scenario->actions = calloc(LAB_ACTIONS_MAX, sizeof *scenario->actions);
    if (!scenario->actions)
        return lab_mistaken(reader->mistake, 0, "out of memory");
    for (size_t item = lab_zpl_child(&reader->zpl, reader->actions); item != SIZE_MAX;
         item = lab_zpl_next(&reader->zpl, item)) {
        if (!read_action(reader, item))
            return false;
    }
    if (scenario->action_count > 0)
        qsort(scenario->actions, scenario->action_count, sizeof *scenario->actions, by_time);
    return true;
}

/* --- random --- */

static bool read_seed(struct lab_reader *reader, size_t item, void *into)
{
    return lab_value_number(reader, item, 1, UINT64_MAX, &((struct lab_random *)into)->seed);
}

static bool read_from(struct lab_reader *reader, size_t item, void *into)
{
    return lab_value_time(reader, item, &((struct lab_random *)into)->from_us);
}

static bool read_until(struct lab_reader *reader, size_t item, void *into)
{
    return lab_value_time(reader, item, &((struct lab_random *)into)->until_us);
}

static bool read_every(struct lab_reader *reader, size_t item, void *into)
{
    return lab_value_time(reader, item, &((struct lab_random *)into)->every_us);
}

static bool read_orders(struct lab_reader *reader, size_t section, void *into)
{
    struct lab_random *random = into;

    random->orders = calloc(LAB_ACTIONS_MAX, sizeof *random->orders);
    if (!random->orders)
        return lab_mistaken(reader->mistake, 0, "out of memory");
    for (size_t item = lab_zpl_child(&reader->zpl, section); item != SIZE_MAX;
         item = lab_zpl_next(&reader->zpl, item)) {
        const struct lab_item *order = &reader->zpl.items[item];
        if (random->count == LAB_ACTIONS_MAX) {
            lab_mistaken(reader->mistake, order->line, "more than %d orders", LAB_ACTIONS_MAX);
            return lab_mend(reader->mistake, "`worker1|worker2` or `worker*` are one order");
        }
        if (!lab_keys_leaf(reader, item) ||
            !lab_order_read(reader->scenario, order->value, order->line,
                            &random->orders[random->count++], reader->mistake))
            return false;
    }
    return true;
}

static const struct lab_key keys[] = {
    {"seed", false, read_seed},   {"from", false, read_from},    {"until", false, read_until},
    {"every", false, read_every}, {"orders", true, read_orders},
};

static bool check_random(struct lab_reader *reader)
{
    const struct lab_random *random = &reader->scenario->random;
    int line = reader->zpl.items[reader->random].line;

    if (random->count == 0) {
        lab_mistaken(reader->mistake, line, "`random` has no orders");
        return lab_mend(reader->mistake, "`    orders`, and below it lines `        NAME = ORDER`; "
                                         "the names are free");
    }
    if (random->every_us < EVERY_LEAST) {
        lab_mistaken(reader->mistake, line, "`random` does not say how often");
        return lab_mend(reader->mistake, "`every = 2s`, on average; at least 1ms");
    }
    if (random->until_us > reader->scenario->length_us)
        return beyond_end(reader, line, "`random` goes on until", random->until_us);
    if (random->from_us < random->until_us)
        return true;
    lab_mistaken(reader->mistake, line, "`random` ends before it begins");
    return lab_mend(reader->mistake, "`from` is %.6g s, `until` is %.6g s",
                    (double)random->from_us / 1e6, (double)random->until_us / 1e6);
}

bool lab_read_random(struct lab_reader *reader)
{
    struct lab_random *random = &reader->scenario->random;

    if (reader->random != SIZE_MAX) {
        random->used = true;
        random->until_us = reader->scenario->length_us;
        if (!lab_keys_read(reader, reader->random, keys, sizeof keys / sizeof *keys, random) ||
            !check_random(reader))
            return false;
    }
    return check_lengths(reader);
}
