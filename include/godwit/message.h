/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_MESSAGE_H
#define GODWIT_MESSAGE_H

#include "godwit/error.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A message id: unique without coordination, since every open of a store draws new epochs. All zero
 * is no id. */
typedef struct godwit_id {
    uint64_t epoch;
    uint64_t sequence;
} godwit_id_t;

#define GODWIT_ID_TEXT_SIZE 33 /* 32 hex digits and a NUL */

/* Writes the id as 32 lower-case hex digits (epoch, then sequence) and a NUL. Cannot fail. */
GODWIT_EXPORT void godwit_id_format(godwit_id_t id, char text[GODWIT_ID_TEXT_SIZE]);

/* Reads what godwit_id_format wrote.
 * GODWIT_EINVAL if the text is anything else. */
GODWIT_EXPORT godwit_err_t godwit_id_parse(const char *text, godwit_id_t *id);

/* Bytes to send. Opaque; belongs to whoever made it until a send takes it. */
typedef struct godwit_message godwit_message_t;

/* Copies `size` bytes (0 is allowed, data may then be NULL) into a new message.
 * GODWIT_EINVAL, GODWIT_ENOMEM. The peer's max_message is checked when it is sent. */
GODWIT_EXPORT godwit_err_t godwit_message_new(const void *data, size_t size,
                                              godwit_message_t **message);
/* Nulls *message; NULL is accepted. */
GODWIT_EXPORT void godwit_message_destroy(godwit_message_t **message);
/* The bytes, which may be changed until the message is sent. */
GODWIT_EXPORT void *godwit_message_data(godwit_message_t *message);
GODWIT_EXPORT size_t godwit_message_size(const godwit_message_t *message);

/* Headers: named bytes beside the message's own. Keys are 1-64 of [a-z0-9._-], values 0 to 65,000
 * bytes; all headers together at most 65,000 bytes with 4 more for each, and they count for
 * max_message. Setting a key again replaces its value; a NULL value removes it.
 * GODWIT_EINVAL, GODWIT_ETOOLARGE, GODWIT_ENOMEM. */
GODWIT_EXPORT godwit_err_t godwit_message_set_header(godwit_message_t *message, const char *key,
                                                     const void *value, size_t size);
/* A header's value, valid until the message is changed, sent or destroyed.
 * GODWIT_EINVAL, GODWIT_ENOTFOUND. */
GODWIT_EXPORT godwit_err_t godwit_message_header(const godwit_message_t *message, const char *key,
                                                 const void **value, size_t *size);

#ifdef __cplusplus
}
#endif
#endif
