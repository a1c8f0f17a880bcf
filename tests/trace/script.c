/* SPDX-License-Identifier: MPL-2.0 */

/* The commands of script.h. */

#include "script.h"

#include "checker.h"
#include "world.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX  10
#define ORDERS_MAX 16
#define MS         1000u

struct order { /* for the next frame of a kind */
    struct sim_peer *from, *to;
    uint8_t type;   /* 0: any */
    unsigned times; /* how often it goes through */
    uint8_t version; /* 0: as it is */
    bool done;
};

struct story {
    struct sim_options options;
    struct sim_trace trace;
    struct sim_world *world; /* NULL until `peers` */
    struct order orders[ORDERS_MAX];
    size_t order_count;
    struct sim_policy policies[SIM_POLICIES_MAX];
    size_t policy_count;
    char memories[SIM_PEERS_MAX]; /* first letters of peers that keep nothing */
    size_t memory_count;
    const char *words[WORDS_MAX];
    size_t count;
    const char *error;
};

/* --- frames --- */

static unsigned fate(void *context, struct sim_peer *from, struct sim_peer *to,
                     struct gw_slice header)
{
    struct story *story = context;
    struct gw_frame frame;

    if (!sim_decode(story->world, header, &frame))
        return 1;
    for (size_t i = 0; i < story->order_count; i++) {
        struct order *order = &story->orders[i];
        if (order->done || order->from != from || (order->to && order->to != to) ||
            (order->type && order->type != frame.type))
            continue;
        order->done = true;
        if (order->version) /* type and version stand in the first bytes of every header */
            ((uint8_t *)(uintptr_t)header.data)[1] = order->version;
        if (order->times == 0)
            sim_trace_effect(&story->trace, "(lost)");
        else if (order->times > 1)
            sim_trace_effect(&story->trace, "(twice)");
        return order->times;
    }
    return 1;
}

/* --- words --- */

static const char *word(struct story *story, size_t at)
{
    if (at < story->count)
        return story->words[at];
    story->error = "a word is missing";
    return "";
}

static uint64_t number(struct story *story, size_t at, uint64_t otherwise)
{
    char *end;

    if (at >= story->count)
        return otherwise;
    uint64_t value = strtoull(story->words[at], &end, 10);
    if (*end)
        story->error = "not a number";
    return value;
}

static struct sim_peer *peer(struct story *story, size_t at)
{
    const char *name = word(story, at);

    for (size_t i = 0; story->world && i < SIM_PEERS_MAX; i++) {
        struct sim_peer *one = &story->world->peers[i];
        if (one->present && strcmp(one->label, name) == 0)
            return one;
    }
    story->error = "no such peer";
    return NULL;
}

/* A stage's name, or a destination with its kind. */
static struct gw_destination stage(struct story *story, size_t at)
{
    struct gw_destination destination = {.kind = GW_KIND_STAGE};
    const char *name = word(story, at);

    if (!strchr(name, ':'))
        snprintf(destination.name, sizeof destination.name, "%s", name);
    else if (gw_destination_parse(name, &destination))
        story->error = "no destination";
    return destination;
}

static uint8_t frame_type(struct story *story, size_t at)
{
    const char *name = word(story, at);

    for (uint8_t type = GW_FRAME_HELLO; type <= GW_FRAME_SKIP; type++) {
        if (strcmp(gw_frame_name(type), name) == 0)
            return type;
    }
    story->error = "no such frame";
    return 0;
}

/* --- commands --- */

static void do_peers(struct story *story)
{
    story->options.peers = story->count - 1;
    for (size_t i = 1; i < story->count; i++) {
        if (memchr(story->memories, story->words[i][*story->words[i] == '-'], SIM_PEERS_MAX))
            story->options.memory |= 1u << (i - 1);
    }
    story->world = sim_world_new(&story->options, &story->trace);
    memcpy(story->world->policies, story->policies, sizeof story->policies);
    story->world->policy_count = story->policy_count;
    story->world->net.fate = fate;
    story->world->net.fate_context = story;
    if (story->options.peers >= SIM_PEERS_MAX) {
        story->error = "too many peers";
        return;
    }
    for (size_t i = 0; i < story->options.peers; i++) {
        const char *name = story->words[i + 1];
        bool later = *name == '-';
        struct sim_peer *one = &story->world->peers[i];
        sim_peer_init(one, story->world, (unsigned)i, name + later);
        one->app.manual = true;
        if (!later)
            sim_peer_start(one);
    }
}

