/* SPDX-License-Identifier: MPL-2.0 */
/* The table of works. */

#include "cast.h"
#include <string.h>

/* What is slow per message is measured with fewer of them: its rate does not depend on how many. */
#define HANDMADE_MOST       200000
#define HANDMADE_MOST_FSYNC 10000
#define DISK_MOST           1000
#define FILES_OF_PEER       12 /* eventfds of its threads and of libzmq, and its link */
#define MANY_TIMES          5 /* as many requests when many are under way: they are faster */

#define RAW_1_TO_1                                                                                 \
    .name = "raw", .run = run_cast, .listens = "raw-receive", .dials = "raw-send",                 \
    .counted = COUNTED_END
#define STAGE                                                                                      \
    .name = "godwit", .levels = LEVELS_ALL, .run = run_cast, .listens = "stage-work",              \
    .dials = "stage-push", .counted = COUNTED_CHECK
#define LEVELDB                                                                                    \
    .name = "leveldb", .shape = "", .levels = LEVELS_STORED, .run = run_cast, .dials = "leveldb",  \
    .diallers = 1
#define HANDMADE                                                                                   \
    .name = "handmade", .shape = "", .levels = LEVELS_STORED, .run = run_cast,                     \
    .listens = "handmade-take", .dials = "handmade-send", .listeners = 1, .diallers = 1,           \
    .counted = COUNTED_CHECK, .most = HANDMADE_MOST, .most_fsync = HANDMADE_MOST_FSYNC

#define RAW_REQUEST                                                                                \
    .name = "raw", .run = run_cast, .listens = "raw-answer", .dials = "raw-ask", .listeners = 1,   \
    .diallers = 1
#define REQUEST                                                                                    \
    .name = "godwit", .levels = LEVELS_ALL, .run = run_cast, .listens = "serve", .dials = "ask",   \
    .listeners = 1, .diallers = 1

#define RAW_LINKS                                                                                  \
    .name = "raw", .run = run_cast, .listens = "raw-hub", .dials = "raw-receive", .listeners = 1,  \
    .diallers = 1, .listeners_send = true, .counted = COUNTED_END, .files = 1
#define LINKS                                                                                      \
    .name = "godwit", .levels = LEVELS_ALL, .run = run_cast, .listeners = 1, .diallers = 1,        \
    .listeners_send = true, .counted = COUNTED_CHECK
#define HUB  LINKS, .listens = "hub-push", .dials = "hub-take", .files = FILES_OF_PEER
#define MESH LINKS, .listens = "mesh-push", .dials = "mesh-take", .files = 2

