/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_ASK_H
#define GODWIT_ASK_H

/* Asking a peer by its directory. Functions return OK, or an exit status after a sentence. */

#include "cli.h"

#define ASK_MS 15000

int ask_open(const char *verb, const char *directory, godwit_inspect_t **inspect);
int ask(const char *verb, godwit_inspect_t *inspect, const char *request, char **answer);
/* Opens, asks one thing, closes. */
int ask_once(const char *verb, const char *directory, const char *request, char **answer);

/* For requests that change something: a running peer is asked as it is; a stopped one is opened
 * here, without links, under its own name (or, where there is no store yet, `name`, if that is
 * given). *peer is NULL if it runs elsewhere. */
int ask_begin(const char *verb, const char *directory, const char *name,
              godwit_inspect_t **inspect, godwit_peer_t **peer);
/* Closes what ask_begin opened. */
void ask_end(godwit_inspect_t **inspect, godwit_peer_t **peer);

/* Prints the answer's lines as they are, those of one kind, or all with NULL. */
void ask_print(const char *answer, const char *kind);

/* Where most verbs begin: "--json", "--help" and so many words as `words` says. */
struct plain {
    bool json;
    const char *words[3];
};
int ask_options(int argc, char **argv, const char *help, size_t words, const char *usage,
                struct plain *plain); /* -1: the help was printed */

#endif
