/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_TRANSACTION_H
#define GODWIT_TRANSACTION_H

/* Exactly-once effect: inputs decided, outputs sent and keys written commit in one atomic write of
 * the store.
 *
 *     godwit_txn_begin(peer, &txn);
 *     godwit_txn_ack(txn, delivery);
 *     godwit_txn_send_data(txn, "stage:next", bytes, size);
 *     godwit_txn_put(txn, "seen", key, key_size, value, value_size);
 *     switch (godwit_txn_commit(&txn)) ...
 *
 * A transaction is built in memory by one thread; nothing of it is visible before its commit. Keys
 * live in named spaces of the peer's own store (spaces: 1-64 of [a-z0-9._-], not beginning with
 * "godwit."; keys: 1-512 bytes; values: up to 256 KiB). At most 10,000 operations,
 * 1 MiB of keys, values and reasons, and 1 MiB of messages (max_message, if that is more); a larger
 * one answers GODWIT_ETOOLARGE and is unchanged. */

#include "godwit/delivery.h"
#include "godwit/error.h"
#include "godwit/peer.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct godwit_txn godwit_txn_t;

/* GODWIT_ENOMEM, GODWIT_ECLOSED. */
GODWIT_EXPORT godwit_err_t godwit_txn_begin(godwit_peer_t *peer, godwit_txn_t **txn);

/* The delivery will be processed by the commit. It stays the caller's until then: a successful
 * commit frees it; after a conflict or an abort it is in hand as before.
 * GODWIT_EINVAL if it is in a transaction already.
 * GODWIT_ETOOLARGE, GODWIT_ENOMEM. */
GODWIT_EXPORT godwit_err_t godwit_txn_ack(godwit_txn_t *txn, godwit_delivery_t *delivery);

/* A message that exists once the commit does. The bytes are copied.
 * GODWIT_EINVAL, GODWIT_ETOOLARGE, GODWIT_ENOMEM. */
GODWIT_EXPORT godwit_err_t godwit_txn_send_data(godwit_txn_t *txn, const char *destination,
                                                const void *data, size_t size);

/* The same for a message with headers; takes it on success. */
GODWIT_EXPORT godwit_err_t godwit_txn_send(godwit_txn_t *txn, const char *destination,
                                           godwit_message_t **message);
/* The delivery will be rejected by the commit. Otherwise as godwit_txn_ack. */
GODWIT_EXPORT godwit_err_t godwit_txn_reject(godwit_txn_t *txn, godwit_delivery_t *delivery,
                                             uint32_t code, const char *why);

/* Reads a key: the transaction's own write if it made one, else the committed value. *value is a
 * copy to be given to godwit_free. The commit will answer GODWIT_ECONFLICT if the key changed in
 * between.
 * GODWIT_ENOTFOUND (also remembered for the conflict test), GODWIT_EINVAL, GODWIT_ETOOLARGE (the
 * key, or one operation too many), GODWIT_ENOMEM, GODWIT_ECORRUPT, GODWIT_EIO, GODWIT_EBUSY
 * (a failed store is being reopened: try again). */
GODWIT_EXPORT godwit_err_t godwit_txn_get(godwit_txn_t *txn, const char *space, const void *key,
                                          size_t key_size, void **value, size_t *value_size);
/* Writes or deletes a key; its bytes are copied. The last of several writes of a key counts.
 * GODWIT_EINVAL, GODWIT_ETOOLARGE, GODWIT_ENOMEM. */
GODWIT_EXPORT godwit_err_t godwit_txn_put(godwit_txn_t *txn, const char *space, const void *key,
                                          size_t key_size, const void *value, size_t value_size);
GODWIT_EXPORT godwit_err_t godwit_txn_delete(godwit_txn_t *txn, const char *space, const void *key,
                                             size_t key_size);

