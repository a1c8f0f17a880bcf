/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_CLI_H
#define GODWIT_CLI_H

/* What the verbs of the command share. A verb is a function: argv[0] is its name, what it returns
 * is the exit status. It has printed a sentence before it returns anything but OK. */

#include <godwit.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { OK = 0, FAILED = 1, USAGE = 2, NOT_FOUND = 3, TIMED_OUT = 4, REMOTE = 5, NO_SERVICE = 6 };

int verb_counters(int argc, char **argv);
int verb_dead(int argc, char **argv);
int verb_find(int argc, char **argv);
int verb_forfeit(int argc, char **argv);
int verb_recv(int argc, char **argv);
int verb_request(int argc, char **argv);
int verb_send(int argc, char **argv);
int verb_serve(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_top(int argc, char **argv);
int verb_withdraw(int argc, char **argv);
extern const char help_counters[], help_dead[], help_find[], help_forfeit[], help_recv[],
    help_request[], help_send[], help_serve[], help_status[], help_top[], help_withdraw[];

/* "godwit VERB: sentence; see `godwit help VERB`", and USAGE. */
int refuse(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "godwit VERB: the library's last sentence", and the exit status that goes with the error. */
int failed(const char *verb, godwit_err_t error);

/* The argument of an option as a whole number; USAGE after a sentence, or OK. */
int option_number(const char *verb, const char *option, const char *text, long least, long most,
                  long *value);
/* Seconds, with a fraction, as milliseconds: 0 up to a million; "never" is -1. */
int option_seconds(const char *verb, const char *option, const char *text, int *milliseconds);

/* Set by SIGINT, SIGTERM and SIGHUP once stop_on_signals was called. */
extern volatile bool stop_asked;
void stop_on_signals(void);

#define PEER_MESSAGE_MAX (16u << 20) /* what these peers send and take: the most there is */

/* What the verbs that are a peer take from their command line. */
struct peer_choice {
    const char *connect;
    const char *bind;
    const char *directory; /* NULL: in memory */
    const char *name;      /* NULL: the store's, or one of its own in memory */
    bool unauthenticated;
};
/* Opens, binds and connects. OK or a status after a sentence. */
int peer_begin(const char *verb, const struct peer_choice *choice, godwit_peer_t **peer);

#endif
