/* SPDX-License-Identifier: MPL-2.0 */
/* The table of orders. */

#include "verb.h"

#include <pthread.h>
#include <string.h>

#define NAME_MAX_SIZE 16

struct verb {
    const char *name; /* of the enum, with underscores */
    enum lab_target target;
    enum lab_argument argument;
    const char *about;
};

static const struct verb verbs[] = {
#define X(name, target, argument, about) {#name, LAB_ON_##target, LAB_TAKES_##argument, about},
    LAB_VERBS(X)
#undef X
};

static char names[LAB_VERB_COUNT][NAME_MAX_SIZE];

static void put_dashes(void)
{
    for (size_t verb = 0; verb < LAB_VERB_COUNT; verb++) {
        for (size_t i = 0; i + 1 < NAME_MAX_SIZE && verbs[verb].name[i]; i++)
            names[verb][i] = verbs[verb].name[i] == '_' ? '-' : verbs[verb].name[i];
    }
}

const char *lab_verb_name(enum lab_verb verb)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, put_dashes);
    return names[verb];
}

int lab_verb_find(const char *name)
{
    for (int verb = 0; verb < LAB_VERB_COUNT; verb++) {
        if (strcmp(lab_verb_name((enum lab_verb)verb), name) == 0)
            return verb;
    }
    return -1;
}

const char *lab_verb_about(enum lab_verb verb)
{
    return verbs[verb].about;
}

enum lab_target lab_verb_target(enum lab_verb verb)
{
    return verbs[verb].target;
}

enum lab_argument lab_verb_argument(enum lab_verb verb)
{
    return verbs[verb].argument;
}

bool lab_verb_needs_shim(enum lab_verb verb)
{
    switch (verb) {
    case LAB_power_cut:
    case LAB_fail_writes:
    case LAB_short_writes:
    case LAB_fail_syncs:
    case LAB_slow_syncs:
    case LAB_hang_syncs:
    case LAB_lie_syncs:
    case LAB_fail_opens:
    case LAB_clock: return true;
    default: return false;
    }
}

bool lab_verb_needs_tmpfs(enum lab_verb verb)
{
    return verb == LAB_fill;
}

enum lab_length lab_verb_length(enum lab_verb verb)
{
    switch (verb) {
    case LAB_start:
    case LAB_save:
    case LAB_reset:
    case LAB_cut_at:
    case LAB_flip:
    case LAB_replay: return LAB_INSTANT;
    case LAB_kill:
    case LAB_term:
    case LAB_power_cut:
    case LAB_restore:
    case LAB_lose_disk:
    case LAB_cut: return LAB_EITHER;
    default: return LAB_LASTS;
    }
}
