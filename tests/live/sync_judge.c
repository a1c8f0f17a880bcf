/* SPDX-License-Identifier: MPL-2.0 */
/* sync_judge < OUTPUT_OF_STRACE: holds the system calls of sync_story.c against the promise that
 * nothing leaves before it is durable. For each message:
 *
 *     its bytes are written to a file of the sender     its decision to one of the receiver
 *     that file is synced, by a call that began later   the same
 *     only then a DATA that holds it begins to leave    an ACK that tells of it
 *
 * The answer to a message is in the transaction that decides it, so its bytes stand for both.
 *
 * If the bytes are in a file that is not LevelDB's log, the log must be written and synced as well
 * before DATA leaves. Frames are read from what the sockets send, by the library's own decoder.
 * Ends with 1 if any left early, and with 2 if the output proves nothing. */

#include "sync_calls.h"
#include "sync_story.h"
#include "wire/wire.h"

#include <stdlib.h>
#include <string.h>

#define SOCKETS  16
#define GREETING 64 /* of ZMTP 3, before the first frame */
#define LIMIT    10 /* violations that are printed */

/* Something written, until it is synced. */
struct fact {
    char file[96];         /* the end of its path; "": not written */
    unsigned long written; /* the line on which its write ended */
    unsigned long synced;  /* the line on which the sync of its file ended; 0: not yet */
    bool apart;            /* not in the log: the log has to follow */
    char log[96];          /* that one's */
    unsigned long log_written, log_synced;
};

struct socket {
    char name[32];
    size_t skip; /* bytes of the greeting, or of a body, still to come */
    bool more;   /* the next frame is a body */
    bool greeted;
    uint8_t *bytes;
    size_t size, capacity;
};

static struct {
    struct fact data[SYNC_MESSAGES + 1], done[SYNC_MESSAGES + 1];
    struct fact answer[SYNC_ANSWERS + 1]; /* by their own numbers: in the order of the messages */
    bool left[SYNC_MESSAGES + 1], told[SYNC_MESSAGES + 1]; /* in a DATA, in an ACK */
    bool answered[SYNC_ANSWERS + 1];
    uint64_t epoch; /* of the messages; any other is that of the answers */
    unsigned plain; /* acknowledged without a key: the receiver's next write holds it */
    struct socket socket[SOCKETS];
    struct gw_decoder *decoder;
    unsigned syncs, frames[GW_FRAME_SKIP + 1], early;
} judge;

static void unreadable(const char *why)
{
    fprintf(stderr, "sync_judge: %s\n", why);
    exit(2);
}

static const char *tail(const char *path)
{
    size_t size = strlen(path), most = sizeof(judge.data[0].file) - 1;
    return size > most ? path + size - most : path;
}

static bool is_log(const char *path)
{
    size_t size = strlen(path);
    return size > 4 && strcmp(path + size - 4, ".log") == 0;
}

/* --- writes --- */

static void written(struct fact *fact, const struct call *call)
{
    if (*fact->file)
        return; /* later copies are tables of a compaction */
    snprintf(fact->file, sizeof(fact->file), "%s", tail(call->file));
    fact->written = call->ended;
    fact->apart = !is_log(call->file);
}

/* Looks for PREFIX-NUMBER. in what is written. Each stands there twice, so that a block's header of
 * LevelDB's cannot hide both. */
static void look_for(const char *prefix, struct fact *facts, const struct call *call)
{
    const uint8_t *at = call->bytes, *end = call->bytes + call->size;
    size_t length = strlen(prefix);
    while ((at = memmem(at, (size_t)(end - at), prefix, length)) != NULL) {
        char digits[9] = "";
        at += length;
        if (end - at < 9 || at[8] != '.')
            continue;
        memcpy(digits, at, 8);
        unsigned long number = strtoul(digits, NULL, 10);
        if (number >= 1 && number <= SYNC_MESSAGES)
            written(&facts[number], call);
    }
}

