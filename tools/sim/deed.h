/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_DEED_H
#define GW_SIM_DEED_H

/* The chaos monkey's deeds. One deed draws all that it needs from its own generator, so that it is
 * the same deed whatever else happened, as long as those whom it concerns are there. Some last a
 * while; none outlasts the faults.. */

#include "lot.h"
#include "stats.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_world;
struct sim_peer;
struct sim_connection;

struct sim_deed {
    struct sim_world *world;
    struct sim_lot lot;
    uint64_t number;
};

/* deeds_wire.c */
void sim_deed_cut(struct sim_deed *deed);
void sim_deed_cut_all(struct sim_deed *deed);
void sim_deed_clog_one(struct sim_deed *deed);
void sim_deed_swizzle(struct sim_deed *deed);
void sim_deed_isolate(struct sim_deed *deed);
void sim_deed_halve(struct sim_deed *deed);
void sim_deed_partition_one_way(struct sim_deed *deed);
void sim_deed_swallow_one_way(struct sim_deed *deed);
void sim_deed_flap(struct sim_deed *deed);
void sim_deed_step_delay(struct sim_deed *deed);
void sim_deed_vary_delay(struct sim_deed *deed);
void sim_deed_tell_lost(struct sim_deed *deed);

/* deeds_peer.c */
void sim_deed_kill(struct sim_deed *deed);
void sim_deed_cut_power(struct sim_deed *deed);
void sim_deed_lose_bodies(struct sim_deed *deed);
void sim_deed_pause(struct sim_deed *deed);
void sim_deed_leave(struct sim_deed *deed);
void sim_deed_restart_all(struct sim_deed *deed);
void sim_deed_crash_loop(struct sim_deed *deed);
void sim_deed_run_late(struct sim_deed *deed);
void sim_deed_lose_disk(struct sim_deed *deed);
void sim_deed_roll_back(struct sim_deed *deed);
void sim_deed_fill_disk(struct sim_deed *deed);
void sim_deed_fail_disk(struct sim_deed *deed);
void sim_deed_jump(struct sim_deed *deed);
void sim_deed_stall(struct sim_deed *deed);
void sim_deed_step_wall(struct sim_deed *deed);
void sim_deed_creep_back(struct sim_deed *deed);

/* deeds_people.c */
void sim_deed_newcomer(struct sim_deed *deed);
void sim_deed_dial_self(struct sim_deed *deed);
void sim_deed_dial_twice(struct sim_deed *deed);
void sim_deed_undial(struct sim_deed *deed);
void sim_deed_unserve(struct sim_deed *deed);
void sim_deed_forfeit(struct sim_deed *deed);
void sim_deed_purge(struct sim_deed *deed);
void sim_deed_change_credit(struct sim_deed *deed);

/* chaos.c, for all of them. */

/* Whether it is to happen; who and other: NULL if it concerns nobody. */
bool sim_deed_happens(struct sim_deed *deed, enum sim_fault kind, const struct sim_peer *who,
                      const struct sim_peer *other);
/* A value of this deed for one of many, the same whoever else is there. */
uint64_t sim_deed_straw(uint64_t lots, uint64_t place);
struct sim_peer *sim_some_place(struct sim_deed *deed); /* who may be down */
struct sim_peer *sim_some_peer(struct sim_deed *deed);  /* who is there; NULL: it is not */
struct sim_peer *sim_some_awake(struct sim_deed *deed); /* and whose process runs */
struct sim_connection *sim_some_connection(struct sim_deed *deed); /* that lives; NULL: none */
void sim_deed_say(struct sim_world *world, const char *who, const char *what);

#define SIM_S  UINT64_C(1000000) /* in microseconds */
#define SIM_MS UINT64_C(1000)

#endif
