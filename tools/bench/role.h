/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_ROLE_H
#define GODWIT_BENCH_ROLE_H

/* What a process of the bench does. A receiver says "endpoint TEXT" once it listens, and stays
 * until its standard input ends. A sender is given the endpoint, says "seconds NUMBER" once its
 * last message is settled, and ends. In a backlog it is the other way round (backlog.c reads what
 * they say). Each returns its exit status. */

#include "bench.h"

struct role {
    const char *directory; /* of this process alone; "-" if it needs none */
    const char *level;     /* durability; "-" for raw */
    size_t size;
    uint64_t count;
    const char *endpoint; /* of those who dial */
};

int role_raw_receive(const struct role *role);
int role_raw_send(const struct role *role);
int role_stage_work(const struct role *role);
int role_stage_push(const struct role *role);
int role_backlog_fill(const struct role *role); /* listens, when all is stored */
int role_backlog_take(const struct role *role); /* dials */

/* Runs the role that the command line names (role NAME DIRECTORY LEVEL SIZE COUNT [ENDPOINT]). */
int role_main(int argc, char **argv);

/* For roles: one line to the bench. */
void role_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* For receivers: waits until the bench wants no more. */
void role_wait_end(void);

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