static void do_option(struct story *story)
{
    struct sim_options *options = &story->options;
    const char *name = story->words[0];
    uint64_t value = number(story, 1, 0);

    if (story->world)
        story->error = "comes before `peers`";
    else if (strcmp(name, "window") == 0)
        options->window = value;
    else if (strcmp(name, "heartbeat") == 0)
        options->heartbeat_us = value * MS;
    else if (strcmp(name, "settle_delay") == 0)
        options->settle_delay_us = value * MS;
    else if (strcmp(name, "cache") == 0)
        options->cache_bytes = value;
    else if (strcmp(name, "memory_ttl") == 0)
        options->memory_ttl_us = value * MS;
    else if (strcmp(name, "outcomes") == 0)
        options->outcomes = value;
    else
        options->outbox_messages = value;
}

static void do_dial(struct story *story)
{
    struct sim_peer *from = peer(story, 1), *to = peer(story, 2);

    if (from && to)
        sim_peer_want_dial(from, to, false);
}

static void do_undial(struct story *story)
{
    struct sim_peer *from = peer(story, 1), *to = peer(story, 2);

    for (size_t i = 0; from && i < from->dial_count; i++) {
        if (from->dials[i].to == to) {
            sim_peer_undial(from, i, true);
            return;
        }
    }
}

static void do_serve(struct story *story)
{
    struct sim_peer *one = peer(story, 1);
    struct gw_destination destination = stage(story, 2);
    size_t at = 0;

    if (!one)
        return;
    while (at < one->serve_count &&
           !gw_destination_equal(&one->serves[at].destination, &destination))
        at++;
    if (at == SIM_SERVES_MAX) {
        story->error = "serves too much";
        return;
    }
    if (at == one->serve_count)
        one->serve_count++;
    one->serves[at].destination = destination;
    one->serves[at].off = strcmp(story->words[0], "unserve") == 0;
    one->serves[at].credit_messages = number(story, 3, story->options.credit_messages);
    one->serves[at].credit_bytes = story->options.credit_bytes;
    if (one->turn)
        sim_trace_begin(&story->trace, story->world->now_us, one->label, "%s %s",
                        story->words[0], destination.name);
    sim_peer_serve(one, at);
    if (one->turn && one->serves[at].off)
        sim_app_release(one, &destination);
}

static void do_send(struct story *story)
{
    struct sim_peer *one = peer(story, 1);
    struct gw_destination destination = stage(story, 2);

    if (one && !one->tail)
        story->error = "is not up";
    else if (one && sim_app_send(one, &destination, number(story, 3, 1)) == 0)
        story->error = "nothing was taken";
}

static uint64_t epoch(struct story *story, size_t at)
{
    const char *name = word(story, at);
    uint64_t index = strtoull(*name ? name + 1 : name, NULL, 10);

    if (index == 0 || index > story->trace.epoch_count) {
        story->error = "no such epoch";
        return 0;
    }
    return story->trace.epochs[index - 1];
}

/* EPOCH FIRST[..LAST] in A's hand: the place of the first, and how many; 0: an error. */
static size_t in_hand(struct story *story, const struct sim_peer *one, size_t *at)
{
    uint64_t of = epoch(story, 2), first, last;
    char *end;

    first = last = strtoull(word(story, 3), &end, 10);
    if (strncmp(end, "..", 2) == 0)
        last = strtoull(end + 2, NULL, 10);
    if (!one || story->error)
        return 0;
    *at = sim_app_find(one, of, first);
    if (*at + (last - first) >= one->app.count || one->app.items[*at].sequence != first ||
        one->app.items[*at + (last - first)].sequence != last) {
        story->error = "that is not in hand";
        return 0;
    }
    return last - first + 1;
}

static void do_decide(struct story *story)
{
    struct sim_peer *one = peer(story, 1);
    bool onward = story->count > 4;
    size_t at, count = in_hand(story, one, &at);

    if (!count)
        return;
    if (strcmp(story->words[0], "ack") == 0) {
        sim_app_decide(one, at, count);
    } else {
        struct gw_destination destination = onward ? stage(story, 4) : (struct gw_destination){0};
        sim_app_transact(one, at, count, onward ? &destination : NULL);
    }
}

