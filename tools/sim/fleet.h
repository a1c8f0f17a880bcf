/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_FLEET_H
#define GW_SIM_FLEET_H

/* `godwit sim scale`: thousands of peers in one process and in virtual time, to see what a link, a
 * heartbeat, an acknowledgement and a restart cost, and how that grows with their number.
 *
 * Beside the world of world.h, which breaks up to eight peers in every way and checks each event,
 * a fleet is lean: the same turn, core, tail, codec and rows for each peer, over wires that delay
 * and end with their processes, a store in memory that outlives them, and one queue of events. It
 * counts every frame and every byte that the code under test allocates, and checks end to end that
 * what was accepted is processed exactly once.
 *
 *     fleet_queue.c  events in virtual time
 *     fleet_net.c    wires, with the habits of libzmq's reconnecting
 *     fleet_peer.c   a turn and a tail, as the engine drives them; fleet_port.c what leaves a turn
 *     fleet_app.c    who sends, and what becomes of what arrives
 *     fleet_books.c  accepted and processed, a bit for each message
 *     fleet_shape.c  who dials whom, who serves what
 *     fleet_heap.c   bytes allocated, by peer
 *     fleet_run.c    one run, phase by phase; fleet_memory.c what a link takes
 *     fleet_report.c what it measured, in words or JSON
 *     fleet_curve.c  runs of growing size, and what grows faster than they do; plot.c draws it
 *     fleet_main.c   the command line
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define FLEET_PEERS_MAX   16384 /* a hub takes so many connections */
#define FLEET_FRAME_TYPES 16 /* enum gw_frame_type fits */

enum fleet_shape {
    FLEET_STAR,    /* all dial peer 0, send it requests, and get replies */
    FLEET_FARM,    /* all dial peer 0, which gives them work */
    FLEET_PAIRS,   /* two and two, each sends to the other */
    FLEET_MESH,    /* each dials some others; each sends to a stage that all serve */
    FLEET_PIPELINE /* producers, workers and sinks, 1 : 8 : 1 */
};

struct fleet_options {
    uint32_t peers;
    enum fleet_shape shape;
    uint32_t degree;   /* mesh: links that each peer dials */
    uint64_t messages; /* of each sender, in bulk, and as many during each restart */
    uint64_t size;     /* bytes of each */
    uint64_t seed;
    uint64_t heartbeat_us;
    uint64_t idle_us; /* how long the idle fleet is watched */
};

struct fleet_traffic { /* frames by enum gw_frame_type */
    uint64_t frames[FLEET_FRAME_TYPES];
    uint64_t headers[FLEET_FRAME_TYPES]; /* bytes of header frames */
    uint64_t bodies;                     /* bytes of body frames */
    uint64_t framing;                    /* ZMTP's: 2 or 9 bytes for each frame of a message */
    uint64_t news_frames, news_bytes;    /* of the ACKs: those that tell of messages */
};

struct fleet_phase {
    uint64_t virtual_us;
    uint64_t events;
    double cpu_s;     /* real, of this process */
    double hub_cpu_s; /* of it, inside peer 0, with what hands its frames over */
    uint64_t looks, hub_looks; /* gw_core_looks: of all cores, and of peer 0's */
    uint64_t messages; /* processed, each hop */
    struct fleet_traffic traffic;
};

struct fleet_memory { /* bytes that the code under test holds */
    uint64_t opened;   /* of a peer that is open and has no link, on average */
    double per_peer;   /* linked and idle: what every peer holds beside its links, ... */
    double per_end;    /* ... and one end of a link: a line through all peers by their links */
    bool fits;         /* peers differ in their links, so that there is such a line */
    uint64_t hub;      /* peer 0, linked and idle */
    uint64_t all;      /* all peers, linked and idle */
    uint64_t all_used; /* the same after all traffic and the restart */
    uint64_t resident; /* of this process at its largest, the simulator included */
};

struct fleet_recovery { /* of several restarts: the worst in each, handshakes on average */
    uint64_t pending;      /* messages in outboxes when the last peer was down */
    uint64_t links_us;     /* from the last start: until all links are up */
    uint64_t settled_us;   /* and until every outbox is empty */
    uint64_t peak_frames;  /* in the worst tenth of a second */
    uint64_t handshake_frames, handshake_bytes; /* HELLO, WELCOME, READY, REFUSE, RESET */
};

struct fleet_report {
    struct fleet_options options;
    uint64_t links;
    uint64_t hub_links;
    struct fleet_memory memory;
    struct fleet_phase linking, idle, trickle, bulk, restart;
    uint64_t linking_us; /* from the last dial: until all links are up */
    struct fleet_recovery recovery;
    uint64_t accepted;  /* stored, and told so */
    uint64_t lost;      /* of these, not processed at some hop */
    uint64_t repeated;  /* processed twice at some hop */
    double real_s;
    bool failed;
    char failure[256];
};

/* One run. What went wrong is in the report. */
void fleet_run(const struct fleet_options *options, struct fleet_report *report);

void fleet_print(const struct fleet_report *report, FILE *out);
void fleet_print_json(const struct fleet_report *report, FILE *out); /* one line */
const char *fleet_shape_name(enum fleet_shape shape);
bool fleet_is_bad(const struct fleet_report *report); /* failed, lost or repeated something */

struct fleet_curve {
    struct fleet_options options; /* peers: the largest */
    const char *plot;             /* a file for the picture; NULL: none */
    bool json;
};
/* Runs of growing size, each in a process of its own; a table, and what grows too fast. 0; 1: a
 * message was lost or repeated, or a run failed; 2: the picture cannot be written. */
int fleet_curve_run(const struct fleet_curve *curve);

/* `godwit sim scale ...`; argv[0] is "scale". The exit status. */
int sim_scale_main(int argc, char **argv);

#endif
