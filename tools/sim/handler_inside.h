/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_HANDLER_INSIDE_H
#define GW_SIM_HANDLER_INSIDE_H

/* What the files of handler.h share. A process is a peer's from one start to its end: a godwit_peer
 * as the library has it, without an engine, and the threads that use it. */

#include "fiber.h"
#include "godwit/simulate.h"
#include "handler.h"
#include "peer/handle.h"
#include "world.h"

#include <pthread.h>

#define HANDLER_PARTS_MAX   8
#define HANDLER_THREADS_MAX 4 /* of a part, in a process */

struct handler_process;

struct handler_part {
    const godwit_sim_part_t *told;
    struct gw_destination destination;
    uint32_t senders, servers; /* bit per peer */
    uint64_t left, sent; /* inputs */
};

struct handler_begun { /* as the library marks it; see src/peer/marks.h */
    uint64_t epoch, sequence;
    uint64_t job; /* of the item; 0: erased */
    bool taken;   /* the slot is not free */
};

struct handler_thread {
    struct sim_fiber *fiber; /* NULL: the place is free */
    struct handler_process *process;
    void *(*run)(void *context);
    void *context;
    const void *waits; /* for a condition or a mutex; NULL: it does not, or only for a time */
    bool woken;
    uint64_t ticket; /* of its next resumption: an older event is void */
    unsigned death;  /* 1 + enum sim_death: its process is to end so */
    bool users;      /* it runs a handler, not the simulator's own part in a process */
    bool inside;     /* one of the handler's calls is under way: those that it makes are its own */
    const char *call; /* the last one that it made */
    uint64_t waiting; /* which wait of the world it is in, while inside */
    char sentence[512]; /* godwit_last_error */
};

struct handler_job { /* a process's part in a part */
    struct handler_process *process;
    struct handler_part *part;
    godwit_stage_t *stage;
};

struct handler_process {
    struct sim_peer *sim; /* NULL: there is none */
    struct godwit_peer *peer;
    void *state; /* the user's */
    struct gw_commit *commits, **commits_end; /* given to the turn, not answered */
    struct handler_begun *begun;
    size_t begun_count;
    struct handler_job jobs[HANDLER_PARTS_MAX];
    uint8_t *variables; /* the shared object's, as they are for this process; NULL: untouched */
    uint64_t points; /* places so far where it could be killed; goes on over its ends */
};

struct handler_message { /* one that was numbered, but no reply */
    godwit_sim_message_t shown;
    uint64_t epoch, sequence;
    char destination[GW_DESTINATION_TEXT];
    char sender[GW_NAME_MAX + 1];
};

/* The world under way. */
struct handler_world {
    struct sim_world *sim;
    const godwit_simulation_t *told;
    struct handler_part parts[HANDLER_PARTS_MAX];
    size_t part_count;
    struct handler_process processes[SIM_PEERS_MAX];
    struct handler_thread threads[SIM_FIBERS_MAX];
    struct handler_thread *running; /* NULL: the world itself */
    struct handler_process *drawing; /* whose library asks for random numbers */
    uint32_t pause_chance; /* that a handler takes its time before a call */
    uint64_t waits;
    size_t locked_out; /* threads that wait for a mutex */
    struct handler_message **messages;
    size_t message_count, message_capacity;
    struct gw_map made; /* epoch ^ mix(sequence) -> ids that `make`'s inputs were given */
    char **effects;
    size_t effect_count, effect_capacity;
};

extern struct handler_world handler_world;

static inline struct handler_process *handler_process_of(const struct sim_peer *peer)
{
    return &handler_world.processes[peer->index];
}

/* --- handler_load.c --- */

const godwit_simulation_t *handler_loaded(void); /* NULL: none */

/* Makes the shared object's variables those of the process (NULL: of check and make), fresh ones if
 * it is new; and drops those of a process that ended. */
void handler_variables_of(struct handler_process *process);
void handler_variables_drop(struct handler_process *process);
void handler_variables_reset(void); /* all: a new world */

/* --- handler_thread.c --- */

/* A thread of the process, which runs soon. NULL: there are too many. */
struct handler_thread *handler_thread_start(struct handler_process *process,
                                            void *(*run)(void *context), void *context);
void handler_threads_end(struct handler_process *process);
/* On the user's thread: time passes; or its process is killed here, and it never goes on. */
void handler_thread_pause(uint64_t us);
_Noreturn void handler_thread_die(enum sim_death death);
/* From the world: the process ends, and begins again after a while. */
void handler_kill_process(struct handler_process *process, enum sim_death death);
/* Runs it to its end at once, on a fiber, for `check`: nothing in it may wait. */
void handler_thread_call(void (*run)(void *context), void *context, const char *what);

/* --- handler_system.c --- */

int handler_mutex_unlock(pthread_mutex_t *mutex); /* the C library's */

/* --- handler_shell.c, handler_submit.c --- */

/* The process of a step of the world, which is also who draws random numbers in it. */
static inline struct handler_process *handler_shell_enter(const struct sim_peer *peer)
{
    handler_world.drawing = handler_process_of(peer);
    return handler_world.drawing;
}
void handler_shell_commands(struct handler_process *process); /* carries them out */

void handler_shell_start(struct handler_process *process, struct sim_peer *peer);
void handler_shell_end(struct handler_process *process);
void handler_shell_leaving(struct sim_peer *peer);
void handler_shell_turn_over(struct sim_peer *peer);
void handler_shell_reopening(struct sim_peer *peer);
void handler_shell_turn_begun(struct sim_peer *peer);
void handler_shell_submit(struct sim_peer *peer);
void handler_shell_deliver(struct sim_peer *peer, struct gw_inbound *inbound);
size_t handler_shell_take_back(struct sim_peer *peer, const struct gw_recall *recall,
                               struct gw_range *ranges, size_t capacity);
void handler_shell_progress(struct sim_peer *peer);
void handler_shell_ended_messages(struct sim_peer *peer, uint64_t epoch, uint64_t first,
                                  uint64_t last);
void handler_shell_transaction(struct sim_peer *peer, uint64_t token, bool stale);
void handler_shell_members(struct sim_peer *peer, const struct gw_destination *destination,
                           size_t count);
/* A peer to look at the keys on a disk, and nothing else. */
struct godwit_peer *handler_shell_view(struct sim_peer *peer);
void handler_shell_view_end(struct godwit_peer **view);

/* --- handler_life.c --- */

extern const struct sim_hooks handler_hooks;

/* --- handler_book.c --- */

/* A batch that is about to be submitted: its messages get their numbers in the ledger, replies with
 * the request that they answer, which is one of those that their transaction decides. */
void handler_book_batch(struct sim_peer *peer, const struct gw_destination *destination,
                        const struct gw_batch *batch, const struct sim_transaction *transaction);
void handler_book_made(godwit_id_t id);
void handler_book_answer(godwit_id_t request, uint32_t code, const void *data, size_t size);
void handler_book_effect(const char *text);
void handler_book_look(struct sim_world *world, bool settled); /* asks the user's check */
void handler_book_clear(void);

/* Bytes for people: printable, cut short, quoted. */
const char *handler_show(const void *data, size_t size, char *text, size_t text_size);

#endif
