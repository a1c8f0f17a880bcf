/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_MESSAGE_H
#define GW_PEER_MESSAGE_H

#include "godwit/message.h"

struct godwit_message {
    size_t size;
    unsigned char data[];
};

#endif
