/* SPDX-License-Identifier: MPL-2.0 */

/* One thread, one lock, a slot for the commit and a list of loads. A commit may be kept by the
 * thread that caused it, which then does the work of this one. */

#include "peer/store_thread.h"

#include "base/plant.h"
#include "peer/thread.h"
#include "peer/turn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct job {
    struct gw_store *store;
    const struct gw_write *write; /* commit */
    bool sync;
    struct gw_load load;
    struct gw_done done;
    struct job *next;
};

struct job_list {
    struct job *first;
    struct job *last;
};

enum slot { /* of the commit */
    FREE,
    QUEUED,
    KEPT,
    BUSY,
    DONE
};

struct gw_store_thread {
    pthread_t thread;
    void (*wake)(void *context);
    void *context;
    pthread_mutex_t lock;
    pthread_cond_t work; /* for the thread: a job, or the end */
    pthread_cond_t idle; /* for the engine: the job under way is done */
    struct job commit;   /* there is one at most */
    enum slot slot;
    struct job_list loads;
    struct job_list loaded;
    bool loading;
    bool ending;
};

static void append(struct job_list *list, struct job *job)
{
    job->next = NULL;
    if (list->last)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
}

static struct job *take_first(struct job_list *list)
{
    struct job *job = list->first;

    if (job) {
        list->first = job->next;
        if (!list->first)
            list->last = NULL;
    }
    return job;
}

static void free_jobs(struct job_list *list)
{
    struct job *job;

    while ((job = take_first(list)) != NULL) {
        for (size_t i = 0; i < job->done.count; i++)
            gw_batch_drop(job->done.batches[i]);
        free(job->done.batches);
        free(job);
    }
}

static void work(struct job *job)
{
    struct gw_done *done = &job->done;
    const struct gw_load *load = &job->load;

    if (job->write) {
        const struct timespec slow = {.tv_nsec = 20000000};
        if (GW_PLANT(ACK_BEFORE_COMMIT)) /* a disk slow enough for a real process to meet the bug */
            nanosleep(&slow, NULL);
        done->commit = true;
        done->error = gw_store_write(job->store, job->write, job->sync);
    } else {
        done->epoch = load->epoch;
        done->error = gw_turn_load_from(job->store, load->epoch, load->from, load->max_messages,
                                        load->max_bytes, &done->batches, &done->count);
    }
    if (done->error)
        snprintf(done->why, sizeof done->why, "%s", gw_store_why(job->store));
}

/* With the lock, which is free in between. */
static void work_on_commit(struct gw_store_thread *thread)
{
    thread->slot = BUSY;
    pthread_mutex_unlock(&thread->lock);
    work(&thread->commit);
    pthread_mutex_lock(&thread->lock);
    thread->slot = DONE;
    pthread_cond_signal(&thread->idle);
}

static void work_on_load(struct gw_store_thread *thread, struct job *job)
{
    thread->loading = true;
    pthread_mutex_unlock(&thread->lock);
    work(job);
    pthread_mutex_lock(&thread->lock);
    thread->loading = false;
    append(&thread->loaded, job);
    pthread_cond_signal(&thread->idle);
}

static void *run(void *context)
{
    struct gw_store_thread *thread = context;

    pthread_mutex_lock(&thread->lock);
    while (!thread->ending) {
        struct job *job = thread->slot == QUEUED ? NULL : take_first(&thread->loads);

        if (thread->slot == QUEUED) {
            work_on_commit(thread);
        } else if (job) {
            work_on_load(thread, job);
        } else {
            pthread_cond_wait(&thread->work, &thread->lock);
            continue;
        }
        pthread_mutex_unlock(&thread->lock);
        thread->wake(thread->context);
        pthread_mutex_lock(&thread->lock);
    }
    pthread_mutex_unlock(&thread->lock);
    return NULL;
}

int gw_store_thread_start(void (*wake)(void *context), void *context,
                          struct gw_store_thread **result)
{
    struct gw_store_thread *thread = calloc(1, sizeof *thread);

    if (!thread)
        return -ENOMEM;
    thread->wake = wake;
    thread->context = context;
    pthread_mutex_init(&thread->lock, NULL);
    pthread_cond_init(&thread->work, NULL);
    pthread_cond_init(&thread->idle, NULL);
    int error = gw_thread_start(&thread->thread, "godwit-store", run, thread);
    if (error) {
        free(thread);
        return error;
    }
    *result = thread;
    return 0;
}

void gw_store_thread_stop(struct gw_store_thread **thread)
{
    struct gw_store_thread *self = *thread;

    if (!self)
        return;
    pthread_mutex_lock(&self->lock);
    self->ending = true;
    pthread_cond_signal(&self->work);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    free_jobs(&self->loads);
    free_jobs(&self->loaded);
    pthread_cond_destroy(&self->idle);
    pthread_cond_destroy(&self->work);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *thread = NULL;
}

/* With the lock. */
static void fill_slot(struct gw_store_thread *thread, struct gw_store *store,
                      const struct gw_write *write, bool sync, enum slot slot)
{
    thread->commit = (struct job){.store = store, .write = write, .sync = sync};
    thread->slot = slot;
}

void gw_store_thread_commit(struct gw_store_thread *thread, struct gw_store *store,
                            const struct gw_write *write, bool sync)
{
    pthread_mutex_lock(&thread->lock);
    fill_slot(thread, store, write, sync, QUEUED);
    pthread_cond_signal(&thread->work);
    pthread_mutex_unlock(&thread->lock);
}

void gw_store_thread_keep(struct gw_store_thread *thread, struct gw_store *store,
                          const struct gw_write *write, bool sync)
{
    pthread_mutex_lock(&thread->lock);
    fill_slot(thread, store, write, sync, KEPT);
    pthread_mutex_unlock(&thread->lock);
}

void gw_store_thread_work(struct gw_store_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    if (thread->slot == KEPT) /* else it was forgotten: the turn that wanted it is over */
        work_on_commit(thread);
    pthread_mutex_unlock(&thread->lock);
}

int gw_store_thread_load(struct gw_store_thread *thread, struct gw_store *store,
                         const struct gw_load *load)
{
    struct job *job = calloc(1, sizeof *job);

    if (!job)
        return -ENOMEM;
    job->store = store;
    job->load = *load;
    pthread_mutex_lock(&thread->lock);
    append(&thread->loads, job);
    pthread_cond_signal(&thread->work);
    pthread_mutex_unlock(&thread->lock);
    return 0;
}

bool gw_store_thread_take(struct gw_store_thread *thread, struct gw_done *done)
{
    struct job *job = NULL;
    bool found = false;

    pthread_mutex_lock(&thread->lock);
    if (thread->slot == DONE) {
        *done = thread->commit.done;
        thread->slot = FREE;
        found = true;
    } else if ((job = take_first(&thread->loaded)) != NULL) {
        *done = job->done;
        found = true;
    }
    pthread_mutex_unlock(&thread->lock);
    free(job);
    return found;
}

void gw_store_thread_quiesce(struct gw_store_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    free_jobs(&thread->loads);
    if (thread->slot != BUSY) /* a commit that was not begun is not to begin now */
        thread->slot = FREE;
    while (thread->slot == BUSY || thread->loading)
        pthread_cond_wait(&thread->idle, &thread->lock);
    thread->slot = FREE;
    free_jobs(&thread->loaded);
    pthread_mutex_unlock(&thread->lock);
}