/* Commits and waits until it is stored. Frees the transaction and its deliveries and nulls *txn on
 * GODWIT_OK, and also on GODWIT_ESTALE, GODWIT_ECLOSED and GODWIT_ENOTSTORED (the store failed and,
 * after it was reopened, the transaction was found not to be in it): nothing of it happened, and
 * its deliveries come again. GODWIT_EIO frees it too: the store failed and the peer was closed
 * before it could be reopened, so that only the next open shows whether the transaction is in it.
 * On GODWIT_ECONFLICT (a key read was changed since), GODWIT_EFULL or GODWIT_ETIMEDOUT (the outbox
 * is full), GODWIT_EBUSY (a failed store is being reopened; these three as full_timeout_ms says),
 * GODWIT_ETOOLARGE, GODWIT_EINVAL (too many destinations) or GODWIT_ENOMEM nothing happened, *txn
 * is still there: abort it, and its deliveries are in hand as before. */
GODWIT_EXPORT godwit_err_t godwit_txn_commit(godwit_txn_t **txn);

/* The same without waiting for the disk: on GODWIT_OK the transaction has its place among the
 * commits, and the thread can take its next message meanwhile. *txn and its deliveries are freed.
 *
 * Nothing is promised less: what it decides and sends is one write, and no message and no
 * acknowledgement leaves before that is stored. It begins within twice the time of a commit, 5 ms
 * at most, or with the next call that is waited for. Until it is done the transaction stands as
 * what godwit_ack leaves does: a crash takes all of it back, and the messages that it decides come
 * again, flagged redelivered. So they do, without another word, if the store fails and the
 * transaction is not in it, or if one of its messages was settled without it. The function
 * godwit_peer_drain(GODWIT_STORED) waits for what it sends, and tells if that was not stored.
 * Transactions that wait for the same write may join: then all of them happen, or none.
 *
 * It is waited for as by godwit_txn_commit if its caller could tell the difference, or if there is
 * too much under way: if it reads, puts or deletes a key (whoever reads it next finds it written),
 * rejects a message, or finds no room; and while 4,096 operations (each message decided or sent is
 * one) or 8 MiB are under way in this peer. Then, and on any error, it is godwit_txn_commit, with
 * its results. Any thread may call it, one at a time per transaction. */
GODWIT_EXPORT godwit_err_t godwit_txn_commit_async(godwit_txn_t **txn);

/* Forgets it; its deliveries are in hand as before. Nulls *txn; NULL is accepted. */
GODWIT_EXPORT void godwit_txn_abort(godwit_txn_t **txn);

/* Reading outside a transaction: committed values, one by one. *value is a copy to be given to
 * godwit_free.
 * GODWIT_ENOTFOUND, GODWIT_EINVAL, GODWIT_ETOOLARGE (the key), GODWIT_ENOMEM, GODWIT_ECORRUPT,
 * GODWIT_EIO, GODWIT_EBUSY (a failed store is being reopened: try again). */
GODWIT_EXPORT godwit_err_t godwit_get(godwit_peer_t *peer, const char *space, const void *key,
                                      size_t key_size, void **value, size_t *value_size);

/* Walks the committed keys of a space that start with `prefix` (NULL, 0: all), in byte order. Not a
 * snapshot: keys changed during the walk show their old or new value. One thread at a time may use
 * a cursor.
 * GODWIT_EINVAL, GODWIT_ETOOLARGE (the prefix), GODWIT_ENOMEM, GODWIT_ECLOSED. */
typedef struct godwit_cursor godwit_cursor_t;
GODWIT_EXPORT godwit_err_t godwit_scan(godwit_peer_t *peer, const char *space, const void *prefix,
                                       size_t prefix_size, godwit_cursor_t **cursor);
/* The next pair, valid until the next call on the cursor.
 * GODWIT_ENOTFOUND at the end; GODWIT_EIO and GODWIT_ENOMEM (the walk goes on where it was when
 * called again), GODWIT_ECORRUPT (it ends there). */
GODWIT_EXPORT godwit_err_t godwit_cursor_next(godwit_cursor_t *cursor, const void **key,
                                              size_t *key_size, const void **value,
                                              size_t *value_size);
/* Nulls *cursor; NULL is accepted. */
GODWIT_EXPORT void godwit_cursor_close(godwit_cursor_t **cursor);

/* Frees what godwit_get and godwit_txn_get returned. NULL is accepted. */
GODWIT_EXPORT void godwit_free(void *memory);

#ifdef __cplusplus
}
#endif
#endif
