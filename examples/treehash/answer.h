/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_ANSWER_H
#define TREEHASH_ANSWER_H

/* The service "digest": what the collector knows of a path by now.
 *
 *     request  | number 8 | path ... |            the client's own number, big-endian
 *     reply    | number 8 | known 1 | digest 32 | known 0: not yet, the digest is all zero
 */

#include "message.h"
#include <godwit.h>
#include <stdio.h>

#define ANSWER_SERVICE "digest"

struct answer {
    uint8_t number[8];
    uint8_t known;
    uint8_t digest[TH_DIGEST_SIZE];
};

/* A handler: answers from the keys of the collector (found.h). In the transaction of its reply it
 * raises the count of that request, so that whoever processed one twice would be found out. */
uint32_t answer(void *context, godwit_call_t *call);

/* Writes "asked NUMBER COUNT KNOWN DIGEST" for each request, each ended by a NUL. */
void answer_write(godwit_peer_t *peer, FILE *counts);

/* The digest in hexadecimal, or "-". */
void answer_digest_write(const struct answer *answer, FILE *file);

#endif