static void log_follows(struct fact *facts, const struct call *call)
{
    for (size_t i = 1; i <= SYNC_MESSAGES; i++) {
        struct fact *fact = &facts[i];
        if (fact->apart && fact->written < call->began && !*fact->log) {
            snprintf(fact->log, sizeof(fact->log), "%s", tail(call->file));
            fact->log_written = call->ended;
        }
    }
}

static void on_write(const struct call *call)
{
    if (strcmp(call->file, "/dev/null") == 0) {
        if (call->size > 6 && memcmp(call->bytes, "plain-", 6) == 0)
            judge.plain = (unsigned)strtoul((const char *)call->bytes + 6, NULL, 10);
        return;
    }
    if (strstr(call->file, "/sender/")) {
        if (is_log(call->file))
            log_follows(judge.data, call);
        look_for("message-", judge.data, call);
    } else if (strstr(call->file, "/receiver/")) {
        if (is_log(call->file) && judge.plain) {
            written(&judge.done[judge.plain], call);
            judge.plain = 0;
        }
        if (is_log(call->file))
            log_follows(judge.done, call);
        look_for("done-", judge.done, call);
        look_for("answer-", judge.done, call);
        for (size_t i = 1; i <= SYNC_ANSWERS; i++)
            judge.answer[i] = judge.done[SYNC_ANSWERED + i];
    }
}

static void settle(const char *file, unsigned long at, const struct call *call,
                   unsigned long *synced)
{
    if (*file && !*synced && at < call->began && strcmp(file, tail(call->file)) == 0)
        *synced = call->ended;
}

static void on_sync(const struct call *call)
{
    if (call->result != 0)
        return;
    judge.syncs++;
    for (size_t i = 1; i <= SYNC_MESSAGES; i++) {
        struct fact *data = &judge.data[i], *done = &judge.done[i];
        settle(data->file, data->written, call, &data->synced);
        settle(data->log, data->log_written, call, &data->log_synced);
        settle(done->file, done->written, call, &done->synced);
        settle(done->log, done->log_written, call, &done->log_synced);
    }
    for (size_t i = 1; i <= SYNC_ANSWERS; i++)
        judge.answer[i] = judge.done[SYNC_ANSWERED + i];
}

/* --- frames --- */

static bool durable(const struct fact *fact, unsigned long began)
{
    if (!fact->synced || fact->synced >= began)
        return false;
    return !fact->apart || (fact->log_synced && fact->log_synced < began);
}

static void leaves(const char *what, const struct fact *facts, bool *seen, size_t count,
                   struct gw_range range, const struct call *call)
{
    for (uint64_t n = range.first; n <= range.last; n++) {
        if (n < 1 || n > count)
            unreadable("a frame speaks of a message that was never sent");
        if (seen[n])
            continue; /* again, or said once more */
        seen[n] = true;
        if (durable(&facts[n], call->began))
            continue;
        if (judge.early++ < LIMIT)
            printf("line %lu: %s of message %lu leaves before it is synced (%s)\n", call->began,
                   what, (unsigned long)n, *facts[n].file ? facts[n].file : "not written");
    }
}

static void on_frame(const uint8_t *bytes, size_t size, const struct call *call)
{
    struct gw_frame frame;
    const char *why;
    if (gw_decode(judge.decoder, bytes, size, &frame, &why) != GW_DECODE_OK)
        unreadable("a frame cannot be decoded");
    judge.frames[frame.type]++;
    if (frame.type == GW_FRAME_DATA) {
        struct gw_range run = {frame.u.data.first, frame.u.data.first + frame.u.data.count - 1};
        if (!judge.epoch)
            judge.epoch = frame.u.data.epoch;
        if (frame.u.data.epoch == judge.epoch)
            leaves("DATA", judge.data, judge.left, SYNC_MESSAGES, run, call);
        else
            leaves("answer", judge.answer, judge.answered, SYNC_ANSWERS, run, call);
    }
    if (frame.type != GW_FRAME_ACK)
        return;
    for (size_t i = 0; i < frame.u.ack.epoch_count; i++) {
        const struct gw_ack_epoch *epoch = &frame.u.ack.epochs[i];
        for (size_t j = 0; epoch->epoch == judge.epoch && j < epoch->decided_count; j++)
            leaves("ACK", judge.done, judge.told, SYNC_MESSAGES, epoch->decided[j], call);
    }
}