static const struct work works[] = {
    {
        .name = "stage",
        .about = "one producer and one worker of a stage",
        .unit = "messages",
        .systems =
            {
                {RAW_1_TO_1, .shape = "", .listeners = 1, .diallers = 1},
                {HANDMADE},
                {LEVELDB},
                {STAGE, .shape = "", .listeners = 1, .diallers = 1},
            },
        .ratios =
            {
                {"ratio_raw", "", QUANTITY_RATE, "raw", "", 0, NULL},
                {"ratio_handmade", "", QUANTITY_RATE, "handmade", "", 0, NULL},
                {"ratio_leveldb", "", QUANTITY_BYTES, "leveldb", "", 0, NULL},
                {"ratio_cpu_raw", "", QUANTITY_CPU, "raw", "", 0, NULL},
            },
        .against = "raw,leveldb",
        .sizes = {100},
        .count = 1000000,
        .runs = 5,
        .timeout_s = 300,
    },
    {
        .name = "request",
        .about = "a client and a service that answers with the request: one at a time, and "
                 "--inflight at once",
        .unit = "requests",
        .systems =
            {
                {RAW_REQUEST, .shape = "one", .many = 1},
                {RAW_REQUEST, .shape = "many", .many = MANY_INFLIGHT, .times = MANY_TIMES},
                {.name = "disk", .shape = "", .levels = LEVELS_SYNC, .run = run_cast,
                 .dials = "disk", .diallers = 1, .most = DISK_MOST},
                {REQUEST, .shape = "one", .many = 1},
                {REQUEST, .shape = "many", .many = MANY_INFLIGHT, .times = MANY_TIMES},
            },
        .ratios =
            {
                {"ratio_raw_p50", "one", QUANTITY_P50, "raw", "one", 0, NULL},
                {"ratio_raw_syncs_p50", "one", QUANTITY_P50, "raw", "one", 2, "fsync"},
                {"ratio_raw", "many", QUANTITY_RATE, "raw", "many", 0, NULL},
                {"ratio_one", "many", QUANTITY_RATE, "godwit", "one", 0, NULL},
            },
        .against = "raw,disk",
        .sizes = {100},
        .count = 10000,
        .runs = 5,
        .timeout_s = 300,
    },
    {
        .name = "fanout",
        .about = "one producer and --members workers of a stage, beside one worker",
        .unit = "messages",
        .systems =
            {
                {RAW_1_TO_1, .shape = "1-1", .listeners = 1, .diallers = 1},
                {RAW_1_TO_1, .shape = "1-N", .diallers = 1},
                {STAGE, .shape = "1-1", .listeners = 1, .diallers = 1},
                {STAGE, .shape = "1-N", .diallers = 1},
            },
        .ratios =
            {
                {"ratio_raw", "1-1", QUANTITY_RATE, "raw", "1-1", 0, NULL},
                {"ratio_raw", "1-N", QUANTITY_RATE, "raw", "1-N", 0, NULL},
                {"ratio_one", "1-N", QUANTITY_RATE, "godwit", "1-1", 0, NULL},
            },
        .against = "raw",
        .sizes = {100},
        .count = 1000000,
        .runs = 5,
        .timeout_s = 300,
    },
    {
        .name = "fanin",
        .about = "--members producers and one worker of a stage, beside one producer",
        .unit = "messages",
        .systems =
            {
                {RAW_1_TO_1, .shape = "1-1", .listeners = 1, .diallers = 1},
                {RAW_1_TO_1, .shape = "N-1", .listeners = 1},
                {STAGE, .shape = "1-1", .listeners = 1, .diallers = 1},
                {STAGE, .shape = "N-1", .listeners = 1},
            },
        .ratios =
            {
                {"ratio_raw", "1-1", QUANTITY_RATE, "raw", "1-1", 0, NULL},
                {"ratio_raw", "N-1", QUANTITY_RATE, "raw", "N-1", 0, NULL},
                {"ratio_one", "N-1", QUANTITY_RATE, "godwit", "1-1", 0, NULL},
            },
        .against = "raw",
        .sizes = {100},
        .count = 1000000,
        .runs = 5,
        .timeout_s = 300,
    },
    {
        .name = "links",
        .about = "--links between two processes beside one: a hub and as many workers, and a mesh",
        .unit = "messages",
        .systems =
            {
                {RAW_LINKS, .shape = "one", .many = 1},
                {RAW_LINKS, .shape = "many", .many = MANY_LINKS},
                {HUB, .shape = "one", .many = 1},
                {HUB, .shape = "many", .many = MANY_LINKS},
                {MESH, .shape = "mesh", .many = MANY_LINKS},
            },
        .ratios =
            {
                {"ratio_raw", "one", QUANTITY_RATE, "raw", "one", 0, NULL},
                {"ratio_raw", "many", QUANTITY_RATE, "raw", "many", 0, NULL},
                {"ratio_one", "many", QUANTITY_RATE, "godwit", "one", 0, NULL},
                {"ratio_raw", "mesh", QUANTITY_RATE, "raw", "many", 0, NULL},
                {"ratio_one", "mesh", QUANTITY_RATE, "godwit", "one", 0, NULL},
                {"kib_per_link", "many", QUANTITY_LINK_KIB, "godwit", "many", 0, NULL},
                {"kib_per_raw_link", "many", QUANTITY_LINK_KIB, "raw", "many", 0, NULL},
            },
        .against = "raw",
        .sizes = {100},
        .count = 1000000,
        .runs = 5,
        .timeout_s = 300,
    },
    {
        .name = "backlog",
        .about = "--count messages pushed with nobody there, then taken by one worker",
        .unit = "messages",
        .systems =
            {
                {STAGE, .shape = "none", .listeners = 1, .diallers = 1, .most = 3000000},
                {.name = "godwit", .shape = "held", .levels = LEVELS_ALL, .run = run_backlog,
                 .holds = true},
            },
        .ratios =
            {
                {"ratio_none", "held", QUANTITY_RATE, "godwit", "none", 0, NULL},
                {"ratio_beside_none", "held", QUANTITY_BESIDE, "godwit", "none", 0, NULL},
            },
        .against = "none",
        .sizes = {100},
        .count = 10000000,
        .runs = 1,
        .timeout_s = 3600,
    },
    {
        .name = "recover",
        .about = "a sender that holds --count messages is killed and comes back: to the first of "
                 "them taken",
        .unit = "restarts",
        .systems = {{.name = "godwit", .shape = "", .levels = LEVELS_STORED, .run = run_recover,
                     .holds = true}},
        .against = "none",
        .sizes = {100},
        .count = 10000000,
        .runs = 3,
        .timeout_s = 3600,
    },
    {
        .name = "large",
        .about = "one producer and one worker of a stage, messages of 64 KiB to 16 MiB (the most)",
        .unit = "messages",
        .systems =
            {
                {RAW_1_TO_1, .shape = "", .listeners = 1, .diallers = 1},
                {LEVELDB},
                {STAGE, .shape = "", .listeners = 1, .diallers = 1},
            },
        .ratios =
            {
                {"ratio_raw", "", QUANTITY_RATE, "raw", "", 0, NULL},
                {"ratio_leveldb", "", QUANTITY_BYTES, "leveldb", "", 0, NULL},
            },
        .against = "raw,leveldb",
        .sizes = {64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20},
        .runs = 5,
        .timeout_s = 300,
    },
    {
        .name = "secure",
        .about = "not yet: needs peers with keys",
        .missing = "peers have no keys, and links are not encrypted",
    },
};

const struct work *work_at(size_t index)
{
    return index < sizeof(works) / sizeof(*works) ? &works[index] : NULL;
}

const struct work *work_named(const char *name)
{
    const struct work *work;
    for (size_t i = 0; (work = work_at(i)); i++) {
        if (strcmp(work->name, name) == 0)
            return work;
    }
    return NULL;
}
