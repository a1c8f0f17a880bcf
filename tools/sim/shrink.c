/* SPDX-License-Identifier: MPL-2.0 */

/* Delta debugging (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input",
 * 2002) over two sets: the faults that happened, and the knobs that are not at their simplest. Both
 * are one procedure: leave out a part, smaller and smaller parts, keep what still fails. */

#include "shrink.h"

#include "trial.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIAL_SECONDS 60 /* far above what any trial takes; the events bound it */
#define MORE_EVENTS   20000 /* that a smaller world may take beyond twice those of the smallest */
#define ITEMS_MAX     SIM_LOG_MAX
#define FEW           2 /* faults: with so few, no other seed is tried */
#define SEEDS         500
#define EARLIER_MAX   8 /* faults: with more, moving each would take all the runs */

struct failing { /* a world that fails */
    struct sim_options options;
    sim_occasion *faults; /* that happened in it, each once, in the order of time */
    size_t count;
    struct sim_report report;
    bool minimal; /* nothing more can be left out alone */
};

struct shrinker {
    const struct sim_shrink_limits *limits;
    struct sim_trial *trial;
    uint64_t deadline_ms;
    unsigned runs;
    char invariant[sizeof((struct sim_report *)NULL)->invariant];
    uint32_t rates[SIM_FAULT_COUNT]; /* of the world as it was found */
    struct failing now;              /* the smallest so far, of those with one seed */
    struct failing best;             /* of all */
    sim_occasion *tried;             /* room for a choice */
};

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool spent(const struct shrinker *self)
{
    return self->runs >= self->limits->runs || now_ms() >= self->deadline_ms;
}

/* --- trying --- */

static bool among(const sim_occasion *faults, size_t count, sim_occasion wanted)
{
    for (size_t i = 0; i < count; i++) {
        if (faults[i] == wanted)
            return true;
    }
    return false;
}

/* What the trial has shown is the smallest world now. */
static void adopt(struct shrinker *self, const struct sim_options *options)
{
    const struct sim_log *log = &self->trial->log;

    self->now.options = *options;
    self->now.report = self->trial->report;
    self->now.minimal = false;
    self->now.count = 0;
    for (size_t i = 0; i < log->count; i++) {
        if (!among(self->now.faults, self->now.count, log->faults[i].occasion))
            self->now.faults[self->now.count++] = log->faults[i].occasion;
    }
}

static bool same(const struct shrinker *self)
{
    const struct sim_report *report = &self->trial->report;

    return report->failed &&
           (self->limits->any || strcmp(report->invariant, self->invariant) == 0);
}

/* Runs a world with these faults and no others. If it fails as the first did, it is adopted. */
static bool fails(struct shrinker *self, const struct sim_options *options,
                  const sim_occasion *faults, size_t count)
{
    struct sim_choice choice = {.only = true, .these = self->tried, .count = count};
    struct sim_options candidate = *options;

    if (spent(self))
        return false;
    memcpy(self->tried, faults, count * sizeof *faults);
    sim_choice_sort(&choice);
    candidate.choice = &choice;
    self->runs++;
    if (!sim_trial_run(self->trial, &candidate, self->now.report.steps * 2 + MORE_EVENTS,
                       TRIAL_SECONDS) ||
        !same(self))
        return false;
    adopt(self, options);
    return true;
}

/* --- leaving out --- */

/* Tries to do without the `count` items from `at` on; true: that is now the smallest world, whose
 * items must be listed anew. */
typedef bool (*leave_out)(struct shrinker *self, size_t at, size_t count);
typedef size_t (*count_items)(struct shrinker *self);

/* Parts of half, a quarter, ... of the items, down to single ones, until none can be left out. */
static void minimise(struct shrinker *self, count_items items, leave_out without)
{
    size_t count = items(self), part = count;

    while (part > 0 && count > 0 && !spent(self)) {
        bool helped = false;
        for (size_t at = 0; at < count && !spent(self);) {
            size_t size = part < count - at ? part : count - at;
            if (without(self, at, size)) {
                count = items(self);
                helped = true;
            } else {
                at += size;
            }
        }
        if (part > count)
            part = count;
        else if (!helped || part > 1)
            part /= 2;
    }
}

