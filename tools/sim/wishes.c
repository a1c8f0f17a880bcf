/* SPDX-License-Identifier: MPL-2.0 */

/* The wishes of wishes.h. */

#include "wishes.h"

#include "common/suggest.h"
#include "lot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SELDOM 2000 /* per million: of a kind that is asked for and that the seed never has */

void sim_wishes_clear(struct sim_wishes *wishes)
{
    free(wishes->choice.these);
    memset(wishes, 0, sizeof *wishes);
}

/* --- guesses --- */

#define WORDS_MAX (2 * SIM_FAULT_COUNT + SIM_WISHES_MAX)

/* Ends the sentence with what was perhaps meant. */
static void guess(const char *word, const char *const *words, size_t count, const char *otherwise,
                  char *why, size_t size)
{
    size_t used = strlen(why);
    const char *near = suggest(word, words, count);

    if (near)
        snprintf(why + used, size - used, "; did you mean '%s'?", near);
    else
        snprintf(why + used, size - used, "; %s", otherwise);
}

static void no_such_knob(const char *name, char *why, size_t size)
{
    const char *words[WORDS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < sim_knob_count() && count < WORDS_MAX; i++) {
        if (!sim_knob_at(i)->idle)
            words[count++] = sim_knob_at(i)->name;
    }
    snprintf(why, size, "no knob is called '%.40s'", name);
    guess(name, words, count, "--list-knobs names them", why, size);
}

static void no_such_fault(const char *name, char *why, size_t size)
{
    const char *words[WORDS_MAX] = {"none", "all"};
    size_t count = 2;

    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++) {
        words[count++] = sim_fault_name((enum sim_fault)i);
        words[count++] = sim_fault_group((enum sim_fault)i);
    }
    snprintf(why, size, "no kind or group of faults is called '%.40s'", name);
    guess(name, words, count, "--list-knobs names them", why, size);
}

/* --- knobs --- */

bool sim_wishes_knob(struct sim_wishes *wishes, const char *name, const char *value, char *why,
                     size_t size)
{
    const struct sim_knob *knob = sim_knob_find(name, strlen(name));
    struct sim_wish wish = {.knob = knob};
    char range[80];

    if (!knob) {
        no_such_knob(name, why, size);
        return false;
    }
    if (!sim_knob_parse(knob, value, &wish.low, &wish.high)) {
        sim_knob_range(knob, range, sizeof range);
        snprintf(why, size, "'%.40s' cannot be the value of %s; give %s", value, name, range);
        return false;
    }
    if (wishes->count == SIM_WISHES_MAX) {
        snprintf(why, size, "more than %d values; give fewer", SIM_WISHES_MAX);
        return false;
    }
    wishes->wishes[wishes->count++] = wish;
    return true;
}

bool sim_wishes_set(struct sim_wishes *wishes, const char *text, char *why, size_t size)
{
    const char *equals = strchr(text, '=');
    char name[64];

    if (!equals || (size_t)(equals - text) >= sizeof name) {
        snprintf(why, size, "'%.40s' is no NAME=VALUE; --list-knobs names them", text);
        return false;
    }
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    return sim_wishes_knob(wishes, name, equals + 1, why, size);
}

/* --- lists --- */

/* The next word of a list with commas; false: there is none. */
static bool next_word(const char **at, char *word, size_t size)
{
    size_t length = strcspn(*at, ",");

    if (!length && !**at)
        return false;
    snprintf(word, size, "%.*s", (int)length, *at);
    *at += length + ((*at)[length] == ',');
    return true;
}

static bool take_kind(struct sim_wishes *wishes, const char *word)
{
    bool found = strcmp(word, "none") == 0;

    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++) {
        enum sim_fault kind = (enum sim_fault)i;
        if (strcmp(word, "all") != 0 && strcmp(word, sim_fault_name(kind)) != 0 &&
            strcmp(word, sim_fault_group(kind)) != 0)
            continue;
        wishes->kinds[i] = true;
        found = true;
    }
    return found;
}

bool sim_wishes_faults(struct sim_wishes *wishes, const char *list, char *why, size_t size)
{
    char word[64];

    wishes->chosen = strcmp(list, "all") != 0; /* all: as the seed has them */
    if (!*list)
        snprintf(why, size, "an empty list; 'none' means no faults");
    while (next_word(&list, word, sizeof word)) {
        if (!take_kind(wishes, word)) {
            no_such_fault(word, why, size);
            return false;
        }
    }
    return !*why;
}

