/* SPDX-License-Identifier: MPL-2.0 */

/* A store with faults: see faulty_store.h. It has the port's threads: one writes, any may read;
 * faults are set while nobody calls. */

#include "support/faulty_store.h"

#include <stdatomic.h>
#include <stdlib.h>

struct countdown { /* 0: off; the call that takes it to 0 fails */
    atomic_size_t left;
};

struct faulty {
    struct gw_store store;
    struct gw_store *inside;
    struct countdown write, get, scan;
    enum faulty_store_moment moment;
    size_t rows;
    size_t writes;
    bool synced;
    bool poisoned;
    atomic_bool failed; /* for why */
};

static struct faulty *faulty_of(const struct gw_store *store)
{
    return (struct faulty *)store;
}

static bool is_due(struct countdown *countdown)
{
    size_t left = atomic_load(&countdown->left);

    while (left > 0)
        if (atomic_compare_exchange_weak(&countdown->left, &left, left - 1))
            return left == 1;
    return false;
}

static enum gw_store_error faulty_write(struct gw_store *store, const struct gw_write *write,
                                        bool sync)
{
    struct faulty *faulty = faulty_of(store);
    enum gw_store_error error = GW_STORE_OK;

    if (faulty->poisoned)
        return GW_STORE_POISONED;
    faulty->writes++;
    faulty->synced = sync;
    bool due = is_due(&faulty->write);
    if (!due || faulty->moment == FAULT_AFTER)
        error = gw_store_write(faulty->inside, write, sync);
    if (due) {
        atomic_store(&faulty->failed, true);
        error = GW_STORE_IO;
    }
    faulty->poisoned = error != GW_STORE_OK;
    return error;
}

static enum gw_store_error faulty_get(struct gw_store *store, struct gw_slice key,
                                      struct gw_buffer *value)
{
    struct faulty *faulty = faulty_of(store);

    if (is_due(&faulty->get)) {
        atomic_store(&faulty->failed, true);
        return GW_STORE_IO;
    }
    return gw_store_get(faulty->inside, key, value);
}

struct short_walk {
    size_t left;
    gw_store_visit visit;
    void *context;
};

static bool visit_some(void *context, struct gw_slice key, struct gw_slice value)
{
    struct short_walk *walk = context;

    if (walk->left == 0)
        return false;
    walk->left--;
    return walk->visit(walk->context, key, value);
}

static enum gw_store_error faulty_scan(struct gw_store *store, struct gw_slice from,
                                       struct gw_slice to, gw_store_visit visit, void *context)
{
    struct faulty *faulty = faulty_of(store);

    if (!is_due(&faulty->scan))
        return gw_store_scan(faulty->inside, from, to, visit, context);
    struct short_walk walk = {.left = faulty->rows, .visit = visit, .context = context};
    gw_store_scan(faulty->inside, from, to, visit_some, &walk);
    atomic_store(&faulty->failed, true);
    return GW_STORE_IO;
}

static const char *faulty_why(struct gw_store *store)
{
    struct faulty *faulty = faulty_of(store);

    return atomic_load(&faulty->failed) ? "a fault that a test planned"
                                        : gw_store_why(faulty->inside);
}

static void faulty_close(struct gw_store **store)
{
    struct gw_store *inside = faulty_store_release(store);

    gw_store_close(&inside);
}

static const struct gw_store_port faulty_port = {
    .write = faulty_write,
    .get = faulty_get,
    .scan = faulty_scan,
    .why = faulty_why,
    .close = faulty_close,
};

struct gw_store *faulty_store_open(struct gw_store **inside)
{
    struct faulty *faulty = calloc(1, sizeof *faulty);

    if (!faulty)
        return NULL;
    faulty->store.port = &faulty_port;
    faulty->inside = *inside;
    *inside = NULL;
    return &faulty->store;
}

struct gw_store *faulty_store_release(struct gw_store **store)
{
    struct gw_store *inside = faulty_of(*store)->inside;

    free(*store);
    *store = NULL;
    return inside;
}

void faulty_store_fail_write(struct gw_store *store, size_t nth, enum faulty_store_moment moment)
{
    atomic_store(&faulty_of(store)->write.left, nth);
    faulty_of(store)->moment = moment;
}

void faulty_store_fail_get(struct gw_store *store, size_t nth)
{
    atomic_store(&faulty_of(store)->get.left, nth);
}

void faulty_store_fail_scan(struct gw_store *store, size_t nth, size_t rows)
{
    atomic_store(&faulty_of(store)->scan.left, nth);
    faulty_of(store)->rows = rows;
}

size_t faulty_store_writes(const struct gw_store *store)
{
    return faulty_of(store)->writes;
}

bool faulty_store_last_was_synced(const struct gw_store *store)
{
    return faulty_of(store)->synced;
}