/* --- faults --- */

static size_t count_faults(struct shrinker *self)
{
    return self->now.count;
}

static bool without_faults(struct shrinker *self, size_t at, size_t count)
{
    size_t rest = self->now.count - at - count;
    sim_occasion *kept = malloc((self->now.count + 1) * sizeof *kept);

    if (!kept)
        return false;
    memcpy(kept, self->now.faults, at * sizeof *kept);
    memcpy(kept + at, self->now.faults + at + count, rest * sizeof *kept);
    bool smaller = fails(self, &self->now.options, kept, at + rest);
    free(kept);
    return smaller;
}

/* The same fault at an earlier occasion: what led to it may then go. */
static bool earlier_fault(struct shrinker *self, size_t at)
{
    sim_occasion fault = self->now.faults[at];
    uint64_t number = sim_occasion_number(fault);
    bool earlier = false;

    for (uint64_t to = 1; to < number && !earlier && !spent(self); to *= 2) {
        size_t count = self->now.count;
        sim_occasion *moved = malloc((count + 1) * sizeof *moved);
        if (!moved)
            return false;
        memcpy(moved, self->now.faults, count * sizeof *moved);
        moved[at] = sim_occasion_numbered(fault, to);
        earlier = !among(self->now.faults, count, moved[at]) &&
                  fails(self, &self->now.options, moved, count);
        free(moved);
    }
    return earlier;
}

static bool earlier_faults(struct shrinker *self)
{
    bool helped = false;

    if (self->now.count > EARLIER_MAX)
        return false;
    for (size_t at = 0; at < self->now.count; at++)
        helped = earlier_fault(self, at) || helped;
    return helped;
}

/* --- knobs --- */

static bool is_rate(const struct sim_knob *knob)
{
    return knob->offset >= offsetof(struct sim_options, rates);
}

static bool turned(const struct sim_knob *knob, const struct sim_options *options)
{
    return !is_rate(knob) && sim_knob_get(knob, options) != knob->simplest;
}

static size_t count_knobs(struct shrinker *self)
{
    size_t count = 0;

    for (size_t i = 0; i < sim_knob_count(); i++)
        count += turned(sim_knob_at(i), &self->now.options);
    return count;
}

static bool equal(const struct sim_options *a, const struct sim_options *b)
{
    for (size_t i = 0; i < sim_knob_count(); i++) {
        if (sim_knob_get(sim_knob_at(i), a) != sim_knob_get(sim_knob_at(i), b))
            return false;
    }
    return true;
}

/* The same faults in another world, unless settling made it the one that we have. */
static bool fails_with(struct shrinker *self, struct sim_options *options)
{
    sim_options_settle(options);
    return !equal(options, &self->now.options) &&
           fails(self, options, self->now.faults, self->now.count);
}

static bool simpler_knobs(struct shrinker *self, size_t at, size_t count)
{
    struct sim_options options = self->now.options;
    size_t seen = 0;

    for (size_t i = 0; i < sim_knob_count(); i++) {
        const struct sim_knob *knob = sim_knob_at(i);
        if (!turned(knob, &self->now.options))
            continue;
        if (seen >= at && seen < at + count)
            sim_knob_set(knob, &options, knob->simplest);
        seen++;
    }
    return fails_with(self, &options);
}

/* --- sizes --- */

static bool fails_at(struct shrinker *self, const struct sim_knob *knob, uint64_t value)
{
    struct sim_options options = self->now.options;

    sim_knob_set(knob, &options, value);
    return fails_with(self, &options);
}

