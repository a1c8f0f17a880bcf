/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_PORT_H
#define LAB_PORT_H

#include <stdint.h>

/* A free port of 127.0.0.1 for a process, and a descriptor that keeps it: bound, but not listening,
 * so that whoever sets SO_REUSEADDR (as servers do, libzmq too) can bind it, and nobody else gets
 * it while the process is down. It is not one that the system gives to those who dial: a proxy that
 * dials such a port again and again would some time reach itself. -1: errno. */
int lab_port_hold(uint16_t *port);

#endif
