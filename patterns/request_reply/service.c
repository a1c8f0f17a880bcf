/* SPDX-License-Identifier: MPL-2.0 */

/* The answering side: threads that take requests from an inbox and run the handler. A reply, the
 * decision on its request and the handler's own effects are one transaction. */

#include "call.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SERVICE_PREFIX "service:"
#define REPLY_PREFIX "reply:"
#define DESTINATION_SIZE 96 /* more than any valid name needs */
#define THREADS_MAX 256
#define CREDIT_MESSAGES 1024
#define RUNS_MAX 64           /* of a handler whose keys are changed under it, then a nack */
#define NACKS_MAX 16
#define PAUSE_NS_FIRST 100000 /* between two such runs; doubled, up to */
#define PAUSE_NS_MAX 20000000

struct godwit_service {
    godwit_peer_t *peer;
    godwit_inbox_t *inbox;
    godwit_txn_t *hold; /* keeps the peer's memory, and with it the inbox, until threads are gone */
    godwit_handler_fn handler;
    void *context;
    pid_t process; /* a forked child has none of its threads */
    uint32_t thread_count;
    pthread_t threads[];
};

/* The service whose handler this thread runs. */
static _Thread_local const godwit_service_t *serving;

/* NULL stays NULL, and a name that is too long stays too long: the call that gets it refuses. */
static const char *destination_of(const char *prefix, const char *name, char text[DESTINATION_SIZE])
{
    if (!name)
        return NULL;
    snprintf(text, DESTINATION_SIZE, "%s%s", prefix, name);
    return text;
}

/* --- one request --- */

/* While more requests wait, the thread takes the next one rather than wait for the disk: their
 * answers come together in one write. The last one is waited for: nothing is quicker for it than
 * its thread making the commit itself. */
static godwit_err_t conclude(godwit_call_t *call)
{
    return godwit_inbox_ready(call->inbox) ? godwit_txn_commit_async(&call->txn)
                                           : godwit_txn_commit(&call->txn);
}

/* Decides the request with this answer. On GODWIT_OK, and whenever the call's delivery is NULL
 * afterwards, it is over. */
static godwit_err_t commit(godwit_call_t *call, uint32_t code)
{
    char destination[DESTINATION_SIZE];
    godwit_message_t *message = NULL;
    godwit_err_t error = gw_call_message(call, code, &message);

    destination_of(REPLY_PREFIX, godwit_call_client(call), destination);
    if (!error)
        error = godwit_txn_ack(call->txn, call->delivery);
    if (!error)
        error = godwit_txn_send(call->txn, destination, &message);
    if (!error)
        error = conclude(call);
    if (!call->txn)
        call->delivery = NULL; /* it went with the transaction, whatever came of that */
    godwit_message_destroy(&message);
    return error;
}

/* An error: nothing of what the handler put and sent is kept. */
static godwit_err_t commit_error(godwit_call_t *call, uint32_t code)
{
    godwit_err_t error;

    godwit_txn_abort(&call->txn);
    if ((error = godwit_txn_begin(call->peer, &call->txn)) != GODWIT_OK)
        return error;
    return commit(call, code);
}

/* Doubled from one try to the next. */
static void pause_before(int run)
{
    struct timespec pause = {.tv_nsec = PAUSE_NS_FIRST};

    for (int i = 1; i < run && pause.tv_nsec < PAUSE_NS_MAX; i++)
        pause.tv_nsec *= 2;
    nanosleep(&pause, NULL);
}

/* The request comes again. Without memory for that it would stay here until the next open:
 * so it is tried a few times more. */
static void give_back(godwit_call_t *call, const char *why)
{
    for (int i = 0; i < NACKS_MAX && call->delivery; i++) {
        if (i > 0)
            pause_before(i);
        godwit_nack(&call->delivery, -1, why);
    }
    godwit_delivery_drop(&call->delivery);
}

/* What cannot be committed now comes again; what cannot be committed at all is answered so. */
static void give_up(godwit_call_t *call, godwit_err_t error)
{
    godwit_txn_abort(&call->txn);
    if (error == GODWIT_ETOOLARGE || error == GODWIT_EINVAL) {
        godwit_call_fail(call, godwit_last_error());
        error = commit_error(call, GODWIT_CALL_UNANSWERABLE);
        godwit_txn_abort(&call->txn);
    }
    give_back(call, call->text ? call->text : godwit_error_name(error));
}

/* One run of the handler and its commit. */
static godwit_err_t run_once(const godwit_service_t *service, godwit_call_t *call)
{
    godwit_err_t error = godwit_txn_begin(service->peer, &call->txn);

    if (error)
        return error;
    uint32_t code = service->handler(service->context, call);
    if (code == GODWIT_CALL_RETRY) {
        godwit_txn_abort(&call->txn);
        give_back(call, call->text);
        return GODWIT_OK;
    }
    return code ? commit_error(call, code) : commit(call, 0);
}

