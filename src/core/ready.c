/* SPDX-License-Identifier: MPL-2.0 */
/* Who can be given work: for each destination its members that are free and have credit, the least
 * loaded first, and of those the one that waited longest. A destination may have thousands: what
 * changes of a member only notes that it did, and the next choice looks at those alone. */

#include "core/state.h"

bool gw_member_is_free(const struct gw_member *member)
{
    return member->serving && member->remote->link.complete && !member->unsent_head &&
           !member->alone && !member->reserved;
}

static void count_starved(struct gw_member *member, bool starved)
{
    member->target->starved += (size_t)starved - (size_t)member->starved;
    member->starved = starved;
}

/* What the member counts for in ready_load: its load when it was last looked at. */
static uint64_t counted(const struct gw_target *target, const struct gw_member *member)
{
    return member->ready.at ? gw_heap_key(&target->ready, &member->ready) : 0;
}

static void leave(struct gw_target *target, struct gw_member *member)
{
    target->ready_load -= counted(target, member);
    gw_heap_remove(&target->ready, &member->ready);
}

static void enter(struct gw_core *core, struct gw_target *target, struct gw_member *member)
{
    target->ready_load -= counted(target, member);
    gw_check(core,
             gw_heap_set(&target->ready, &member->ready, member->outstanding, member->chosen));
    target->ready_load += counted(target, member);
}

void gw_ready_refresh(struct gw_core *core, struct gw_target *target)
{
    struct gw_member *member;
    while ((member = target->touched)) {
        core->looks++;
        gw_list_leave(member, next_touched, here_touched);
        bool free = gw_member_is_free(member), credit = gw_credit_messages(member) > 0;
        count_starved(member, free && !credit);
        if (free && credit)
            enter(core, target, member);
        else
            leave(target, member);
    }
}

struct gw_member *gw_ready_first(const struct gw_target *target)
{
    struct gw_heap_place *first = gw_heap_first(&target->ready);
    return first ? GW_HEAP_ITEM(first, struct gw_member, ready) : NULL;
}

void gw_ready_pass(struct gw_member *member)
{
    leave(member->target, member);
    gw_member_touch(member);
}

void gw_ready_leave(struct gw_member *member)
{
    count_starved(member, false);
    leave(member->target, member);
    gw_list_remove(member, next_touched, here_touched);
}
