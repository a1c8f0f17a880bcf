/* SPDX-License-Identifier: MPL-2.0 */
/* treehash-collect: the last stage, one of it. Keeps the digests and writes the manifest.
 *
 * Each transaction acks some digests *and* raises the counts of their paths. If a message were ever
 * processed twice, a count of 2 would say so; if one were lost, its path would be missing.
 *
 * The end is known without looking at a clock: TH_END, a message like the others, carries how many
 * paths the walker sent. It may come before the last digests do; all is there once that many
 * different paths have come. The number is a key too, so it does not matter who was killed when.
 *
 * With failover two workers may send a result for one file. godwit cannot tell whether the lost one
 * had done it; what it promises is that the second one is flagged. So the keys are such that a
 * second result changes nothing: the first one counts, and each kind has a count of its own. */

#include "answer.h"
#include "board.h"
#include "found.h"
#include "manifest.h"
#include "message.h"
#include "program.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define BATCH 128

enum { FILES, SKIPPED };
static const char *const spaces[] = {[FILES] = FOUND_FILES, [SKIPPED] = FOUND_SKIPPED};

struct totals {
    uint64_t paths; /* different ones */
    uint64_t messages;
    uint64_t ended; /* TH_END has come ... */
    uint64_t sent;  /* ... and says this many paths were sent */
};

struct collector {
    struct th_options options;
    godwit_peer_t *peer;
    struct th_board board;
    godwit_stage_t *stage;
    godwit_service_t *service;
    struct totals totals;
};

static bool complete(const struct collector *collector)
{
    return collector->totals.ended && collector->totals.paths >= collector->totals.sent;
}

/* True if it says the same as what came first. */
static bool agrees(const struct found *found, const struct th_message *message)
{
    return found->data_size == message->data_size && found->size == message->number &&
           memcmp(found->bytes + found->path_size, message->data, message->data_size) == 0;
}

/* Notes that the path came. True if it is the first time. */
static bool note(godwit_txn_t *txn, const char *space, const struct th_message *message)
{
    static struct found found;
    uint8_t key[TH_KEY_MAX];
    size_t key_size = th_key(message->path, message->path_size, key);
    void *value;
    size_t size;
    godwit_err_t error = godwit_txn_get(txn, space, key, key_size, &value, &size);
    if (error == GODWIT_OK) {
        memcpy(&found, value, size < sizeof(found) ? size : sizeof(found));
        godwit_free(value);
    } else {
        if (error != GODWIT_ENOTFOUND)
            th_check(error, "get");
        found.count = found.again = 0;
        found.size = message->number;
        found.path_size = message->path_size;
        found.data_size = message->data_size < 256 ? message->data_size : 256;
        memcpy(found.bytes, message->path, message->path_size);
        memcpy(found.bytes + message->path_size, message->data, found.data_size);
    }
    if (message->maybe_again && agrees(&found, message))
        found.again++;
    else
        found.count++;
    size = offsetof(struct found, bytes) + found.path_size + found.data_size;
    th_check(godwit_txn_put(txn, space, key, key_size, &found, size), "put");
    return found.count + found.again == 1;
}

static void take(struct totals *totals, godwit_txn_t *txn, godwit_delivery_t *delivery)
{
    struct th_message message;
    if (!th_message_read(godwit_delivery_data(delivery), godwit_delivery_size(delivery), &message))
        th_die("a message from %s is none of ours", godwit_delivery_sender(delivery));
    if (message.kind == TH_END) {
        totals->ended = 1;
        totals->sent = message.number;
    } else {
        const char *space = spaces[message.kind == TH_DIGEST ? FILES : SKIPPED];
        totals->paths += note(txn, space, &message);
    }
    totals->messages++;
    th_check(godwit_txn_ack(txn, delivery), "ack");
}

static void show(struct collector *collector)
{
    th_board_set(&collector->board, "paths", collector->totals.paths);
    th_board_set(&collector->board, "messages", collector->totals.messages);
    th_board_set(&collector->board, "complete", complete(collector));
    th_board_refresh(&collector->board, collector->peer);
}

static void collect(struct collector *collector, godwit_delivery_t **deliveries, size_t count)
{
    godwit_txn_t *txn;
    struct totals totals = collector->totals;
    th_check(godwit_txn_begin(collector->peer, &txn), "begin");
    for (size_t i = 0; i < count; i++) {
        if (godwit_delivery_redelivered(deliveries[i]))
            th_board_add(&collector->board, "rerun", 1);
        take(&totals, txn, deliveries[i]);
    }
    th_check(godwit_txn_put(txn, "totals", "t", 1, &totals, sizeof(totals)), "put");
    if (th_commit(&txn))
        collector->totals = totals;
}

