/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_NET_ENDPOINT_H
#define GW_NET_ENDPOINT_H

/* Endpoints as users write them, checked before libzmq sees them: it accepts more than godwit
 * supports, and answers with bare error numbers.
 *
 *   tcp://HOST:PORT     bind: HOST is *, an address or an interface, PORT a number, 0 or *
 *                       dial: HOST is a name or an address, PORT 1-65535; IPv6 in [ ]
 *   ipc://PATH          a socket file, which stays behind and is replaced by the next bind;
 *                       ipc://@NAME is Linux's abstract namespace
 *   inproc://NAME       within one process, and one gw_net
 */

#include <stdbool.h>
#include <stddef.h>

#define GW_ENDPOINT_MAX 512 /* bytes with the NUL */

/* 0, or -EINVAL and a sentence that says what to write instead. */
int gw_endpoint_check(const char *endpoint, bool bind, char *why, size_t why_size);
/* True if only processes of this machine can reach it: tcp to 127.0.0.0/8, [::1] or localhost, ipc
 * and inproc. Names are not looked up. */
bool gw_endpoint_is_loopback(const char *endpoint);
/* For ipc:// before a bind, since libzmq deletes whatever is at the path: 0 if nothing or a dead
 * socket is there, -EADDRINUSE if somebody listens, -EEXIST if it is no socket. 0 for all else. */
int gw_endpoint_occupied(const char *endpoint);

#endif
