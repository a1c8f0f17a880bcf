/* SPDX-License-Identifier: MPL-2.0 */
/* NATS JetStream with its C client. Asynchronous publishing with a bound on what is unconfirmed; a
 * push consumer that acknowledges cumulatively (AckAll), every 100 messages and at the end. */

#include "client.h"
#include <nats/nats.h>
#include <stdio.h>
#include <string.h>

#define PENDING     4096 /* published and not confirmed */
#define ACK_EVERY   100
#define ACK_PENDING 10000 /* handed to the consumer and not acknowledged */
#define WAIT_MS     30000 /* for a slow server; no part of what is measured */

struct nats {
    natsConnection *connection;
    jsCtx *js;
};

static void check(natsStatus status, const char *what)
{
    if (status != NATS_OK)
        die("nats: %s: %s", what, natsStatus_GetText(status));
}

static void refused(jsCtx *js, jsPubAckErr *error, void *closure)
{
    (void)js;
    (void)closure;
    die("nats: publish: %s", error->ErrText);
}

static struct nats dial(const struct work *work)
{
    struct nats nats = {0};
    jsOptions options;
    char url[128];
    snprintf(url, sizeof(url), "nats://%s:%d", work->host, work->port);
    check(natsConnection_ConnectTo(&nats.connection, url), "connect");
    jsOptions_Init(&options);
    options.PublishAsync.MaxPending = PENDING;
    options.PublishAsync.StallWait = WAIT_MS;
    options.PublishAsync.ErrHandler = refused;
    check(natsConnection_JetStream(&nats.js, nats.connection, &options), "jetstream");
    return nats;
}

static void hang_up(struct nats *nats)
{
    jsCtx_Destroy(nats->js);
    natsConnection_Destroy(nats->connection);
}

void prepare(const struct work *work)
{
    struct nats nats = dial(work);
    const char *subjects[] = {PEERS_NAME};
    jsStreamConfig stream;
    js_DeleteStream(nats.js, PEERS_NAME, NULL, NULL); /* if there was one */
    jsStreamConfig_Init(&stream);
    stream.Name = PEERS_NAME;
    stream.Subjects = subjects;
    stream.SubjectsLen = 1;
    stream.Storage = js_FileStorage;
    check(js_AddStream(NULL, nats.js, &stream, NULL, NULL), "stream");
    hang_up(&nats);
}

void consume(const struct work *work)
{
    struct nats nats = dial(work);
    natsSubscription *subscription;
    jsSubOptions options;
    jsSubOptions_Init(&options);
    options.ManualAck = true;
    options.Config.AckPolicy = js_AckAll;
    options.Config.MaxAckPending = ACK_PENDING;
    check(js_SubscribeSync(&subscription, nats.js, PEERS_NAME, NULL, &options, NULL), "subscribe");
    ready();
    for (uint64_t i = 1; i <= work->count; i++) {
        natsMsg *message;
        check(natsSubscription_NextMsg(&message, subscription, WAIT_MS), "next");
        check_message(natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message));
        if (i == work->count)
            check(natsMsg_AckSync(message, NULL, NULL), "ack");
        else if (i % ACK_EVERY == 0)
            check(natsMsg_Ack(message, NULL), "ack");
        natsMsg_Destroy(message);
    }
    natsSubscription_Destroy(subscription);
    hang_up(&nats);
}

void produce(const struct work *work)
{
    struct nats nats = dial(work);
    begin();
    for (uint64_t i = 0; i < work->count; i++)
        check(js_PublishAsync(nats.js, PEERS_NAME, message_at(i), (int)work->size, NULL),
              "publish");
    check(js_PublishAsyncComplete(nats.js, NULL), "publish");
    hang_up(&nats);
}
