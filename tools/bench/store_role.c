/* SPDX-License-Identifier: MPL-2.0 */
/* LevelDB as the baselines use it. */

#include "store_role.h"
#include <stdio.h>
#include <string.h>

#define WRITE_BUFFER ((size_t)8 << 20)

bool store_role_check(char *error, const char *what)
{
    if (!error)
        return true;
    bench_complain("%s: %s", what, error);
    leveldb_free(error);
    return false;
}

bool store_role_open(struct store_role *store, const struct role *role)
{
    char path[4096], *error = NULL;
    snprintf(path, sizeof(path), "%s/db", role->directory);
    store->options = leveldb_options_create();
    leveldb_options_set_create_if_missing(store->options, 1);
    leveldb_options_set_write_buffer_size(store->options, WRITE_BUFFER);
    leveldb_options_set_compression(store->options, leveldb_no_compression);
    store->unsynced = leveldb_writeoptions_create();
    store->write = leveldb_writeoptions_create();
    leveldb_writeoptions_set_sync(store->write, strcmp(role->level, "fsync") == 0);
    store->db = leveldb_open(store->options, path, &error);
    return store_role_check(error, "LevelDB");
}

void store_role_close(struct store_role *store)
{
    if (store->db)
        leveldb_close(store->db);
    if (store->write)
        leveldb_writeoptions_destroy(store->write);
    if (store->unsynced)
        leveldb_writeoptions_destroy(store->unsynced);
    if (store->options)
        leveldb_options_destroy(store->options);
    *store = (struct store_role){0};
}

void store_role_key(char key[STORE_KEY], uint64_t number)
{
    for (int i = STORE_KEY - 1; i >= 0; i--, number >>= 8)
        key[i] = (char)(number & 0xff);
}
