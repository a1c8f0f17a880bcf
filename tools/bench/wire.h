/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_BENCH_WIRE_H
#define GODWIT_BENCH_WIRE_H

/* What went over TCP connections, as the kernel counts it for each socket (tcp_info, read through
 * NETLINK_SOCK_DIAG: no right is needed, and nothing is put in the way). */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Adds the payload of all established connections over IPv4 that the process holds now: what was
 * sent and acknowledged, and what was received. Each connection has two ends, so ask one of them.
 * False if the system does not tell. */
bool wire_count(pid_t pid, uint64_t *out, uint64_t *in);

#endif
