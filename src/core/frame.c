/* SPDX-License-Identifier: MPL-2.0 */

/* Names: of frames and refusals for logs and traces, of peers and destinations for users. A name
 * that came from a stranger is safe to print once gw_name_valid has seen it. */

#include "core/frame.h"

#include "base/random.h"

#include <errno.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

static const char *const frame_names[] = {
    [GW_FRAME_HELLO] = "HELLO", [GW_FRAME_WELCOME] = "WELCOME", [GW_FRAME_READY] = "READY",
    [GW_FRAME_REFUSE] = "REFUSE", [GW_FRAME_RESET] = "RESET", [GW_FRAME_BYE] = "BYE",
    [GW_FRAME_PING] = "PING", [GW_FRAME_PONG] = "PONG", [GW_FRAME_SERVE] = "SERVE",
    [GW_FRAME_OPEN] = "OPEN", [GW_FRAME_DATA] = "DATA", [GW_FRAME_ACK] = "ACK",
    [GW_FRAME_CLOSED] = "CLOSED", [GW_FRAME_SKIP] = "SKIP",
};

static const char *const refusal_names[] = {
    [GW_REFUSE_VERSION] = "VERSION", [GW_REFUSE_IDENTITY] = "IDENTITY",
    [GW_REFUSE_CROSSED] = "CROSSED", [GW_REFUSE_SELF] = "SELF",
    [GW_REFUSE_EPOCH] = "EPOCH",     [GW_REFUSE_LIMITS] = "LIMITS",
    [GW_REFUSE_BUSY] = "BUSY",
};

static const char *const kind_names[] = {
    [GW_KIND_STAGE] = "stage",
    [GW_KIND_PEER] = "peer",
    [GW_KIND_SERVICE] = "service",
    [GW_KIND_REPLY] = "reply",
};

static const char *name_at(const char *const *names, size_t length, uint64_t index)
{
    return index < length && names[index] ? names[index] : "?";
}

const char *gw_frame_name(uint8_t type)
{
    return name_at(frame_names, LENGTH(frame_names), type);
}

const char *gw_refusal_name(uint64_t code)
{
    return name_at(refusal_names, LENGTH(refusal_names), code);
}

/* By hand: isalnum depends on the host program's locale. */
static bool name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

bool gw_name_valid(const char *name)
{
    size_t size = 0;

    while (size <= GW_NAME_MAX && name_byte(name[size]))
        size++;
    return size >= 1 && size <= GW_NAME_MAX && name[size] == '\0';
}

bool gw_destination_equal(const struct gw_destination *a, const struct gw_destination *b)
{
    return a->kind == b->kind && strcmp(a->name, b->name) == 0;
}

/* FNV-1a, mixed. Two of one hash are told apart by their names. */
uint64_t gw_destination_hash(const struct gw_destination *destination)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ destination->kind;

    for (const char *at = destination->name; *at; at++)
        hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    return gw_mix64(hash);
}

int gw_destination_parse(const char *text, struct gw_destination *destination)
{
    const char *colon = strchr(text, ':');

    if (!colon || !gw_name_valid(colon + 1))
        return -EINVAL;
    for (uint8_t kind = 1; kind < LENGTH(kind_names); kind++) {
        size_t size = strlen(kind_names[kind]);
        if (size != (size_t)(colon - text) || memcmp(text, kind_names[kind], size) != 0)
            continue;
        *destination = (struct gw_destination){.kind = kind};
        memcpy(destination->name, colon + 1, strlen(colon + 1));
        return 0;
    }
    return -EINVAL;
}

void gw_destination_format(const struct gw_destination *destination,
                           char text[GW_DESTINATION_TEXT])
{
    const char *kind =
        destination->kind < LENGTH(kind_names) ? kind_names[destination->kind] : NULL;
    size_t size = kind ? strlen(kind) : 0;

    if (kind)
        memcpy(text, kind, size);
    text[size++] = ':';
    memcpy(text + size, destination->name, strlen(destination->name) + 1);
}
