/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_PEER_ENGINE_H
#define GW_PEER_ENGINE_H

/* The engine: the turn and the sockets, and whoever is at the helm (helm.h): its own thread, or one
 * of the application's. Each round takes frames from the net, what the disk finished, and the
 * mailbox; runs the turn; and tells the application's threads what came of it.
 *
 *   engine.c    the round                     port.c     what the turn may ask for
 *   engine_open.c  open, close                helm.c     who runs the rounds
 *   command.c   bind, connect, serve ...      reopen.c   life after a failed store
 *   receive.c   between the turn and the inboxes
 *
 * Everything here belongs to the helm; what is shared with others is in handle.h. */

#include "base/map.h"
#include "net/net.h"
#include "peer/handle.h"
#include "peer/inbox.h"
#include "peer/store_thread.h"
#include "peer/turn.h"

struct gw_dial {
    char *endpoint;
    uint64_t conn;   /* 0: could not be dialled again yet, tried at due_us */
    bool leaving;    /* BYE is said: hung up at due_us */
    uint64_t due_us;
};

struct gw_serving {
    struct godwit_inbox *inbox;
    struct gw_inbox_settings credit;
    bool open; /* false: closed by the application; what comes late is given back */
};

struct gw_doubt { /* a batch that the turn has and did not report stored */
    uint64_t epoch;
    uint64_t last;
};

struct gw_epoch_stored { /* how far an epoch of this open is stored */
    uint64_t epoch;
    uint64_t upto;
};

struct gw_share { /* what the outbox held for a destination when the store was opened */
    struct gw_destination destination;
    uint64_t messages;
    uint64_t bytes;
};

enum gw_news_type {
    GW_NEWS_STORED,
    GW_NEWS_SETTLED,
    GW_NEWS_RELEASED,
    GW_NEWS_BURIED,
    GW_NEWS_OUTCOMES,
    GW_NEWS_IDLE,
    GW_NEWS_COMMIT,
    GW_NEWS_STALE
};

struct gw_news { /* for the application's threads; gathered, so that one lock serves many */
    enum gw_news_type type;
    uint64_t a;
    uint64_t b;
    uint64_t c;
    enum gw_outcome how; /* SETTLED */
    struct gw_destination destination; /* RELEASED */
    struct gw_commit *commit;
};

#define GW_NEWS_MAX 256

struct gw_recalled { /* an answer to the turn that could not be given from within its call */
    struct gw_recall answer;
    struct gw_range *ranges;
    uint64_t *bytes;
    struct gw_recalled *next;
};

enum gw_engine_phase {
    GW_ENGINE_OPEN,
    GW_ENGINE_ENDING,  /* close was asked for: storing what was submitted */
    GW_ENGINE_LEAVING, /* BYE is said: storing what came before it */
    GW_ENGINE_OVER
};

struct gw_engine {
    struct godwit_peer *peer;
    struct gw_net *net;
    struct gw_turn *turn; /* NULL: its store failed and is to be reopened */
    struct gw_turn_options options;
    struct gw_store_thread *disk;
    struct gw_store *store; /* NULL with turn, as a rule; kept for a memory store */
    pthread_t thread;
    bool started;
    pthread_mutex_t helm;       /* guards all of the engine but these three pointers above, which
                                 * are fixed while it runs: peer, net, disk */
    pthread_cond_t seat_free;
    uint64_t asleep_until_us;   /* the engine's thread; 0: it is awake */
    uint64_t driver_until_us;   /* who waits in its place; GW_NEVER: nobody */
    bool stepped_aside;         /* the thread waits until the driver has its signal */
    atomic_bool kicked;         /* there is a signal for the driver */
    bool mending;               /* the thread works without the helm: all is its own */
    size_t company;             /* submissions that were taken together, the last time */
    size_t group;               /* messages, sent or acknowledged, that were, when there were any;
                                 * only those that nobody waits for */
    uint64_t group_us;          /* when that was */
    uint64_t remind_us;         /* of what was left without a wake-up; GW_NEVER: of nothing */
    uint64_t expect_us;         /* of a group of transactions (group.h); the same */
    bool keep_commit;           /* who is at the helm makes the next commit itself */
    bool commit_kept;           /* and has got one */
    struct gw_entropy entropy;
    uint64_t now_us;
    uint64_t next_us; /* when the turn wants to run again */

    struct gw_mailbox taken; /* swapped with the peer's */
    struct gw_news news[GW_NEWS_MAX];
    size_t news_count;
    bool more; /* may lie in the tail than the last turn took */

    bool writing;                 /* a commit is under way */
    bool slow_told;               /* that it takes long */
    uint64_t write_us;            /* when it began */
    uint64_t commit_us;           /* that commits took of late */
    struct gw_write *inline_write; /* memory: to be written when the turn has returned */
    bool broken;                  /* the turn is over */
    enum gw_store_error failure;  /* of the store; GW_STORE_OK: memory ran out */
    char why[256];
    bool store_lost;              /* it was in memory and failed: nothing is left of it */

    struct gw_dial *dials;
    size_t dial_count;
    struct gw_command *postponed; /* until there is a turn; in order */
    struct gw_map wishes; /* epoch -> struct gw_ranges: withdrawn and not settled yet */
    struct gw_share *shares;      /* gathered by recovery, for the tail */
    size_t share_count;
    size_t share_capacity;
    uint64_t *retiring; /* epochs that the tail has ended: the turn is to be told */
    size_t retiring_count;
    size_t retiring_capacity;
    struct gw_serving *servings;
    size_t serving_count;
    struct gw_handed_list handed;  /* swapped with an inbox's */
    struct gw_decided decided;     /* the same */
    struct gw_taken_list unwanted; /* not handed over and not going to be: to be given back */
    struct gw_recalled *recalled;  /* oldest first */
    struct gw_recalled **recalled_end;
    struct gw_doubt *doubts;
    size_t doubt_count;
    size_t doubt_capacity;
    struct gw_map epochs; /* epoch -> struct gw_epoch_stored */
    struct gw_commit *commits; /* not answered, in order */
    struct gw_commit **commits_end;

