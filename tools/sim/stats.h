/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_STATS_H
#define GW_SIM_STATS_H

/* What happened: every fault that was injected and every rare thing that was seen, by name. A fault
 * or a sight with count 0 over all seeds is a hole in the test, so CI makes it an error. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_FAULTS(X)                                             \
    X(frame_lost, "frame lost on a live connection")              \
    X(frame_duplicated, "frame duplicated")                       \
    X(frame_old, "frame of an old connection delivered on a new") \
    X(frame_replayed, "frame of an old connection delivered twice") \
    X(frame_garbage, "frame of random bytes")                     \
    X(frame_truncated, "frame cut short")                         \
    X(body_flipped, "bit flipped in a body")                      \
    X(connection_cut, "connection cut")                           \
    X(all_cut, "all connections cut")                             \
    X(connection_clogged, "connection clogged")                   \
    X(send_refused, "send refused: queue full or nobody there")   \
    X(partition, "peer cut off from all others")                  \
    X(lost_told, "loss of a connection told to the turn")         \
    X(process_killed, "process killed")                           \
    X(power_lost, "power lost")                                   \
    X(write_lost, "write in flight at a crash: lost")             \
    X(write_kept, "write in flight at a crash: kept")             \
    X(write_torn, "write in flight at a crash: torn")             \
    X(crash_in_recovery, "crash between opening and start")       \
    X(commit_failed, "commit failed")                             \
    X(commit_slow, "commit that took seconds")                    \
    X(row_damaged, "row damaged before a restart")                \
    X(disk_lost, "disk of a receiver lost")                       \
    X(memory_lost, "memory store gone with its process")              \
    X(clock_jump, "clock jumped forwards")                        \
    X(clock_stall, "clock stood still")                           \
    X(process_paused, "process paused")                           \
    X(newcomer, "second process under a taken name")              \
    X(dialled_self, "peer dialled itself")                        \
    X(dialled_twice, "endpoint dialled twice")                    \
    X(undialled, "endpoint undialled")                            \
    X(unserved, "destination no longer served")                   \
    X(credit_changed, "credit changed")                           \
    X(left_cleanly, "clean leave and return")                     \
    X(poison, "process killed by the message that its handler had") \
    X(handler_nacked, "handler that nacked")                      \
    X(handler_rejected, "handler that rejected")                  \
    X(handler_slow, "handler that took long")                     \
    X(withdrawn, "messages asked back by their sender")           \
    X(marks_again, "marks of begun messages written twice")       \
    X(forfeit_asked, "forfeit by an operator")                    \
    X(visitor_left, "memory client left")                         \
    X(visitor_killed, "memory client killed")

#define SIM_SIGHTS(X)                                                      \
    X(duplicate_dropped, "duplicate dropped")                              \
    X(below_floor, "duplicate below the floor")                            \
    X(redelivered, "redelivered, and flagged so")                          \
    X(credit_zero, "credit 0 with work waiting")                           \
    X(window_full, "span W reached")                                       \
    X(several_epochs, "several epochs open at one sender")                 \
    X(epoch_closed, "old epoch closed")                                    \
    X(tombstone_answered, "tombstone answered")                            \
    X(unknown_epoch, "unknown epoch refused")                              \
    X(partial_ack, "partial ACK")                                          \
    X(resent, "messages sent again to the same member")                    \
    X(resent_part, "resend of part of a batch")                            \
    X(loaded, "bytes read back from the store")                            \
    X(reset, "RESET sent")                                                 \
    X(stale_frame, "frame of another link fenced")                         \
    X(crossing, "crossing dials")                                          \
    X(replaced, "link replaced by a newer one")                            \
    X(newcomer_refused, "newcomer refused")                                \
    X(self_refused, "dial to itself refused")                              \
    X(gap, "gap detected")                                                 \
    X(probe, "probe sent")                                                 \
    X(bad_checksum, "bad checksum refused")                                \
    X(malformed, "malformed frame refused")                                \
    X(outbox_full, "send refused: outbox full")                            \
    X(in_doubt_stored, "store failure found stored")                       \
    X(in_doubt_not_stored, "store failure found not stored")               \
    X(transaction_in_doubt, "transaction in doubt at a failure or crash")  \
    X(crash_in_commit, "crash during a commit")                            \
    X(damage_refused, "damaged store refused")                             \
    X(quarantine, "receiver that forgot is quarantined")                   \
    X(zombie, "frames of a process that was paused for long")              \
    X(nack, "message nacked")                                              \
    X(reject, "message rejected")                                          \
    X(retried, "message offered as attempt 2 or more")                     \
    X(crash_told, "return: begun by a process that died")                  \
    X(crash_charged, "attempt charged to a message that a process died of") \
    X(hint_charged, "attempt charged on the hint of a memory peer")        \
    X(offered_alone, "offered alone after a crash")                        \
    X(buried_rejected, "dead letter of a rejected message")                \
    X(buried_attempts, "dead letter after too many attempts")              \
    X(forfeited, "what a member held goes to others")                      \
    X(maybe_duplicate, "flagged as maybe a duplicate")                     \
    X(processed_twice, "forfeited, and processed by both")                 \
    X(late_decision, "decision of a forfeited member counts")              \
    X(stale_transaction, "transaction refused: an input moved on")         \
    X(release_by_unserve, "given back because it is served no longer")     \
    X(recalled, "asked back and given back")                               \
    X(released_absent, "asked back, and it was not there")                 \
    X(skip_in_hand, "asked back, but a handler has begun")                 \
    X(data_beats_skip, "withdrawn too late: processed")                    \
    X(skip_beats_data, "skipped before it came")                           \
    X(skipped, "skipped out of the hand")                                  \
    X(withdrawn, "settled as withdrawn")                                   \
    X(abandoned, "settled as abandoned: its only receiver is gone")        \
    X(ordered_moved, "ordered stream moved to another member")             \
    X(ordered_old, "ordered stream went on with a newer epoch")            \
    X(answered, "request answered")                                        \
    X(answered_late, "request answered after its client's restart")        \
    X(answer_resent, "duplicate request, answered by the stored reply")    \
    X(client_gone, "memory client gone, and its windows with it")          \
    X(retired, "epoch retired because its only receiver is gone")          \
    X(outcome_rows, "outcome written with its settlement")

enum sim_fault {
#define X(name, text) SIM_FAULT_##name,
    SIM_FAULTS(X)
#undef X
        SIM_FAULT_COUNT
};

enum sim_sight {
#define X(name, text) SIM_SIGHT_##name,
    SIM_SIGHTS(X)
#undef X
        SIM_SIGHT_COUNT
};

struct sim_stats { /* of one seed, or the sum of many */
    uint64_t seeds;
    uint64_t events;
    uint64_t virtual_us;
    uint64_t messages;
    uint64_t faults[SIM_FAULT_COUNT];
    uint64_t sights[SIM_SIGHT_COUNT];
};

const char *sim_fault_name(enum sim_fault fault);             /* as in the list above */
int sim_fault_by_name(const char *name, size_t size);         /* -1: none is called so */
uint64_t sim_stats_faults(const struct sim_stats *stats); /* all kinds together */
void sim_stats_add(struct sim_stats *sum, const struct sim_stats *one);
void sim_stats_print(const struct sim_stats *sum, FILE *out);
/* Names each fault and sight that never happened; returns how many. */
size_t sim_stats_missing(const struct sim_stats *sum, FILE *out);

#endif
