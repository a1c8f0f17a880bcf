/* SPDX-License-Identifier: MPL-2.0 */
/* The proxy's thread: one epoll loop for all links. Who calls puts an order into the mailbox and
 * waits until the thread has carried it out; the thread itself never waits for anybody. */

#include "proxy_inside.h"
#include "scenario.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 64

enum what { WHAT_DONE, WHAT_LINK, WHAT_ACT, WHAT_HEAL, WHAT_STOP };

struct lab_proxy {
    enum proxy_kind kind; /* first */
    struct lab_proxy_thread thread;
    pthread_t id;
    int bell; /* eventfd */
    struct proxy_link *links[LAB_LINKS_MAX]; /* the thread knows the first `linked` */
    int link_count, linked;

    pthread_mutex_t callers; /* one at a time; guards link_count */
    pthread_mutex_t lock;    /* guards the mailbox: what is below */
    pthread_cond_t done;
    enum what what;
    struct proxy_link *link;
    const struct lab_order *order;
    int problem; /* errno of the last one, 0: none */
};

static uint64_t clock_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- the thread --- */

static void free_ended(struct lab_proxy_thread *thread)
{
    while (thread->ended) {
        struct proxy_connection *connection = thread->ended;

        thread->ended = connection->next;
        free(connection);
    }
}

/* False: it was told to stop. */
static bool open_mail(struct lab_proxy *proxy)
{
    enum what what;
    uint64_t rings;

    if (read(proxy->bell, &rings, sizeof rings) != sizeof rings)
        return true;
    pthread_mutex_lock(&proxy->lock);
    what = proxy->what;
    proxy->problem = 0;
    if (what == WHAT_LINK)
        proxy->problem = proxy_link_open(proxy->link) ? 0 : errno;
    else if (what == WHAT_ACT)
        proxy_link_act(proxy->link, proxy->order);
    else if (what == WHAT_HEAL)
        proxy_link_heal(proxy->link);
    if (what == WHAT_LINK && !proxy->problem)
        proxy->links[proxy->linked++] = proxy->link;
    proxy->what = WHAT_DONE;
    pthread_cond_signal(&proxy->done);
    pthread_mutex_unlock(&proxy->lock);
    return what != WHAT_STOP;
}

static void pump(struct proxy_connection *connection)
{
    if (connection->ended) /* by an earlier event of the same round */
        return;
    proxy_connection_pump(connection);
    if (connection->ended)
        return;
    uint64_t due_us = proxy_connection_due(connection);
    if (due_us < connection->link->due_us)
        connection->link->due_us = due_us;
}

static bool take_event(void *source)
{
    switch (*(enum proxy_kind *)source) {
    case PROXY_IS_PROXY: return open_mail(source);
    case PROXY_IS_LINK: proxy_link_accept(source); break;
    case PROXY_IS_CONNECTION: pump(source); break;
    }
    return true;
}

/* Milliseconds until a link wants its tick, rounded up. */
static int pause_ms(const struct lab_proxy *proxy)
{
    uint64_t soonest = PROXY_FOREVER, now = clock_us();

    for (int i = 0; i < proxy->linked; i++)
        if (proxy->links[i]->due_us < soonest)
            soonest = proxy->links[i]->due_us;
    if (soonest == PROXY_FOREVER)
        return -1;
    if (soonest <= now)
        return 0;
    return soonest - now < 1000000 ? (int)((soonest - now + 999) / 1000) : 1000;
}

static void *run(void *context)
{
    struct lab_proxy *proxy = context;
    struct lab_proxy_thread *thread = &proxy->thread;
    struct epoll_event events[EVENTS];
    bool runs = true;

    while (runs) {
        int count = epoll_wait(thread->epoll, events, EVENTS, pause_ms(proxy));

        thread->now_us = clock_us();
        for (int i = 0; i < count; i++)
            runs &= take_event(events[i].data.ptr);
        for (int i = 0; i < proxy->linked; i++)
            if (proxy->links[i]->due_us <= thread->now_us)
                proxy_link_tick(proxy->links[i]);
        free_ended(thread);
    }
    return NULL;
}

/* --- the callers --- */

/* Has the thread do it. An errno, which only making a link can give; 0: done. */
static int tell(struct lab_proxy *proxy, enum what what, struct proxy_link *link,
                const struct lab_order *order)
{
    const uint64_t ring = 1;

    pthread_mutex_lock(&proxy->lock);
    proxy->what = what;
    proxy->link = link;
    proxy->order = order;
    while (write(proxy->bell, &ring, sizeof ring) < 0 && errno == EINTR)
        continue;
    while (proxy->what != WHAT_DONE)
        pthread_cond_wait(&proxy->done, &proxy->lock);
    int problem = proxy->problem;
    pthread_mutex_unlock(&proxy->lock);
    return problem;
}

