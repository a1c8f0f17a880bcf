/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_NET_MESSAGE_H
#define GW_NET_MESSAGE_H

/* Messages through one libzmq socket, without waiting and, for large bodies, without copying. */

#include "base/blob.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <zmq.h>

/* The routing id if a ROUTER sends (else an empty slice), the header, and the body if blob is not
 * NULL. 0, -EAGAIN, -EHOSTUNREACH, -ENOMEM. */
int gw_message_send(void *socket, struct gw_slice route, struct gw_slice header,
                    struct gw_blob *blob, struct gw_slice body);

/* False: nothing is there, and `part` needs no closing. */
bool gw_part_receive(void *socket, zmq_msg_t *part);
/* The part's bytes as a blob of one reference; closes the part. NULL: no memory. */
struct gw_blob *gw_part_to_blob(zmq_msg_t *part);

#endif
