/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_KNOBS_H
#define GW_SIM_KNOBS_H

/* Every field of the options that shapes a world, by name: its kind, its range, its simplest value
 * and a line of meaning. The command line, the list of knobs, the JSON and the shrinking of a
 * failure all rest on this one table. The rates of the faults are knobs too, named as the faults.
 *
 *   NUMBER   12            CHANCE  200000 (per million)      FLAG    yes, no
 *   TIME     20us 5ms 2s   PLACES  ac (peers a and c), -     WORD    one of its words
 */

#include "options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sim_knob_kind {
    SIM_KNOB_NUMBER,
    SIM_KNOB_TIME,
    SIM_KNOB_CHANCE,
    SIM_KNOB_FLAG,
    SIM_KNOB_PLACES,
    SIM_KNOB_WORD
};

struct sim_knob {
    const char *name;
    enum sim_knob_kind kind;
    size_t offset, size; /* of the field */
    uint64_t least, most, simplest;
    const char *const *words; /* WORD: one for each value from `least` on */
    const char *meaning;
    bool idle; /* the count of what follows from other faults: cannot be set */
};

#define SIM_KNOB_TEXT 32 /* a value printed, at most */

size_t sim_knob_count(void);
const struct sim_knob *sim_knob_at(size_t index);
const struct sim_knob *sim_knob_find(const char *name, size_t size); /* NULL: none */

uint64_t sim_knob_get(const struct sim_knob *knob, const struct sim_options *options);
void sim_knob_set(const struct sim_knob *knob, struct sim_options *options, uint64_t value);
void sim_knob_print(const struct sim_knob *knob, uint64_t value, char *text, size_t size);
/* Also of a range LOW-HIGH, where the kind has an order; one value gives both. */
bool sim_knob_parse(const struct sim_knob *knob, const char *text, uint64_t *low, uint64_t *high);
/* What may be given: "2-8", "pipeline, request or both". */
void sim_knob_range(const struct sim_knob *knob, char *text, size_t size);

/* All knobs at their simplest; to be settled. */
void sim_options_plain(struct sim_options *options, uint64_t seed);

#endif
