/* SPDX-License-Identifier: MPL-2.0 */
#ifndef PEERS_CLIENT_H
#define PEERS_CLIENT_H

/* What the clients of all systems have in common. client.c has main(): it makes the queue, starts a
 * process that consumes and, when that one is ready, a process that produces, waits for both and
 * prints one line. Each system gives the three functions below; each ends the process with die()
 * when anything is not as it should be. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEERS_NAME "godwit_peers" /* of the stream, the queue, the consumer */

struct work {
    const char *host;
    int port;
    const char *variant; /* of the system: "quorum", ... */
    size_t size;         /* bytes of one message */
    uint64_t count;
};

/* Makes the queue or stream, empty. */
void prepare(const struct work *work);

/* Takes `count` messages, each checked with check_message(), and returns when the system has been
 * told of the last one that it is done. Calls ready() once messages may be sent. */
void consume(const struct work *work);

/* Calls begin(), sends `count` messages and returns when the system has said of each of them that
 * it has it. Message i is message_at(i). */
void produce(const struct work *work);

void ready(void);
void begin(void);
const void *message_at(uint64_t index);
void check_message(const void *data, size_t size);
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
