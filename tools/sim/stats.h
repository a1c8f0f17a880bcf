/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_STATS_H
#define GW_SIM_STATS_H

/* What happened: every fault that was injected and every rare thing that was seen, by name. A fault
 * or a sight with count 0 over all seeds is a hole in the test, so CI makes it an error. */

#include "faults.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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
    X(silent, "link ended because the other side is silent")               \
    X(bad_checksum, "bad checksum refused")                                \
    X(malformed, "malformed frame refused")                                \
    X(outbox_full, "send refused: outbox full")                            \
    X(in_doubt_stored, "store failure found stored")                       \
    X(in_doubt_not_stored, "store failure found not stored")               \
    X(transaction_in_doubt, "transaction in doubt at a failure or crash")  \
    X(crash_in_commit, "crash during a commit")                            \
    X(damage_refused, "damaged store refused")                             \
    X(misread_refused, "misread batch refused")                            \
    X(open_failed, "store that could not be opened yet")                   \
    X(core_ended, "core that ended and began anew")                        \
    X(version_refused, "peer of another version refused")                  \
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
    X(body_lost, "settled as abandoned: a power cut took its bytes")       \
    X(ordered_moved, "ordered stream moved to another member")             \
    X(ordered_old, "ordered stream went on with a newer epoch")            \
    X(answered, "request answered")                                        \
    X(answered_late, "request answered after its client's restart")        \
    X(answer_resent, "duplicate request, answered by the stored reply")    \
    X(client_gone, "memory client gone, and its windows with it")          \
    X(retired, "epoch retired because its only receiver is gone")          \
    X(outcome_rows, "outcome written with its settlement")

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

uint64_t sim_stats_faults(const struct sim_stats *stats); /* all kinds together */
void sim_stats_add(struct sim_stats *sum, const struct sim_stats *one);
void sim_stats_print(const struct sim_stats *sum, FILE *out);
const char *sim_sight_name(enum sim_sight sight); /* as in the list above */
/* Names each fault and sight that never happened, if `out`; returns how many. */
size_t sim_stats_missing(const struct sim_stats *sum, FILE *out);

#endif
