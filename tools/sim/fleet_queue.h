/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_FLEET_QUEUE_H
#define GW_SIM_FLEET_QUEUE_H

/* Events in virtual time: a heap with four children to a node, which keeps a path in fewer cache
 * lines than two do. Events of one instant come in the order in which they were added. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fleet;

/* `ticket` is the action's own: mostly a generation, so that an event that outlived its reason can
 * tell. */
typedef void (*fleet_action)(struct fleet *fleet, void *subject, uint64_t ticket);

struct fleet_event {
    uint64_t at_us;
    uint64_t order;
    fleet_action action;
    void *subject;
    uint64_t ticket;
};

struct fleet_queue {
    struct fleet_event *events;
    size_t count, capacity;
    uint64_t order;
};

void fleet_queue_add(struct fleet_queue *queue, uint64_t at_us, fleet_action action,
                     void *subject, uint64_t ticket); /* ends the process without memory */
/* Takes the first event if it is due; false: none is. */
bool fleet_queue_take(struct fleet_queue *queue, uint64_t until_us, struct fleet_event *event);
void fleet_queue_clear(struct fleet_queue *queue);

#endif
