/* SPDX-License-Identifier: MPL-2.0 */
#ifndef ASKING_H
#define ASKING_H

/* What the tests of requests share: a service "s", whose echo waits at a gate that the test opens
 * and shuts. */

#include "live.h"

void gate_set(bool open); /* open at first */
void gate_wait_for_one(void); /* until a handler waits there */

uint32_t gated_echo(void *context, godwit_call_t *call);

godwit_service_t *serve(godwit_peer_t *peer, godwit_handler_fn handler, uint32_t threads);
godwit_id_t send_bytes(godwit_peer_t *client, const void *data, size_t size); /* a request */
godwit_id_t send_text(godwit_peer_t *client, const char *text);
/* The reply is this one, and is done with. */
void expect_reply(godwit_reply_t **reply, const char *text);

/* Until the counter has the value: with a limit, not by a sleep that must be long enough. */
void wait_counter(godwit_peer_t *peer, const char *name, uint64_t least);

#endif