static void answer(const godwit_service_t *service, godwit_delivery_t *delivery)
{
    godwit_call_t call = {
        .peer = service->peer, .inbox = service->inbox, .delivery = delivery};
    godwit_err_t error = GODWIT_ECONFLICT;

    for (int run = 0; run < RUNS_MAX && error == GODWIT_ECONFLICT; run++) {
        godwit_txn_abort(&call.txn);
        gw_call_reset(&call);
        if (run > 0)
            pause_before(run); /* the commit that changed the key may still be under way */
        error = run_once(service, &call);
    }
    if (error && call.delivery)
        give_up(&call, error);
    godwit_txn_abort(&call.txn);
    gw_call_reset(&call);
}

static void *serve(void *context)
{
    godwit_service_t *service = context;
    godwit_delivery_t *delivery;

    serving = service;
    while (godwit_inbox_next(service->inbox, -1, &delivery) == GODWIT_OK)
        answer(service, delivery);
    return NULL;
}

/* --- life --- */

/* With all signals blocked: those belong to the host program. */
static int start_threads(godwit_service_t *service, uint32_t count)
{
    sigset_t all, before;
    int error = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (service->thread_count < count && !error) {
        error = pthread_create(&service->threads[service->thread_count], NULL, serve, service);
        service->thread_count += !error;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void stop(godwit_service_t *service)
{
    godwit_inbox_t *inbox = service->inbox; /* the threads go on using the service's pointer */

    godwit_inbox_close(&inbox);
    for (uint32_t i = 0; i < service->thread_count; i++)
        pthread_join(service->threads[i], NULL);
    godwit_txn_abort(&service->hold);
    free(service);
}

static godwit_err_t read_options(const godwit_service_options_t *given,
                                 godwit_service_options_t *options)
{
    if (given && (given->size < sizeof(size_t) || given->size > sizeof *options))
        return godwit_set_last_error(GODWIT_EINVAL,
                                     "the options' size is not one that this library knows: "
                                     "start from GODWIT_SERVICE_OPTIONS_INIT");
    if (given)
        memcpy(options, given, given->size);
    if (options->threads == 0)
        options->threads = 1;
    if (options->threads > THREADS_MAX)
        return godwit_set_last_error(GODWIT_EINVAL, "threads must be at most 256");
    if (options->credit_messages == 0)
        options->credit_messages = CREDIT_MESSAGES;
    return GODWIT_OK;
}

/* Inbox and threads; a service that cannot be completed is stopped. */
static godwit_err_t begin(godwit_service_t *service, const char *destination,
                          const godwit_service_options_t *options)
{
    godwit_inbox_options_t inbox = GODWIT_INBOX_OPTIONS_INIT;
    godwit_err_t error = godwit_txn_begin(service->peer, &service->hold);

    inbox.credit_messages = options->credit_messages;
    inbox.credit_bytes = options->credit_bytes;
    if (!error)
        error = godwit_inbox_open(service->peer, destination, &inbox, &service->inbox);
    if (!error && start_threads(service, options->threads) != 0)
        error = godwit_set_last_error(GODWIT_EIO, "a thread of the service cannot be started");
    return error;
}

godwit_err_t godwit_service_open(godwit_peer_t *peer, const char *name, godwit_handler_fn handler,
                                 void *context, const godwit_service_options_t *given,
                                 godwit_service_t **result)
{
    godwit_service_options_t options = GODWIT_SERVICE_OPTIONS_INIT;
    char destination[DESTINATION_SIZE];
    godwit_err_t error;

    if (!handler)
        return godwit_set_last_error(GODWIT_EINVAL, "handler is NULL");
    if (!result)
        return godwit_set_last_error(GODWIT_EINVAL,
                                     "service is NULL: there is nowhere to put the result");
    if ((error = read_options(given, &options)) != GODWIT_OK)
        return error;
    godwit_service_t *service = calloc(1, sizeof *service + options.threads * sizeof(pthread_t));
    if (!service)
        return godwit_set_last_error(GODWIT_ENOMEM, "out of memory");
    service->peer = peer;
    service->handler = handler;
    service->context = context;
    service->process = getpid();
    error = begin(service, destination_of(SERVICE_PREFIX, name, destination), &options);
    if (error)
        stop(service);
    else
        *result = service;
    return error;
}

godwit_err_t godwit_service_close(godwit_service_t **pointer)
{
    if (!pointer || !*pointer)
        return GODWIT_OK;
    if ((*pointer)->process != getpid())
        return godwit_set_last_error(GODWIT_EFORK, "this process is a fork of the one that opened "
                                                   "the service: it has none of its threads");
    if (serving == *pointer)
        return godwit_set_last_error(GODWIT_EBUSY, "a handler cannot close its own service: "
                                                   "it would wait for itself");
    godwit_service_t *service = *pointer;
    *pointer = NULL;
    stop(service);
    return GODWIT_OK;
}
