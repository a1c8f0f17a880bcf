/* SPDX-License-Identifier: MPL-2.0 */
/* treehash-walk: the first stage. Walks a tree and sends what is in it.
 *
 * Each transaction holds some messages *and* the walker's place after them. So whatever moment the
 * process dies at, the next start goes on exactly behind the last message that exists: nothing is
 * sent twice, nothing is left out. That is the whole recovery; there is no other code for it.
 *
 * A file below TH_PART_SIZE is one message to the stage "hash", which any worker takes. The parts
 * of a larger file go to the stage "hash.WORKER" that only one worker serves, in their order. Which
 * one follows from the path, so a restarted walker chooses the same.
 *
 * A file that no worker survives becomes a dead letter here; SIGUSR1 sends it again. */

#include "board.h"
#include "message.h"
#include "program.h"
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    uint64_t paths;    /* sent so far: files, and what could not be read */
    uint64_t messages; /* the same in messages */
    uint64_t bytes;    /* of content */
    uint64_t parts;    /* not 0: in the midst of the large file `path`, whose next part is this */
    uint64_t ended;    /* TH_END is sent */
    char path[TH_PATH_MAX + 1]; /* the last one; "" at the start */
};

struct walker {
    struct th_options options;
    godwit_peer_t *peer;
    struct th_board board;
    struct th_tree *tree;
    struct place place;
    int large; /* the large file, or -1 */
    uint64_t looked_ms; /* for dead letters */
    uint8_t message[TH_HEAD_MAX + TH_PART_SIZE];
};

static void place_load(struct walker *walker)
{
    void *value;
    size_t size;
    godwit_err_t error = godwit_get(walker->peer, "walk", "place", 5, &value, &size);
    if (error == GODWIT_ENOTFOUND)
        return;
    th_check(error, "place");
    if (size <= offsetof(struct place, path) || size > sizeof(walker->place))
        th_die("the place in the store was written by another version");
    memcpy(&walker->place, value, size);
    godwit_free(value);
}

static void place_save(struct walker *walker, godwit_txn_t *txn)
{
    size_t size = offsetof(struct place, path) + strlen(walker->place.path) + 1;
    th_check(godwit_txn_put(txn, "walk", "place", 5, &walker->place, size), "place");
}

/* The stage of the worker that gets all parts of this file (FNV-1a over the path). */
static void large_stage(const struct walker *walker, char *stage, size_t size)
{
    uint64_t hash = 14695981039346656037u;
    for (const char *at = walker->place.path; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 1099511628211u;
    snprintf(stage, size, "hash.%s", walker->options.worker[hash % walker->options.workers]);
}

/* Sends a message about place.path whose data is at `data` (in walker->message or elsewhere). */
static size_t push(struct walker *walker, godwit_txn_t *txn, enum th_kind kind, uint64_t number,
                   const void *data, size_t data_size)
{
    char stage[80] = "hash";
    struct th_message message = {.kind = kind, .number = number, .data_size = data_size};
    if (kind != TH_END) {
        message.path = walker->place.path;
        message.path_size = strlen(walker->place.path);
    }
    if (kind == TH_PART || kind == TH_LAST || kind == TH_BROKEN)
        large_stage(walker, stage, sizeof(stage));
    size_t head = th_message_head(&message, walker->message);
    memmove(walker->message + head, data, data_size);
    th_check(godwit_txn_push_data(txn, stage, walker->message, head + data_size), "push");
    walker->place.messages++;
    return head + data_size;
}

/* A regular file below the root, or -1 and errno. O_NONBLOCK: should it have become a FIFO. */
static int open_file(const struct walker *walker, const char *path)
{
    struct stat status;
    int fd = openat(th_tree_root(walker->tree), path,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &status) || !S_ISREG(status.st_mode))) {
        close(fd);
        errno = ENOENT; /* it is no longer the file that was listed */
        return -1;
    }
    return fd;
}

/* Reads until the buffer is full or the file ends; -1 and errno if it cannot. */
static ssize_t read_all(int fd, uint8_t *buffer, size_t size, uint64_t offset)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(fd, buffer + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (ssize_t)done;
}

static size_t send_why(struct walker *walker, godwit_txn_t *txn, enum th_kind kind)
{
    const char *why = strerror(errno);
    uint64_t part = walker->place.parts;
    walker->place.parts = 0;
    return push(walker, txn, kind, part, why, strlen(why));
}

