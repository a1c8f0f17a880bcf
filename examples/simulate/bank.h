/* SPDX-License-Identifier: MPL-2.0 */
#ifndef BANK_H
#define BANK_H

/* The bank's handlers: each takes a deposit, "alice 30", and adds it to alice's balance. */

#include <godwit.h>

#define BALANCES "balances" /* the space of the keys: account -> balance as text */

void deposit_right(void *state, godwit_peer_t *peer, godwit_delivery_t *delivery);
void deposit_wrong(void *state, godwit_peer_t *peer, godwit_delivery_t *delivery);

#endif
