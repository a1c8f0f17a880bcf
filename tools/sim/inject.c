/* SPDX-License-Identifier: MPL-2.0 */

/* The faults of inject.h. */

#include "inject.h"

#include "core/frame.h"
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* An occasion in 64 bits: kind 12, at whom 4, towards whom 4, frame type 4, number 40. */

#define KIND_SHIFT 52
#define WHO_SHIFT 48
#define OTHER_SHIFT 44
#define TYPE_SHIFT 40
#define NUMBER_MASK ((UINT64_C(1) << TYPE_SHIFT) - 1)

_Static_assert(SIM_PEERS_MAX <= SIM_NOBODY, "a place fits in 4 bits");
_Static_assert(GW_FRAME_SKIP < 16, "a frame type fits in 4 bits");

static sim_occasion make(enum sim_fault kind, unsigned who, unsigned other, unsigned type,
                         uint64_t number)
{
    return (uint64_t)kind << KIND_SHIFT | (uint64_t)who << WHO_SHIFT |
           (uint64_t)other << OTHER_SHIFT | (uint64_t)type << TYPE_SHIFT | (number & NUMBER_MASK);
}

sim_occasion sim_occasion_deed(enum sim_fault kind, uint64_t number)
{
    return make(kind, SIM_NOBODY, SIM_NOBODY, 0, number);
}

sim_occasion sim_occasion_of(enum sim_fault kind, const struct sim_peer *whose, uint64_t number)
{
    return make(kind, whose->index, SIM_NOBODY, 0, number);
}

sim_occasion sim_occasion_between(enum sim_fault kind, const struct sim_peer *from,
                                  const struct sim_peer *to, uint64_t number)
{
    return make(kind, from->index, to->index, 0, number);
}

sim_occasion sim_occasion_frame(enum sim_fault kind, const struct sim_peer *from,
                                const struct sim_peer *to, uint8_t type, uint64_t number)
{
    return make(kind, from->index, to->index, type, number);
}

enum sim_fault sim_occasion_kind(sim_occasion occasion)
{
    return (enum sim_fault)(occasion >> KIND_SHIFT);
}

uint64_t sim_occasion_number(sim_occasion occasion)
{
    return occasion & NUMBER_MASK;
}

sim_occasion sim_occasion_numbered(sim_occasion occasion, uint64_t number)
{
    return (occasion & ~NUMBER_MASK) | (number & NUMBER_MASK);
}

static unsigned who_of(sim_occasion occasion)
{
    return occasion >> WHO_SHIFT & 15;
}

static unsigned other_of(sim_occasion occasion)
{
    return occasion >> OTHER_SHIFT & 15;
}

static unsigned type_of(sim_occasion occasion)
{
    return occasion >> TYPE_SHIFT & 15;
}

/* --- names --- */

static char letter(unsigned place)
{
    return (char)('a' + place);
}

void sim_occasion_print(sim_occasion occasion, char *text, size_t size)
{
    char who[8] = "", type[24] = "";

    if (other_of(occasion) != SIM_NOBODY)
        snprintf(who, sizeof who, "%c-%c.", letter(who_of(occasion)), letter(other_of(occasion)));
    else if (who_of(occasion) != SIM_NOBODY)
        snprintf(who, sizeof who, "%c.", letter(who_of(occasion)));
    if (type_of(occasion))
        snprintf(type, sizeof type, "%s.", gw_frame_name((uint8_t)type_of(occasion)));
    snprintf(text, size, "%s.%s%s%" PRIu64, sim_fault_name(sim_occasion_kind(occasion)), who, type,
             sim_occasion_number(occasion));
}

/* The part up to the next dot, which is passed; false: there is no dot. */
static bool part(const char **at, const char *end, const char **from, size_t *size)
{
    const char *dot = memchr(*at, '.', (size_t)(end - *at));

    if (!dot)
        return false;
    *from = *at;
    *size = (size_t)(dot - *at);
    *at = dot + 1;
    return true;
}

