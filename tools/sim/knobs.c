/* SPDX-License-Identifier: MPL-2.0 */

/* The knobs of knobs.h. */

#include "knobs.h"

#include "inject.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000u
#define S  1000000u
#define DAY (UINT64_C(86400) * S)
#define MILLION 1000000u
#define PEERS ((1u << SIM_VISITORS) - 1)

static const char *const levels[] = {"os", "fsync", NULL};
static const char *const patterns[] = {"pipeline", "request", "both", NULL};
static const char *const flavours[] = {"plain", "comb", "memory", "amnesia", NULL};

#define FIELD(member) offsetof(struct sim_options, member), \
                      sizeof(((struct sim_options *)NULL)->member)

#define NUMBER(name, member, least, most, simplest, meaning) \
    {name, SIM_KNOB_NUMBER, FIELD(member), least, most, simplest, NULL, meaning, false}
#define TIME(name, member, most, simplest, meaning) \
    {name, SIM_KNOB_TIME, FIELD(member), 0, most, simplest, NULL, meaning, false}
#define CHANCE(name, member, simplest, meaning) \
    {name, SIM_KNOB_CHANCE, FIELD(member), 0, MILLION, simplest, NULL, meaning, false}
#define FLAG(name, member, simplest, meaning) \
    {name, SIM_KNOB_FLAG, FIELD(member), 0, 1, simplest, NULL, meaning, false}
#define PLACES(name, member, simplest, meaning) \
    {name, SIM_KNOB_PLACES, FIELD(member), 0, PEERS, simplest, NULL, meaning, false}
#define WORD(name, member, words, least, most, simplest, meaning) \
    {name, SIM_KNOB_WORD, FIELD(member), least, most, simplest, words, meaning, false}

