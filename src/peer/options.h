/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_OPTIONS_H
#define GW_PEER_OPTIONS_H

/* The public options, checked and with their defaults filled in. */

#include "core/event.h"
#include "godwit/delivery.h"
#include "godwit/peer.h"

struct gw_settings {
    char name[GW_NAME_MAX + 1];
    const char *directory; /* the caller's: valid while the peer is opened; the peer keeps a copy */
    godwit_durability_t durability; /* never DEFAULT */
    uint64_t outbox_max_bytes;
    uint64_t outbox_max_messages;
    int full_timeout_ms; /* -1: refuse at once; 0: wait without limit */
    uint64_t max_message;
    uint64_t window;
    uint64_t heartbeat_ms;
    bool allow_unauthenticated;
    bool outcomes;
    bool no_control;
    uint64_t memory_ttl_s;
    uint64_t reply_ttl_s;
    godwit_log_fn log;
    void *log_context;
    godwit_log_level_t log_level;
};

struct gw_inbox_settings {
    uint64_t credit_messages;
    uint64_t credit_bytes;
};

struct gw_destination_settings {
    struct gw_policy policy;
    uint64_t max_bytes; /* of its share; 0: all */
    uint64_t max_messages;
};

/* GODWIT_EINVAL with a sentence that names field, value and range. */
godwit_err_t gw_settings_read(const godwit_peer_options_t *options, struct gw_settings *settings);
uint64_t gw_credit_bytes_usual(uint64_t max_message);
godwit_err_t gw_inbox_settings_read(const godwit_inbox_options_t *options, uint64_t max_message,
                                    struct gw_inbox_settings *settings);
godwit_err_t gw_destination_settings_read(const godwit_destination_options_t *options,
                                          struct gw_destination_settings *settings);

/* Checks of arguments that several calls share. */
godwit_err_t gw_check_timeout(int timeout_ms);
godwit_err_t gw_check_destination(const char *text, struct gw_destination *destination);
/* A space for applications' keys: those that begin with "godwit." are the library's own. */
godwit_err_t gw_check_space(const char *space);
godwit_err_t gw_check_key(const void *key, size_t key_size);

#endif
