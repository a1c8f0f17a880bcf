/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_NET_SOCKET_H
#define GW_NET_SOCKET_H

/* Contexts and sockets of libzmq with every option set on purpose; hazards.md gives the reasons by
 * number. On failure each returns NULL or a negative errno and writes a sentence to `why`. */

#include <stdbool.h>
#include <stddef.h>

void *gw_context_new(char *why, size_t why_size, int *error);
void gw_context_end(void *context); /* all sockets are closed */

enum gw_socket_kind { GW_SOCKET_ROUTER, GW_SOCKET_DEALER };
void *gw_socket_new(void *context, enum gw_socket_kind kind, size_t max_frame, char *why,
                    size_t why_size, int *error);
int gw_socket_bind(void *socket, const char *endpoint, char *bound, size_t bound_size, char *why,
                   size_t why_size);
int gw_socket_connect(void *socket, const char *endpoint, char *why, size_t why_size);
int gw_socket_fd(void *socket);      /* readable when there may be something to receive */
void gw_socket_close(void *socket);  /* the last frames have 100 ms to leave */

/* False if fewer than `wanted` descriptors are free: libzmq aborts where it lacks one (Z14). */
bool gw_descriptors_left(int wanted);

#endif
