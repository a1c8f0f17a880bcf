/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_HANDLER_HIDE_H
#define GW_SIM_HANDLER_HIDE_H

/* Put in front of the library's own sources and patterns (-include) when they are compiled for the
 * simulator: what they hold and handlers are not offered. */

#define godwit_dead_get        gw_shell_dead_get
#define godwit_dead_next       gw_shell_dead_next
#define godwit_dead_free       gw_shell_dead_free
#define godwit_dead_requeue    gw_shell_dead_requeue
#define godwit_dead_purge      gw_shell_dead_purge
#define godwit_outcome_next    gw_shell_outcome_next
#define godwit_outcome_done    gw_shell_outcome_done
#define godwit_outcome_fd      gw_shell_outcome_fd
#define godwit_peer_forfeit    gw_shell_peer_forfeit
#define godwit_inbox_close     gw_shell_inbox_close
#define godwit_inbox_fd        gw_shell_inbox_fd
#define godwit_reply_fd        gw_shell_reply_fd
#define godwit_service_close   gw_shell_service_close
#define godwit_stage_close     gw_shell_stage_close
#define godwit_stage_fd        gw_shell_stage_fd

#endif