/* The next part of the large file that place names. Returns the message's size. */
static size_t send_part(struct walker *walker, godwit_txn_t *txn)
{
    struct place *place = &walker->place;
    uint8_t *data = walker->message + TH_HEAD_MAX;
    if (walker->large < 0)
        walker->large = open_file(walker, place->path); /* after a restart */
    ssize_t size = walker->large < 0 ? -1
                                     : read_all(walker->large, data, TH_PART_SIZE,
                                                place->parts * TH_PART_SIZE);
    size_t sent;
    if (size == TH_PART_SIZE) {
        place->bytes += TH_PART_SIZE;
        return push(walker, txn, TH_PART, place->parts++, data, TH_PART_SIZE);
    }
    if (size < 0) {
        sent = send_why(walker, txn, TH_BROKEN);
    } else {
        place->bytes += (uint64_t)size;
        sent = push(walker, txn, TH_LAST, place->parts, data, (size_t)size);
        place->parts = 0;
    }
    if (walker->large >= 0)
        close(walker->large);
    walker->large = -1;
    return sent;
}

/* One file, or the first part of a large one. Returns the message's size. */
static size_t send_file(struct walker *walker, godwit_txn_t *txn)
{
    uint8_t *data = walker->message + TH_HEAD_MAX;
    int fd = open_file(walker, walker->place.path);
    ssize_t size = fd < 0 ? -1 : read_all(fd, data, TH_PART_SIZE, 0);
    if (size == TH_PART_SIZE) {
        walker->large = fd;
        walker->place.parts = 1;
        walker->place.bytes += TH_PART_SIZE;
        return push(walker, txn, TH_PART, 0, data, TH_PART_SIZE);
    }
    if (size < 0) {
        size_t sent = send_why(walker, txn, TH_SKIPPED);
        if (fd >= 0)
            close(fd);
        return sent;
    }
    close(fd);
    walker->place.bytes += (uint64_t)size;
    return push(walker, txn, TH_FILE, (uint64_t)size, data, (size_t)size);
}

/* Whatever comes next in the tree. */
static size_t send_next(struct walker *walker, godwit_txn_t *txn)
{
    struct place *place = &walker->place;
    if (place->parts)
        return send_part(walker, txn);
    const char *path;
    enum th_tree_entry entry = th_tree_next(walker->tree, &path);
    if (entry == TH_TREE_END) {
        place->ended = 1;
        return push(walker, txn, TH_END, place->paths, "", 0);
    }
    strcpy(place->path, path);
    place->paths++;
    return entry == TH_TREE_FILE ? send_file(walker, txn) : send_why(walker, txn, TH_SKIPPED);
}

/* Files go to any worker, and if asked for, not only to the one that has them. The parts of a large
 * file must come to one worker, in their order. */
static void set_policies(struct walker *walker)
{
    const struct th_options *options = &walker->options;
    godwit_destination_options_t files = GODWIT_DESTINATION_OPTIONS_INIT;
    files.max_attempts = options->max_attempts;
    if (options->failover_ms) {
        files.member_lost = GODWIT_LOST_FAILOVER;
        files.failover_ms = options->failover_ms;
    }
    th_check(godwit_destination_set(walker->peer, "stage:hash", &files), "policy");
    for (size_t i = 0; i < options->workers; i++) {
        char stage[80];
        godwit_destination_options_t parts = GODWIT_DESTINATION_OPTIONS_INIT;
        parts.ordering = GODWIT_ORDERING_ORDERED;
        snprintf(stage, sizeof(stage), "stage:hash.%s", options->worker[i]);
        th_check(godwit_destination_set(walker->peer, stage, &parts), stage);
    }
}

static void list_dead(const godwit_dead_t *dead, FILE *list)
{
    struct th_message message = {.path = "?", .path_size = 1};
    th_message_read(dead->data, dead->size, &message);
    fprintf(list, "%u %s%c", dead->attempts, dead->text, '\0');
    fwrite(message.path, 1, message.path_size, list);
    fputc('\0', list);
}

/* Goes through the dead letters: lists them ("ATTEMPTS WHY", PATH, each ended by a NUL), or sends
 * them again. Returns how many. */
