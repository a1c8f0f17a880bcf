/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_EFFECT_H
#define GW_CORE_EFFECT_H

/* What a core wants done. Effects are carried out in order. Everything that depends on durability
 * is emitted in the step of its COMMITTED event, never before: there is no other way for it to
 * leave. */

#include "core/batch.h"
#include "core/frame.h"
#include "core/record.h"

enum gw_effect_type {
    GW_EFFECT_SEND,        /* a frame without a body. If the connection takes nothing: LOST */
    GW_EFFECT_SEND_DATA,   /* a run. AFTER the commit of its batch and assignment */
    GW_EFFECT_HANGUP,      /* an accepted connection is of no more use: forget it */
    GW_EFFECT_COMMIT,      /* one write. BEFORE everything that depends on it. Answer: COMMITTED */
    GW_EFFECT_LOAD,        /* read batches from the store. Answer: LOADED, always, also with none */
    GW_EFFECT_FORGET,      /* a batch that the core needs no more: its reference is handed back */
    GW_EFFECT_DELIVER,     /* pieces of this step's DATA frame are in hand: for the application */
    GW_EFFECT_STORED,      /* accepted, up to a sequence. AFTER its commit */
    GW_EFFECT_SETTLED,     /* messages are settled. AFTER the settlement's commit */
    GW_EFFECT_RELEASED,    /* a batch left the outbox: its quota is free. AFTER that commit */
    GW_EFFECT_TRANSACTION, /* committed. AFTER its commit */
    GW_EFFECT_STALE,       /* a transaction decides what moved on without it: it does not happen */
    GW_EFFECT_MEMBERS,     /* the number of a destination's live members changed */
    GW_EFFECT_RECALL,      /* take these back from the application, as far as no handler has begun.
                            * Answer: RECALLED, always, also with none */
    GW_EFFECT_BURIED,      /* a dead letter is stored. AFTER its commit, before its SETTLED */
    GW_EFFECT_OUTCOMES,    /* outcome rows up to a number are stored. AFTER their commit */
    GW_EFFECT_IDLE,        /* an epoch of this open is settled and its only receiver is gone: it can
                            * be retired */
    GW_EFFECT_NOTE         /* something a person may want to know */
};

enum gw_op_type {
    GW_OP_PUT,
    GW_OP_DELETE,
    GW_OP_PUT_BATCH,
    GW_OP_DELETE_BATCH,
    GW_OP_BURY /* a dead letter: the row, and the message row.first of the batch */
};

struct gw_op {
    uint8_t type;              /* enum gw_op_type */
    struct gw_row row;         /* PUT, DELETE; DELETE_BATCH: epoch and last */
    struct gw_batch *batch; /* PUT_BATCH, BURY: held by the core until the step's end at least */
};

enum gw_note {
    GW_NOTE_LINK_UP,
    GW_NOTE_LINK_DOWN,      /* a: enum gw_down */
    GW_NOTE_REFUSED,        /* they refused us. a: enum gw_refusal */
    GW_NOTE_REFUSING,       /* we refused them. a: enum gw_refusal */
    GW_NOTE_VIOLATION,      /* the peer broke the protocol. a: enum gw_frame_type */
    GW_NOTE_QUARANTINE,     /* the peer does not know an epoch that it has decided in. a: epoch */
    GW_NOTE_BURIED,         /* a dead letter. a: epoch, b: sequence */
    GW_NOTE_FORFEITED,      /* what the member held goes to others. a: messages */
    GW_NOTE_STALLED,        /* a stream is at W. peer: who holds its lowest message ("": nobody).
                             * a: epoch, b: sequence */
    GW_NOTE_TOO_LARGE,      /* `peer` takes no message as large. a: epoch, b: sequence */
    GW_NOTE_GONE,           /* a memory peer has ended: what was kept for it is forgotten */
    GW_NOTE_BODY_LOST       /* messages end unsent: their bytes are gone. a: epoch, b: messages */
};

enum gw_down {
    GW_DOWN_LOST = 1,   /* the connection is gone */
    GW_DOWN_SILENT,     /* nothing heard for three heartbeats */
    GW_DOWN_RESET,      /* the other side does not know the link */
    GW_DOWN_BYE,        /* a clean leave */
    GW_DOWN_REPLACED,   /* a newer link of the same peer took over */
    GW_DOWN_GAP,        /* a frame was lost on a live link */
    GW_DOWN_VIOLATION,  /* the other side broke the protocol */
    GW_DOWN_CLOSED      /* we left */
};

struct gw_effect {
    uint8_t type; /* enum gw_effect_type */
    union {
        struct {
            uint64_t conn;
            const struct gw_frame *frame; /* in the effects' arena */
        } send;
        struct {
            uint64_t conn;
            uint64_t link;
            struct gw_batch *batch; /* held by the core; its body is in memory */
            uint64_t first;
            uint64_t count;
            uint64_t floor;
            bool redelivered;
            bool maybe_duplicate;
            uint64_t number;
            uint64_t attempt;
        } data;
        uint64_t conn; /* HANGUP */
        struct {
            uint64_t turn;
            const struct gw_op *ops;
            size_t count;
        } commit;
        struct {
            uint64_t epoch;
            uint64_t from;         /* the first sequence wanted */
            uint64_t max_messages; /* stop after the batch that reaches either */
            uint64_t max_bytes;
        } load;
        struct gw_batch *forget;
        struct {
            uint64_t epoch;
            const struct gw_range *pieces; /* in the arena; ascending */
            size_t count;
            struct gw_destination destination;
            const char *sender; /* valid as long as the core */
            bool redelivered;
            bool ordered;
        } deliver; /* the rest is in the DATA frame */
        struct {
            uint64_t epoch;
            uint64_t upto;
        } stored;
        struct {
            uint64_t epoch;
            uint64_t first;
            uint64_t last;
            uint8_t how; /* enum gw_outcome */
        } settled;
        struct {
            struct gw_destination destination;
            uint64_t messages;
            uint64_t bytes;
        } released;
        struct {
            uint64_t epoch;
            uint64_t number;
            uint8_t purpose; /* enum gw_skip_purpose */
            uint32_t code;
            const struct gw_range *ranges; /* in the arena; ascending */
            size_t count;
        } recall;
        struct {
            uint64_t epoch;
            uint64_t sequence;
            uint64_t bytes;
        } buried;
        uint64_t outcomes; /* the number of the last one */
        uint64_t idle;     /* the epoch */
        uint64_t token; /* TRANSACTION, STALE */
        struct {
            struct gw_destination destination;
            size_t count;
        } members;
        struct {
            uint8_t note; /* enum gw_note */
            const char *peer; /* in the arena; "" if not known */
            uint64_t a;
            uint64_t b;
        } note;
    } u;
};

struct gw_effects {
    struct gw_effect *items;
    size_t count;
    size_t capacity;
    bool failed;             /* out of memory: the core that filled it must be dropped */
    struct gw_arena_chunk *chunks; /* what the effects point into, until the next reset */
};

void gw_effects_reset(struct gw_effects *effects); /* empties; keeps one chunk */
void gw_effects_clear(struct gw_effects *effects); /* frees */
/* Both give zeroed memory, or NULL: then `failed` is set. */
struct gw_effect *gw_effects_add(struct gw_effects *effects, uint8_t type);
void *gw_effects_allocate(struct gw_effects *effects, size_t size);

#endif