static bool parse_place(char c, unsigned *place)
{
    *place = (unsigned)(c - 'a');
    return c >= 'a' && *place < SIM_PEERS_MAX;
}

static bool parse_type(const char *text, size_t size, unsigned *type)
{
    for (unsigned i = GW_FRAME_HELLO; i <= GW_FRAME_SKIP; i++) {
        const char *name = gw_frame_name((uint8_t)i);
        if (strlen(name) == size && memcmp(name, text, size) == 0) {
            *type = i;
            return true;
        }
    }
    return false;
}

static bool parse_whom(const char *text, size_t size, unsigned *who, unsigned *other)
{
    if (size == 1)
        return parse_place(text[0], who);
    return size == 3 && text[1] == '-' && parse_place(text[0], who) &&
           parse_place(text[2], other);
}

static bool parse_number(const char *at, const char *end, uint64_t *number)
{
    *number = 0;
    if (at == end || end - at > 12)
        return false;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9')
            return false;
        *number = *number * 10 + (uint64_t)(*at - '0');
    }
    return *number <= NUMBER_MASK;
}

bool sim_occasion_parse(const char *text, size_t size, sim_occasion *occasion)
{
    const char *at = text, *end = text + size, *from;
    unsigned who = SIM_NOBODY, other = SIM_NOBODY, type = 0;
    uint64_t number;
    size_t length;
    int kind = part(&at, end, &from, &length) ? sim_fault_by_name(from, length) : -1;

    if (kind < 0)
        return false;
    if (part(&at, end, &from, &length) && !parse_whom(from, length, &who, &other))
        return false;
    if (part(&at, end, &from, &length) && !parse_type(from, length, &type))
        return false;
    if (!parse_number(at, end, &number))
        return false;
    *occasion = make((enum sim_fault)kind, who, other, type, number);
    return true;
}

/* --- the choice --- */

static int ascending(const void *a, const void *b)
{
    sim_occasion x = *(const sim_occasion *)a, y = *(const sim_occasion *)b;

    return x < y ? -1 : x > y;
}

void sim_choice_sort(struct sim_choice *choice)
{
    if (choice->count)
        qsort(choice->these, choice->count, sizeof *choice->these, ascending);
}

bool sim_choice_names(const struct sim_choice *choice, sim_occasion occasion)
{
    return choice && choice->count &&
           bsearch(&occasion, choice->these, choice->count, sizeof *choice->these, ascending);
}

/* --- injecting --- */

static void remember(struct sim_world *world, sim_occasion occasion, unsigned who, unsigned other)
{
    struct sim_log *log = world->log;

    sim_fault(world, sim_occasion_kind(occasion));
    if (log && log->count < SIM_LOG_MAX)
        log->faults[log->count++] = (struct sim_injected){
            .at_us = world->now_us, .occasion = occasion, .who = (uint8_t)who,
            .other = (uint8_t)other};
}

bool sim_inject(struct sim_world *world, sim_occasion occasion, struct sim_lot *lot)
{
    const struct sim_choice *choice = world->options.choice;
    enum sim_fault kind = sim_occasion_kind(occasion);
    uint32_t rate = world->options.rates[kind];

    if ((world->calm && sim_fault_how(kind) != SIM_ALWAYS) || !(rate || choice))
        return false;
    struct sim_lot own = sim_lot_of(world->options.seed, SIM_LOT_FAULT, occasion, 0);
    bool happens = sim_chance(&own, rate);

    if (choice && (choice->only || happens))
        happens = sim_choice_names(choice, occasion) == choice->only;
    if (!happens)
        return false;
    remember(world, occasion, who_of(occasion), other_of(occasion));
    if (lot)
        *lot = own;
    return true;
}

bool sim_inject_deed(struct sim_world *world, sim_occasion occasion, const struct sim_peer *who,
                     const struct sim_peer *other)
{
    const struct sim_choice *choice = world->options.choice;

    if (choice && sim_choice_names(choice, occasion) != choice->only)
        return false;
    remember(world, occasion, who ? who->index : SIM_NOBODY, other ? other->index : SIM_NOBODY);
    return true;
}
