/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_COUNTERS_H
#define GW_CORE_COUNTERS_H

/* Every drop, retry and refusal has a name (invariant 34). X(name, what it counts); the list is the
 * public one: godwit_peer_counter(peer, "duplicates_dropped", &n). Names in _now are gauges. */

#define GW_COUNTERS(X)                                                                            \
    X(sent, "messages accepted into the outbox's memory")                                         \
    X(stored, "messages stored in the outbox")                                                    \
    X(settled, "messages settled by a durable decision of their receiver")                        \
    X(delivered, "messages taken in hand")                                                        \
    X(redelivered, "of these, flagged as offered before")                                         \
    X(decided, "messages decided durably")                                                        \
    X(rejected, "of these, rejected by a handler")                                                \
    X(skipped, "of these, withdrawn by their sender before a handler had them")                   \
    X(returned, "messages given back to their sender undecided")                                  \
    X(recalled, "messages that the application gave up because their sender asked")               \
    X(crash_marks, "messages found begun by a process of this peer that died")                    \
    X(duplicates_dropped, "messages received again and dropped: decided or in hand already")      \
    X(below_floor, "of the duplicates, those below their epoch's floor")                          \
    X(data_sent, "DATA frames sent")                                                              \
    X(data_received, "DATA frames received in good order")                                        \
    X(batches_loaded, "batches read back from the store")                                         \
    X(resent, "messages sent again to the same member")                                           \
    X(acks_sent, "ACK frames sent")                                                               \
    X(acks_received, "ACK frames received")                                                       \
    X(partial_acks, "ACK frames that could not name every decided range")                         \
    X(credit_zero, "times a member with work waiting had no credit")                              \
    X(window_full, "times a stream reached W")                                                    \
    X(too_large, "messages that waited since they are larger than what their members take")       \
    X(commits, "store writes")                                                                    \
    X(commit_failures, "store writes that failed; each is followed by a reopen")                  \
    X(not_stored, "messages not stored by a failed write: their senders are told")                \
    X(transactions, "transactions committed; those that joined count each")                       \
    X(stale_transactions, "transactions refused because an input had moved on without them")      \
    X(conflicts, "transactions refused because a key they read was changed")                      \
    X(links_up, "links established")                                                              \
    X(links_lost, "links ended by anything but BYE")                                              \
    X(links_replaced, "links replaced by a newer one of the same peer")                           \
    X(hellos_sent, "HELLO frames sent")                                                           \
    X(refused, "handshakes and streams that this peer refused")                                   \
    X(refusals_received, "refusals that this peer received")                                      \
    X(crossed, "crossing dials resolved")                                                         \
    X(resets_sent, "frames of an unknown link answered RESET")                                    \
    X(resets_received, "links ended by a RESET")                                                  \
    X(stale_frames, "frames of a link that is not the connection's current one")                  \
    X(malformed, "frames that could not be decoded")                                              \
    X(bad_checksum, "DATA frames whose checksum did not match")                                   \
    X(violations, "frames that broke the protocol; each ends its link")                           \
    X(unknown_epoch, "DATA or announcements of epochs refused because nothing is known of them")  \
    X(gaps, "links ended because a DATA frame was lost on them")                                  \
    X(probes, "PINGs sent because an answer was overdue")                                         \
    X(pings_sent, "PING frames sent")                                                             \
    X(not_ready, "DATA refused: the destination is not served, or READY is missing")              \
    X(over_credit, "DATA beyond the credit given")                                                \
    X(tombstones_answered, "frames of closed epochs answered settled")                            \
    X(epochs_closed, "old epochs closed by this peer as their sender")                            \
    X(sends_blocked, "sends that waited for the outbox's quota")                                  \
    X(sends_refused, "sends refused by the outbox's quota")                                       \
    X(connections_refused, "messages dropped: too many connections were known already")           \
    X(replies_spilled, "replies that nobody had collected, put aside into the store")             \
    X(replies_unmatched, "replies dropped: to no request, or to one collected before")            \
    X(replies_expired, "replies that nobody collected within reply_ttl_s")                        \
    X(dead_letters, "messages given up on: they became dead letters")                             \
    X(withdrawn, "messages taken back before a handler had them")                                 \
    X(abandoned, "replies that ended because the memory peer that asked has ended")               \
    X(lost_bodies, "messages ended as abandoned: a power cut took their bytes, never synced")     \
    X(nacked, "attempts that ended by a nack")                                                    \
    X(crashed, "attempts that ended with the handler's process")                                  \
    X(given_back, "messages that a member gave back without having begun")                        \
    X(offered_alone, "messages offered alone, since an attempt crashed")                          \
    X(forfeited, "messages taken from a member without its word: failover, or an operator")       \
    X(overdue, "messages asked back since their deadline was over")                               \
    X(skips_sent, "SKIP frames sent")                                                             \
    X(memory_peers_gone, "memory peers that have ended: what was kept for them is forgotten")     \
    X(links_now, "links up at present")                                                           \
    X(outbox_messages_now, "messages in the outbox at present")                                   \
    X(outbox_bytes_now, "bytes in the outbox at present")                                         \
    X(dead_letters_now, "dead letters in the store at present; they take room of the outbox")      \
    X(in_hand_now, "messages in hand at present")

enum gw_counter {
#define X(name, text) GW_COUNTER_##name,
    GW_COUNTERS(X)
#undef X
        GW_COUNTER_COUNT
};

#endif
