/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_CORE_FRAME_H
#define GW_CORE_FRAME_H

/* What two peers say to each other, decoded. src/wire turns these into bytes and back;
 * docs/protocol.md gives the grammar and the meaning. A decoded frame points into the received
 * bytes and into its decoder's arena: it is valid until the decoder's next call. Arrays are bounded
 * by the limits below, on both sides. */

#include "base/bytes.h"
#include "base/ranges.h"
#include <stdbool.h>
#include <stdint.h>

#define GW_NAME_MAX 64         /* bytes of a peer's or destination's name, without the NUL */
#define GW_WIRE_VERSION 1      /* the only version so far; HELLO offers a range */
#define GW_SERVES_MAX 256      /* destinations one peer may serve */
#define GW_FLOORS_MAX 256      /* floors in one PING or PONG */
#define GW_ACK_EPOCHS_MAX 256  /* epochs in one ACK, and as many closed ones */
#define GW_ACK_RANGES_MAX 4096 /* ranges in one ACK, all epochs and kinds together */
#define GW_RUN_MAX 65536     /* messages in one DATA */
#define GW_WINDOW_MAX 1048576  /* largest W */
#define GW_SEQUENCE_MAX (UINT64_C(1) << 62) /* largest sequence, and largest count of anything */
#define GW_MESSAGE_MAX (16 << 20)           /* largest max_message */
#define GW_MESSAGE_COMMON (1 << 20)         /* what every peer takes, whatever its max_message */
#define GW_HEADER_MAX (256 * 1024)          /* bytes of a header frame, columns included */
/* Bytes of DATA's lengths and heads together: a run is cut to fit. */
#define GW_LENGTHS_MAX (GW_HEADER_MAX - 128)
#define GW_BODY_MAX (2 * 1024 * 1024)       /* bytes of a body frame of several messages */
#define GW_TEXT_MAX 255                     /* bytes of a reason: printable ASCII */

#define GW_ACK_EXCEPTIONS_MAX 256           /* exceptions in one ACK, all epochs together */
#define GW_ACK_RETURNS_MAX 256              /* returns in one ACK, all epochs together */
#define GW_SKIP_RANGES_MAX 256              /* ranges in one SKIP */
#define GW_HEADS_MAX 65535                  /* bytes of one message's headers */

enum gw_kind {
    GW_KIND_STAGE = 1,
    GW_KIND_PEER = 2,
    GW_KIND_SERVICE = 3,
    GW_KIND_REPLY = 4 /* answers to the requests of the peer of that name: served by it alone */
};

/* A destination: kind and name. */
struct gw_destination {
    uint8_t kind; /* enum gw_kind */
    char name[GW_NAME_MAX + 1];
};

enum gw_frame_type {
    GW_FRAME_HELLO = 1,   /* dialler, first on a connection; link id 0 */
    GW_FRAME_WELCOME = 2, /* acceptor's answer; gives the link its id */
    GW_FRAME_READY = 3,   /* dialler: the link is up */
    GW_FRAME_REFUSE = 4,  /* no link, or no stream, and why */
    GW_FRAME_RESET = 5,   /* "I do not know the link id that you used": it is in the link field */
    GW_FRAME_BYE = 6,     /* a clean leave */
    GW_FRAME_PING = 7,
    GW_FRAME_PONG = 8,
    GW_FRAME_SERVE = 9,   /* what the sender of this frame serves, with credit: complete list */
    GW_FRAME_OPEN = 10,   /* names an epoch on this link before its first DATA */
    GW_FRAME_DATA = 11,   /* a run; the only frame with a body */
    GW_FRAME_ACK = 12,
    GW_FRAME_CLOSED = 13, /* all of an old epoch is settled */
    GW_FRAME_SKIP = 14    /* the sender asks back what it offered */
};

