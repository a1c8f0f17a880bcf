/* SPDX-License-Identifier: MPL-2.0 */
/* Who and what is known by name: other peers, destinations, and which peer serves which. Each is
 * found by a hash; those of one hash hang on each other. */

#include "base/crc32c.h"
#include "core/state.h"
#include <stdlib.h>
#include <string.h>

static uint64_t name_hash(const char *name)
{
    return gw_crc32c(0, name, strlen(name));
}

struct gw_remote *gw_remote_find(const struct gw_core *core, const char *name)
{
    struct gw_remote *remote = gw_map_get(&core->remotes, name_hash(name));
    while (remote && strcmp(remote->name, name) != 0)
        remote = remote->next_same_hash;
    return remote;
}

struct gw_remote *gw_remote_get(struct gw_core *core, const char *name)
{
    struct gw_remote *remote = gw_remote_find(core, name);
    if (remote || core->remote_count >= GW_REMOTES_MAX)
        return remote;
    remote = gw_allocate(core, sizeof *remote);
    if (!remote)
        return NULL;
    memcpy(remote->name, name, strlen(name) + 1);
    uint64_t hash = name_hash(name);
    remote->next_same_hash = gw_map_get(&core->remotes, hash);
    if (gw_map_put(&core->remotes, hash, remote)) {
        free(remote);
        gw_fail(core);
        return NULL;
    }
    gw_list_push(&core->remote_list, remote, next, here);
    core->remote_count++;
    return remote;
}

void gw_remote_free(struct gw_remote *remote)
{
    for (struct gw_member *member = remote->members, *next; member; member = next) {
        next = member->next_in_remote;
        free(member);
    }
    for (struct gw_intake *intake = remote->intakes, *next; intake; intake = next) {
        next = intake->next;
        free(intake);
    }
    gw_window_forget_refused(remote);
    free(remote->by_serve);
    free(remote->closed);
    free(remote);
}

void gw_remote_forget(struct gw_core *core, struct gw_remote *remote)
{
    uint64_t hash = name_hash(remote->name);
    struct gw_remote *alike = gw_map_get(&core->remotes, hash);
    gw_list_leave(remote, next, here);
    if (alike == remote && !remote->next_same_hash) {
        gw_map_remove(&core->remotes, hash);
    } else if (alike == remote) {
        gw_check(core, gw_map_put(&core->remotes, hash, remote->next_same_hash));
    } else {
        while (alike->next_same_hash != remote)
            alike = alike->next_same_hash;
        alike->next_same_hash = remote->next_same_hash;
    }
    core->remote_count--;
    gw_timer_set(core, GW_TIMER_AWAY, &remote->timer, GW_NEVER);
    gw_remote_free(remote);
}

struct gw_target *gw_target_find(const struct gw_core *core,
                                 const struct gw_destination *destination)
{
    struct gw_target *target = gw_map_get(&core->targets_by, gw_destination_hash(destination));
    while (target && !gw_destination_equal(&target->destination, destination))
        target = target->next_same_hash;
    return target;
}

bool gw_is_for_nobody(const struct gw_core *core, const struct gw_destination *destination)
{
    if (destination->kind != GW_KIND_REPLY || !core->started)
        return false;
    const struct gw_remote *remote = gw_remote_find(core, destination->name);
    return !remote || remote->gone;
}

struct gw_target *gw_target_get(struct gw_core *core, const struct gw_destination *destination)
{
    struct gw_target *target = gw_target_find(core, destination);
    if (target || core->target_count >= GW_TARGETS_MAX)
        return target;
    target = gw_allocate(core, sizeof *target);
    if (!target)
        return NULL;
    uint64_t hash = gw_destination_hash(destination);
    target->next_same_hash = gw_map_get(&core->targets_by, hash);
    if (gw_map_put(&core->targets_by, hash, target)) {
        free(target);
        gw_fail(core);
        return NULL;
    }
    target->destination = *destination;
    gw_list_push(&core->targets, target, next, here);
    core->target_count++;
    if (gw_is_for_nobody(core, destination))
        gw_target_abandon(core, target);
    return target;
}

void gw_target_forget(struct gw_core *core, struct gw_target *target)
{
    uint64_t hash = gw_destination_hash(&target->destination);
    struct gw_target *alike = gw_map_get(&core->targets_by, hash);
    gw_list_leave(target, next, here);
    if (alike == target && !target->next_same_hash) {
        gw_map_remove(&core->targets_by, hash);
    } else if (alike == target) {
        gw_check(core, gw_map_put(&core->targets_by, hash, target->next_same_hash));
    } else {
        while (alike->next_same_hash != target)
            alike = alike->next_same_hash;
        alike->next_same_hash = target->next_same_hash;
    }
    core->target_count--;
    gw_timer_set(core, GW_TIMER_TARGET, &target->timer, GW_NEVER);
    gw_heap_clear(&target->ready);
    free(target);
}

/* The shorter of the two lists decides: a destination may have thousands of members, and a peer may
 * have served thousands of destinations. */
static struct gw_member *member_find(const struct gw_remote *remote, const struct gw_target *target)
{
    struct gw_member *here = target->members, *there = remote->members;
    for (; here && there; here = here->next_in_target, there = there->next_in_remote) {
        if (here->remote == remote)
            return here;
        if (there->target == target)
            return there;
    }
    return NULL;
}

struct gw_member *gw_member_get(struct gw_core *core, struct gw_remote *remote,
                                struct gw_target *target)
{
    struct gw_member *member = member_find(remote, target);
    if (member)
        return member;
    member = gw_allocate(core, sizeof *member);
    if (!member)
        return NULL;
    member->remote = remote;
    member->target = target;
    gw_list_push(&remote->members, member, next_in_remote, here_in_remote);
    gw_list_push(&target->members, member, next_in_target, here_in_target);
    member->chosen = GW_NEWCOMERS - ++core->members_made;
    return member;
}

void gw_member_reserve(struct gw_member *member, struct gw_stream *stream)
{
    member->target->reserved += (stream != NULL) - (size_t)(member->reserved != NULL);
    member->reserved = stream;
    gw_member_touch(member);
}

void gw_member_forget(struct gw_member *member)
{
    gw_member_reserve(member, NULL);
    gw_ready_leave(member);
    gw_list_leave(member, next_in_remote, here_in_remote);
    gw_list_leave(member, next_in_target, here_in_target);
    free(member);
}