/* Signals are for the lab's main thread. */
static int start(struct lab_proxy *proxy)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int problem = pthread_create(&proxy->id, NULL, run, proxy);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return problem;
}

static void clear(struct lab_proxy *proxy)
{
    if (proxy->bell >= 0)
        close(proxy->bell);
    if (proxy->thread.epoll >= 0)
        close(proxy->thread.epoll);
    pthread_cond_destroy(&proxy->done);
    pthread_mutex_destroy(&proxy->lock);
    pthread_mutex_destroy(&proxy->callers);
    free(proxy);
}

struct lab_proxy *lab_proxy_new(uint64_t seed)
{
    struct lab_proxy *proxy = calloc(1, sizeof *proxy);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = proxy};

    if (!proxy)
        return NULL;
    proxy->kind = PROXY_IS_PROXY;
    proxy->thread.random.at = seed;
    pthread_mutex_init(&proxy->callers, NULL);
    pthread_mutex_init(&proxy->lock, NULL);
    pthread_cond_init(&proxy->done, NULL);
    proxy->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    proxy->thread.epoll = epoll_create1(EPOLL_CLOEXEC);
    int problem = proxy->bell < 0 || proxy->thread.epoll < 0 ||
                          epoll_ctl(proxy->thread.epoll, EPOLL_CTL_ADD, proxy->bell, &event) != 0
                      ? errno
                      : start(proxy);
    if (!problem)
        return proxy;
    clear(proxy);
    errno = problem;
    return NULL;
}

void lab_proxy_free(struct lab_proxy **proxy)
{
    if (!*proxy)
        return;
    tell(*proxy, WHAT_STOP, NULL, NULL);
    pthread_join((*proxy)->id, NULL);
    for (int i = 0; i < (*proxy)->link_count; i++) {
        proxy_link_close((*proxy)->links[i]);
        free((*proxy)->links[i]);
    }
    free_ended(&(*proxy)->thread);
    clear(*proxy);
    *proxy = NULL;
}

static int add_link(struct lab_proxy *proxy, uint16_t port)
{
    struct proxy_link *link = proxy->link_count < LAB_LINKS_MAX ? calloc(1, sizeof *link) : NULL;

    if (!link) {
        errno = proxy->link_count < LAB_LINKS_MAX ? ENOMEM : EMFILE;
        return -1;
    }
    link->kind = PROXY_IS_LINK;
    link->thread = &proxy->thread;
    link->target = port;
    link->listener = -1;
    int problem = tell(proxy, WHAT_LINK, link, NULL);
    if (!problem)
        return proxy->link_count++;
    proxy_link_close(link);
    free(link);
    errno = problem;
    return -1;
}

int lab_proxy_link(struct lab_proxy *proxy, uint16_t port)
{
    pthread_mutex_lock(&proxy->callers);
    int link = add_link(proxy, port);
    pthread_mutex_unlock(&proxy->callers);
    return link;
}

uint16_t lab_proxy_port(const struct lab_proxy *proxy, int link)
{
    return proxy->links[link]->port;
}

void lab_proxy_act(struct lab_proxy *proxy, int link, const struct lab_order *order)
{
    pthread_mutex_lock(&proxy->callers);
    tell(proxy, WHAT_ACT, proxy->links[link], order);
    pthread_mutex_unlock(&proxy->callers);
}

void lab_proxy_heal(struct lab_proxy *proxy, int link)
{
    pthread_mutex_lock(&proxy->callers);
    tell(proxy, WHAT_HEAL, proxy->links[link], NULL);
    pthread_mutex_unlock(&proxy->callers);
}

void lab_proxy_counts(const struct lab_proxy *proxy, int link, struct lab_proxy_counts *counts)
{
    const struct proxy_link *of = proxy->links[link];

    *counts = (struct lab_proxy_counts){
        .connections = atomic_load(&of->connected),
        .refused = atomic_load(&of->refused),
        .cut = atomic_load(&of->cut),
        .bytes_forward = atomic_load(&of->bytes[PROXY_FORWARD]),
        .bytes_back = atomic_load(&of->bytes[PROXY_BACK]),
        .dropped = atomic_load(&of->dropped),
    };
}