static void load(struct collector *collector)
{
    void *value;
    size_t size;
    godwit_err_t error = godwit_get(collector->peer, "totals", "t", 1, &value, &size);
    if (error == GODWIT_ENOTFOUND)
        return;
    th_check(error, "totals");
    if (size != sizeof(collector->totals))
        th_die("the totals in the store were written by another version");
    memcpy(&collector->totals, value, size);
    godwit_free(value);
}

/* One record of the counts: "file COUNT AGAIN SIZE DIGEST PATH", or "skipped COUNT AGAIN PATH" and
 * "why TEXT", each ended by a NUL since paths may hold anything else. */
static void write_found(const struct found *found, int kind, FILE *manifest, FILE *counts)
{
    const char *data = found->bytes + found->path_size;
    if (kind == FILES) {
        th_manifest_line(manifest, (const uint8_t *)data, found->bytes, found->path_size);
        struct answer digest = {.known = 1};
        memcpy(digest.digest, data, TH_DIGEST_SIZE);
        fprintf(counts, "file %llu %llu %llu ", (unsigned long long)found->count,
                (unsigned long long)found->again, (unsigned long long)found->size);
        answer_digest_write(&digest, counts);
        fputc(' ', counts);
        fwrite(found->bytes, 1, found->path_size, counts);
        fputc('\0', counts);
        return;
    }
    fprintf(counts, "skipped %llu %llu ", (unsigned long long)found->count,
            (unsigned long long)found->again);
    fwrite(found->bytes, 1, found->path_size, counts);
    fprintf(counts, "%cwhy %.*s%c", '\0', (int)found->data_size, data, '\0');
}

static void write_space(struct collector *collector, int kind, FILE *manifest, FILE *counts)
{
    static struct found found;
    godwit_cursor_t *cursor;
    const void *key, *value;
    size_t key_size, size;
    godwit_err_t error;
    th_check(godwit_scan(collector->peer, spaces[kind], NULL, 0, &cursor), "scan");
    while (!(error = godwit_cursor_next(cursor, &key, &key_size, &value, &size))) {
        if (size > sizeof(found))
            th_die("a count in the store was written by another version");
        memcpy(&found, value, size);
        write_found(&found, kind, manifest, counts);
    }
    if (error != GODWIT_ENOTFOUND)
        th_check(error, "scan");
    godwit_cursor_close(&cursor);
}

static void write_files(struct collector *collector)
{
    char manifest_draft[TH_DRAFT_MAX], counts_draft[TH_DRAFT_MAX];
    const struct th_options *options = &collector->options;
    FILE *manifest = th_file_begin(options->manifest, manifest_draft);
    FILE *counts = th_file_begin(options->counts, counts_draft);
    write_space(collector, FILES, manifest, counts);
    write_space(collector, SKIPPED, manifest, counts);
    answer_write(collector->peer, counts);
    fprintf(counts, "%s %llu%c", complete(collector) ? "complete" : "incomplete",
            (unsigned long long)collector->totals.paths, '\0');
    th_file_end(manifest, manifest_draft, options->manifest);
    th_file_end(counts, counts_draft, options->counts);
}

/* Serves until told to stop, or until everything came and then nothing for a while: the workers may
 * still want to hear that their last messages were taken. */
static void serve(struct collector *collector)
{
    uint64_t last_ms = th_now_ms();
    while (!th_stop) {
        godwit_delivery_t *deliveries[BATCH];
        size_t count = 0;
        int wait_ms = 50;
        while (count < BATCH &&
               !godwit_stage_next(collector->stage, wait_ms, &deliveries[count])) {
            count++;
            wait_ms = 0;
        }
        if (count) {
            collect(collector, deliveries, count);
            last_ms = th_now_ms();
        }
        show(collector);
        if (complete(collector) &&
            th_now_ms() - last_ms > (uint64_t)collector->options.linger_ms)
            break;
    }
}

int main(int argc, char **argv)
{
    static struct collector collector;
    collector.options = th_options_read(argc, argv);
    if (!collector.options.manifest || !collector.options.counts)
        th_die("--manifest and --counts are needed");
    th_board_open(&collector.board, collector.options.board);
    th_catch_stop();
    collector.peer = th_peer_open(&collector.options, &collector.board);
    load(&collector);
    show(&collector);
    th_check(godwit_stage_open(collector.peer, "collect", NULL, &collector.stage), "stage");
    th_check(godwit_service_open(collector.peer, ANSWER_SERVICE, answer, NULL, NULL,
                                 &collector.service),
             "service");
    th_board_set(&collector.board, "running", 1);
    serve(&collector);
    th_check(godwit_service_close(&collector.service), "service"); /* before it is counted */
    write_files(&collector);
    collector.board.refreshed_ms = 0;
    show(&collector);
    godwit_stage_close(&collector.stage);
    godwit_peer_close(&collector.peer);
    return complete(&collector) ? 0 : 3; /* 3: stopped before everything had come */
}
