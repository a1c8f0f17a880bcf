/* SPDX-License-Identifier: MPL-2.0 */
#ifndef CALL_H
#define CALL_H

/* One request while its handler runs: the delivery, the transaction and the reply so far. */

#include "godwit/request_reply.h"

struct godwit_call {
    godwit_peer_t *peer;
    godwit_inbox_t *inbox; /* of its service */
    godwit_delivery_t *delivery; /* NULL: decided, or gone with a commit */
    godwit_txn_t *txn;
    void *data; /* of the reply */
    size_t size;
    godwit_message_t *heads; /* an empty message that holds the reply's headers; NULL: none yet */
    char **keys;             /* of these */
    size_t key_count;
    char *text; /* of an error; NULL: none */
};

/* Forgets what the handler said of the reply, for another run. */
void gw_call_reset(godwit_call_t *call);

/* The reply as a message: `code` 0 for the handler's answer, else an error with its text. */
godwit_err_t gw_call_message(const godwit_call_t *call, uint32_t code, godwit_message_t **message);

#endif
