/* SPDX-License-Identifier: MPL-2.0 */
/* The client numbers its questions from 1, so each is a place in an array. */

#include "demo_asks.h"
#include "demo_scratch.h"
#include "demo_screen.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGEST_HEX 64

struct question {
    const char *answer; /* "DIGEST" or "-", and " PATH" behind it; NULL: there is none */
    uint64_t answered;  /* how often, says the client */
    const char *served; /* "DIGEST" or "-" */
    uint64_t processed; /* how often, says the collector */
};

struct questions {
    struct question *items;
    uint64_t count;
};

static struct question *question(struct questions *questions, uint64_t number)
{
    if (number > questions->count) {
        questions->items = realloc(questions->items, number * sizeof(*questions->items));
        if (!questions->items)
            abort();
        memset(questions->items + questions->count, 0,
               (number - questions->count) * sizeof(*questions->items));
        questions->count = number;
    }
    return &questions->items[number - 1];
}

static bool plausible(uint64_t number)
{
    return number >= 1 && number <= 100000000;
}

/* "NUMBER TIMES DIGEST PATH" of the client. */
static void read_answers(struct questions *questions, char *text, size_t size)
{
    for (char *at = text, *next; at < text + size; at = next) {
        next = at + strlen(at) + 1;
        uint64_t number = strtoull(at, &at, 10);
        if (!plausible(number))
            continue;
        struct question *asked = question(questions, number);
        asked->answered = strtoull(at, &at, 10);
        asked->answer = at + 1;
    }
}

/* "asked NUMBER COUNT DIGEST" of the collector. */
static void read_served(struct questions *questions, const char *text, size_t size)
{
    for (const char *at = text, *next; at < text + size; at = next) {
        char *rest;
        next = at + strlen(at) + 1;
        if (strncmp(at, "asked ", 6) != 0)
            continue;
        uint64_t number = strtoull(at + 6, &rest, 10);
        if (!plausible(number))
            continue;
        struct question *asked = question(questions, number);
        asked->processed = strtoull(rest, &rest, 10);
        asked->served = rest + 1;
    }
}

/* True if the answer is what the collector says it said, and is "not yet" or the digest in the
 * manifest, which sha256sum has checked. */
static bool is_right(const struct question *asked, const struct check_paths *counted)
{
    size_t size = strcspn(asked->answer, " ");
    if (!asked->served || strlen(asked->served) != size ||
        memcmp(asked->answer, asked->served, size) != 0)
        return false;
    if (size == 1)
        return *asked->answer == '-';
    const char *path = check_find_path(counted, asked->answer + size + 1);
    return size == DIGEST_HEX && path &&
           memcmp(path - DIGEST_HEX - 1, asked->answer, DIGEST_HEX) == 0;
}

static void judge(struct check *check, const struct question *asked,
                  const struct check_paths *counted)
{
    if (!asked->answer) { /* processed, but never asked */
        check_list(check->ask_wrong++, "ANSWERED UNASKED", asked->served ? asked->served : "", "");
        return;
    }
    const char *path = strchr(asked->answer, ' ');
    path = path ? path + 1 : "";
    check->asked++;
    check->ask_known += *asked->answer != '-';
    uint64_t least = asked->answered < asked->processed ? asked->answered : asked->processed;
    uint64_t most = asked->answered > asked->processed ? asked->answered : asked->processed;
    if (!least)
        check_list(check->ask_lost++, "REQUEST LOST", path, "");
    if (most > 1) {
        check_list(check->ask_repeated, "REQUEST REPEATED", path, "");
        check->ask_repeated += most - 1;
    }
    if (least && !is_right(asked, counted))
        check_list(check->ask_wrong++, "WRONG ANSWER", path, "");
}

void check_asks(struct check *check, const char *counts, size_t size,
                const struct check_paths *counted)
{
    struct questions questions = {0};
    size_t answers_size = 0;
    char *answers = scratch_read(check->answers, &answers_size);
    if (answers) {
        read_answers(&questions, answers, answers_size);
        read_served(&questions, counts, size);
    } else {
        screen_line("  the client wrote no answers");
    }
    for (uint64_t i = 0; i < questions.count; i++)
        judge(check, &questions.items[i], counted);
    free(questions.items);
    free(answers);
}
