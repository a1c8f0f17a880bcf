/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_EVENT_H
#define GW_CORE_EVENT_H

/* What can happen to a core. The shell says everything through these: the time, randomness, what
 * the store held, when a commit is done. Pointers in an event are valid during the step only,
 * except that a BATCH, TRANSACTION or LOADED event passes on one reference of each batch. */

#include "core/batch.h"
#include "core/frame.h"
#include "core/record.h"

enum gw_event_type {
    GW_EVENT_RECOVER,     /* a row that the store held; all of them come before START */
    GW_EVENT_START,       /* recovery is complete */
    GW_EVENT_TICK,        /* nothing but the time */
    GW_EVENT_DIAL,        /* a connection that this peer dials exists (once per endpoint) */
    GW_EVENT_UNDIAL,      /* its endpoint is no longer wanted: BYE and forget it */
    GW_EVENT_LOST,        /* a connection is gone or took no frame; a dialled one may come back */
    GW_EVENT_FRAME,       /* a frame arrived */
    GW_EVENT_MALFORMED,   /* something arrived that is no frame */
    GW_EVENT_CORRUPT,     /* a DATA frame whose checksum is wrong: as if it had not arrived */
    GW_EVENT_SERVE,       /* this peer serves a destination now, or changes its capacity */
    GW_EVENT_UNSERVE,     /* and does so no longer */
    GW_EVENT_BATCH,       /* the application sent: one batch of new messages */
    GW_EVENT_DECIDE,      /* the application processed messages in hand */
    GW_EVENT_TRANSACTION, /* decisions, new batches and application keys that commit together */
    GW_EVENT_LOADED,      /* answer to GW_EFFECT_LOAD */
    GW_EVENT_SEAL,        /* emit all that is to be stored as one write; no other is in flight */
    GW_EVENT_COMMITTED,   /* that write is durable */
    GW_EVENT_CLOSE        /* say BYE everywhere */
};

struct gw_decision { /* a range in hand, processed */
    uint64_t epoch;
    uint64_t first;
    uint64_t last;
    uint64_t bytes; /* of its messages */
};

struct gw_event {
    uint8_t type;      /* enum gw_event_type */
    uint64_t now_us;   /* monotonic; may stand still, and may jump forwards */
    uint64_t entropy;  /* fresh from the CSPRNG (FRAME and START), for link ids */
    union {
        /* Of each epoch's batches only the first and the last; number = bytes_before + bytes. */
        const struct gw_row *recover;
        struct {
            uint64_t conn;
        } conn; /* DIAL, UNDIAL, LOST, MALFORMED, CORRUPT */
        struct {
            uint64_t conn;
            const struct gw_frame *frame;
            uint64_t body_bytes;  /* DATA: bytes of all its messages */
            const uint32_t *ends; /* DATA: the offset at which each message ends, count of them */
            bool version_alien;   /* GW_DECODE_VERSION: only type and link are set */
        } frame;
        struct {
            struct gw_destination destination;
            uint64_t credit_messages; /* capacity, per sender */
            uint64_t credit_bytes;
        } serve; /* SERVE, UNSERVE */
        struct {
            struct gw_destination destination;
            struct gw_batch *batch;
        } batch;
        struct gw_decision decide;
        struct {
            uint64_t token; /* comes back in GW_EFFECT_TRANSACTION */
            const struct gw_decision *decisions;
            size_t decision_count;
            const struct gw_destination *destinations; /* one per batch */
            struct gw_batch *const *batches;
            size_t batch_count;
        } transaction; /* its application keys are the turn's affair: they join the same write */
        struct {
            uint64_t epoch;
            struct gw_batch *const *batches;
            size_t count;
        } loaded;
    } u;
};

#endif
