/* SPDX-License-Identifier: MPL-2.0 */

/* Deeds of the chaos monkey that people do, on purpose or not. */

#include "deed.h"
#include "world.h"

static void end_guest(struct sim_world *world, void *subject, uint64_t process, uint64_t death)
{
    struct sim_peer *guest = subject;

    (void)world;
    if (guest->process == process)
        sim_peer_crash(guest, (enum sim_death)death);
}

/* A second process under a taken name, with a store of its own, dials those whom the first knows.
 * Not that of a memory peer: it would be taken for the end of that one, and no more is promised
 * then. */
void sim_deed_newcomer(struct sim_deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_peer *victim = sim_some_peer(deed), *guest = &world->peers[SIM_PEERS_MAX - 1];

    if (!victim || guest->up || sim_peer_is_memory(victim) ||
        !sim_deed_happens(deed, SIM_FAULT_newcomer, victim, NULL))
        return;
    sim_peer_guest(guest, victim);
    sim_peer_start(guest);
    for (unsigned i = 0; i < 2 && !world->failed; i++) {
        struct sim_peer *to = sim_some_place(deed);
        if (to != victim)
            sim_peer_want_dial(guest, to, false);
    }
    enum sim_death death = sim_chance(&deed->lot, 500000) ? SIM_KILLED : SIM_POWER_LOST;
    sim_world_after(world, sim_between(&deed->lot, SIM_S / 10, 3 * SIM_S), end_guest, guest,
                    guest->process, death);
}

void sim_deed_dial_self(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_awake(deed);

    if (peer && peer->dial_count < SIM_DIALS_MAX &&
        sim_deed_happens(deed, SIM_FAULT_dialled_self, peer, NULL))
        sim_peer_want_dial(peer, peer, true);
}

static size_t some_dial(struct sim_deed *deed, const struct sim_peer *peer)
{
    return sim_between(&deed->lot, 0, peer->dial_count - 1);
}

void sim_deed_dial_twice(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_awake(deed);

    if (!peer || !peer->dial_count || peer->dial_count == SIM_DIALS_MAX)
        return;
    struct sim_peer *to = peer->dials[some_dial(deed, peer)].to;
    if (sim_deed_happens(deed, SIM_FAULT_dialled_twice, peer, to))
        sim_peer_want_dial(peer, to, true);
}

/* Takes a dial away or brings it back. */
void sim_deed_undial(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_awake(deed);

    if (!peer || !peer->dial_count)
        return;
    size_t at = some_dial(deed, peer);
    if (!sim_deed_happens(deed, SIM_FAULT_undialled, peer, peer->dials[at].to))
        return;
    if (peer->dials[at].off)
        sim_peer_redial(peer, at);
    else
        sim_peer_undial(peer, at, peer->dials[at].temporary);
}

static struct sim_served *some_serve(struct sim_deed *deed, struct sim_peer *peer)
{
    return &peer->serves[sim_between(&deed->lot, 0, peer->serve_count - 1)];
}

/* Serves no longer what it served, or again. */
void sim_deed_unserve(struct sim_deed *deed)
{
    struct sim_world *world = deed->world;
    struct sim_peer *peer = sim_some_awake(deed);

    if (!peer || !peer->serve_count)
        return;
    struct sim_served *served = some_serve(deed, peer);
    if (!sim_deed_happens(deed, SIM_FAULT_unserved, peer, NULL))
        return;
    served->off = !served->off;
    sim_deed_say(world, peer->name, served->off ? "unserves" : "serves again");
    sim_peer_serve(peer, (size_t)(served - peer->serves));
    if (served->off && !world->failed && sim_chance(&deed->lot, 700000))
        sim_app_release(peer, &served->destination);
}

/* An operator gives up on a member, wherever it is. */
void sim_deed_forfeit(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_awake(deed), *member = sim_some_place(deed);

    if (peer && member != peer && sim_deed_happens(deed, SIM_FAULT_forfeit_asked, peer, member))
        sim_peer_forfeit(peer, member);
}

void sim_deed_purge(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_awake(deed);

    if (peer && sim_deed_happens(deed, SIM_FAULT_purged, peer, NULL))
        sim_app_withdraw_some(peer, &deed->lot);
}

void sim_deed_change_credit(struct sim_deed *deed)
{
    struct sim_peer *peer = sim_some_awake(deed);

    if (!peer || !peer->serve_count)
        return;
    struct sim_served *served = some_serve(deed, peer);
    if (served->off || !sim_deed_happens(deed, SIM_FAULT_credit_changed, peer, NULL))
        return;
    sim_deed_say(deed->world, peer->name, "changes its credit");
    served->credit_messages = sim_between(&deed->lot, 1, 20);
    sim_peer_serve(peer, (size_t)(served - peer->serves));
}
