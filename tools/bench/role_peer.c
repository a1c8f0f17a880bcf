/* SPDX-License-Identifier: MPL-2.0 */
/* What the roles with a godwit peer have in common. */

#include "role_peer.h"
#include "child.h"
#include <stdio.h>
#include <string.h>

#define LIBRARYS_OWN ((size_t)1 << 20)  /* default of max_message, */
#define LARGEST      ((size_t)16 << 20) /* and the most */
#define HEADERS      ((size_t)4 << 10)  /* room for those of a request or reply */

bool peer_check(godwit_err_t error, const char *what)
{
    if (error)
        bench_complain("%s: %s: %s", what, godwit_error_name(error), godwit_last_error());
    return !error;
}

static godwit_durability_t level_of(const char *name)
{
    if (strcmp(name, "os") == 0)
        return GODWIT_DURABILITY_OS;
    return strcmp(name, "fsync") == 0 ? GODWIT_DURABILITY_FSYNC : GODWIT_DURABILITY_MEMORY;
}

godwit_peer_options_t peer_options(const struct role *role, const char *kind, char name[PEER_NAME])
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    snprintf(name, PEER_NAME, "%s-%u", kind, role->number);
    options.name = name;
    options.durability = level_of(role->level);
    options.window = role->window; /* 0: the default */
    if (role->size > LIBRARYS_OWN - HEADERS)
        options.max_message = role->size < LARGEST - HEADERS ? role->size + HEADERS : LARGEST;
    if (options.durability != GODWIT_DURABILITY_MEMORY)
        options.directory = role->directory;
    return options;
}

bool peer_open(const struct role *role, const char *kind, godwit_peer_t **peer)
{
    char name[PEER_NAME];
    godwit_peer_options_t options = peer_options(role, kind, name);
    return peer_check(godwit_peer_open(&options, peer), "open");
}

bool peer_bind(godwit_peer_t *peer, char *endpoint)
{
    return peer_check(godwit_peer_bind(peer, "tcp://127.0.0.1:*"), "bind") &&
           peer_check(godwit_peer_endpoint(peer, endpoint, 256), "endpoint");
}

bool peer_listen(godwit_peer_t *peer)
{
    char endpoint[256];
    if (!peer_bind(peer, endpoint))
        return false;
    role_say("endpoint %s", endpoint);
    return true;
}

bool peer_meet(godwit_peer_t *peer, const struct role *role, const char *destination)
{
    const char *list = role->endpoints;
    char endpoint[256];
    size_t members = 0;
    for (; role_endpoint(&list, endpoint, sizeof(endpoint)); members++) {
        if (!peer_check(godwit_peer_connect(peer, endpoint), "connect"))
            return false;
    }
    return peer_check(godwit_peer_wait_members(peer, destination, members, PEER_MEET_MS), "meet");
}

static bool take(godwit_delivery_t *delivery, const struct role *role)
{
    if (godwit_delivery_size(delivery) == role->size)
        return peer_check(godwit_ack(&delivery), "ack");
    bench_complain("a message of %zu bytes came instead of %zu", godwit_delivery_size(delivery),
                   role->size);
    godwit_delivery_drop(&delivery);
    return false;
}

bool peer_take_all(godwit_stage_t *stage, const struct role *role)
{
    uint64_t taken = 0, said = 0;
    for (;;) {
        godwit_delivery_t *delivery;
        godwit_err_t error = godwit_stage_next(stage, PEER_IDLE_MS, &delivery);
        if (error == GODWIT_OK) {
            if (!take(delivery, role))
                return false;
            taken++;
            continue;
        }
        if (error != GODWIT_ETIMEDOUT)
            return peer_check(error, "next");
        if (said != taken)
            role_say_took(taken, bench_now());
        said = taken;
        if (role_ended())
            return true;
    }
}
