/* SPDX-License-Identifier: MPL-2.0 */
/* The bound that the store sets: LevelDB alone, in one process, no network. Values are of the
 * message's size, each under a key of its own; one write has the puts of about 256 KiB of them (at
 * least one) and the deletes of those of the write before. Synced at fsync. So each value is put
 * and deleted, as a queue must, with the fewest writes. */

#include "store_role.h"

#define BATCH_BYTES (256 * 1024)

/* Puts `count` values from number `first` on, and deletes as many as there are before it. */
static bool write_batch(struct store_role *store, leveldb_writebatch_t *batch,
                        const struct payload *payload, uint64_t deleted, uint64_t first,
                        uint64_t end)
{
    char key[STORE_KEY], *error = NULL;
    leveldb_writebatch_clear(batch);
    for (uint64_t i = deleted; i < first; i++) {
        store_role_key(key, i);
        leveldb_writebatch_delete(batch, key, sizeof(key));
    }
    for (uint64_t i = first; i < end; i++) {
        store_role_key(key, i);
        leveldb_writebatch_put(batch, key, sizeof(key), payload_at(payload, i), payload->size);
    }
    leveldb_write(store->db, store->write, batch, &error);
    return store_role_check(error, "write");
}

static bool write_all(struct store_role *store, const struct role *role,
                      const struct payload *payload)
{
    leveldb_writebatch_t *batch = leveldb_writebatch_create();
    uint64_t each = BATCH_BYTES / role->size ? BATCH_BYTES / role->size : 1;
    uint64_t deleted = 0;
    bool good = true;
    for (uint64_t first = 0; good && deleted < role->count;) {
        uint64_t end = first + each < role->count ? first + each : role->count;
        good = write_batch(store, batch, payload, deleted, first, end);
        deleted = first;
        first = end;
    }
    leveldb_writebatch_destroy(batch);
    return good;
}

int role_leveldb(const struct role *role)
{
    struct store_role store = {0};
    struct payload payload;
    if (!payload_init(&payload, role->size))
        return BENCH_FAILED;
    bool good = store_role_open(&store, role) && role_ready();
    if (good) {
        role_say_begin();
        good = write_all(&store, role, &payload);
        role_finish(NULL);
    }
    store_role_close(&store);
    payload_clear(&payload);
    return good ? BENCH_OK : BENCH_FAILED;
}
