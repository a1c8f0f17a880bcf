/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_WISHES_H
#define GW_SIM_WISHES_H

/* What is asked of every world, over what its seed draws: values of knobs, kinds of faults, and
 * which single faults. The same seed and the same wishes give the same world. */

#include "hooks.h"
#include "inject.h"
#include "knobs.h"
#include "options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_WISHES_MAX 128

struct sim_wish { /* from low to high, drawn for each seed */
    const struct sim_knob *knob;
    uint64_t low, high;
};

struct sim_wishes {
    const struct sim_hooks *hooks; /* another application; NULL: the scripted one */
    bool plain; /* start from the simplest world, not from what the seed draws */
    struct sim_wish wishes[SIM_WISHES_MAX];
    size_t count;
    bool chosen; /* of the kinds of faults, these alone, and all of these */
    bool kinds[SIM_FAULT_COUNT];
    bool choosy; /* of the single faults, the choice */
    struct sim_choice choice;
};

void sim_wishes_clear(struct sim_wishes *wishes);

/* Each reads an argument. On a mistake they answer false and say it in `why`, with the mend. */
bool sim_wishes_set(struct sim_wishes *wishes, const char *text, char *why, size_t size);
bool sim_wishes_knob(struct sim_wishes *wishes, const char *name, const char *value, char *why,
                     size_t size);
/* Kinds and groups, "loss,crash"; "none", "all". */
bool sim_wishes_faults(struct sim_wishes *wishes, const char *list, char *why, size_t size);
/* Names of single faults, "process_killed.17,frame_lost.a-b.DATA.3"; "none". */
bool sim_wishes_choose(struct sim_wishes *wishes, bool only, const char *list, char *why,
                       size_t size);

/* The arguments that make the same wishes: " --peers 2 --set window=1". */
bool sim_knob_has_option(const struct sim_knob *knob); /* --NAME VALUE, beside --set NAME=VALUE */
void sim_wishes_print(const struct sim_wishes *wishes, FILE *out);

/* The world of a seed: drawn, wished, settled. The options point to the choice of the wishes. */
void sim_wishes_grant(const struct sim_wishes *wishes, uint64_t seed, struct sim_options *options);

#endif
