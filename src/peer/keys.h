/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_KEYS_H
#define GW_PEER_KEYS_H

/* Reading application keys in the caller's thread, straight from the store. */

#include "base/bytes.h"
#include "godwit/transaction.h"
#include "peer/handle.h"

/* Checked arguments; inside gw_peer_enter. Appends the value. GODWIT_ENOTFOUND, GODWIT_EIO ... */
godwit_err_t gw_key_read(struct godwit_peer *peer, const char *space, struct gw_slice key,
                         struct gw_buffer *value);

/* A copy for the caller of godwit_get: malloc'ed also for no bytes. */
godwit_err_t gw_key_copy(struct gw_slice bytes, void **value, size_t *value_size);

#endif
