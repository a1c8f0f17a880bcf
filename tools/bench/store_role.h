/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_STORE_ROLE_H
#define GODWIT_BENCH_STORE_ROLE_H

/* A plain LevelDB for the baselines, with the settings that suit a queue best: no compression
 * (payloads are random), a write buffer of 8 MiB, so that most of what is deleted soon never
 * becomes a table. */

#include "role.h"
#include <leveldb/c.h>

struct store_role {
    leveldb_t *db;
    leveldb_options_t *options;
    leveldb_writeoptions_t *write;   /* as durable as the role's level */
    leveldb_writeoptions_t *unsynced;
};

/* False after a sentence; close it in any case. */
bool store_role_open(struct store_role *store, const struct role *role);
void store_role_close(struct store_role *store);

/* After a call that may have set `error`, which is freed. False after a sentence. */
bool store_role_check(char *error, const char *what);

/* Keys are numbers, in order. */
#define STORE_KEY 8
void store_role_key(char key[STORE_KEY], uint64_t number);

#endif
