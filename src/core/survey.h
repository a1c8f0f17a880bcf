/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_SURVEY_H
#define GW_CORE_SURVEY_H

/* A picture of a core for people: links, destinations, members, streams, windows. Copied, so that
 * it outlives the step; bounded, so that it takes little time: of each table the first
 * GW_SURVEY_MAX entries, and how many there are in all. */

#include "core/core.h"

#define GW_SURVEY_MAX 256

struct gw_survey_link { /* another peer that is known */
    char name[GW_NAME_MAX + 1];
    bool up;
    bool complete; /* it has told all that it knew: messages flow */
    bool dialled;  /* by us */
    bool memory;
    bool gone;     /* a memory peer that has ended */
    uint64_t since_us; /* up or down, 0: never up in this open */
    uint64_t heard_us;
    uint64_t rtt_us; /* 0: not measured yet */
    uint64_t holds;  /* messages of ours that it has not settled */
    uint64_t in_hand; /* messages of its that we have not decided */
};

struct gw_survey_target { /* a destination that is sent to, or that somebody serves */
    struct gw_destination destination;
    uint64_t members; /* with a link */
    uint64_t streams;
    uint64_t unsettled; /* messages */
    uint64_t unoffered; /* of these, never with anybody */
    uint64_t waiting;   /* of these, with nobody any more: to be offered again */
    uint64_t failing;   /* of these, with a failed attempt or wanted back */
    bool ordered;
    bool failover;
};

struct gw_survey_member {
    struct gw_destination destination;
    char peer[GW_NAME_MAX + 1];
    bool linked;
    bool serving;
    bool forfeited;
    uint64_t credit_messages; /* left on the present link */
    uint64_t credit_bytes;
    uint64_t outstanding; /* messages */
};

struct gw_survey_stream {
    uint64_t epoch;
    struct gw_destination destination;
    uint64_t floor; /* the lowest that is not settled */
    uint64_t last;
    uint64_t stored;
    uint64_t unsettled;
    bool old;
    bool ordered;
    bool stalled;                 /* at W: nothing new is offered until the floor moves */
    char holder[GW_NAME_MAX + 1]; /* of the message at the floor; "": nobody */
};

struct gw_survey_window {
    uint64_t epoch;
    struct gw_destination destination;
    char sender[GW_NAME_MAX + 1];
    uint64_t floor;
    uint64_t last;
    uint64_t in_hand;
    uint64_t begun;   /* of these, by a handler */
    uint64_t decided; /* above the floor */
};

struct gw_survey_local { /* a destination that is served here */
    struct gw_destination destination;
    bool open;
    uint64_t credit_messages; /* per sender */
    uint64_t credit_bytes;
};

struct gw_survey {
    struct gw_survey_link links[GW_SURVEY_MAX];
    struct gw_survey_target targets[GW_SURVEY_MAX];
    struct gw_survey_member members[GW_SURVEY_MAX];
    struct gw_survey_stream streams[GW_SURVEY_MAX];
    struct gw_survey_window windows[GW_SURVEY_MAX];
    struct gw_survey_local locals[GW_SURVEY_MAX];
    size_t link_count, target_count, member_count, stream_count, window_count, local_count;
    size_t tombstones; /* epochs that are closed */
    char name[GW_NAME_MAX + 1];
    uint8_t store[16];
    uint64_t open;
    uint64_t now_us; /* of the core's last event */
};

/* Fills it, however large the core is: counts may be above GW_SURVEY_MAX. */
void gw_core_survey(const struct gw_core *core, struct gw_survey *survey);

/* What the core knows of a message as its receiver. */
enum gw_reception {
    GW_RECEPTION_UNKNOWN, /* no window of that epoch */
    GW_RECEPTION_MISSING, /* not received yet, or given back */
    GW_RECEPTION_IN_HAND,
    GW_RECEPTION_BEGUN,    /* in hand, and a handler has begun */
    GW_RECEPTION_DECIDING, /* decided, not durable yet */
    GW_RECEPTION_DECIDED,  /* the store knows how */
    GW_RECEPTION_BELOW     /* below the floor: settled, as its sender said */
};
struct gw_received {
    enum gw_reception reception;
    struct gw_destination destination; /* not for UNKNOWN */
    char sender[GW_NAME_MAX + 1];
    bool closed; /* the whole epoch is settled */
};
void gw_core_received(const struct gw_core *core, uint64_t epoch, uint64_t sequence,
                      struct gw_received *received);

#endif