enum gw_refusal {
    GW_REFUSE_VERSION = 1,  /* no wire version in common */
    GW_REFUSE_IDENTITY = 2, /* the name is held by a live peer; try again later */
    GW_REFUSE_CROSSED = 3,  /* the two share a link, or will by the lower name's dial */
    GW_REFUSE_SELF = 4,     /* dialled itself */
    GW_REFUSE_EPOCH = 5,    /* an epoch neither known nor announced as fresh: `epoch` says which */
    GW_REFUSE_LIMITS = 6,   /* limits that cannot work together */
    GW_REFUSE_BUSY = 7      /* no room for another link */
};

/* What a receiver decided otherwise than by processing; durable like every decision. */
enum gw_exception_kind {
    GW_EXCEPTION_REJECTED = 1, /* the handler refused it: code and text are the handler's */
    GW_EXCEPTION_SKIPPED = 2   /* withdrawn before a handler had it; code: enum gw_withdrawal */
};

/* Why a sender takes a message back for good. The receiver keeps and returns it (rule 11). */
enum gw_withdrawal {
    GW_WITHDRAW_CANCELLED = 1, /* its request was cancelled */
    GW_WITHDRAW_PURGED = 2,    /* an operator said so */
    GW_WITHDRAW_EXPIRED = 3    /* its time is over */
};

/* How a member gave a message back undecided. */
enum gw_return_kind {
    GW_RETURN_NACK = 1,    /* its handler asked for another try: counts as an attempt */
    GW_RETURN_RELEASE = 2, /* never begun: given back, or asked back by SKIP */
    GW_RETURN_CRASHED = 3  /* begun by an earlier process of the member, which died on it: counts
                            * as an attempt */
};

#define GW_OFFER_ANY UINT64_MAX /* a SKIP's number: whatever offer brought it */

/* What a SKIP wants. */
enum gw_skip_purpose {
    GW_SKIP_RELEASE = 1, /* give it back, to be offered elsewhere: not a decision */
    GW_SKIP_WITHDRAW = 2 /* decide it skipped, for good */
};

struct gw_identity { /* HELLO and WELCOME */
    uint64_t version_min;
    uint64_t version_max;
    char name[GW_NAME_MAX + 1];
    uint8_t store[16]; /* the store's uuid */
    uint64_t open;     /* how often the store was opened, this time included */
    uint64_t process;  /* random nonce of this open */
    bool memory;       /* the store ends with the process */
    uint64_t max_message; /* see gw_message_limit */
    uint64_t window; /* W */
    uint64_t heartbeat_ms;
};

struct gw_serve {
    struct gw_destination destination;
    uint64_t weight;          /* 1 so far */
    uint64_t credit_messages; /* absolute, counted from the link's start */
    uint64_t credit_bytes;
};

struct gw_credit { /* in ACK: index into the last SERVE of the same direction */
    uint64_t serve;
    uint64_t messages; /* absolute, never falls on one link */
    uint64_t bytes;
};

struct gw_floor {
    uint64_t epoch; /* never 0, here and in every frame */
    uint64_t floor; /* 1 <= floor <= last + 1 */
    uint64_t last;  /* last assigned; 0: none yet */
};

struct gw_exception {
    uint64_t sequence;
    uint8_t kind;         /* enum gw_exception_kind */
    uint32_t code;        /* the handler's, or enum gw_withdrawal */
    struct gw_slice text; /* printable ASCII, GW_TEXT_MAX at most */
};

/* Not in hand any more and not decided. Of the offer `number` only: an older one frees nothing of
 * what was offered since (rule 8). */
struct gw_return {
    uint64_t first;
    uint64_t last;
    uint64_t number;   /* of the DATA that brought it, or of the SKIP that asked for it */
    uint8_t kind;      /* enum gw_return_kind */
    uint32_t delay_ms; /* NACK: not before; UINT32_MAX: as the sender's policy says */
    struct gw_slice text;
};

/* Facts about one epoch that its receiver knows. Facts only add: what is not listed is not
 * denied. */
