/* SPDX-License-Identifier: MPL-2.0 */
#ifndef POWER_STORY_H
#define POWER_STORY_H

/* Stories for powercut.h: a directory, and a journal made by hand, of which a power cut may make
 * one of a few states. Each function does something in the directory and writes it down, as the
 * shim does. A state is written as the names in the directory with what is in the files, `0` for a
 * zero byte: "a:1 d/ d/b:". Every function fails the test rather than return an error. */

#include "journal.h"
#include "powercut.h"

#include "../store/scratch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define STORY_STATE_SIZE 256

extern struct scratch scratch;
extern FILE *journal;

const char *at(const char *name); /* its path; good for three more calls */
uint64_t inode(const char *name);
uint64_t size_of(const char *name);
uint64_t position(void); /* of the journal */
void note(enum lab_change_kind kind, struct lab_change change, const char *name, const char *to,
          const void *data);

void old_file(const char *name, const char *text); /* was there before anything was written down */
void make(const char *name);
void make_folder(const char *name);
void put(const char *name, uint64_t offset, const void *bytes, size_t size);
void append(const char *name, const char *text);
void cut_to(const char *name, uint64_t size);
void sync_file(const char *name, enum lab_change_kind kind);
void sync_folder(const char *name);
void keep(const char *name);
void move(const char *from, const char *to);
void take_away(const char *name);

/* What `states` does for each seed. */
void story_begin(void);
void story_cut(const struct lab_power_rules *rules, bool compact, struct lab_power_loss *loss);
void story_state(char text[STORY_STATE_SIZE]);
void story_end(void);

/* With each of some hundred seeds the story ends in one of the states that are named, up to NONE,
 * and each of them comes up; the same with a journal that was cut down before. */
void states(void (*story)(void), struct lab_power_rules rules, ...);
#define NONE ((const char *)NULL)

extern const struct lab_power_rules plain, zeros, strict;

#endif
