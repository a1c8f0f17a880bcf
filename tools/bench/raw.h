/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_RAW_H
#define GODWIT_BENCH_RAW_H

/* One plain libzmq socket, as the baselines use it. */

#include "role.h"

#define RAW_IDLE_MS 20 /* a receive waits so long and then returns EAGAIN */

struct raw {
    void *context, *socket;
};

/* Opens it with the settings that raw.c gives its reasons for. False after a sentence. */
bool raw_open(struct raw *raw, int type, size_t size);
void raw_close(struct raw *raw);
/* No limit on what waits to be sent: a ROUTER drops what is above it. For those who answer, whose
 * askers bound what is under way. */
void raw_unlimited(struct raw *raw);

/* After a call of libzmq that returned `result`. False after a sentence. */
bool raw_check(int result, const char *what);

/* Binds to a free port of loopback and says "endpoint ...". */
bool raw_listen(struct raw *raw);
/* Connects to each endpoint, then sends an empty message over each connection and waits until all
 * are answered: all connections are there, and that is not in the time. */
bool raw_meet(struct raw *raw, const struct role *role);

#endif