    uint64_t before[GW_COUNTER_COUNT]; /* counters of the turns before this one */
    unsigned attempt;                  /* of reopening */
    uint64_t reopen_us;
    enum gw_engine_phase phase;
    uint64_t end_us; /* ENDING: BYE at the latest */
    uint64_t bye_us; /* LEAVING: no more waiting for answers to it */
};

/* Opens store, net and turn and starts the threads, for a peer that is otherwise complete. */
godwit_err_t gw_engine_open(struct godwit_peer *peer);
/* After GW_COMMAND_CLOSE: waits until its thread is gone. */
void gw_engine_join(struct gw_engine *engine);
/* When no caller is left: ends the store thread, closes the marks, then the store with its lock,
 * then the net. */
void gw_engine_destroy(struct gw_engine *engine);
void gw_engine_wake(struct gw_engine *engine); /* from any thread */

/* At the helm. `news` may be NULL. What needs the engine's own thread is left to it. */
void gw_engine_round(struct gw_engine *engine, const struct gw_net_news *news);
uint64_t gw_engine_due_us(const struct gw_engine *engine); /* the next round at the latest */

/* --- inside the engine --- */

void *gw_engine_run(void *engine); /* its thread */

extern const struct gw_turn_port gw_engine_port; /* port.c */

/* A turn over the open store: claims it, recovers. `why` is set on failure. */
enum gw_store_error gw_engine_begin(struct gw_engine *engine, struct gw_recovered *recovered);
enum gw_store_error gw_engine_open_store(struct gw_engine *engine);
void gw_engine_close_store(struct gw_engine *engine);
void gw_engine_check(struct gw_engine *engine, int error); /* of a call of the turn */
void gw_engine_tell(struct gw_engine *engine);             /* the news, to all who wait */
void gw_engine_publish(struct gw_engine *engine);          /* counters */
/* Remembers how far an epoch of this open is stored. */
void gw_engine_remember(struct gw_engine *engine, uint64_t epoch, uint64_t upto);
void gw_engine_note(struct gw_engine *engine, uint8_t note, const char *peer, uint64_t a,
                    uint64_t b); /* note.c: a line for the log */

void gw_engine_command(struct gw_engine *engine, struct gw_command *command); /* command.c */
void gw_engine_answer(struct gw_engine *engine, struct gw_command *command, godwit_err_t result);
void gw_engine_tend_dials(struct gw_engine *engine); /* hangs up and dials again, when due */
uint64_t gw_engine_dials_due_us(const struct gw_engine *engine);

/* receive.c */
/* Writes down what an earlier process had begun, as rows; the store is claimed. */
enum gw_store_error gw_engine_adopt_marks(struct gw_engine *engine);
void gw_engine_deliver(struct gw_engine *engine, struct gw_inbound *inbound); /* takes it over */
void gw_engine_recall(struct gw_engine *engine, const struct gw_recall *recall);
/* Of each request and each reply; not of what is pushed, which may come in groups. */
static inline bool gw_is_waited_for(const struct gw_destination *destination)
{
    return destination->kind == GW_KIND_SERVICE || destination->kind == GW_KIND_REPLY;
}
/* Of `taken` and the inboxes, and what was begun. Returns how many messages were acknowledged that
 * nobody waits for. */
size_t gw_engine_take_decisions(struct gw_engine *engine);
/* Takes back all that waits in a closed inbox. */
void gw_engine_empty(struct gw_engine *engine, struct godwit_inbox *inbox);
/* Tells the turn what it could not be told from within its calls. True if there was anything. */
bool gw_engine_give_back(struct gw_engine *engine);
void gw_engine_forget_received(struct gw_engine *engine); /* the turn that knew it is over */

/* outbox.c: the sending side's part. */
bool gw_engine_must_wait(const struct gw_engine *engine, const struct gw_command *command);
void gw_engine_postpone(struct gw_engine *engine, struct gw_command *command);
godwit_err_t gw_engine_outbox_command(struct gw_engine *engine, struct gw_command *command);
void gw_engine_say_again(struct gw_engine *engine); /* policies and wishes, to a new turn */
/* What is settled is wished no more. */
void gw_engine_wish_over(struct gw_engine *engine, uint64_t epoch, uint64_t first, uint64_t last);
void gw_engine_forget_wishes(struct gw_engine *engine);
void gw_engine_share(void *context, const struct gw_destination *destination, uint64_t messages,
                     uint64_t bytes); /* gw_recovered.of */
/* What recovery counted becomes the books of the sending side. With the peer's lock. */
void gw_engine_count(struct gw_engine *engine, const struct gw_recovered *recovered);
void gw_engine_idle(struct gw_engine *engine, uint64_t epoch); /* with the peer's lock */
void gw_engine_retire(struct gw_engine *engine);               /* without */

void gw_engine_run_turn(struct gw_engine *engine);
void gw_engine_leave(struct gw_engine *engine);  /* leave.c: closes, as far as it can now */
void gw_engine_fail(struct gw_engine *engine);   /* reopen.c: the turn is over */
void gw_engine_reopen(struct gw_engine *engine); /* one attempt */
void gw_engine_give_up(struct gw_engine *engine); /* closing without a store: answers what waits */

#endif
