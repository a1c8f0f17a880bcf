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
    GW_EVENT_CLOSE,       /* say BYE everywhere */
    GW_EVENT_HANDED,      /* handlers have begun with messages in hand */
    GW_EVENT_RETURN,      /* the application gives a message in hand back, undecided */
    GW_EVENT_RECALLED,    /* answer to GW_EFFECT_RECALL: what no handler had begun with */
    GW_EVENT_POLICY,      /* how messages to a destination are treated */
    GW_EVENT_WITHDRAW,    /* take a message back for good, if that is still possible */
    GW_EVENT_FORFEIT,     /* an operator: what a member holds may go to others */
    GW_EVENT_RETIRE /* an epoch of this open gets no more messages: it ends as old ones do */
};

struct gw_decision { /* a range in hand, decided */
    uint64_t epoch;
    uint64_t first;
    uint64_t last;
    uint64_t bytes; /* of its messages */
    bool rejected;  /* false: processed. A rejection is of one message */
    uint32_t code;  /* rejected: the handler's */
    const char *text; /* rejected: printable ASCII, GW_TEXT_MAX at most; NULL: none */
};

/* How messages to a destination are treated. Not stored: said anew at each open. */
struct gw_policy {
    bool ordered;          /* one member at a time, in order; of epochs drawn from now on */
    bool failover;         /* what a member holds goes to others after failover_us without link */
    uint64_t failover_us;
    uint64_t retry_base_us; /* pause before attempt 2; doubles with each attempt */
    uint64_t retry_cap_us;
    uint32_t retry_jitter;  /* percent, 0 to 100 */
    uint64_t max_attempts;  /* then it is a dead letter; 0: never */
    uint64_t deadline_us;   /* offered for so long and not begun: asked back; 0: never */
};

struct gw_event {
    uint8_t type;      /* enum gw_event_type */
    uint64_t now_us;   /* monotonic; may stand still, and may jump forwards */
    uint64_t entropy;  /* fresh from the CSPRNG (FRAME and START), for link ids */
    uint64_t wall_ms;  /* milliseconds since 1970, for people: decides nothing */
    union {
        /* Of each epoch's batches only the first and the last; number = bytes_before + bytes. */
        const struct gw_row *recover;
        struct {
            uint64_t conn;
            uint64_t link; /* CORRUPT: that of the frame */
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
            struct gw_batch *const *batches; /* one without its body: that is lost for good */
            size_t count;
        } loaded;
        struct {
            uint64_t epoch;
            uint64_t first;
            uint64_t last;
        } handed;
        struct {
            uint64_t epoch;
            uint64_t first;
            uint64_t last;
            uint64_t bytes;
            uint64_t number;   /* of the offer, as delivered */
            uint8_t kind;      /* enum gw_return_kind: NACK or RELEASE */
            uint32_t delay_ms; /* NACK; UINT32_MAX: as the sender's policy says */
            const char *text;  /* NULL: none */
        } give_back; /* RETURN */
        struct {
            uint64_t epoch;
            uint64_t number;  /* these four as in the effect */
            uint8_t purpose;
            uint32_t code;
            const struct gw_range *pieces; /* of those asked for; ascending */
            const uint64_t *bytes;         /* of each piece */
            size_t count;
        } recalled;
        struct {
            struct gw_destination destination;
            struct gw_policy policy;
        } policy;
        struct {
            uint64_t epoch;
            uint64_t sequence;
            uint32_t code; /* enum gw_withdrawal */
        } withdraw;
        struct {
            const char *peer;
        } forfeit;
        uint64_t retire; /* the epoch */
    } u;
};

#endif