static void do_begin(struct story *story)
{
    struct sim_peer *one = peer(story, 1);
    size_t at, count = in_hand(story, one, &at);

    if (count)
        sim_app_begin(one, at, count);
}

static void do_nack(struct story *story)
{
    struct sim_peer *one = peer(story, 1);
    size_t at, count = in_hand(story, one, &at);

    if (count)
        sim_app_return(one, at, count, GW_RETURN_NACK, (uint32_t)number(story, 4, 0));
}

static void do_reject(struct story *story)
{
    struct sim_peer *one = peer(story, 1);
    size_t at, count = in_hand(story, one, &at);

    if (count)
        sim_app_reject(one, at, (uint32_t)number(story, 4, 0));
}

static void do_withdraw(struct story *story)
{
    struct sim_peer *one = peer(story, 1);
    uint64_t of = epoch(story, 2);

    if (one && of)
        sim_app_withdraw(one, of, number(story, 3, 1), GW_WITHDRAW_PURGED);
}

static void do_forfeit(struct story *story)
{
    struct sim_peer *one = peer(story, 1), *member = peer(story, 2);

    if (one && member)
        sim_peer_forfeit(one, member);
}

static void set(struct story *story, struct gw_policy *policy, const char *key, uint64_t value)
{
    if (strcmp(key, "ordered") == 0)
        policy->ordered = value;
    else if (strcmp(key, "failover") == 0)
        policy->failover = value;
    else if (strcmp(key, "failover_ms") == 0)
        policy->failover_us = value * MS;
    else if (strcmp(key, "retry_ms") == 0)
        policy->retry_base_us = policy->retry_cap_us = value * MS;
    else if (strcmp(key, "attempts") == 0)
        policy->max_attempts = value;
    else if (strcmp(key, "deadline_ms") == 0)
        policy->deadline_us = value * MS;
    else
        story->error = "no such key";
}

static void do_policy(struct story *story)
{
    struct sim_policy *policy = &story->policies[story->policy_count];

    if (story->world || story->policy_count == SIM_POLICIES_MAX) {
        story->error = "comes before `peers`, a few times";
        return;
    }
    policy->destination = stage(story, 1);
    story->policy_count++;
    for (size_t i = 2; i < story->count && !story->error; i++) {
        const char *equals = strchr(story->words[i], '=');
        char key[24];
        snprintf(key, sizeof key, "%.*s", equals ? (int)(equals - story->words[i]) : 0,
                 story->words[i]);
        set(story, &policy->policy, key, equals ? strtoull(equals + 1, NULL, 10) : 0);
    }
}

static void do_memory(struct story *story)
{
    story->memories[story->memory_count++ % SIM_PEERS_MAX] = story->words[1][0];
}

static void add_order(struct story *story, struct order order)
{
    if (story->order_count == ORDERS_MAX)
        story->error = "too many orders";
    else if (order.from)
        story->orders[story->order_count++] = order;
}

static void do_order(struct story *story)
{
    add_order(story, (struct order){.from = peer(story, 1),
                                    .to = peer(story, 2),
                                    .type = frame_type(story, 3),
                                    .times = strcmp(story->words[0], "drop") == 0 ? 0 : 2});
}

static void do_version(struct story *story)
{
    add_order(story, (struct order){.from = peer(story, 1),
                                    .times = 1,
                                    .version = (uint8_t)number(story, 2, 2)});
}

static void do_hold(struct story *story)
{
    struct sim_peer *from = peer(story, 1), *to = peer(story, 2);

    if (from && to)
        sim_net_hold(story->world, from, to, strcmp(story->words[0], "hold") == 0);
}

static void do_cut(struct story *story)
{
    struct sim_peer *a = peer(story, 1), *b = peer(story, 2);
    struct sim_connection *next;

    sim_trace_begin(&story->trace, story->world->now_us, "", "cut %s %s", word(story, 1),
                    word(story, 2));
    for (struct sim_connection *at = story->world->net.connections; at; at = next) {
        next = at->next;
        if ((at->ends[0] == a && at->ends[1] == b) || (at->ends[0] == b && at->ends[1] == a))
            sim_net_cut(story->world, at);
    }
}

static void do_stale(struct story *story)
{
    story->world->options.survives_cut = 1000000;
}

