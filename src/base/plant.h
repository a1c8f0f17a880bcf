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
    X(REPLY_BEFORE_COMMIT, "reply_before_commit", "a new message leaves before it is durable")

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
