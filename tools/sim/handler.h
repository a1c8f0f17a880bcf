/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_HANDLER_H
#define GW_SIM_HANDLER_H

/* A user's handlers in the world (godwit/simulate.h), in place of the scripted application:
 *
 *   handler_load.c     the shared object: opened, checked, its variables one set per process
 *   handler_life.c     who serves, who sends, what the inputs are; a process's threads
 *   handler_calls.c    the public calls as a handler makes them: told in the trace, and the places
 *                      where its process is killed
 *   (src/peer)         the library's own sources above the turn: transactions, inboxes, replies...
 *   handler_thread.c   the threads, clocks and random numbers that those ask the C library for:
 *                      fibers (fiber.h) in virtual time
 *   handler_shell.c    between them and the turn, as the engine is; handler_submit.c
 *                      the part of it that brings what the application decided
 *   handler_book.c     what was sent, answered and done, for the user's check
 *
 * One world at a time. docs/decisions/0016-handlers-in-the-simulator.md has the reasons. */

#include "hooks.h"

#include <stdbool.h>
#include <stddef.h>

/* Loads it, for all worlds from now on. False: `why` is a sentence. */
bool sim_handler_load(const char *path, char *why, size_t size);

/* NULL: none is loaded. */
const struct sim_hooks *sim_handler_hooks(void);

/* The calls that the simulator offers, by their names; NULL past the last. */
const char *sim_handler_offer(size_t index);

#endif
