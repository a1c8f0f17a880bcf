/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_TRANSACTION_H
#define GW_PEER_TRANSACTION_H

/* A transaction while it is built: lists in the caller's memory. All bytes are in one buffer and
 * the lists hold offsets into it, since it moves as it grows. */

#include "base/map.h"
#include "godwit/transaction.h"
#include "peer/handle.h"
#include "peer/inbox.h"

#define GW_TXN_BYTES_MAX (1024 * 1024) /* of keys, values and reasons: messages are counted apart */
#define GW_TXN_OPERATIONS_MAX 10000
#define GW_VALUE_MAX (256 * 1024)

struct gw_txn_output {
    struct gw_destination destination;
    size_t at;
    size_t size;
    uint32_t head; /* bytes of headers at its start */
    size_t group; /* while committing: which batch it goes to */
};

struct gw_txn_input {
    struct godwit_delivery *delivery;
    bool rejected;
    uint32_t code;
    size_t why; /* rejected: its reason, with a NUL */
};

struct gw_txn_write {
    uint64_t hash;
    size_t space; /* its name with a NUL, then the key */
    size_t space_size;
    size_t key_size;
    size_t value;
    size_t value_size;
    bool put;     /* false: delete */
    bool newest;  /* no later write of the transaction replaces it */
    size_t alike; /* 1 + index of an earlier write of the same hash; 0: none */
};

struct gw_txn_read {
    uint64_t hash;
    uint64_t stamp; /* newest commit finished before the first read */
};

struct godwit_txn {
    struct godwit_peer *peer; /* one reference */
    bool own; /* the library's: it may write keys of the library's spaces, and no others */
    struct gw_buffer bytes;
    size_t operations;
    size_t payload; /* bytes of keys, values and reasons */
    size_t output_bytes;
    struct gw_txn_input *inputs;
    size_t input_count;
    size_t input_capacity;
    struct gw_txn_output *outputs;
    size_t output_count;
    size_t output_capacity;
    struct gw_txn_write *writes;
    size_t write_count;
    size_t write_capacity;
    struct gw_txn_read *reads;
    size_t read_count;
    size_t read_capacity;
    struct gw_row dead;  /* a dead letter that ends with it; kind 0: none */
    uint64_t dead_bytes; /* of its message */
    struct gw_map newest; /* hash -> 1 + index of its newest write */
    struct gw_map seen;   /* hash -> 1 + index of its read */
};

/* Frees it with its deliveries, which then count as dropped. */
void gw_txn_destroy(struct godwit_txn *txn, bool with_deliveries);

/* godwit_txn_commit; `id` becomes that of the last message to its first destination, or zero. */
godwit_err_t gw_txn_commit(struct godwit_txn **txn, godwit_id_t *id);

/* plan.c: everything of a transaction that can be made without the lock. */
struct gw_txn_plan {
    struct gw_commit commit;
    struct gw_tail_group *groups;
    size_t group_count;
    const void **datas;
    size_t *sizes;
    uint32_t *heads;
};
godwit_err_t gw_txn_plan(struct godwit_txn *txn, struct gw_txn_plan *plan);
void gw_txn_plan_clear(struct gw_txn_plan *plan);

#endif
