/* SPDX-License-Identifier: MPL-2.0 */
/* treehash-ask: a client of the collector's service "digest". Asks for paths, again and again,
 * until it is told to stop (SIGTERM); then it waits for what is not answered yet, unless it is told
 * again, and writes down what it was answered.
 *
 * A question is written to the keys in the transaction that sends it, and its answer before the
 * reply is given up. So whatever moment this process dies at, the next start knows what it asked,
 * and gets the replies that came meanwhile. */

#include "answer.h"
#include "board.h"
#include "message.h"
#include "program.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define UNDER_WAY 8  /* most questions without an answer */
#define PAUSE_MS 4   /* between questions */
#define BATCH 16     /* most answers in one transaction */

/* The value of a question's number. */
struct question {
    uint64_t times; /* it was answered */
    uint64_t start; /* of this program, that got the answer */
    struct answer answer;
    uint32_t path_size;
    char path[TH_PATH_MAX];
};

struct totals {
    uint64_t starts;
    uint64_t asked;
    uint64_t answered;
};

struct asker {
    struct th_options options;
    godwit_peer_t *peer;
    struct th_board board;
    struct totals totals;
    char **paths;
    size_t path_count;
    uint64_t asked_ms;
};

static void load_paths(struct asker *asker)
{
    char *text = NULL;
    size_t size = 0, room = 0;
    FILE *file = fopen(asker->options.paths, "re");
    if (!file)
        th_die("%s: %m", asker->options.paths);
    while (getdelim(&text, &room, '\0', file) > 0) {
        if (asker->path_count == size) {
            size = size ? 2 * size : 1024;
            asker->paths = realloc(asker->paths, size * sizeof(*asker->paths));
            if (!asker->paths)
                th_die("out of memory");
        }
        asker->paths[asker->path_count++] = text;
        text = NULL;
        room = 0;
    }
    free(text);
    fclose(file);
}

static void totals_put(const struct totals *totals, godwit_txn_t *txn)
{
    th_check(godwit_txn_put(txn, "totals", "t", 1, totals, sizeof(*totals)), "put");
}

/* Reads how far an earlier start came, and notes that this is another one. */
static void begin(struct asker *asker)
{
    void *value;
    size_t size;
    godwit_txn_t *txn;
    th_check(godwit_txn_begin(asker->peer, &txn), "begin");
    godwit_err_t error = godwit_txn_get(txn, "totals", "t", 1, &value, &size);
    if (!error) {
        if (size != sizeof(asker->totals))
            th_die("the totals in the store were written by another version");
        memcpy(&asker->totals, value, size);
        godwit_free(value);
    } else if (error != GODWIT_ENOTFOUND) {
        th_check(error, "get");
    }
    asker->totals.starts++;
    totals_put(&asker->totals, txn);
    if (!th_commit(&txn))
        th_die("stopped: the next start goes on from the last commit");
}

static void question_put(const struct question *question, godwit_txn_t *txn)
{
    size_t size = offsetof(struct question, path) + question->path_size;
    th_check(godwit_txn_put(txn, "questions", question->answer.number, 8, question, size), "put");
}

/* Fibonacci hashing spreads the numbers over the paths. */
static const char *choose(const struct asker *asker, uint64_t number)
{
    return asker->paths[(number * 11400714819323198485u >> 32) % asker->path_count];
}

static void ask(struct asker *asker)
{
    uint8_t request[8 + TH_PATH_MAX];
    struct question question = {0};
    struct totals totals = asker->totals;
    godwit_txn_t *txn;
    uint64_t number = htobe64(++totals.asked);
    const char *path = choose(asker, totals.asked);
    memcpy(question.answer.number, &number, 8);
    question.path_size = (uint32_t)strnlen(path, TH_PATH_MAX);
    memcpy(question.path, path, question.path_size);
    memcpy(request, &number, 8);
    memcpy(request + 8, path, question.path_size);

    th_check(godwit_txn_begin(asker->peer, &txn), "begin");
    question_put(&question, txn);
    totals_put(&totals, txn);
    th_check(godwit_txn_send_data(txn, "service:" ANSWER_SERVICE, request,
                                  8 + question.path_size),
             "send");
    if (th_commit(&txn))
        asker->totals = totals;
    asker->asked_ms = th_now_ms();
}

