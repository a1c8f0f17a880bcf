/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_FIBER_H
#define GW_SIM_FIBER_H

/* Coroutines: a function on a stack of its own, which runs until it yields and goes on where it
 * was. One that is dropped never goes on: that is how a thread of a killed process ends. Bounded:
 * SIM_FIBERS_MAX at a time, each with SIM_FIBER_STACK bytes between two pages that may not be
 * touched.
 *
 * What happens on such a stack does not end the program: a fault (a signal) and an endless loop
 * (SIM_FIBER_PATIENCE_S of real time without a yield) end the fiber, and sim_fiber_resume tells.
 * Under AddressSanitizer faults are left to it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_FIBERS_MAX       256
#define SIM_FIBER_STACK      (1u << 20)
#define SIM_FIBER_PATIENCE_S 10

struct sim_fiber;

enum sim_fiber_state {
    SIM_FIBER_YIELDED,
    SIM_FIBER_ENDED,    /* its function returned */
    SIM_FIBER_FAULTED,  /* sim_fiber_signal tells of what */
    SIM_FIBER_OVERFLOW, /* its stack is full */
    SIM_FIBER_STUCK,    /* it did not come back */
};

/* NULL: there are too many. `context` belongs to the caller. */
struct sim_fiber *sim_fiber_new(void (*run)(void *context), void *context);
/* From the main stack. Unless it yielded, the fiber is gone afterwards. */
enum sim_fiber_state sim_fiber_resume(struct sim_fiber *fiber);
void sim_fiber_drop(struct sim_fiber **fiber); /* nulls; NULL is accepted; not the running one */
/* On a fiber: back to whoever resumed it. */
void sim_fiber_yield(void);
bool sim_fiber_running(void); /* on a fiber, that is */
int sim_fiber_signal(void);   /* of the last fault */
/* What is allocated between the two may be left to a fiber that is dropped: it is no leak. */
void sim_fiber_gives(void);
void sim_fiber_given(void);

#endif
