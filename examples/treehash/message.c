/* SPDX-License-Identifier: MPL-2.0 */
/* The bytes of the messages. Whoever reads trusts nothing: every length is checked. */

#include "message.h"
#include <sodium.h>
#include <string.h>

#define MAYBE_AGAIN 0x80u

static uint8_t *put(uint8_t *at, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    return at + size;
}

static uint64_t get(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

size_t th_message_head(const struct th_message *message, uint8_t *head)
{
    uint8_t *at = put(head, message->kind | (message->maybe_again ? MAYBE_AGAIN : 0), 1);
    at = put(at, message->number, 8);
    at = put(at, message->path_size, 4);
    if (message->path_size)
        memcpy(at, message->path, message->path_size);
    return (size_t)(at - head) + message->path_size;
}

/* What holds for each kind beyond the layout. */
static bool plausible(const struct th_message *message)
{
    if (message->kind < TH_FILE || message->kind > TH_END)
        return false;
    if ((message->path_size == 0) != (message->kind == TH_END))
        return false;
    if (message->path_size && memchr(message->path, 0, message->path_size))
        return false;
    switch (message->kind) {
    case TH_PART:
        return message->data_size == TH_PART_SIZE;
    case TH_FILE:
    case TH_LAST:
        return message->data_size < TH_PART_SIZE;
    case TH_DIGEST:
        return message->data_size == TH_DIGEST_SIZE;
    default:
        return true;
    }
}

bool th_message_read(const void *bytes, size_t size, struct th_message *message)
{
    const uint8_t *at = bytes;
    if (size < 13)
        return false;
    size_t path_size = (size_t)get(at + 9, 4);
    if (path_size > TH_PATH_MAX || path_size > size - 13)
        return false;
    *message = (struct th_message){
        .kind = (enum th_kind)(at[0] & ~MAYBE_AGAIN),
        .maybe_again = at[0] & MAYBE_AGAIN,
        .number = get(at + 1, 8),
        .path = (const char *)at + 13,
        .path_size = path_size,
        .data = at + 13 + path_size,
        .data_size = size - 13 - path_size,
    };
    return plausible(message);
}

size_t th_key(const char *path, size_t path_size, uint8_t key[TH_KEY_MAX])
{
    const size_t kept = TH_KEY_MAX - crypto_hash_sha256_BYTES;
    if (path_size < kept) {
        memcpy(key, path, path_size);
        return path_size;
    }
    memcpy(key, path, kept);
    crypto_hash_sha256(key + kept, (const unsigned char *)path, path_size);
    return TH_KEY_MAX;
}
