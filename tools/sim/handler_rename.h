/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_HANDLER_RENAME_H
#define GW_SIM_HANDLER_RENAME_H

/* Put in front of the library's own sources (-include) when they are compiled for the simulator:
 * calls that a handler makes under these names come through handler_calls.c first. */

#define godwit_ack             gw_shell_ack
#define godwit_ack_many        gw_shell_ack_many
#define godwit_nack            gw_shell_nack
#define godwit_reject          gw_shell_reject
#define godwit_inbox_open      gw_shell_inbox_open
#define godwit_inbox_next      gw_shell_inbox_next
#define godwit_inbox_next_many gw_shell_inbox_next_many
#define godwit_txn_begin       gw_shell_txn_begin
#define godwit_txn_ack         gw_shell_txn_ack
#define godwit_txn_reject      gw_shell_txn_reject
#define godwit_txn_send        gw_shell_txn_send
#define godwit_txn_send_data   gw_shell_txn_send_data
#define godwit_txn_get         gw_shell_txn_get
#define godwit_txn_put         gw_shell_txn_put
#define godwit_txn_delete      gw_shell_txn_delete
#define godwit_txn_commit      gw_shell_txn_commit
#define godwit_txn_commit_async gw_shell_txn_commit_async
#define godwit_txn_abort       gw_shell_txn_abort
#define godwit_get             gw_shell_get
#define godwit_cursor_next     gw_shell_cursor_next
#define godwit_send            gw_shell_send
#define godwit_send_data       gw_shell_send_data
#define godwit_wait            gw_shell_wait
#define godwit_peer_drain      gw_shell_peer_drain
#define godwit_peer_wait_members gw_shell_peer_wait_members
#define godwit_withdraw        gw_shell_withdraw
#define godwit_request         gw_shell_request
#define godwit_request_send    gw_shell_request_send
#define godwit_request_cancel  gw_shell_request_cancel
#define godwit_reply_wait      gw_shell_reply_wait
#define godwit_reply_next      gw_shell_reply_next
#define godwit_reply_done      gw_shell_reply_done

#include "handler_hide.h"

#endif
