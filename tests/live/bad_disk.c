/* SPDX-License-Identifier: MPL-2.0 */

/* The real LevelDB behind a port that refuses one write when told so, either before or after it is
 * done, and then every other until it is closed, as a real one would. */

#include "bad_disk.h"

#include "live.h"
#include "store/store.h"

#include <pthread.h>

atomic_int fault;
atomic_int bad_opens;
atomic_int bad_scans;
const char *faulty_at;

struct faulty {
    struct gw_store store;
    struct gw_store *real;
    atomic_bool poisoned;
};

static enum gw_store_error faulty_write(struct gw_store *store, const struct gw_write *write,
                                        bool sync)
{
    struct faulty *faulty = (struct faulty *)store;
    enum gw_store_error error = GW_STORE_OK;

    if (atomic_load(&faulty->poisoned))
        return GW_STORE_POISONED;
    int now = atomic_exchange(&fault, NO_FAULT);
    if (now != FAIL_BEFORE_WRITE)
        error = gw_store_write(faulty->real, write, sync);
    if (now == NO_FAULT)
        return error;
    atomic_store(&faulty->poisoned, true);
    return GW_STORE_IO;
}

static enum gw_store_error faulty_get(struct gw_store *store, struct gw_slice key,
                                      struct gw_buffer *value)
{
    return gw_store_get(((struct faulty *)store)->real, key, value);
}

static enum gw_store_error faulty_scan(struct gw_store *store, struct gw_slice from,
                                       struct gw_slice to, gw_store_visit visit, void *context)
{
    enum gw_store_error error =
        gw_store_scan(((struct faulty *)store)->real, from, to, visit, context);

    if (atomic_load(&bad_scans) == 0)
        return error;
    atomic_fetch_sub(&bad_scans, 1);
    return GW_STORE_IO;
}

static const char *faulty_why(struct gw_store *store)
{
    (void)store;
    return "the test's disk refused";
}

static void faulty_close(struct gw_store **store)
{
    struct faulty *faulty = (struct faulty *)*store;

    gw_store_close(&faulty->real);
    free(faulty);
    *store = NULL;
}

static const struct gw_store_port faulty_port = {
    .write = faulty_write,
    .get = faulty_get,
    .scan = faulty_scan,
    .why = faulty_why,
    .close = faulty_close,
};

enum gw_store_error __real_gw_leveldb_open(const char *directory, struct gw_store **store,
                                           char *why, size_t why_size);
enum gw_store_error __wrap_gw_leveldb_open(const char *directory, struct gw_store **store,
                                           char *why, size_t why_size);

enum gw_store_error __wrap_gw_leveldb_open(const char *directory, struct gw_store **store,
                                           char *why, size_t why_size)
{
    struct gw_store *real;

    if (!faulty_at || strcmp(directory, faulty_at) != 0)
        return __real_gw_leveldb_open(directory, store, why, why_size);
    if (atomic_load(&bad_opens) > 0) {
        atomic_fetch_sub(&bad_opens, 1);
        snprintf(why, why_size, "the test's disk does not open");
        return GW_STORE_IO;
    }
    enum gw_store_error error = __real_gw_leveldb_open(directory, &real, why, why_size);
    if (error)
        return error;
    struct faulty *faulty = calloc(1, sizeof *faulty);
    faulty->store.port = &faulty_port;
    faulty->real = real;
    *store = &faulty->store;
    return GW_STORE_OK;
}
