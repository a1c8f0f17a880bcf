/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LIVES_H
#define LIVES_H

/* Stores that live through opens as a peer's does, each as far as the test wants: for
 * test_generation and test_inspect. */

#include "scratch.h"

#include "store/directory.h"
#include "store/generation.h"
#include "store/manifest.h"
#include "store/row.h"
#include "store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static char why[512];
static uint64_t processes; /* nonces */

static inline const char *store_path(void **state)
{
    return scratch_at(*state, "store");
}

__attribute__((format(printf, 1, 2))) static inline void shell(const char *format, ...)
{
    char command[4096];
    va_list list;

    va_start(list, format);
    vsnprintf(command, sizeof command, format, list);
    va_end(list);
    if (system(command) != 0)
        fail_msg("%s", command);
}

static inline struct gw_store *open_store(const char *path)
{
    struct gw_store *store = NULL;

    if (gw_leveldb_open(path, &store, why, sizeof why) != GW_STORE_OK)
        fail_msg("%s", why);
    return store;
}

/* What a peer's claim does to the store: one more open, in one synced write. */
static inline void claim(struct gw_store *store)
{
    struct gw_buffer key = {0}, value = {0};
    struct gw_write write = {0};
    struct gw_row meta = {.kind = GW_ROW_META, .format = GW_STORE_FORMAT, .peer = "me"};

    gw_row_seek(&key, GW_ROW_META, 0, 0);
    if (gw_store_get(store, (struct gw_slice){key.data, key.size}, &value) == GW_STORE_OK)
        assert_int_equal(gw_row_read((struct gw_slice){key.data, key.size},
                                     (struct gw_slice){value.data, value.size}, &meta),
                         GW_STORE_OK);
    else
        memset(meta.store, (int)++processes, sizeof meta.store);
    meta.number++;
    meta.process = ++processes;
    gw_row_put(&write, &meta);
    assert_int_equal(gw_store_write(store, &write, true), GW_STORE_OK);
    gw_write_clear(&write);
    gw_buffer_clear(&key);
    gw_buffer_clear(&value);
}

static inline enum gw_store_error check(struct gw_store *store)
{
    why[0] = '\0';
    enum gw_store_error error = gw_store_check_generation(store, NULL, why, sizeof why);
    assert_true((error == GW_STORE_OK) == (why[0] == '\0'));
    return error;
}

/* How far an open gets before its process dies. */
enum reached { OPENED, CHECKED, CLAIMED, NOTED };

static inline void live_once(const char *path, enum reached reached)
{
    struct gw_store *store = open_store(path);

    if (reached >= CHECKED && check(store) != GW_STORE_OK)
        fail_msg("%s", why);
    if (reached >= CLAIMED)
        claim(store);
    if (reached >= NOTED)
        assert_int_equal(gw_store_note_generation(store, why, sizeof why), GW_STORE_OK);
    gw_store_close(&store);
}

static inline void put(struct gw_store *store, uint64_t number, size_t size)
{
    struct gw_write write = {0};
    struct gw_buffer key = {0};
    uint8_t *value = calloc(1, size);

    gw_buffer_u64(&key, number);
    gw_write_put(&write, (struct gw_slice){key.data, key.size}, (struct gw_slice){value, size});
    assert_int_equal(gw_store_write(store, &write, true), GW_STORE_OK);
    gw_write_clear(&write);
    gw_buffer_clear(&key);
    free(value);
}

static inline unsigned count_files(const char *path, const char *end)
{
    DIR *stream = opendir(path);
    struct dirent *entry;
    unsigned count = 0;

    assert_non_null(stream);
    while ((entry = readdir(stream)) != NULL) {
        size_t size = strlen(entry->d_name);
        count += size >= strlen(end) && strcmp(entry->d_name + size - strlen(end), end) == 0;
    }
    closedir(stream);
    return count;
}

static inline bool count_one(void *context, struct gw_slice key, struct gw_slice value)
{
    (void)value;
    *(unsigned *)context += key.size == 8;
    return true;
}

static inline void make_numbers(void **state)
{
    live_once(store_path(state), NOTED);
    struct gw_store *store = open_store(store_path(state));
    for (uint64_t i = 0; i < 20; i++)
        put(store, i, 1 << 20);
    gw_store_close(&store);
}

#endif
