/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_FAULTS_H
#define GW_SIM_FAULTS_H

/* The kinds of faults: one line each, and nothing else to edit but the place where it happens (see
 * inject.h) and options.c, which draws how often.
 *
 *   CHANCE   drawn at each occasion, per million, while there are faults
 *   ALWAYS   the same, also when the faults are over: what peers must live with for ever
 *   DEED     done by the chaos monkey; its rate is its weight among the deeds
 *   FOLLOWS  from another fault: counted, never injected */

#include <stdbool.h>
#include <stddef.h>

#define SIM_FAULTS(X)                                                                         \
    X(frame_lost, CHANCE, loss, "frame lost on a live connection")                            \
    X(frame_duplicated, CHANCE, replay, "frame duplicated")                                   \
    X(frame_old, ALWAYS, replay, "frame of an old connection delivered on a new")             \
    X(frame_replayed, CHANCE, replay, "frame of an old connection delivered twice")           \
    X(handshake_lost, CHANCE, loss, "HELLO, WELCOME or READY lost")                           \
    X(version_skew, CHANCE, versions, "connection on which one side has another wire version") \
    X(frame_garbage, CHANCE, damage, "frame of random bytes")                                 \
    X(frame_truncated, CHANCE, damage, "frame cut short")                                     \
    X(body_flipped, CHANCE, damage, "bit flipped in a body")                                  \
    X(connection_cut, DEED, cut, "connection cut")                                            \
    X(all_cut, DEED, cut, "all connections cut")                                              \
    X(connection_clogged, DEED, clog, "connection clogged")                                   \
    X(swizzle_clogged, DEED, clog, "connections clogged and freed one by one")                \
    X(send_refused, CHANCE, cut, "send refused: queue full or nobody there")                  \
    X(partition, DEED, partition, "peer cut off from all others")                             \
    X(partition_halves, DEED, partition, "peers cut into two halves")                         \
    X(partition_one_way, DEED, partition, "peer that does not get through to another")        \
    X(one_way_lost, DEED, partition, "one direction of a connection swallowed, then cut")     \
    X(flapping, DEED, partition, "connections that flap ten times a second")                  \
    X(delay_step, DEED, delay, "way that takes up to 2 s longer")                             \
    X(delay_jitter, DEED, delay, "way on which each frame takes 0 to 5 s")                    \
    X(lost_told, DEED, cut, "loss of a connection told to the turn")                          \
    X(process_killed, DEED, crash, "process killed")                                          \
    X(cluster_restarted, DEED, crash, "all peers killed, or without power, at once")          \
    X(crash_loop, DEED, crash, "process that crashes 50 times")                               \
    X(power_lost, DEED, power, "power lost")                                                  \
    X(write_lost, FOLLOWS, crash, "write in flight at a crash: lost")                         \
    X(write_kept, FOLLOWS, crash, "write in flight at a crash: kept")                         \
    X(write_torn, FOLLOWS, torn, "write in flight at a crash: torn")                          \
    X(crash_in_recovery, CHANCE, crash, "crash between opening and start")                    \
    X(commit_failed, CHANCE, disk, "commit failed")                                           \
    X(commit_slow, CHANCE, slow_fsync, "commit that took seconds")                            \
    X(commit_hung, CHANCE, slow_fsync, "commit that took minutes")                            \
    X(disk_full, DEED, disk, "disk full for a while")                                         \
    X(disk_failing, DEED, disk, "disk whose writes fail for a while")                         \
    X(row_misread, CHANCE, disk, "value of another row read as a batch")                      \
    X(row_damaged, CHANCE, disk, "row damaged before a restart")                              \
    X(disk_lost, DEED, disk, "disk of a receiver lost")                                       \
    X(disk_lies, CHANCE, disk, "disk that keeps nothing more, and says it does")              \
    X(disk_rolled_back, DEED, disk, "power lost, and with it writes that were synced")        \
    X(memory_lost, FOLLOWS, crash, "memory store gone with its process")                      \
    X(clock_jump, DEED, clocks, "clock jumped forwards")                                      \
    X(clock_stall, DEED, clocks, "clock stood still")                                         \
    X(clock_anew, FOLLOWS, clocks, "clock that begins anew after a power cut")                \
    X(clock_drift, CHANCE, clocks, "clock up to 10 % too fast or slow")                       \
    X(clock_near_limit, CHANCE, clocks, "clock that begins near 2^31, 2^32, .. 2^63")         \
    X(wall_step, DEED, clocks, "wall clock set, by up to ten years")                          \
    X(wall_creeps, DEED, clocks, "wall clock stepping back 1 ms again and again")             \
    X(offers_used_up, CHANCE, clocks, "open whose offer numbers come to an end")              \
    X(process_paused, DEED, pause, "process paused")                                          \
    X(ticks_late, DEED, pause, "timers that fire up to 10 s late")                            \
    X(turn_lazy, CHANCE, shell, "turn that runs late")                                        \
    X(run_spurious, CHANCE, shell, "turn that runs for nothing")                              \
    X(collect_short, CHANCE, shell, "one batch collected, the rest left")                     \
    X(load_short, CHANCE, shell, "read that brings one batch only")                           \
    X(load_slow, CHANCE, shell, "read that takes seconds")                                    \
    X(recall_slow, CHANCE, shell, "recall answered after seconds")                            \
    X(newcomer, DEED, people, "second process under a taken name")                            \
    X(dialled_self, DEED, people, "peer dialled itself")                                      \
    X(dialled_twice, DEED, people, "endpoint dialled twice")                                  \
    X(undialled, DEED, people, "endpoint undialled, or dialled again")                        \
    X(unserved, DEED, people, "destination no longer served, or again")                       \
    X(credit_changed, DEED, people, "credit changed")                                         \
    X(left_cleanly, DEED, people, "clean leave and return")                                   \
    X(forfeit_asked, DEED, people, "forfeit by an operator")                                  \
    X(purged, DEED, people, "messages asked back by an operator")                             \
    X(withdrawn, CHANCE, handlers, "messages asked back by their sender")                     \
    X(poison, ALWAYS, handlers, "process killed by the message that its handler had")         \
    X(handler_nacked, CHANCE, handlers, "handler that nacked")                                \
    X(handler_rejected, ALWAYS, handlers, "handler that rejected")                            \
    X(handler_slow, CHANCE, handlers, "handler that took long")                               \
    X(handler_killed, CHANCE, handlers, "process of a user's handler killed at a call")          \
    X(marks_again, CHANCE, crash, "marks of begun messages written twice")                    \
    X(visitor_left, FOLLOWS, visitors, "memory client left")                                  \
    X(visitor_killed, ALWAYS, visitors, "memory client killed")                               \
    X(bodies_lost, DEED, power, "power lost at durability os, and with it bodies")

enum sim_fault {
#define X(name, how, group, text) SIM_FAULT_##name,
    SIM_FAULTS(X)
#undef X
        SIM_FAULT_COUNT
};

enum sim_how { SIM_CHANCE, SIM_ALWAYS, SIM_DEED, SIM_FOLLOWS };

const char *sim_fault_name(enum sim_fault fault);
const char *sim_fault_group(enum sim_fault fault);
const char *sim_fault_text(enum sim_fault fault);
enum sim_how sim_fault_how(enum sim_fault fault);
int sim_fault_by_name(const char *name, size_t size); /* -1: none is called so */

#endif