/* The least value that fails, if all above it do. */
static bool smaller_number(struct shrinker *self, const char *name)
{
    const struct sim_knob *knob = sim_knob_find(name, strlen(name));
    uint64_t low = knob->simplest, began = sim_knob_get(knob, &self->now.options);

    while (low < sim_knob_get(knob, &self->now.options) && !spent(self)) {
        uint64_t high = sim_knob_get(knob, &self->now.options);
        uint64_t middle = low + (high - low) / 2;
        if (!fails_at(self, knob, middle))
            low = middle + 1;
    }
    return sim_knob_get(knob, &self->now.options) < began;
}

/* Fewer peers in a role. */
static bool smaller_set(struct shrinker *self, const struct sim_knob *knob)
{
    bool helped = false;

    for (unsigned i = SIM_VISITORS; i-- > 0 && !spent(self);) {
        uint64_t now = sim_knob_get(knob, &self->now.options);
        if (now >> i & 1 && !(knob->simplest >> i & 1))
            helped = fails_at(self, knob, now & ~(UINT64_C(1) << i)) || helped;
    }
    return helped;
}

static bool smaller_sizes(struct shrinker *self)
{
    static const char *const names[] = {"peers", "messages", "requests", "visitors", "burst"};
    bool helped = false;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        helped = smaller_number(self, names[i]) || helped;
    for (size_t i = 0; i < sim_knob_count(); i++) {
        if (sim_knob_at(i)->kind == SIM_KNOB_PLACES)
            helped = smaller_set(self, sim_knob_at(i)) || helped;
    }
    return helped;
}

/* --- all of it, for one seed --- */

/* Faults first: what is left of them costs a run in each later step. */
static void rounds(struct shrinker *self)
{
    size_t faults, knobs;
    bool helped;

    do {
        faults = self->now.count;
        knobs = count_knobs(self);
        minimise(self, count_faults, without_faults);
        minimise(self, count_knobs, simpler_knobs);
        helped = smaller_sizes(self);
        helped = earlier_faults(self) || helped;
    } while ((self->now.count < faults || count_knobs(self) < knobs || helped) &&
             !spent(self));
    self->now.minimal = !spent(self);
}

/* --- other seeds --- */

static bool smaller(const struct failing *a, const struct failing *b)
{
    return a->count != b->count ? a->count < b->count
                                : a->report.stats.messages < b->report.stats.messages;
}

static void copy(struct failing *to, const struct failing *from)
{
    sim_occasion *faults = to->faults;

    memcpy(faults, from->faults, from->count * sizeof *faults);
    *to = *from;
    to->faults = faults;
}

/* The same small world with the kinds of faults that are left, by chance again, under another seed.
 * What fails there has other faults, and may come down to fewer. */
static bool fails_again(struct shrinker *self, uint64_t seed)
{
    struct sim_options options = self->best.options;

    options.seed = seed;
    options.choice = NULL;
    memset(options.rates, 0, sizeof options.rates);
    for (size_t i = 0; i < self->best.count; i++) {
        enum sim_fault kind = sim_occasion_kind(self->best.faults[i]);
        options.rates[kind] = self->rates[kind];
    }
    sim_options_settle(&options);
    self->runs++;
    if (!sim_trial_run(self->trial, &options, self->best.report.steps * 2 + MORE_EVENTS,
                       TRIAL_SECONDS) ||
        !same(self))
        return false;
    adopt(self, &options);
    memset(options.rates, 0, sizeof options.rates);
    return fails(self, &options, self->now.faults, self->now.count);
}

static void other_seeds(struct shrinker *self)
{
    for (uint64_t seed = 1; self->best.count > FEW && seed <= SEEDS && !spent(self); seed++) {
        if (!fails_again(self, seed))
            continue;
        rounds(self);
        if (smaller(&self->now, &self->best))
            copy(&self->best, &self->now);
    }
    copy(&self->now, &self->best);
}

/* --- from the first to the last --- */

/* The world as it failed, then with all its faults named and their rates gone. */
static bool begin(struct shrinker *self, const struct sim_wishes *wishes, uint64_t seed,
                  struct sim_size *before)
{
    struct sim_options options;

