/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_DEMO_POISON_H
#define TREEHASH_DEMO_POISON_H

/* The poison: a file of the tree on which the workers' planted bug crashes. After so many attempts
 * it is a dead letter, while all other files flow; when half of them are through, the demo starts
 * the workers anew without the bug and has the walker send its dead letters again. */

#include "demo_check.h"
#include "demo_pipeline.h"

struct poison {
    const char *path; /* NULL: there is none */
    /* of this round */
    bool seen;      /* it is a dead letter, or was */
    bool repaired;  /* the workers start anew */
    uint64_t looked_ms;
    bool requeued;  /* the walker was told to send it again */
    /* over all rounds */
    unsigned found;    /* rounds in which it became a dead letter */
    unsigned attempts; /* as the dead letter says; ... */
    char why[80];
    uint64_t crashes;
    uint64_t others; /* dead letters without cause: listed */
};

/* Chooses a file that comes early in the walk. */
void poison_choose(struct poison *poison, const char *root, const struct check_paths *paths,
                   uint64_t seed);
void poison_begin(struct poison *poison); /* a round */
/* Looks, and does what is to be done next; `half`: half of the files are through. */
void poison_step(struct poison *poison, struct pipeline *pipeline, bool half);
void poison_end(struct poison *poison, struct pipeline *pipeline);

#endif
