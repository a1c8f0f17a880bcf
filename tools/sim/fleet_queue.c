/* SPDX-License-Identifier: MPL-2.0 */

/* The queue of fleet_queue.h. */

#include "fleet_queue.h"

#include <stdlib.h>

#define CHILDREN 4

static bool before(const struct fleet_event *a, const struct fleet_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void grow(struct fleet_queue *queue)
{
    queue->capacity = queue->capacity ? queue->capacity * 2 : 1024;
    queue->events = realloc(queue->events, queue->capacity * sizeof *queue->events);
    if (!queue->events)
        abort();
}

void fleet_queue_add(struct fleet_queue *queue, uint64_t at_us, fleet_action action,
                     void *subject, uint64_t ticket)
{
    struct fleet_event event = {at_us, queue->order++, action, subject, ticket};

    if (queue->count == queue->capacity)
        grow(queue);
    size_t at = queue->count++;
    while (at > 0 && before(&event, &queue->events[(at - 1) / CHILDREN])) {
        queue->events[at] = queue->events[(at - 1) / CHILDREN];
        at = (at - 1) / CHILDREN;
    }
    queue->events[at] = event;
}

static size_t first_child(const struct fleet_queue *queue, size_t at)
{
    size_t first = CHILDREN * at + 1, least = first;

    for (size_t child = first + 1; child < first + CHILDREN && child < queue->count; child++) {
        if (before(&queue->events[child], &queue->events[least]))
            least = child;
    }
    return least;
}

bool fleet_queue_take(struct fleet_queue *queue, uint64_t until_us, struct fleet_event *event)
{
    if (!queue->count || queue->events[0].at_us > until_us)
        return false;
    *event = queue->events[0];
    struct fleet_event last = queue->events[--queue->count];
    size_t at = 0;

    for (;;) {
        size_t child = first_child(queue, at);
        if (child >= queue->count || !before(&queue->events[child], &last))
            break;
        queue->events[at] = queue->events[child];
        at = child;
    }
    queue->events[at] = last;
    return true;
}

void fleet_queue_clear(struct fleet_queue *queue)
{
    free(queue->events);
    *queue = (struct fleet_queue){.order = 0};
}
