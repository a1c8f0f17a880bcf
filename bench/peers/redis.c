/* SPDX-License-Identifier: MPL-2.0 */
/* Redis Streams with hiredis. XADD in pipelines, so that many are on their way at once; a consumer
 * group whose one consumer reads many entries with one XREADGROUP and acknowledges them with one
 * XACK. Entries stay in the stream after that, which is less work for Redis than to XDEL them. */

#include "client.h"
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIPELINE 500 /* commands written before their replies are read */
#define READ     "500"
#define READ_MAX 500
#define GROUP    "group"

static redisContext *dial(const struct work *work)
{
    redisContext *redis = redisConnect(work->host, work->port);
    if (!redis || redis->err)
        die("redis: %s", redis ? redis->errstr : "out of memory");
    return redis;
}

/* The reply, which is no error. */
static redisReply *good(redisContext *redis, redisReply *reply)
{
    if (!reply)
        die("redis: %s", redis->errstr);
    if (reply->type == REDIS_REPLY_ERROR)
        die("redis: %s", reply->str);
    return reply;
}

void prepare(const struct work *work)
{
    redisContext *redis = dial(work);
    freeReplyObject(good(redis, redisCommand(redis, "DEL " PEERS_NAME)));
    freeReplyObject(
        good(redis, redisCommand(redis, "XGROUP CREATE " PEERS_NAME " " GROUP " $ MKSTREAM")));
    redisFree(redis);
}

/* Checks the entries of one XREADGROUP and acknowledges them. An entry is [id, [name, value]]. */
static size_t take(redisContext *redis, const redisReply *entries)
{
    const char *arguments[3 + READ_MAX] = {"XACK", PEERS_NAME, GROUP};
    size_t sizes[3 + READ_MAX] = {4, strlen(PEERS_NAME), strlen(GROUP)};
    if (entries->elements > READ_MAX)
        die("redis: %zu entries at once", entries->elements);
    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *id = entries->element[i]->element[0];
        const redisReply *value = entries->element[i]->element[1]->element[1];
        check_message(value->str, value->len);
        arguments[3 + i] = id->str;
        sizes[3 + i] = id->len;
    }
    redisReply *reply =
        good(redis, redisCommandArgv(redis, 3 + (int)entries->elements, arguments, sizes));
    if ((size_t)reply->integer != entries->elements)
        die("redis: %lld of %zu acknowledged", reply->integer, entries->elements);
    freeReplyObject(reply);
    return entries->elements;
}

void consume(const struct work *work)
{
    redisContext *redis = dial(work);
    ready();
    for (uint64_t have = 0; have < work->count;) {
        redisReply *reply =
            good(redis, redisCommand(redis, "XREADGROUP GROUP " GROUP " one COUNT " READ
                                            " BLOCK 0 STREAMS " PEERS_NAME " >"));
        if (reply->type == REDIS_REPLY_ARRAY) /* [[stream, entries]] */
            have += take(redis, reply->element[0]->element[1]);
        freeReplyObject(reply);
    }
    redisFree(redis);
}

static void confirmed(redisContext *redis)
{
    void *reply = NULL;
    redisGetReply(redis, &reply);
    freeReplyObject(good(redis, reply));
}

void produce(const struct work *work)
{
    redisContext *redis = dial(work);
    const char *arguments[] = {"XADD", PEERS_NAME, "*", "m", NULL};
    const size_t sizes[] = {4, strlen(PEERS_NAME), 1, 1, work->size};
    uint64_t sent = 0, done = 0;
    begin();
    while (done < work->count) {
        for (; sent < work->count && sent - done < 2 * PIPELINE; sent++) {
            arguments[4] = message_at(sent);
            if (redisAppendCommandArgv(redis, 5, arguments, sizes))
                die("redis: %s", redis->errstr);
        }
        for (uint64_t stop = done + PIPELINE; done < stop && done < sent; done++)
            confirmed(redis); /* the first one writes what was appended */
    }
    redisFree(redis);
}