static bool add_choice(struct sim_choice *choice, const char *word)
{
    sim_occasion occasion;

    if (!sim_occasion_parse(word, strlen(word), &occasion))
        return false;
    choice->these = realloc(choice->these, (choice->count + 1) * sizeof *choice->these);
    if (!choice->these)
        abort();
    choice->these[choice->count++] = occasion;
    return true;
}

bool sim_wishes_choose(struct sim_wishes *wishes, bool only, const char *list, char *why,
                       size_t size)
{
    struct sim_choice *choice = &wishes->choice;
    char word[SIM_OCCASION_TEXT];

    if (wishes->choosy && choice->only != only) {
        snprintf(why, size, "--only-faults and --without-faults contradict each other; "
                            "give one of them");
        return false;
    }
    if (!*list) {
        snprintf(why, size, "an empty list; 'none' means no fault");
        return false;
    }
    wishes->choosy = true;
    choice->only = only;
    while (next_word(&list, word, sizeof word)) {
        if (strcmp(word, "none") == 0 || add_choice(choice, word))
            continue;
        snprintf(why, size, "'%.60s' names no fault; a failing seed lists its faults by name, "
                            "such as process_killed.17 or frame_lost.a-b.DATA.3", word);
        return false;
    }
    sim_choice_sort(choice);
    return true;
}

/* --- printed --- */

/* Knobs with an option of their own. */
static const char *const options_of_their_own[] = {"peers", "messages", "pattern", "durability"};

bool sim_knob_has_option(const struct sim_knob *knob)
{
    for (size_t i = 0; i < sizeof options_of_their_own / sizeof options_of_their_own[0]; i++) {
        if (strcmp(knob->name, options_of_their_own[i]) == 0)
            return true;
    }
    return false;
}

static void print_wish(const struct sim_wish *wish, FILE *out)
{
    char low[SIM_KNOB_TEXT], high[SIM_KNOB_TEXT];

    sim_knob_print(wish->knob, wish->low, low, sizeof low);
    sim_knob_print(wish->knob, wish->high, high, sizeof high);
    fprintf(out, sim_knob_has_option(wish->knob) ? " --%s %s" : " --set %s=%s", wish->knob->name,
            low);
    if (wish->high != wish->low)
        fprintf(out, "-%s", high);
}

static void print_kinds(const struct sim_wishes *wishes, FILE *out)
{
    const char *join = "";

    fputs(" --faults ", out);
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++) {
        if (!wishes->kinds[i])
            continue;
        fprintf(out, "%s%s", join, sim_fault_name((enum sim_fault)i));
        join = ",";
    }
    fputs(*join ? "" : "none", out);
}

static void print_choice(const struct sim_choice *choice, FILE *out)
{
    char name[SIM_OCCASION_TEXT];

    fputs(choice->only ? " --only-faults " : " --without-faults ", out);
    for (size_t i = 0; i < choice->count; i++) {
        sim_occasion_print(choice->these[i], name, sizeof name);
        fprintf(out, "%s%s", i ? "," : "", name);
    }
    fputs(choice->count ? "" : "none", out);
}

void sim_wishes_print(const struct sim_wishes *wishes, FILE *out)
{
    if (wishes->plain)
        fputs(" --plain", out);
    if (wishes->chosen)
        print_kinds(wishes, out);
    for (size_t i = 0; i < wishes->count; i++)
        print_wish(&wishes->wishes[i], out);
    if (wishes->choosy)
        print_choice(&wishes->choice, out);
}

/* --- granting --- */

static void grant_kinds(const struct sim_wishes *wishes, struct sim_options *options)
{
    for (unsigned i = 0; i < SIM_FAULT_COUNT; i++) {
        bool deed = sim_fault_how((enum sim_fault)i) == SIM_DEED;
        if (!wishes->kinds[i])
            options->rates[i] = 0;
        else if (!options->rates[i])
            options->rates[i] = deed ? 1 : SELDOM;
    }
}

void sim_wishes_grant(const struct sim_wishes *wishes, uint64_t seed, struct sim_options *options)
{
    if (wishes->plain)
        sim_options_plain(options, seed);
    else
        sim_options_draw(options, seed);
    if (wishes->hooks)
        wishes->hooks->draw(options);
    options->hooks = wishes->hooks;
    if (wishes->chosen)
        grant_kinds(wishes, options);
    for (size_t i = 0; i < wishes->count; i++) {
        const struct sim_wish *wish = &wishes->wishes[i];
        struct sim_lot lot = sim_lot_of(seed, SIM_LOT_OPTIONS, wish->knob->offset, UINT64_MAX);
        sim_knob_set(wish->knob, options, sim_between(&lot, wish->low, wish->high));
    }
    options->choice = wishes->choosy ? &wishes->choice : NULL;
    sim_options_settle(options);
}