static const struct sim_knob knobs[] = {
    NUMBER("peers", peers, 2, SIM_VISITORS, 2, "how many there are"),
    NUMBER("messages", messages, 0, 100000, 1, "sent to stage work, in all"),
    NUMBER("requests", requests, 0, 100000, 0, "sent to service ask, in all"),
    WORD("pattern", pattern, patterns, SIM_PIPELINE, SIM_BOTH, SIM_PIPELINE,
         "what the peers do"),
    WORD("flavour", flavour, flavours, SIM_PLAIN, SIM_AMNESIA, SIM_PLAIN,
         "comb: decided in a comb; memory: some keep nothing; amnesia: a receiver loses its disk"),
    WORD("durability", sync, levels, 0, 1, 1, "what STORED means; under os no power is lost"),
    PLACES("senders", senders, 1, "who sends to stage work; always a"),
    PLACES("workers", workers, 2, "who serves stage work; always b"),
    PLACES("sinks", sinks, 0, "who serves stage done, to which workers send on"),
    PLACES("clients", clients, 0, "who sends requests to service ask"),
    PLACES("servers", servers, 0, "who serves it; always a"),
    PLACES("memory", memory, 0, "who keeps nothing beyond its process"),
    PLACES("common", common, 0, "who takes no message above 1 MiB, whatever max_message"),
    NUMBER("visitors", visitors, 0, 2, 0, "memory clients that come and go, at a time"),

    NUMBER("window", window, 1, UINT64_C(1) << 20, 65536, "W: the span of an epoch"),
    NUMBER("max_message", max_message, 4096, UINT64_C(1) << 24, 65536, "bytes"),
    NUMBER("cache", cache_bytes, 0, UINT64_C(1) << 30, UINT64_C(1) << 20,
           "bytes of bodies kept in memory"),
    NUMBER("outbox", outbox_messages, 0, 100000, 0, "messages that fit; 0: no limit"),
    NUMBER("credit", credit_messages, 1, 100000, 1000, "messages that a member takes in hand"),
    NUMBER("credit_bytes", credit_bytes, 1, UINT64_C(1) << 30, UINT64_C(1) << 20, "the same"),
    TIME("heartbeat", heartbeat_us, 60 * S, S, "between two signs of life"),
    TIME("settle_delay", settle_delay_us, 60 * S, 0, "that settlements wait for company"),
    TIME("memory_ttl", memory_ttl_us, 30 * DAY, DAY, "until a memory peer counts as gone"),
    FLAG("jitter", jitter, 0, "clocks that differ, and timers that vary"),

    NUMBER("burst", burst, 1, 100000, 1, "messages sent at once, at most"),
    NUMBER("body", body_max, 1, UINT64_C(2) << 20, 8, "bytes of a message, mostly at most"),
    TIME("send_pause", send_pause_us, 60 * S, 20 * MS, "between bursts, at most"),
    TIME("work", work_us, 60 * S, MS, "that a handler takes, at most"),
    NUMBER("handlers", handlers, 1, 1000, 1, "at work at a time"),
    CHANCE("transactions", transaction_chance, 0, "that a decision is a transaction"),
    TIME("recall", recall_us, 60 * S, 0, "until the application answers a recall, at most"),
    FLAG("outcomes", outcomes, 0, "each message leaves a durable outcome"),

    CHANCE("ordered", ordered, 0, "that a destination is ordered"),
    FLAG("failover", policy.failover, 0, "what a lost member holds goes to others"),
    TIME("failover_after", policy.failover_us, 60 * S, 3 * S, "its link went down"),
    TIME("retry_base", policy.retry_base_us, 60 * S, 0, "before attempt 2"),
    TIME("retry_cap", policy.retry_cap_us, 600 * S, 0, "before any attempt"),
    NUMBER("retry_jitter", policy.retry_jitter, 0, 100, 0, "percent"),
    NUMBER("attempts", policy.max_attempts, 0, 1000, 0, "then a dead letter; 0: never"),
    TIME("deadline", policy.deadline_us, 600 * S, 0, "offered, not begun: asked back; 0: never"),

    TIME("delay_min", delay_min_us, 10 * S, MS, "of a frame"),
    TIME("delay_max", delay_max_us, 60 * S, MS, "of a frame"),
    TIME("reconnect", reconnect_us, 60 * S, 100 * MS, "after a cut, at most"),
    TIME("gather", gather_us, S, 0, "that events wait for company before the turn, at most"),
    CHANCE("dial_both", dial_both, 0, "that both sides of a pair dial"),
    TIME("commit_min", commit_min_us, 10 * S, MS, "of a write"),
    TIME("commit_max", commit_max_us, 60 * S, MS, "of a write"),
    TIME("load", load_us, 10 * S, MS, "of a read, at most"),

    TIME("faults_until", faults_until_us, 600 * S, 5 * S, "then calm: all must settle"),
    TIME("fault_pause", fault_pause_us, 60 * S, 200 * MS, "between two deeds of the monkey, mean"),
    CHANCE("survives_cut", survives_cut, SIM_SURE,
           "that a frame cut off comes through the next connection"),
    FLAG("quiet_clocks", quiet_clocks, 0, "no clock jumps"),

#define X(name, how, group, text)                                                        \
    {#name, SIM_KNOB_CHANCE, offsetof(struct sim_options, rates) +                       \
                                 SIM_FAULT_##name * sizeof(uint32_t),                    \
     sizeof(uint32_t), 0, MILLION, 0, NULL, text, SIM_##how == SIM_FOLLOWS},
    SIM_FAULTS(X)
#undef X
};

#define KNOBS (sizeof knobs / sizeof knobs[0])

size_t sim_knob_count(void)
{
    return KNOBS;
}

const struct sim_knob *sim_knob_at(size_t index)
{
    return &knobs[index];
}

const struct sim_knob *sim_knob_find(const char *name, size_t size)
{
    for (size_t i = 0; i < KNOBS; i++) {
        if (strlen(knobs[i].name) == size && memcmp(knobs[i].name, name, size) == 0)
            return knobs[i].idle ? NULL : &knobs[i];
    }
    return NULL;
}

/* --- values --- */

uint64_t sim_knob_get(const struct sim_knob *knob, const struct sim_options *options)
{
    const char *at = (const char *)options + knob->offset;
    uint64_t wide = 0;
    uint32_t narrow;
    uint8_t small;

    if (knob->size == sizeof wide) {
        memcpy(&wide, at, sizeof wide);
    } else if (knob->size == sizeof narrow) {
        memcpy(&narrow, at, sizeof narrow);
        wide = narrow;
    } else {
        memcpy(&small, at, sizeof small);
        wide = small;
    }
    return knob->kind == SIM_KNOB_PLACES ? wide & PEERS : wide;
}

void sim_knob_set(const struct sim_knob *knob, struct sim_options *options, uint64_t value)
{
    char *at = (char *)options + knob->offset;
    uint32_t narrow = (uint32_t)value;
    uint8_t small = (uint8_t)value;

    if (knob->size == sizeof value)
        memcpy(at, &value, sizeof value);
    else if (knob->size == sizeof narrow)
        memcpy(at, &narrow, sizeof narrow);
    else
        memcpy(at, &small, sizeof small);
}

void sim_options_plain(struct sim_options *options, uint64_t seed)
{
    memset(options, 0, sizeof *options);
    options->seed = seed;
    for (size_t i = 0; i < KNOBS; i++)
        sim_knob_set(&knobs[i], options, knobs[i].simplest);
}

/* --- printed --- */

static void print_places(uint64_t value, char *text, size_t size)
{
    size_t used = 0;

    for (unsigned i = 0; i < SIM_VISITORS && used + 1 < size; i++) {
        if (value >> i & 1)
            text[used++] = (char)('a' + i);
    }
    if (!used)
        text[used++] = '-';
    text[used] = '\0';
}

static void print_time(uint64_t value, char *text, size_t size)
{
    if (value % S == 0)
        snprintf(text, size, "%" PRIu64 "s", value / S);
    else if (value % MS == 0)
        snprintf(text, size, "%" PRIu64 "ms", value / MS);
    else
        snprintf(text, size, "%" PRIu64 "us", value);
}

void sim_knob_print(const struct sim_knob *knob, uint64_t value, char *text, size_t size)
{
    switch (knob->kind) {
    case SIM_KNOB_TIME:
        print_time(value, text, size);
        break;
    case SIM_KNOB_FLAG:
        snprintf(text, size, "%s", value ? "yes" : "no");
        break;
    case SIM_KNOB_PLACES:
        print_places(value, text, size);
        break;
    case SIM_KNOB_WORD:
        snprintf(text, size, "%s", knob->words[value - knob->least]);
        break;
    default:
        snprintf(text, size, "%" PRIu64, value);
    }
}

static void list_words(const struct sim_knob *knob, char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; knob->words[i] && used < size; i++) {
        const char *join = i == 0 ? "" : knob->words[i + 1] ? ", " : " or ";
        int length = snprintf(text + used, size - used, "%s%s", join, knob->words[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}

void sim_knob_range(const struct sim_knob *knob, char *text, size_t size)
{
    char low[SIM_KNOB_TEXT], high[SIM_KNOB_TEXT];

    sim_knob_print(knob, knob->least, low, sizeof low);
    sim_knob_print(knob, knob->most, high, sizeof high);
    if (knob->kind == SIM_KNOB_WORD)
        list_words(knob, text, size);
    else if (knob->kind == SIM_KNOB_FLAG)
        snprintf(text, size, "yes or no");
    else if (knob->kind == SIM_KNOB_PLACES)
        snprintf(text, size, "letters from %s, or -", high);
    else
        snprintf(text, size, "%s-%s", low, high);
}

/* --- read --- */

static bool parse_places(const char *text, size_t size, uint64_t *value)
{
    *value = 0;
    if (size == 1 && *text == '-')
        return true;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < 'a' || text[i] >= 'a' + SIM_VISITORS)
            return false;
        *value |= UINT64_C(1) << (text[i] - 'a');
    }
    return size > 0;
}

static bool parse_word(const struct sim_knob *knob, const char *text, size_t size, uint64_t *value)
{
    for (size_t i = 0; knob->words[i]; i++) {
        if (strlen(knob->words[i]) == size && memcmp(knob->words[i], text, size) == 0) {
            *value = knob->least + i;
            return true;
        }
    }
    return false;
}

static bool parse_flag(const char *text, size_t size, uint64_t *value)
{
    bool yes = (size == 3 && memcmp(text, "yes", 3) == 0) || (size == 1 && *text == '1');

    *value = yes;
    return yes || (size == 2 && memcmp(text, "no", 2) == 0) || (size == 1 && *text == '0');
}

/* Microseconds in the unit that follows a number; 0: no such unit. */
static uint64_t unit(const char *text, size_t size)
{
    if (size == 2 && memcmp(text, "us", 2) == 0)
        return 1;
    if (size == 2 && memcmp(text, "ms", 2) == 0)
        return MS;
    return size == 1 && *text == 's' ? S : 0;
}

static bool parse_number(const struct sim_knob *knob, const char *text, size_t size,
                         uint64_t *value)
{
    uint64_t scale = 1;
    size_t digits = 0;

    *value = 0;
    while (digits < size && digits < 19 && text[digits] >= '0' && text[digits] <= '9')
        *value = *value * 10 + (uint64_t)(text[digits++] - '0');
    if (knob->kind == SIM_KNOB_TIME && (digits < size || *value))
        scale = unit(text + digits, size - digits);
    else if (digits < size)
        return false;
    if (!digits || !scale || *value > UINT64_MAX / scale)
        return false;
    *value *= scale;
    return true;
}

static bool parse_one(const struct sim_knob *knob, const char *text, size_t size, uint64_t *value)
{
    bool good;

    switch (knob->kind) {
    case SIM_KNOB_FLAG:
        good = parse_flag(text, size, value);
        break;
    case SIM_KNOB_PLACES:
        good = parse_places(text, size, value);
        break;
    case SIM_KNOB_WORD:
        good = parse_word(knob, text, size, value);
        break;
    default:
        good = parse_number(knob, text, size, value);
    }
    return good && *value >= knob->least && *value <= knob->most;
}

bool sim_knob_parse(const struct sim_knob *knob, const char *text, uint64_t *low, uint64_t *high)
{
    bool ranges = knob->kind == SIM_KNOB_NUMBER || knob->kind == SIM_KNOB_TIME ||
                  knob->kind == SIM_KNOB_CHANCE;
    const char *dash = ranges ? strchr(text, '-') : NULL;

    if (!dash) {
        bool good = parse_one(knob, text, strlen(text), low);
        *high = *low;
        return good;
    }
    return parse_one(knob, text, (size_t)(dash - text), low) &&
           parse_one(knob, dash + 1, strlen(dash + 1), high) && *low <= *high;
}
