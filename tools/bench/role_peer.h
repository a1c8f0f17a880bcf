/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_ROLE_PEER_H
#define GODWIT_BENCH_ROLE_PEER_H

/* A godwit peer in a role: every option at its default but the durability and, if it was asked for,
 * the window. What a user gets who changes nothing. */

#include "role.h"
#include <godwit.h>

#define PEER_IDLE_MS 20    /* a take waits so long, then looks whether the bench wants no more */
#define PEER_MEET_MS 60000 /* longest time until all have met */

/* After a call that returned `error`. False after a sentence. */
bool peer_check(godwit_err_t error, const char *what);

/* The options of this role's peer, called NAME-NUMBER; `name` (of PEER_NAME bytes) keeps that. */
#define PEER_NAME 64
godwit_peer_options_t peer_options(const struct role *role, const char *kind, char name[PEER_NAME]);
/* Opens it so. False after a sentence. */
bool peer_open(const struct role *role, const char *kind, godwit_peer_t **peer);

/* Binds to a free port of loopback: `endpoint` has 256 bytes. */
bool peer_bind(godwit_peer_t *peer, char *endpoint);
/* The same, and says "endpoint ...". */
bool peer_listen(godwit_peer_t *peer);
/* Connects to each endpoint and waits until as many serve the destination. */
bool peer_meet(godwit_peer_t *peer, const struct role *role, const char *destination);

/* Takes and acknowledges what comes, one by one, until the bench wants no more; says how many
 * whenever it is idle. A message of another size than the role's is an error. */
bool peer_take_all(godwit_stage_t *stage, const struct role *role);

#endif
