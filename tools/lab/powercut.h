/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_POWERCUT_H
#define LAB_POWERCUT_H

/* What a disk may look like after the power went: of what was not synced, a legal part is taken
 * back, chosen by a seed.
 *
 *   a name      of the changes to each folder the first ones stay, as many as the seed says; the
 *               others are undone: files made are gone, names are as before, what was removed or
 *               replaced is back
 *   content     of the writes to each file since its last sync the first ones stay; of the next one
 *               perhaps some sectors of 512 bytes; behind it perhaps zeros, up to where a later one
 *               reached (a file system may write down a file's new length before its bytes)
 *   after a sync that failed, what it should have written may be gone even if a later one succeeded
 *   a mapped file: each page that has changed since it was mapped is the old one or the new one
 *
 * Content and names are independent: a file that is renamed and was not synced may be there under
 * its new name and empty. The same journal, directory and seed give the same result. */

#include <stdbool.h>
#include <stdint.h>

struct lab_power_rules {
    uint64_t seed;
    bool strict;   /* names: see journal.h */
    bool no_zeros; /* lengths are written down after the bytes: ext4 with data=ordered */
};

struct lab_power_loss {
    uint64_t bytes; /* written, and not there any more */
    uint64_t files; /* made, and not there any more */
};

/* With nobody using the directory. Afterwards everything in it is durable: the journal is empty,
 * and nothing is kept. -1: errno, and the directory may be half way. */
int lab_power_cut(const char *directory, const char *journal, const char *keep,
                  const struct lab_power_rules *rules, struct lab_power_loss *loss);

/* Cuts the journal down to what still matters. 0, or -1: errno, and it is as it was. */
int lab_power_compact(const char *journal, bool strict);

#endif