static void question_get(godwit_txn_t *txn, const godwit_reply_t *reply, struct question *question)
{
    struct answer answer;
    void *value;
    size_t size;
    if (godwit_reply_size(reply) != sizeof(answer) || godwit_reply_code(reply))
        th_die("a reply that is none: %s", godwit_reply_text(reply));
    memcpy(&answer, godwit_reply_data(reply), sizeof(answer));
    th_check(godwit_txn_get(txn, "questions", answer.number, 8, &value, &size), "question");
    memcpy(question, value, size < sizeof(*question) ? size : sizeof(*question));
    godwit_free(value);
}

/* A reply that comes again after a restart was not given up before the kill, and is the same one.
 * Anything else that comes again is not to happen, and counts. */
static void take(struct asker *asker, struct totals *totals, godwit_txn_t *txn,
                 const godwit_reply_t *reply)
{
    struct question question;
    question_get(txn, reply, &question);
    const void *answer = godwit_reply_data(reply);
    if (question.times && question.start != totals->starts &&
        memcmp(&question.answer, answer, sizeof(question.answer)) == 0) {
        th_board_add(&asker->board, "collected_again", 1);
        question.start = totals->starts;
    } else {
        totals->answered += question.times == 0;
        question.times++;
        question.start = totals->starts;
        memcpy(&question.answer, answer, sizeof(question.answer));
    }
    question_put(&question, txn);
}

/* Collects what is there; waits for the first one a little. */
static void collect(struct asker *asker)
{
    godwit_reply_t *replies[BATCH];
    godwit_txn_t *txn;
    struct totals totals = asker->totals;
    size_t count = 0;
    while (count < BATCH &&
           !godwit_reply_next(asker->peer, count ? 0 : PAUSE_MS, &replies[count]))
        count++;
    if (!count)
        return;
    th_check(godwit_txn_begin(asker->peer, &txn), "begin");
    for (size_t i = 0; i < count; i++)
        take(asker, &totals, txn, replies[i]);
    totals_put(&totals, txn);
    if (!th_commit(&txn))
        th_die("stopped: the next start gets the replies again");
    asker->totals = totals;
    for (size_t i = 0; i < count; i++)
        godwit_reply_done(&replies[i]);
}

/* "NUMBER TIMES DIGEST PATH" for each question, each ended by a NUL. */
static void write_answers(struct asker *asker)
{
    char draft[TH_DRAFT_MAX];
    struct question question;
    godwit_cursor_t *cursor;
    const void *key, *value;
    size_t key_size, size;
    uint64_t number;
    FILE *file = th_file_begin(asker->options.answers, draft);
    th_check(godwit_scan(asker->peer, "questions", NULL, 0, &cursor), "scan");
    while (!godwit_cursor_next(cursor, &key, &key_size, &value, &size)) {
        memcpy(&question, value, size < sizeof(question) ? size : sizeof(question));
        memcpy(&number, question.answer.number, sizeof(number));
        fprintf(file, "%llu %llu ", (unsigned long long)be64toh(number),
                (unsigned long long)question.times);
        answer_digest_write(&question.answer, file);
        fprintf(file, " %.*s%c", (int)question.path_size, question.path, '\0');
    }
    godwit_cursor_close(&cursor);
    th_file_end(file, draft, asker->options.answers);
}

static void show(struct asker *asker)
{
    th_board_set(&asker->board, "asked", asker->totals.asked);
    th_board_set(&asker->board, "answered", asker->totals.answered);
    th_board_refresh(&asker->board, asker->peer);
}

static void serve(struct asker *asker)
{
    for (;;) {
        uint64_t open = asker->totals.asked - asker->totals.answered;
        if (th_stop > 1 || (th_stop && !open))
            return;
        if (!th_stop && open < UNDER_WAY && asker->path_count &&
            th_now_ms() - asker->asked_ms >= PAUSE_MS)
            ask(asker);
        collect(asker);
        show(asker);
    }
}

int main(int argc, char **argv)
{
    static struct asker asker;
    asker.options = th_options_read(argc, argv);
    if (!asker.options.paths || !asker.options.answers)
        th_die("--paths and --answers are needed");
    th_board_open(&asker.board, asker.options.board);
    th_catch_stop();
    load_paths(&asker);
    asker.peer = th_peer_open(&asker.options, &asker.board);
    if (godwit_reply_fd(asker.peer) < 0) /* from now on replies reach this peer */
        th_die("replies: %s", godwit_last_error());
    begin(&asker);
    th_board_set(&asker.board, "running", 1);
    serve(&asker);
    write_answers(&asker);
    asker.board.refreshed_ms = 0;
    show(&asker);
    godwit_peer_close(&asker.peer);
    for (size_t i = 0; i < asker.path_count; i++)
        free(asker.paths[i]);
    free(asker.paths);
    return asker.totals.asked == asker.totals.answered ? 0 : 3;
}