static uint64_t each_dead(struct walker *walker, FILE *list)
{
    uint64_t count = 0;
    godwit_dead_t *dead;
    godwit_id_t last = {0};
    while (godwit_dead_next(walker->peer, last, &dead) == GODWIT_OK) {
        last = dead->id;
        count++;
        if (list)
            list_dead(dead, list);
        else
            th_check(godwit_dead_requeue(walker->peer, last, NULL), "requeue");
        godwit_dead_free(&dead);
    }
    return count;
}

static volatile sig_atomic_t requeue; /* SIGUSR1: all dead letters are to be sent again */

static void on_requeue(int number)
{
    (void)number;
    requeue = 1;
}

static uint64_t look_at_dead(struct walker *walker)
{
    uint64_t count = 0;
    char draft[TH_DRAFT_MAX];
    walker->looked_ms = th_now_ms();
    th_check(godwit_peer_counter(walker->peer, "dead_letters_now", &count), "dead letters");
    bool news = count != th_board_get(&walker->board, "dead_letters");
    if (count && walker->options.dead && (news || requeue)) {
        FILE *list = th_file_begin(walker->options.dead, draft);
        each_dead(walker, list);
        th_file_end(list, draft, walker->options.dead);
    }
    th_board_set(&walker->board, "dead_letters", count);
    if (requeue) {
        requeue = 0;
        each_dead(walker, NULL);
    }
    return count;
}

static void show(struct walker *walker)
{
    th_board_set(&walker->board, "paths", walker->place.paths);
    th_board_set(&walker->board, "messages", walker->place.messages);
    th_board_set(&walker->board, "bytes", walker->place.bytes);
    th_board_refresh(&walker->board, walker->peer);
    if (th_now_ms() - walker->looked_ms > 20)
        look_at_dead(walker);
}

/* What is accepted is safe, but somebody has to be here to hand it over. A dead letter waits for
 * somebody who knows what to do with it. */
static void see_it_off(struct walker *walker)
{
    for (uint64_t dead = 1; dead;) {
        godwit_err_t error = godwit_peer_drain(walker->peer, GODWIT_SETTLED, 50);
        if (error && error != GODWIT_ETIMEDOUT)
            th_check(error, "drain");
        th_board_refresh(&walker->board, walker->peer);
        dead = look_at_dead(walker);
        if (!error && dead) {
            th_board_set(&walker->board, "only_dead", 1);
            poll(NULL, 0, 10);
        }
        if (error)
            dead = 1; /* not yet all */
    }
    walker->board.refreshed_ms = 0;
    th_board_refresh(&walker->board, walker->peer);
    th_board_set(&walker->board, "drained", 1);
}

static void walk(struct walker *walker)
{
    place_load(walker);
    walker->large = -1;
    walker->tree = th_tree_open(walker->options.root);
    if (!walker->tree)
        th_die("%s: %m", walker->options.root);
    if (*walker->place.path)
        th_tree_pass(walker->tree, walker->place.path);
    show(walker);
    th_board_set(&walker->board, "running", 1);

    while (!walker->place.ended) {
        godwit_txn_t *txn;
        uint64_t bytes = 0;
        th_check(godwit_txn_begin(walker->peer, &txn), "begin");
        for (uint64_t i = 0; i < walker->options.batch_files && bytes < walker->options.batch_bytes
                             && !walker->place.ended; i++)
            bytes += send_next(walker, txn);
        place_save(walker, txn);
        if (!th_commit(&txn)) /* waits here while the walker is too far ahead */
            th_die("stopped: the next start goes on from the last commit");
        show(walker);
    }
    th_tree_close(&walker->tree);
}

int main(int argc, char **argv)
{
    static struct walker walker;
    walker.options = th_options_read(argc, argv);
    if (!walker.options.root || !walker.options.workers)
        th_die("--root and at least one --worker are needed");
    if (walker.options.batch_bytes > 512 * 1024) /* a transaction holds 1 MiB */
        th_die("--batch-bytes is at most %d", 512 * 1024);
    th_board_open(&walker.board, walker.options.board);
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_requeue, .sa_flags = SA_RESTART}, NULL);
    walker.peer = th_peer_open(&walker.options, &walker.board);
    set_policies(&walker);
    walk(&walker);
    see_it_off(&walker);
    godwit_peer_close(&walker.peer);
    return 0;
}
