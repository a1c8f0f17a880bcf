/* SPDX-License-Identifier: MPL-2.0 */
/* strace's lines:
 *
 *     1234 write(5</tmp/a/000003.log>, "\x01abc", 4) = 4
 *     1234 fdatasync(5</tmp/a/000003.log> <unfinished ...>
 *     1234 <... fdatasync resumed>)           = 0
 */

#include "sync_calls.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 64
#define CUT     " <unfinished ...>"

struct pending {
    long thread; /* 0: free */
    char *text;
    unsigned long began;
};

struct calls {
    FILE *in;
    unsigned long line;
    char *text; /* the line that is read */
    size_t capacity;
    char *whole; /* the call last returned, which points into it */
    struct pending pending[THREADS];
};

static void give_up(const struct calls *calls, const char *why)
{
    fprintf(stderr, "sync_judge: line %lu: %s\n", calls->line, why);
    exit(2);
}

struct calls *calls_new(FILE *in)
{
    struct calls *calls = calloc(1, sizeof(*calls));
    if (calls)
        calls->in = in;
    return calls;
}

void calls_free(struct calls *calls)
{
    for (size_t i = 0; i < THREADS; i++)
        free(calls->pending[i].text);
    free(calls->text);
    free(calls->whole);
    free(calls);
}

static struct pending *pending_of(struct calls *calls, long thread)
{
    for (size_t i = 0; i < THREADS; i++) {
        if (calls->pending[i].thread == thread)
            return &calls->pending[i];
    }
    give_up(calls, thread ? "a call goes on that never began" : "too many threads");
    return NULL;
}

static void keep(struct calls *calls, long thread, const char *text, size_t size)
{
    struct pending *pending = pending_of(calls, 0);
    pending->thread = thread;
    pending->began = calls->line;
    pending->text = strndup(text, size);
    if (!pending->text)
        give_up(calls, "out of memory");
}

/* Puts both halves together. */
static char *join(struct calls *calls, long thread, const char *rest, unsigned long *began)
{
    struct pending *pending = pending_of(calls, thread);
    size_t head = strlen(pending->text), tail = strlen(rest);
    char *whole = realloc(pending->text, head + tail + 1);
    if (!whole)
        give_up(calls, "out of memory");
    memcpy(whole + head, rest, tail + 1);
    *began = pending->began;
    *pending = (struct pending){0};
    return whole;
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The byte behind a backslash; *at moves past it. Octal has one to three digits. */
static uint8_t escaped(const char **at)
{
    static const char letters[] = "n\nt\tr\rv\vf\f";
    char c = *(*at)++;
    if (c == 'x' && hex((*at)[0]) >= 0 && hex((*at)[1]) >= 0) {
        *at += 2;
        return (uint8_t)(hex((*at)[-2]) * 16 + hex((*at)[-1]));
    }
    if (c >= '0' && c <= '7') {
        int value = c - '0';
        for (int i = 0; i < 2 && **at >= '0' && **at <= '7'; i++)
            value = value * 8 + *(*at)++ - '0';
        return (uint8_t)value;
    }
    for (const char *letter = letters; *letter; letter += 2) {
        if (*letter == c)
            return (uint8_t)letter[1];
    }
    return (uint8_t)c;
}

/* Decodes in place what stands behind a quote; returns where the text goes on. */
static const char *unquote(struct calls *calls, char *text, struct call *call)
{
    uint8_t *out = (uint8_t *)text;
    const char *at = text;
    while (*at && *at != '"') {
        if (*at == '\\' && at[1]) {
            at++;
            *out++ = escaped(&at);
        } else {
            *out++ = (uint8_t)*at++;
        }
    }
    if (*at != '"' || strncmp(at + 1, "...", 3) == 0)
        give_up(calls, "a string is cut short");
    call->bytes = (uint8_t *)text;
    call->size = (size_t)(out - (uint8_t *)text);
    return at + 1;
}

/* NAME(FD<FILE>[, "BYTES"...]) = RESULT */
static bool read_call(struct calls *calls, struct call *call)
{
    char *open = strchr(calls->whole, '('), *file = open ? strchr(open, '<') : NULL;
    char *close = file ? strchr(file, '>') : NULL;
    if (!close)
        return false; /* of no descriptor */
    *open = *close = '\0';
    call->name = calls->whole;
    call->file = file + 1;
    const char *rest = close + 1;
    if (strncmp(rest, ", \"", 3) == 0)
        rest = unquote(calls, close + 4, call);
    const char *equals = NULL;
    for (const char *at = rest; (at = strstr(at, " = ")) != NULL; at++)
        equals = at;
    if (!equals)
        return false; /* it never came back: the process ended */
    call->result = strtol(equals + 3, NULL, 10);
    return true;
}

bool calls_next(struct calls *calls, struct call *call)
{
    ssize_t size;
    while ((size = getline(&calls->text, &calls->capacity, calls->in)) > 0) {
        calls->line++;
        if (calls->text[size - 1] == '\n')
            calls->text[--size] = '\0';
        char *text;
        long thread = strtol(calls->text, &text, 10);
        text += strspn(text, " ");
        if (!isalpha((unsigned char)*text) && strncmp(text, "<... ", 5) != 0)
            continue; /* a signal, or an end */
        size_t length = strlen(text), cut = strlen(CUT);
        if (length > cut && strcmp(text + length - cut, CUT) == 0) {
            keep(calls, thread, text, length - cut);
            continue;
        }
        *call = (struct call){.began = calls->line, .ended = calls->line};
        free(calls->whole);
        if (*text == '<') {
            const char *rest = strchr(text, '>');
            calls->whole = join(calls, thread, rest ? rest + 1 : "", &call->began);
        } else {
            calls->whole = strdup(text);
        }
        if (!calls->whole)
            give_up(calls, "out of memory");
        if (read_call(calls, call))
            return true;
    }
    return false;
}