static struct socket *socket_of(const char *name)
{
    for (size_t i = 0; i < SOCKETS; i++) {
        struct socket *socket = &judge.socket[i];
        if (!*socket->name)
            snprintf(socket->name, sizeof(socket->name), "%s", name);
        if (strcmp(socket->name, name) == 0)
            return socket;
    }
    unreadable("too many sockets");
    return NULL;
}

static void append(struct socket *socket, const uint8_t *bytes, size_t size)
{
    if (socket->size + size > socket->capacity) {
        socket->capacity = (socket->size + size) * 2;
        socket->bytes = realloc(socket->bytes, socket->capacity);
        if (!socket->bytes)
            unreadable("out of memory");
    }
    memcpy(socket->bytes + socket->size, bytes, size);
    socket->size += size;
}

/* ZMTP 3: flags (1: more follow, 2: the length has 8 bytes, 4: a command), length, bytes. The first
 * frame of a message is judged by the call that began to send it. True if one was there whole. */
static bool take_frame(struct socket *socket, const struct call *call)
{
    const uint8_t *at = socket->bytes;
    if (!socket->greeted) {
        if (socket->size < GREETING)
            return false;
        socket->greeted = true;
        memmove(socket->bytes, at + GREETING, socket->size -= GREETING);
        return true;
    }
    size_t head = socket->size && (at[0] & 2) ? 9 : 2;
    if (socket->size < head)
        return false;
    uint64_t length = head == 2 ? at[1] : 0;
    for (size_t i = 1; head == 9 && i < 9; i++)
        length = length << 8 | at[i];
    if (socket->size - head < length)
        return false;
    if (!(at[0] & 4)) {
        if (!socket->more)
            on_frame(at + head, length, call);
        socket->more = at[0] & 1;
    }
    socket->size -= head + length;
    memmove(socket->bytes, at + head + length, socket->size);
    return true;
}

static void on_send(const struct call *call)
{
    if (call->result <= 0 || !call->bytes || strncmp(call->file, "socket:", 7) != 0)
        return; /* failed, or a request to the system for its interfaces */
    struct socket *socket = socket_of(call->file);
    append(socket, call->bytes, (size_t)call->result);
    while (take_frame(socket, call))
        continue;
}

static void on_call(const struct call *call)
{
    if (strcmp(call->name, "fdatasync") == 0 || strcmp(call->name, "fsync") == 0)
        on_sync(call);
    else if (strcmp(call->name, "write") == 0)
        on_write(call);
    else if (strcmp(call->name, "sendto") == 0)
        on_send(call);
    else
        unreadable("a call that the judge does not know");
}

int main(void)
{
    struct call call;
    struct calls *calls = calls_new(stdin);
    judge.decoder = gw_decoder_new();
    if (!calls || !judge.decoder)
        unreadable("out of memory");
    while (calls_next(calls, &call))
        on_call(&call);
    calls_free(calls);
    for (size_t i = 1; i <= SYNC_MESSAGES; i++) {
        if (!judge.left[i] || !judge.told[i])
            unreadable("a message never left, or was never acknowledged");
    }
    for (size_t i = 1; i <= SYNC_ANSWERS; i++) {
        if (!judge.answered[i])
            unreadable("an answer never left");
    }
    for (size_t i = 0; i < SOCKETS; i++)
        free(judge.socket[i].bytes);
    gw_decoder_destroy(&judge.decoder);
    unsigned apart = 0;
    for (size_t i = 1; i <= SYNC_MESSAGES; i++)
        apart += judge.data[i].apart;
    printf("%d messages, %u of them beside the log, and answers: %u syncs, %u DATA, %u ACK; "
           "%u left before their sync\n",
           SYNC_MESSAGES, apart, judge.syncs, judge.frames[GW_FRAME_DATA],
           judge.frames[GW_FRAME_ACK], judge.early);
    return judge.early > 0;
}
