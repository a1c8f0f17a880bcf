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
    X(frame_garbage, CHANCE, damage, "frame of random bytes")                                 \
    X(frame_truncated, CHANCE, damage, "frame cut short")                                     \
    X(body_flipped, CHANCE, damage, "bit flipped in a body")                                  \
    X(connection_cut, DEED, cut, "connection cut")                                            \
    X(all_cut, DEED, cut, "all connections cut")                                              \
    X(connection_clogged, DEED, clog, "connection clogged")                                   \
    X(send_refused, CHANCE, cut, "send refused: queue full or nobody there")                  \
    X(partition, DEED, partition, "peer cut off from all others")                             \
    X(lost_told, DEED, cut, "loss of a connection told to the turn")                          \
    X(process_killed, DEED, crash, "process killed")                                          \
    X(power_lost, DEED, power, "power lost")                                                  \
    X(write_lost, FOLLOWS, crash, "write in flight at a crash: lost")                         \
    X(write_kept, FOLLOWS, crash, "write in flight at a crash: kept")                         \
    X(write_torn, FOLLOWS, torn, "write in flight at a crash: torn")                          \
    X(crash_in_recovery, CHANCE, crash, "crash between opening and start")                    \
    X(commit_failed, CHANCE, disk, "commit failed")                                           \
    X(commit_slow, CHANCE, slow_fsync, "commit that took seconds")                            \
    X(row_damaged, CHANCE, disk, "row damaged before a restart")                              \
    X(disk_lost, DEED, disk, "disk of a receiver lost")                                       \
    X(memory_lost, FOLLOWS, crash, "memory store gone with its process")                      \
    X(clock_jump, DEED, clocks, "clock jumped forwards")                                      \
    X(clock_stall, DEED, clocks, "clock stood still")                                         \
    X(process_paused, DEED, pause, "process paused")                                          \
    X(newcomer, DEED, people, "second process under a taken name")                            \
    X(dialled_self, DEED, people, "peer dialled itself")                                      \
    X(dialled_twice, DEED, people, "endpoint dialled twice")                                  \
    X(undialled, DEED, people, "endpoint undialled")                                          \
    X(unserved, DEED, people, "destination no longer served")                                 \
    X(credit_changed, DEED, people, "credit changed")                                         \
    X(left_cleanly, DEED, people, "clean leave and return")                                   \
    X(forfeit_asked, DEED, people, "forfeit by an operator")                                  \
    X(purged, DEED, people, "messages asked back by an operator")                             \
    X(withdrawn, CHANCE, handlers, "messages asked back by their sender")                     \
    X(poison, ALWAYS, handlers, "process killed by the message that its handler had")         \
    X(handler_nacked, CHANCE, handlers, "handler that nacked")                                \
    X(handler_rejected, ALWAYS, handlers, "handler that rejected")                            \
    X(handler_slow, CHANCE, handlers, "handler that took long")                               \
    X(marks_again, CHANCE, crash, "marks of begun messages written twice")                    \
    X(visitor_left, FOLLOWS, visitors, "memory client left")                                  \
    X(visitor_killed, ALWAYS, visitors, "memory client killed")

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
