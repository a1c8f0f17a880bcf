/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LIVE_H
#define LIVE_H

/* Real peers over tcp on loopback, for tests of the whole library. Every failure prints the
 * library's own sentence. */

#include <godwit.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LIVE_TIMEOUT_MS 30000 /* long: a slow machine is no failure */
#define LIVE_HEARTBEAT_MS 200

#define ok(call) live_ok((call), #call, __FILE__, __LINE__)
#define fails(expected, call) live_fails((expected), (call), #call, __FILE__, __LINE__)
/* The last sentence holds the text. */
#define says(text) live_says((text), __FILE__, __LINE__)

void live_ok(godwit_err_t error, const char *call, const char *file, int line);
void live_fails(godwit_err_t expected, godwit_err_t error, const char *call, const char *file,
                int line);
void live_says(const char *text, const char *file, int line);

godwit_peer_options_t live_options(const char *name);
godwit_peer_t *live_peer(const char *name);                      /* in memory */
/* The same with another heartbeat. */
godwit_peer_t *live_peer_beating(const char *name, uint32_t heartbeat_ms);
godwit_peer_t *live_disk_peer(const char *name, const char *directory); /* durability os */
void live_bind(godwit_peer_t *peer, char endpoint[256]);
void live_join(godwit_peer_t *dialler, godwit_peer_t *listener); /* binds one, dials from other */
godwit_stage_t *live_stage(godwit_peer_t *peer, const char *stage);
/* Pushes so many messages to the stage, each of which begins with its number (4 bytes, from 0 on),
 * and waits until they are stored. */
void live_push_numbered(godwit_peer_t *peer, const char *stage, uint32_t count, size_t size);
uint64_t live_counter(godwit_peer_t *peer, const char *name);
uint64_t live_anonymous_kib(void); /* memory of this process, without file pages */
godwit_delivery_t *live_next(godwit_stage_t *stage);

/* A directory of the test's own below TMPDIR, and its end. */
char *live_directory(char path[128]);
void live_remove(const char *path);

#endif
