/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_KEYS_H
#define LAB_KEYS_H

/* Reading a scenario by tables of the keys that may stand somewhere. Inside scenario.c and
 * scenario_*.c only. */

#include "mistake.h"
#include "zpl.h"

struct lab_reader {
    struct lab_scenario *scenario;
    struct lab_zpl zpl;
    struct lab_mistake *mistake;
    size_t processes, actions, random; /* the sections' items; SIZE_MAX: not there */
};

struct lab_key {
    const char *name;
    bool section; /* has no value, but items of its own */
    /* `into`: what lab_keys_read was given. False: a mistake was told. */
    bool (*read)(struct lab_reader *reader, size_t item, void *into);
};

#define LAB_KEYS_MAX 16

/* Every child of `item` (SIZE_MAX: the file) is one of the keys, at most once each. */
bool lab_keys_read(struct lab_reader *reader, size_t item, const struct lab_key *keys, size_t count,
                   void *into);
/* A mistake if anything belongs to the item. */
bool lab_keys_leaf(struct lab_reader *reader, size_t item);

/* Values; false, and a mistake, if it is none of that kind. None is 0. */
bool lab_value_time(struct lab_reader *reader, size_t item, uint64_t *us);
bool lab_value_size(struct lab_reader *reader, size_t item, uint64_t *bytes);
bool lab_value_number(struct lab_reader *reader, size_t item, uint64_t least, uint64_t most,
                      uint64_t *number);
bool lab_value_yes(struct lab_reader *reader, size_t item, bool *yes);

/* The sections, in this order: each looks up what stands in those before. */
bool lab_read_processes(struct lab_reader *reader);
bool lab_read_links(struct lab_reader *reader);
bool lab_read_actions(struct lab_reader *reader);
bool lab_read_random(struct lab_reader *reader);

#endif
