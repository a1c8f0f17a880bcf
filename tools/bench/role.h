/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_ROLE_H
#define GODWIT_BENCH_ROLE_H

/* What a process of the bench does, and what it says of it (the lines are those of cast.h). It ends
 * when its standard input ends. Each role returns its exit status. */

#include "bench.h"
#include "histogram.h"

struct role {
    const char *name;
    const char *directory; /* of this process alone; "-" if it needs none */
    const char *level;     /* durability; "-" if it has none */
    size_t size;
    uint64_t count;
    unsigned number;       /* which of its kind it is, from 0 */
    unsigned many;         /* links, or requests in flight */
    unsigned window;       /* of a godwit peer; 0: its default */
    const char *endpoints; /* of those who dial, with commas; NULL */
};

int role_raw_receive(const struct role *role);
int role_raw_send(const struct role *role);
int role_handmade_take(const struct role *role);
int role_handmade_send(const struct role *role);
int role_leveldb(const struct role *role);
int role_stage_work(const struct role *role);
int role_stage_push(const struct role *role);
int role_disk(const struct role *role);
int role_raw_answer(const struct role *role);
int role_raw_ask(const struct role *role);
int role_serve(const struct role *role);
int role_ask(const struct role *role);
int role_raw_hub(const struct role *role);
int role_hub_push(const struct role *role);
int role_hub_take(const struct role *role);
int role_mesh_push(const struct role *role);
int role_mesh_take(const struct role *role);
int role_backlog_fill(const struct role *role);
int role_backlog_take(const struct role *role);
int role_recover_take(const struct role *role);
int role_recover_open(const struct role *role);

/* Runs the role that the command line names (role NAME DIRECTORY LEVEL SIZE COUNT NUMBER MANY
 * WINDOW ENDPOINTS). */
int role_main(int argc, char **argv);

/* One line to the bench. */
void role_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "ready", and waits until the bench says go. False if it wants no more. */
bool role_ready(void);
void role_say_begin(void);
void role_say_end(void);
void role_say_took(uint64_t count, double at_s);
void role_say_latency(const struct histogram *histogram);
/* Whether the bench wants no more; does not wait. */
bool role_ended(void);
/* Waits until it wants no more. */
void role_wait_end(void);
/* What was to be timed is done: says so, and how long each took (NULL: that was not measured), and
 * waits until it wants no more. */
void role_finish(const struct histogram *latency);

/* The next of the comma-separated endpoints at *list, in `text`; false if there is none. */
bool role_endpoint(const char **list, char *text, size_t size);

/* Random bytes to send, so that nothing on the way can compress them. Message i begins at
 * payload_at(i): a place in a pool larger than any compressor's memory, no copy is made. */
struct payload {
    unsigned char *pool;
    size_t size;
    uint64_t places;
};

bool payload_init(struct payload *payload, size_t size);
void payload_clear(struct payload *payload);
const void *payload_at(const struct payload *payload, uint64_t index);

#endif