    sim_wishes_grant(wishes, seed, &options);
    if (!sim_trial_run(self->trial, &options, SIM_EVENTS_MAX, self->limits->seconds) ||
        !self->trial->report.failed)
        return false;
    memcpy(self->invariant, self->trial->report.invariant, sizeof self->invariant);
    memcpy(self->rates, options.rates, sizeof self->rates);
    adopt(self, &options);
    *before = (struct sim_size){options.peers, self->now.report.stats.messages, self->now.count};
    memset(options.rates, 0, sizeof options.rates);
    sim_options_settle(&options);
    return fails(self, &options, self->now.faults, self->now.count);
}

static void say_knobs(const struct sim_options *options, struct sim_wishes *wishes)
{
    wishes->plain = true;
    wishes->hooks = options->hooks;
    for (size_t i = 0; i < sim_knob_count(); i++) {
        const struct sim_knob *knob = sim_knob_at(i);
        uint64_t value = sim_knob_get(knob, options);
        if (turned(knob, options) && wishes->count < SIM_WISHES_MAX)
            wishes->wishes[wishes->count++] = (struct sim_wish){knob, value, value};
    }
}

/* The smallest world as wishes, run once more from them: what is printed is what was seen. */
static bool end(struct shrinker *self, struct sim_shrunk *shrunk)
{
    struct sim_choice *choice = &shrunk->wishes.choice;
    const struct sim_log *log = &self->trial->log;
    struct sim_options options;

    say_knobs(&self->now.options, &shrunk->wishes);
    shrunk->wishes.choosy = choice->only = true;
    choice->these = malloc((self->now.count + 1) * sizeof *choice->these);
    if (!choice->these)
        return false;
    memcpy(choice->these, self->now.faults, self->now.count * sizeof *choice->these);
    choice->count = self->now.count;
    sim_choice_sort(choice);
    sim_wishes_grant(&shrunk->wishes, self->now.options.seed, &options);
    if (!sim_trial_run(self->trial, &options, SIM_EVENTS_MAX, self->limits->seconds) || !same(self))
        return false;
    shrunk->report = self->trial->report;
    shrunk->after = (struct sim_size){options.peers, shrunk->report.stats.messages, log->count};
    shrunk->faults = malloc((log->count + 1) * sizeof *shrunk->faults);
    if (shrunk->faults)
        memcpy(shrunk->faults, log->faults, log->count * sizeof *shrunk->faults);
    shrunk->runs = self->runs;
    shrunk->complete = self->now.minimal;
    return shrunk->faults != NULL;
}

bool sim_shrink(const struct sim_wishes *wishes, uint64_t seed,
                const struct sim_shrink_limits *limits, struct sim_shrunk *shrunk)
{
    struct shrinker self = {.limits = limits,
                            .trial = sim_trial_new(),
                            .deadline_ms = now_ms() + UINT64_C(1000) * limits->seconds,
                            .now.faults = malloc(ITEMS_MAX * sizeof(sim_occasion)),
                            .best.faults = malloc(ITEMS_MAX * sizeof(sim_occasion)),
                            .tried = malloc(ITEMS_MAX * sizeof(sim_occasion))};
    bool done = false;

    memset(shrunk, 0, sizeof *shrunk);
    if (self.trial && self.now.faults && self.best.faults && self.tried &&
        begin(&self, wishes, seed, &shrunk->before)) {
        rounds(&self);
        copy(&self.best, &self.now);
        other_seeds(&self);
        done = end(&self, shrunk);
    }
    free(self.now.faults);
    free(self.best.faults);
    free(self.tried);
    sim_trial_destroy(&self.trial);
    if (!done)
        sim_shrunk_clear(shrunk);
    return done;
}

void sim_shrunk_clear(struct sim_shrunk *shrunk)
{
    sim_wishes_clear(&shrunk->wishes);
    free(shrunk->faults);
    memset(shrunk, 0, sizeof *shrunk);
}
