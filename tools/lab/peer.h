/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_PEER_H
#define LAB_PEER_H

/* godwit lab-peer: ready processes for the lab, written against the public headers alone. Each
 * keeps the ledger (ledger.h) on its standard output; what they say to people goes to standard
 * error. */

#include <godwit.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_ENDPOINTS_MAX 16
#define PEER_MILLION       1000000u

enum { PEER_OK = 0, PEER_FAILED = 1, PEER_USAGE = 2 };

enum peer_break { /* promises broken on purpose */
    PEER_KEEPS,
    PEER_LOSES,    /* one message in ten is acknowledged without its effect */
    PEER_REPEATS,  /* one in ten has its effect twice */
    PEER_REORDERS, /* what came together is processed back to front */
    PEER_EARLY,    /* says that it processed before that is durable */
    PEER_SILENT,   /* one in ten is acknowledged and nothing is done or said */
};

struct peer_options {
    const char *role;
    const char *directory; /* NULL: in memory */
    const char *name;
    const char *bind[PEER_ENDPOINTS_MAX], *connect[PEER_ENDPOINTS_MAX];
    size_t binds, connects;
    const char *stage, *service, *onward;
    godwit_durability_t durability;
    uint64_t heartbeat_ms;
    uint64_t messages, seconds; /* 0: no end */
    uint64_t rate;              /* a second; 0: as fast as it goes */
    uint64_t size;
    bool ordered, passed_on;
    uint64_t failover_ms; /* 0: strict */
    uint64_t batch, threads, credit;
    uint64_t slow_ms;
    uint64_t nack, reject, crash; /* chances in a million */
    uint64_t seed;
    bool verbose;
    enum peer_break breaks;
};

/* False after a sentence on standard error, or after the help (*status is PEER_OK then). */
bool peer_options_read(int argc, char **argv, struct peer_options *options, int *status);

/* --- roles: the exit status --- */

int peer_send(const struct peer_options *options); /* push and ask */
int peer_work(const struct peer_options *options);
int peer_serve(const struct peer_options *options);
int peer_audit(const struct peer_options *options);

/* --- what they share (peer_common.c) --- */

extern volatile bool peer_stopped; /* SIGTERM, SIGINT or SIGHUP: end politely */
void peer_listen_to_signals(void);

/* "godwit lab-peer: ...", one line. */
void peer_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* True if there is no error; else it was said what could not be done and why. */
bool peer_good(godwit_err_t error, const char *what);
/* True: nothing is wrong with what was tried; the outbox is full or the store is being reopened,
 * so it has to be tried again, after a pause. */
bool peer_again(godwit_err_t error);

/* Opens, and unless it audits says the level in force. False after a sentence. */
bool peer_open(const struct peer_options *options, bool outcomes, godwit_peer_t **peer);
/* Binds and dials. */
bool peer_meet(const struct peer_options *options, godwit_peer_t *peer);

/* Writes one key, again and again while a failed store is being reopened; once it is told to end it
 * does not insist. False after a sentence that begins with `what`. */
bool peer_put(godwit_peer_t *peer, const char *space, const char *key, const void *value,
              size_t size, const char *what);
/* godwit_get, and again while a failed store is being reopened. */
godwit_err_t peer_get(godwit_peer_t *peer, const char *space, const void *key, size_t key_size,
                      void **value, size_t *size);

uint64_t peer_now_us(void); /* of the machine since its start: the same in all processes */
/* Waits so long, or until it is told to stop. */
void peer_pause_us(uint64_t us);
/* Whether it happens to this attempt of this message: the same in every run with that seed. */
bool peer_chance(const struct peer_options *options, uint64_t in_a_million, godwit_id_t id,
                 uint32_t attempt, uint32_t what);

void peer_put_number(unsigned char *bytes, uint64_t number); /* 8 of them, big-endian */
uint64_t peer_get_number(const unsigned char *bytes);

/* The effect of a message: a count in the store of who processes it, raised by `by`. */
#define PEER_EFFECTS    "lab.effects"
#define PEER_EFFECT_KEY 16 /* epoch and sequence, big-endian */
void peer_effect_key(godwit_id_t id, unsigned char key[PEER_EFFECT_KEY]);
godwit_id_t peer_effect_id(const unsigned char *key);
godwit_err_t peer_effect_raise(godwit_txn_t *txn, godwit_id_t id, uint64_t by, uint64_t *count);

/* Headers of what is passed on: the id by which the ledger knows it. */
#define PEER_ORIGIN "lab.origin"

/* --- the ledger (peer_say.c) --- */

#define PEER_SAY_SIZE 4096 /* PIPE_BUF: so much goes into a pipe in one piece */

struct peer_say { /* lines that are written together; {0} is empty */
    size_t size;
    char text[PEER_SAY_SIZE];
};

/* One line. Writes what is there if it is full. Whoever cannot write ends the process at once: a
 * ledger with holes is worse than a process that died. */
void peer_say(struct peer_say *say, const char *format, ...) __attribute__((format(printf, 2, 3)));
void peer_say_all(struct peer_say *say); /* writes what is there */
/* True, after a sentence, if nobody reads the ledger any more: whoever started it has gone. */
bool peer_unheard(void);

struct peer_range { /* ids in a row, of which the same is to be said */
    godwit_id_t first;
    uint64_t count;
    uint32_t tag;
};

#define PEER_RANGES_MAX 1024

struct peer_ranges {
    size_t count;
    struct peer_range ranges[PEER_RANGES_MAX];
};

/* Adds an id behind the others; false: full. */
bool peer_ranges_add(struct peer_ranges *ranges, godwit_id_t id, uint32_t tag);
/* "ID" or "ID+N". Static text of the thread. */
const char *peer_range_text(const struct peer_range *range);

#endif
