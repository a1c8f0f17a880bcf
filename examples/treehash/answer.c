/* SPDX-License-Identifier: MPL-2.0 */
/* Runs on a thread of the service, beside the collector's stage: what they share is the keys, and a
 * transaction that read a key which changed meanwhile is simply run again. */

#include "answer.h"
#include "found.h"
#include "program.h"
#include <endian.h>
#include <string.h>

#define ASKED "asked"

/* The value of a request's number. */
struct asked {
    uint64_t count;
    struct answer answer;
};

static godwit_err_t look_up(godwit_txn_t *txn, const char *path, size_t path_size,
                            struct answer *answer)
{
    uint8_t key[TH_KEY_MAX];
    struct found found;
    void *value;
    size_t size;
    size_t key_size = th_key(path, path_size, key);
    godwit_err_t error = godwit_txn_get(txn, FOUND_FILES, key, key_size, &value, &size);
    if (error)
        return error == GODWIT_ENOTFOUND ? GODWIT_OK : error;
    memcpy(&found, value, size < sizeof(found) ? size : sizeof(found));
    godwit_free(value);
    answer->known = 1;
    memcpy(answer->digest, found.bytes + found.path_size, TH_DIGEST_SIZE);
    return GODWIT_OK;
}

static godwit_err_t count(godwit_txn_t *txn, const struct answer *answer)
{
    struct asked asked = {0};
    void *value;
    size_t size;
    godwit_err_t error =
        godwit_txn_get(txn, ASKED, answer->number, sizeof(answer->number), &value, &size);
    if (error && error != GODWIT_ENOTFOUND)
        return error;
    if (!error) {
        memcpy(&asked, value, size < sizeof(asked) ? size : sizeof(asked));
        godwit_free(value);
    }
    asked.count++;
    asked.answer = *answer;
    return godwit_txn_put(txn, ASKED, answer->number, sizeof(answer->number), &asked,
                          sizeof(asked));
}

uint32_t answer(void *context, godwit_call_t *call)
{
    (void)context;
    struct answer answer = {0};
    const char *data = godwit_call_data(call);
    size_t size = godwit_call_size(call);
    if (size <= sizeof(answer.number) || size > sizeof(answer.number) + TH_PATH_MAX) {
        godwit_call_fail(call, "not a number and a path");
        return 1;
    }
    memcpy(answer.number, data, sizeof(answer.number));
    if (look_up(godwit_call_txn(call), data + sizeof(answer.number),
                size - sizeof(answer.number), &answer) ||
        count(godwit_call_txn(call), &answer) ||
        godwit_call_reply(call, &answer, sizeof(answer)))
        return GODWIT_CALL_RETRY; /* the store is being reopened, or no memory */
    return 0;
}

void answer_digest_write(const struct answer *answer, FILE *file)
{
    for (size_t i = 0; answer->known && i < TH_DIGEST_SIZE; i++)
        fprintf(file, "%02x", answer->digest[i]);
    if (!answer->known)
        fputc('-', file);
}

void answer_write(godwit_peer_t *peer, FILE *counts)
{
    godwit_cursor_t *cursor;
    const void *key, *value;
    size_t key_size, size;
    struct asked asked;
    godwit_err_t error;
    th_check(godwit_scan(peer, ASKED, NULL, 0, &cursor), "scan");
    while (!(error = godwit_cursor_next(cursor, &key, &key_size, &value, &size))) {
        uint64_t number;
        if (size != sizeof(asked))
            th_die("a request in the store was written by another version");
        memcpy(&asked, value, sizeof(asked));
        memcpy(&number, asked.answer.number, sizeof(number));
        fprintf(counts, "asked %llu %llu ", (unsigned long long)be64toh(number),
                (unsigned long long)asked.count);
        answer_digest_write(&asked.answer, counts);
        fputc('\0', counts);
    }
    if (error != GODWIT_ENOTFOUND)
        th_check(error, "scan");
    godwit_cursor_close(&cursor);
}
