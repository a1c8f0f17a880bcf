/* SPDX-License-Identifier: MPL-2.0 */

/* A store in memory: a skip list (Pugh, "Skip lists: a probabilistic alternative to balanced
 * trees", 1990). Heights come from a fixed seed, so that the same writes give the same list.
 *
 *     head --------------------> [c] -------------------------> NULL     level 2
 *     head --------> [b] ------> [c] -------------> [e] ------> NULL     level 1
 *     head -> [a] -> [b] ------> [c] -> [d] ------> [e] -> [f] -> NULL   level 0: every key
 *
 * A write makes all its nodes before it touches the list, so that running out of memory changes
 * nothing; then it links them under the lock, so that readers see all of a write or none. */

#include "base/random.h"
#include "store/store.h"
#include "store/why.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS 16 /* with a quarter on each next level: good for 4^16 keys */
#define SEED 0x676f64776974u

struct node {
    const uint8_t *key; /* behind the links, in the same allocation; then the value */
    size_t key_size;
    const uint8_t *value;
    size_t value_size;
    unsigned height;
    struct node *next[]; /* height of them */
};

struct memory {
    struct gw_store store;
    pthread_rwlock_t lock;     /* of head and all that hangs on it */
    struct node *head[LEVELS]; /* the first node of each level */
    struct gw_random random;   /* the writer's, like poisoned */
    bool poisoned;
    struct gw_why why;
};

static struct memory *memory_of(struct gw_store *store)
{
    return (struct memory *)store;
}

static int compare(const struct node *node, struct gw_slice key)
{
    size_t size = node->key_size < key.size ? node->key_size : key.size;
    int order = size > 0 ? memcmp(node->key, key.data, size) : 0;

    if (order != 0)
        return order;
    return (node->key_size > key.size) - (node->key_size < key.size);
}

/* The first node with a key >= `key`. If `links` is given, links[i] is what points at that place on
 * level i: where a node of this key is cut out or put in. */
static struct node *find(struct memory *memory, struct gw_slice key, struct node **links[LEVELS])
{
    struct node **level = memory->head;

    for (unsigned i = LEVELS; i-- > 0;) {
        while (level[i] && compare(level[i], key) < 0)
            level = level[i]->next;
        if (links)
            links[i] = &level[i];
    }
    return level[0];
}

static unsigned draw_height(struct gw_random *random)
{
    uint64_t bits = gw_random_next(random);
    unsigned height = 1;

    while (height < LEVELS && (bits & 3) == 0) {
        height++;
        bits >>= 2;
    }
    return height;
}

static struct node *new_node(struct memory *memory, const struct gw_write *write,
                             const struct gw_write_op *op)
{
    unsigned height = draw_height(&memory->random);
    size_t links = sizeof(struct node) + height * sizeof(struct node *);

    if (op->outside_size > PTRDIFF_MAX - links - write->bytes.size)
        return NULL;
    struct node *node = calloc(1, links + op->key_size + op->value_size + op->outside_size);
    if (!node)
        return NULL;
    uint8_t *at = (uint8_t *)node + links;
    node->height = height;
    node->key = at;
    node->key_size = op->key_size;
    node->value = at + op->key_size;
    node->value_size = op->value_size + op->outside_size;
    if (op->key_size > 0)
        memcpy(at, write->bytes.data + op->key, op->key_size);
    at += op->key_size;
    if (op->value_size > 0)
        memcpy(at, write->bytes.data + op->value, op->value_size);
    if (op->outside_size > 0)
        memcpy(at + op->value_size, op->outside, op->outside_size);
    return node;
}

/* Takes the node of the key out of the list, if there is one, and puts `node` in, if given. */
static void replace(struct memory *memory, struct gw_slice key, struct node *node)
{
    struct node **links[LEVELS];
    struct node *old = find(memory, key, links);

    if (old && compare(old, key) == 0) {
        for (unsigned i = 0; i < old->height; i++)
            *links[i] = old->next[i];
        free(old);
    }
    for (unsigned i = 0; node && i < node->height; i++) {
        node->next[i] = *links[i];
        *links[i] = node;
    }
}

