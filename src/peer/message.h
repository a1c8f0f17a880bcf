/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_MESSAGE_H
#define GW_PEER_MESSAGE_H

#include "base/bytes.h"
#include "godwit/message.h"

struct godwit_message {
    struct gw_buffer head; /* its block of headers; empty: none */
    size_t size;
    unsigned char data[];
};

#endif
