/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_PEER_SEND_H
#define LAB_PEER_SEND_H

/* A sender, as push and ask are: one thread sends and says what was accepted, one says how messages
 * ended, and for ask a third one takes the replies. */

#include "peer.h"

#include <stdatomic.h>

struct peer_sender {
    const struct peer_options *options;
    godwit_peer_t *peer;
    char destination[80];
    bool asks;
    atomic_bool failed; /* somebody complained: all end */
    atomic_bool over;   /* all is settled: what is there to be told, is told now */
    atomic_uint_fast64_t processed; /* outcomes in all lives: messages that were */
    atomic_uint_fast64_t ended;     /* and these with dead letters and withdrawn ones */
    atomic_uint_fast64_t answered;  /* replies in all lives */
};

/* How messages ended (peer_outcomes.c). What was told is kept in the store, so that a restarted
 * sender knows how many it sent: those that ended, and those that its outbox still has. */

/* What earlier lives had told, and what they had not come to tell. Before the peer meets anybody.
 * `sent`: how many messages there were. False after a sentence. */
bool peer_outcomes_begin(struct peer_sender *sender, uint64_t *sent);
/* Tells outcomes until the sender is over or has failed. For a thread of its own. */
void *peer_outcomes_run(void *sender);

/* Replies to ask (peer_replies.c): collected once each, whatever comes again. */
bool peer_replies_begin(struct peer_sender *sender);
void *peer_replies_run(void *sender);

/* What serve answers: epoch, sequence, and how often the effect has happened, big-endian. */
#define PEER_ANSWER_SIZE (PEER_EFFECT_KEY + 8)

#endif
