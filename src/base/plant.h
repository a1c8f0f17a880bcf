/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_BASE_PLANT_H
#define GW_BASE_PLANT_H

/* Known bugs that can be planted on purpose, to show that the simulator and the demo find them.
 * Only builds with GODWIT_PLANTS contain them; in every other build GW_PLANT(x) is the constant 0
 * and the code is gone. */

#define GW_PLANTS(X)                                                                              \
    X(ACK_BEFORE_COMMIT, "ack_before_commit",                                                     \
      "decisions are acknowledged before they are durable")                                       \
    X(FLOOR_TOO_HIGH, "floor_too_high",                                                           \
      "the published floor is one above the lowest unsettled message")                            \
    X(WINDOW_FORGOTTEN, "window_forgotten", "a restart forgets what was decided")                 \
    X(EPOCH_KEPT, "epoch_kept", "a restart numbers on under the same epoch")                      \
    X(OLD_LINK, "old_link", "frames of an old link id are taken")                                 \
    X(SKIP_IN_HAND, "skip_in_hand",                                                               \
      "what is asked back is given back though a handler is at it")                               \
    X(RETURN_KEEPS_CREDIT, "return_keeps_credit",                                                 \
      "what was given back still takes its room in hand")                                         \
    X(TXN_SPLIT, "txn_split",                                                                     \
      "a transaction's decisions wait for the write after its outputs")                           \
    X(PREFETCH_CHARGED, "prefetch_charged",                                                       \
      "a dead member is charged with all that it held, begun or not")                             \
    X(REPLY_BEFORE_COMMIT, "reply_before_commit", "a new message leaves before it is durable")    \
    X(RESEND_DECIDED, "resend_decided",                                                           \
      "what a member decided after it was forfeited is sent to another all the same")             \
    X(TOMBSTONE_FORGOTTEN, "tombstone_forgotten", "a closed epoch leaves nothing in the store")   \
    X(CREDIT_TWICE, "credit_twice",                                                               \
      "a new link gives all the credit again, whatever is in hand")                               \
    X(OUTBOX_EARLY, "outbox_early",                                                               \
      "a message leaves the outbox when a handler begins, before a decision is durable")          \
    X(CLOCK_TRUSTED, "clock_trusted", "old epochs are put in order by the wall clock")            \
    X(FAILED_COMMIT_TAKEN, "failed_commit_taken", "a commit that failed counts as durable")       \
    X(PARTIAL_ACK_WHOLE, "partial_ack_whole",                                                     \
      "all below the highest decision in an ACK counts as decided")                               \
    X(RESEND_UNCHECKED, "resend_unchecked", "the checksum of what is sent again is not checked")  \
    X(ROW_UNCHECKED, "row_unchecked", "the checksum of a row that is read is not checked")        \
    X(DEAD_LETTER_APART, "dead_letter_apart",                                                     \
      "a dead letter is written before the settlement, in another write")                         \
    X(ATTEMPT_LATE, "attempt_late",                                                               \
      "an attempt is stored after the message was offered again, not before")                     \
    X(CLOSED_BY_ONE, "closed_by_one", "one member that closed an epoch is taken for all")         \
    X(OUTCOME_TWICE, "outcome_twice", "a restart settles again what was settled above the floor") \
    X(FORFEIT_UNFLAGGED, "forfeit_unflagged",                                                     \
      "what is forfeited goes to others without the flag maybe-duplicate")                        \
    X(NACK_OVERTAKEN, "nack_overtaken",                                                           \
      "in an ordered stream what came back later passes what was nacked")                         \
    X(ASSIGNMENT_FORGOTTEN, "assignment_forgotten", "a restart forgets which member has what")    \
    X(DECIDING_FORGOTTEN, "deciding_forgotten",                                                   \
      "a duplicate is taken while the decision is on its way to the store")                       \
    X(GAP_IGNORED, "gap_ignored", "a frame lost on a live link is never missed")                  \
    X(SKIP_ONCE, "skip_once", "what is wanted back is asked for once, and never again")           \
    X(CRASH_NOT_ALONE, "crash_not_alone",                                                         \
      "what crashed its handler is offered beside others")                                        \
    X(FRESH_AGAIN, "fresh_again",                                                                 \
      "an epoch is called new to a member that has decided in it")                                \
    X(REJECTION_LOST, "rejection_lost", "an ACK names a rejected message as processed")           \
    X(RESEND_BLIND, "resend_blind", "what is not answered in time is sent again on the same link") \
    X(ABSENCE_BLAMED, "absence_blamed",                                                           \
      "a process that did not run takes its own absence for the silence of the others")           \
    X(BODY_AS_ZEROS, "body_as_zeros", "a body that a power cut took is read as zeros")

enum gw_plant {
    GW_PLANT_NONE = 0,
#define X(plant, name, text) GW_PLANT_##plant,
    GW_PLANTS(X)
#undef X
        GW_PLANT_COUNT
};

#ifdef GODWIT_PLANTS
extern enum gw_plant gw_plant; /* defined by the simulator, or by the engine of a planted build */
#define GW_PLANT(name) (gw_plant == GW_PLANT_##name)
#else
#define GW_PLANT(name) 0
#endif

#endif
