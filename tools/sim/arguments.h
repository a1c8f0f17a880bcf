/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_ARGUMENTS_H
#define GW_SIM_ARGUMENTS_H

/* The command line of `godwit sim`. */

#include "hunt.h"
#include "shrink.h"

#include <stdbool.h>

struct sim_arguments {
    struct sim_hunt hunt; /* for one seed: first is last */
    struct sim_wishes wishes;
    struct sim_shrink_limits limits;
    uint64_t *except;
    const char *plant;   /* NULL: none */
    const char *handler; /* the shared object; NULL: none */
    bool one;          /* --seed */
    bool trace, json, require_all, shrink;
    bool help, list_knobs;
};

/* False: a mistake. It was told on stderr, with the mend, and the exit status is 2. */
bool sim_arguments_parse(struct sim_arguments *arguments, int argc, char **argv);
void sim_arguments_clear(struct sim_arguments *arguments);

void sim_arguments_help(void);
void sim_arguments_list_knobs(void);

#endif
