/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TICKETS_H
#define TICKETS_H

/* The ticket office's handlers: each answers a request with the number of a ticket that nobody else
 * has. The context is the peer that serves. */

#include <godwit.h>

#define OFFICE "office" /* the space of the one key */
#define SOLD   "sold"   /* how many were sold, as text */

uint32_t sell_right(void *peer, godwit_call_t *call);
uint32_t sell_wrong(void *peer, godwit_call_t *call);

#endif
