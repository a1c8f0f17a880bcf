/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_ERROR_H
#define GW_PEER_ERROR_H

/* The sentence behind godwit_last_error. Every function of the public API that fails goes through
 * gw_error, so that code and sentence never disagree. */

#include "godwit/error.h"
#include "store/store.h"

#define GW_SENTENCE_SIZE 512

/* Sets this thread's sentence and returns `error`. */
godwit_err_t gw_error(godwit_err_t error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

godwit_err_t gw_error_memory(void); /* GODWIT_ENOMEM */
godwit_err_t gw_error_closed(void); /* GODWIT_ECLOSED: the peer */
godwit_err_t gw_error_fork(void);   /* GODWIT_EFORK */
/* GODWIT_EBUSY, whatever the call: the store failed and is not there yet. */
godwit_err_t gw_error_reopening(void);

/* The public code for a store's. */
godwit_err_t gw_error_of_store(enum gw_store_error error);
/* The public code for a negative errno of the net. */
godwit_err_t gw_error_of_errno(int error);

#endif