static void do_end(struct story *story)
{
    struct sim_peer *one = peer(story, 1);

    if (!one)
        return;
    if (strcmp(story->words[0], "close") == 0)
        sim_peer_leave(one);
    else if (strcmp(story->words[0], "wipe") == 0)
        sim_peer_lose_disk(one);
    else if (strcmp(story->words[0], "start") == 0)
        sim_peer_start(one);
    else
        sim_peer_crash(one, strcmp(story->words[0], "power") == 0 ? SIM_POWER_LOST : SIM_KILLED);
}

static void do_fail(struct story *story)
{
    struct sim_peer *one = peer(story, 1);

    if (one)
        one->fail_next = strcmp(word(story, 2), "stored") == 0 ? 2 : 1;
}

static void do_guest(struct story *story)
{
    struct sim_peer *whose = peer(story, 1), *guest = &story->world->peers[SIM_PEERS_MAX - 1];

    if (!whose)
        return;
    sim_peer_guest(guest, whose);
    guest->app.manual = true;
    sim_peer_start(guest);
}

static void do_run(struct story *story)
{
    sim_world_run_until(story->world, story->world->now_us + number(story, 1, 100) * MS);
}

static void do_quiet(struct story *story)
{
    static char why[256];

    if (!sim_check_quiet(story->world, why, sizeof why))
        story->error = why;
}

static const struct command {
    const char *name;
    void (*act)(struct story *story);
    bool early; /* before `peers` */
} commands[] = {
    {"peers", do_peers, true},       {"window", do_option, true},
    {"heartbeat", do_option, true},  {"settle_delay", do_option, true},
    {"cache", do_option, true},      {"outbox", do_option, true},
    {"memory", do_memory, true},     {"memory_ttl", do_option, true},
    {"outcomes", do_option, true},   {"policy", do_policy, true},
    {"begin", do_begin, false},      {"nack", do_nack, false},
    {"reject", do_reject, false},    {"withdraw", do_withdraw, false},
    {"forfeit", do_forfeit, false},  {"dial", do_dial, false},        {"undial", do_undial, false},
    {"serve", do_serve, false},      {"unserve", do_serve, false},
    {"send", do_send, false},        {"run", do_run, false},
    {"ack", do_decide, false},       {"transact", do_decide, false},
    {"drop", do_order, false},       {"duplicate", do_order, false},
    {"hold", do_hold, false},        {"release", do_hold, false},
    {"cut", do_cut, false},          {"stale", do_stale, false},
    {"kill", do_end, false},         {"power", do_end, false},
    {"start", do_end, false},        {"wipe", do_end, false},
    {"close", do_end, false},        {"fail", do_fail, false},
    {"guest", do_guest, false},      {"version", do_version, false},
    {"quiet", do_quiet, false},
};

/* --- the story --- */

static void obey(struct story *story, char *line)
{
    char *rest;

    story->count = 0;
    for (char *at = strtok_r(line, " \t", &rest); at && story->count < WORDS_MAX;
         at = strtok_r(NULL, " \t", &rest))
        story->words[story->count++] = at;
    if (!story->count || story->words[0][0] == '#')
        return;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, story->words[0]) != 0)
            continue;
        if (!story->world && !commands[i].early)
            story->error = "comes after `peers`";
        else
            commands[i].act(story);
        sim_trace_end(&story->trace);
        return;
    }
    story->error = "no such command";
}

static bool tell(const char *path, unsigned line, const struct story *story)
{
    if (story->world && story->world->failed) {
        printf("%s:%u: violated: %s\n", path, line, story->world->failure);
        return false;
    }
    if (story->error)
        printf("%s:%u: %s\n", path, line, story->error);
    return !story->error;
}

bool script_run(const char *path, const char *text, char **trace)
{
    struct story *story = calloc(1, sizeof *story);
    char *script = strdup(text), *rest = script;
    unsigned line = 0;
    size_t size;
    bool good = true;

    if (!story || !script)
        abort();
    FILE *out = open_memstream(trace, &size);
    sim_options_script(&story->options);
    sim_trace_init(&story->trace, out, 0);
    for (char *at; good && (at = strsep(&rest, "\n"));) {
        line++;
        obey(story, at);
        good = tell(path, line, story);
    }
    fflush(out);
    if (!good)
        fputs(*trace, stdout); /* up to where it went wrong */
    sim_world_destroy(&story->world);
    sim_trace_clear(&story->trace);
    fclose(out);
    free(script);
    free(story);
    return good;
}
