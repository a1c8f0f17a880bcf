/* SPDX-License-Identifier: MPL-2.0 */

/* What the patterns of kill_rounds.c share. */

#include "kill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#define SPACE "count"

volatile sig_atomic_t kill_stopping;
godwit_durability_t kill_durability = GODWIT_DURABILITY_OS;
size_t kill_padding;

void kill_die(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

void kill_must(godwit_err_t error, const char *what)
{
    if (error)
        kill_die("%s: %s: %s", what, godwit_error_name(error), godwit_last_error());
}

void kill_pause_ms(uint64_t ms)
{
    struct timespec pause = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&pause, NULL);
}

static void log_line(void *context, godwit_log_level_t level, const char *text)
{
    fprintf(stderr, "[%s %d] %s\n", (const char *)context, (int)level, text);
}

godwit_peer_t *kill_peer(const char *name, const char *directory)
{
    godwit_peer_options_t options = GODWIT_PEER_OPTIONS_INIT;
    char store[256];
    godwit_peer_t *peer;

    snprintf(store, sizeof store, "%s/%s", directory, name);
    options.name = name;
    options.directory = store;
    options.durability = kill_durability;
    options.heartbeat_ms = 50;
    if (kill_padding >= KILL_PADDING_LARGE) {
        options.max_message = sizeof(uint64_t) + KILL_PADDING_MAX;
        options.outbox_max_bytes = 8 * options.max_message;
    }
    if (getenv("LIVE_LOG")) {
        options.log = log_line;
        options.log_context = (void *)name;
        options.log_level = GODWIT_LOG_DEBUG;
    }
    kill_must(godwit_peer_open(&options, &peer), name);
    return peer;
}

void kill_meet(godwit_peer_t *peer, const char *own, const char *other)
{
    if (own)
        kill_must(godwit_peer_bind(peer, own), "bind");
    kill_must(godwit_peer_connect(peer, other), "connect");
}

/* --- files --- */

int kill_file(const char *directory, const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        kill_die("%s: %s", path, strerror(errno));
    return fd;
}

void kill_append(int fd, const uint64_t *numbers, size_t count)
{
    if (write(fd, numbers, count * sizeof *numbers) != (ssize_t)(count * sizeof *numbers))
        kill_die("a ledger cannot be written: %s", strerror(errno));
}

uint64_t kill_last(int fd)
{
    uint64_t number = 0;
    off_t size = lseek(fd, 0, SEEK_END);

    if (size >= (off_t)sizeof number &&
        pread(fd, &number, sizeof number, size - (off_t)sizeof number) != sizeof number)
        kill_die("the file of reserved numbers cannot be read");
    return number;
}

void kill_numbers_begin(struct kill_numbers *numbers, const char *directory)
{
    numbers->reserved = kill_file(directory, "reserved");
    numbers->next = numbers->end = kill_last(numbers->reserved);
}

void kill_numbers_group(struct kill_numbers *numbers, uint64_t *group, size_t count)
{
    if (numbers->end - numbers->next < count) {
        numbers->next = numbers->end; /* a little waste: the rest of an earlier run's block */
        numbers->end += KILL_RESERVE;
        kill_append(numbers->reserved, &numbers->end, 1);
    }
    for (size_t i = 0; i < count; i++)
        group[i] = ++numbers->next;
}

/* --- effects --- */

struct kill_effect kill_raise(godwit_txn_t *txn, uint64_t number, uint64_t mark)
{
    struct kill_effect effect = {0};
    void *value;
    size_t size;
    godwit_err_t error = godwit_txn_get(txn, SPACE, &number, sizeof number, &value, &size);

    if (!error) {
        memcpy(&effect, value, sizeof effect);
        godwit_free(value);
    } else if (error != GODWIT_ENOTFOUND) {
        kill_must(error, "get");
    }
    effect.count++;
    effect.mark = mark;
    kill_must(godwit_txn_put(txn, SPACE, &number, sizeof number, &effect, sizeof effect), "put");
    return effect;
}

void kill_effects(const char *directory, const char *name, struct kill_effect *effects,
                  uint64_t limit, struct kill_verdict *verdict)
{
    godwit_peer_t *peer = kill_peer(name, directory);
    struct kill_effect effect;
    godwit_cursor_t *cursor;
    const void *key, *value;
    size_t key_size, value_size;
    godwit_err_t error;
    uint64_t number;

    kill_must(godwit_scan(peer, SPACE, NULL, 0, &cursor), "scan");
    while (!(error = godwit_cursor_next(cursor, &key, &key_size, &value, &value_size))) {
        memcpy(&number, key, sizeof number);
        memcpy(&effect, value, sizeof effect);
        if (number > limit)
            kill_die("number %" PRIu64 " was never sent", number);
        verdict->processed++;
        verdict->repeated += effect.count > 1 || effects[number].count > 0;
        effects[number].count += effect.count;
        effects[number].mark = effect.mark;
    }
    if (error != GODWIT_ENOTFOUND)
        kill_must(error, "cursor_next");
    godwit_cursor_close(&cursor);
    kill_must(godwit_peer_close(&peer), "close");
}

void kill_count_dead(const char *directory, const char *name, struct kill_verdict *verdict)
{
    godwit_peer_t *peer = kill_peer(name, directory);
    godwit_id_t at = {0};
    godwit_dead_t *dead;
    godwit_err_t error;

    while (!(error = godwit_dead_next(peer, at, &dead))) {
        fprintf(stderr, "dead letter to %s: reason %d after %u attempts, %s\n", dead->destination,
                (int)dead->reason, (unsigned)dead->attempts, dead->text);
        verdict->dead++;
        at = dead->id;
        godwit_dead_free(&dead);
    }
    if (error != GODWIT_ENOTFOUND)
        kill_must(error, "dead_next");
    kill_must(godwit_peer_close(&peer), "close");
}