static void apply(struct memory *memory, const struct gw_write *write, struct node *first)
{
    pthread_rwlock_wrlock(&memory->lock);
    for (size_t i = 0; i < write->count; i++) {
        const struct gw_write_op *op = &write->ops[i];
        struct gw_slice key = {write->bytes.data + op->key, op->key_size};
        struct node *node = op->put ? first : NULL;

        if (node)
            first = node->next[0]; /* the prepared nodes hang on level 0 */
        replace(memory, key, node);
    }
    pthread_rwlock_unlock(&memory->lock);
}

static void free_chain(struct node *node)
{
    while (node) {
        struct node *next = node->next[0];
        free(node);
        node = next;
    }
}

static enum gw_store_error memory_write(struct gw_store *store, const struct gw_write *write,
                                        bool sync)
{
    struct memory *memory = memory_of(store);
    struct node *first = NULL;
    struct node **end = &first;

    (void)sync;
    if (memory->poisoned)
        return GW_STORE_POISONED;
    bool failed = gw_write_failed(write);
    for (size_t i = 0; i < write->count && !failed; i++) {
        if (!write->ops[i].put)
            continue;
        *end = new_node(memory, write, &write->ops[i]);
        if (*end)
            end = &(*end)->next[0];
        else
            failed = true;
    }
    if (failed) {
        free_chain(first);
        memory->poisoned = true;
        gw_why_say(&memory->why, "out of memory: the write was not made");
        return GW_STORE_NOMEM;
    }
    apply(memory, write, first);
    return GW_STORE_OK;
}

static enum gw_store_error memory_get(struct gw_store *store, struct gw_slice key,
                                      struct gw_buffer *value)
{
    struct memory *memory = memory_of(store);
    enum gw_store_error error = GW_STORE_OK;

    pthread_rwlock_rdlock(&memory->lock);
    struct node *node = find(memory, key, NULL);
    if (!node || compare(node, key) != 0)
        error = GW_STORE_NOT_FOUND;
    else
        gw_buffer_append(value, node->value, node->value_size);
    pthread_rwlock_unlock(&memory->lock);
    return error == GW_STORE_OK && gw_buffer_failed(value) ? GW_STORE_NOMEM : error;
}

static enum gw_store_error memory_scan(struct gw_store *store, struct gw_slice from,
                                       struct gw_slice to, gw_store_visit visit, void *context)
{
    struct memory *memory = memory_of(store);

    /* Held for the whole walk: the writer waits. A visitor that gets takes it once more, which
     * glibc allows (it prefers readers unless told otherwise). */
    pthread_rwlock_rdlock(&memory->lock);
    for (struct node *node = find(memory, from, NULL); node; node = node->next[0]) {
        struct gw_slice key = {node->key, node->key_size};
        struct gw_slice value = {node->value, node->value_size};

        if (to.size > 0 && compare(node, to) >= 0)
            break;
        if (!visit(context, key, value))
            break;
    }
    pthread_rwlock_unlock(&memory->lock);
    return GW_STORE_OK;
}

static const char *memory_why(struct gw_store *store)
{
    return gw_why_last(&memory_of(store)->why);
}

static void memory_close(struct gw_store **store)
{
    struct memory *memory = memory_of(*store);

    free_chain(memory->head[0]);
    pthread_rwlock_destroy(&memory->lock);
    free(memory);
    *store = NULL;
}

static const struct gw_store_port memory_port = {
    .write = memory_write,
    .get = memory_get,
    .scan = memory_scan,
    .why = memory_why,
    .close = memory_close,
};

enum gw_store_error gw_memory_open(struct gw_store **store)
{
    struct memory *memory = calloc(1, sizeof *memory);

    if (!memory)
        return GW_STORE_NOMEM;
    pthread_rwlock_init(&memory->lock, NULL);
    gw_random_seed(&memory->random, SEED);
    memory->store.port = &memory_port;
    *store = &memory->store;
    return GW_STORE_OK;
}