struct gw_ack_epoch {
    uint64_t epoch;
    uint64_t floor;                 /* everything below is settled; no range starts below it */
    const struct gw_range *decided; /* durable decisions: processed */
    size_t decided_count;
    const struct gw_range *in_hand; /* received, undecided; only until `complete` was said */
    size_t in_hand_count;
    const struct gw_range *handed; /* in hand, and a handler has begun: a hint, any time */
    size_t handed_count;
    const struct gw_exception *exceptions; /* durable decisions, never among `decided` */
    size_t exception_count;
    const struct gw_return *returns;
    size_t return_count;
};

struct gw_frame {
    uint8_t type; /* enum gw_frame_type */
    uint64_t link;
    union {
        struct gw_identity identity; /* HELLO, WELCOME */
        struct {
            uint64_t code;  /* enum gw_refusal */
            uint64_t epoch; /* for GW_REFUSE_EPOCH, else 0 */
            char text[GW_TEXT_MAX + 1];
        } refuse;
        struct {
            uint64_t time_us; /* PING: the sender's monotonic time; PONG: echo of the PING's */
            uint64_t frames;  /* SERVE, OPEN, DATA, ACK, CLOSED, SKIP; PING: sent, PONG: received */
            const struct gw_floor *floors; /* of streams of the sender; bounded, rotating */
            size_t floor_count;
        } ping;
        struct {
            bool last; /* the process ends, too: of a memory peer nothing is left */
        } bye;
        struct {
            const struct gw_serve *items;
            size_t count;
        } serve;
        struct {
            struct gw_destination destination;
            uint64_t epoch;
            uint64_t floor;
            uint64_t last;
            bool fresh; /* the sender never recorded a decision of this receiver in this epoch */
            bool ordered; /* hand over in the order of the sequences */
        } open;
        struct {
            uint64_t floor;
            bool redelivered; /* the run was offered before, to anyone */
            bool maybe_duplicate; /* it was forfeited elsewhere: another may process it too */
            uint64_t number;      /* of this offer: comes back in a return */
            uint64_t attempt;     /* of all messages in it: 1 and up */
            uint64_t epoch;
            uint64_t first;
            uint64_t count;
            struct gw_slice lengths; /* the lengths column, see wire/columns.h */
            struct gw_slice heads; /* the heads column, same form: bytes of headers at the start
                                    * of each message; empty: none has any */
            uint32_t crc;          /* crc32c over lengths, heads, then body */
        } data;
        struct {
            bool complete; /* all known of the pair's epochs at the link's start is said */
            const struct gw_ack_epoch *epochs;
            size_t epoch_count;
            const struct gw_credit *credits;
            size_t credit_count;
            const uint64_t *closed; /* epochs whose CLOSED is recorded durably */
            size_t closed_count;
        } ack;
        struct {
            uint64_t epoch;
            uint64_t last;
        } closed;
        struct {
            uint64_t epoch;
            uint64_t number; /* of the offer that is asked back */
            uint8_t purpose; /* enum gw_skip_purpose */
            uint32_t code;   /* WITHDRAW: enum gw_withdrawal; else 0 */
            const struct gw_range *ranges;
            size_t range_count; /* 1 up */
        } skip;
    } u;
};

/* Bytes of the largest message that a peer of this max_message takes. What it sends ends at
 * max_message itself. */
static inline uint64_t gw_message_limit(uint64_t max_message)
{
    return max_message > GW_MESSAGE_COMMON ? max_message : GW_MESSAGE_COMMON;
}

const char *gw_frame_name(uint8_t type);    /* "HELLO"; "?" for none */
const char *gw_refusal_name(uint64_t code); /* "VERSION"; "?" for none */
bool gw_name_valid(const char *name);       /* 1-64 of [a-z0-9._-] */
bool gw_destination_equal(const struct gw_destination *a, const struct gw_destination *b);
uint64_t gw_destination_hash(const struct gw_destination *destination);
/* Reads "stage:x", "peer:x", "service:x" or "reply:x"; 0 or -EINVAL. */
int gw_destination_parse(const char *text, struct gw_destination *destination);
/* The reverse. */
#define GW_DESTINATION_TEXT (GW_NAME_MAX + 16)
void gw_destination_format(const struct gw_destination *destination,
                           char text[GW_DESTINATION_TEXT]);

#endif
