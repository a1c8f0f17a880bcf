/* SPDX-License-Identifier: MPL-2.0 */
/* Reads the lines of the processes, hears of their ends, and keeps the count of what has not ended.
 * What a line says of a message is in ledger_say.c, what is to be said of it all in verdict.c. */

#include "ledger.h"

#include "ledger_inside.h"

#include <stdlib.h>
#include <string.h>

struct lab_ledger *lab_ledger_new(const struct lab_scenario *scenario,
                                  struct lab_timeline *timeline)
{
    struct lab_ledger *ledger = calloc(1, sizeof *ledger);

    if (ledger) {
        ledger->scenario = scenario;
        ledger->timeline = timeline;
    }
    return ledger;
}

void lab_ledger_free(struct lab_ledger **ledger)
{
    if (!*ledger)
        return;
    lab_notes_clear(&(*ledger)->notes);
    free(*ledger);
    *ledger = NULL;
}

bool lab_ledger_quiet(const struct lab_ledger *ledger)
{
    return ledger->open == 0;
}

const struct lab_verdict *lab_ledger_so_far(const struct lab_ledger *ledger)
{
    return &ledger->so_far;
}

/* --- reading --- */

static int digit(char letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static bool read_hex(const char **at, uint64_t *value)
{
    *value = 0;
    for (int i = 0; i < 16; i++, (*at)++) {
        int next = digit(**at);

        if (next < 0)
            return false;
        *value = *value << 4 | (uint64_t)next;
    }
    return true;
}

/* Digits up to a blank or the end; false: none, or more than `most`. */
static bool read_number(const char **at, uint64_t most, uint64_t *value)
{
    const char *begin = *at;

    for (*value = 0; **at >= '0' && **at <= '9'; (*at)++) {
        *value = *value * 10 + (uint64_t)(**at - '0');
        if (*value > most)
            return false;
    }
    return *at > begin && (**at == '\0' || **at == ' ');
}

/* ID or ID+N, and the blank behind it. */
static bool read_id(const char **at, struct lab_heard *heard)
{
    uint64_t more = 0;

    if (!read_hex(at, &heard->epoch) || !read_hex(at, &heard->sequence))
        return false;
    if (**at == '+') {
        (*at)++;
        if (!read_number(at, LAB_RANGE_MAX - 1, &more))
            return false;
    }
    heard->count = more + 1;
    if (**at == ' ')
        (*at)++;
    else if (**at)
        return false;
    /* What is all zero is no id, and no sequence is after the last one. */
    return heard->epoch && heard->sequence && heard->sequence <= UINT64_MAX - more;
}

/* One of `words`, which are NULL-terminated, and the blank behind it; its index, -1: none. */
static int read_word(const char **at, const char *const *words)
{
    for (int i = 0; words[i]; i++) {
        size_t size = strlen(words[i]);

        if (strncmp(*at, words[i], size) != 0 || ((*at)[size] && (*at)[size] != ' '))
            continue;
        *at += size + ((*at)[size] == ' ');
        return i;
    }
    return -1;
}

/* --- lines --- */

static bool must_end(const struct lab_note *note)
{
    return (note->flags & (LAB_ACCEPTED | LAB_EXPOSED)) == LAB_ACCEPTED && !lab_note_ended(note);
}

static void each(struct lab_heard *heard, lab_say_fn say)
{
    struct lab_ledger *ledger = heard->ledger;

    for (uint64_t i = 0; i < heard->count; i++) {
        struct lab_block *block;
        struct lab_note *note =
            lab_notes_at(&ledger->notes, heard->epoch, heard->sequence + i, &block);

        if (!note) {
            ledger->so_far.unread += heard->count - i;
            return;
        }
        bool before = must_end(note);
        say(heard, block, note, heard->sequence + i);
        ledger->open += (uint64_t)must_end(note) - (uint64_t)before;
    }
}

static const char *const levels[] = {"fsync", "os", "memory", NULL};

static bool line_accepted(struct lab_heard *heard, const char *rest)
{
    static const char *const words[] = {"answer", NULL};
    int level;

    if (!read_id(&rest, heard) || (level = read_word(&rest, levels)) < 0)
        return false;
    heard->word = read_word(&rest, words) == 0;
    if (*rest)
        return false;
    heard->argument = (uint32_t)level;
    each(heard, lab_say_accepted);
    lab_timeline_count(heard->ledger->timeline, heard->at_us, heard->process, LAB_COUNT_ACCEPTED,
                       heard->fresh);
    return true;
}

static bool line_refused(struct lab_heard *heard, const char *rest)
{
    if (!read_id(&rest, heard) || *rest)
        return false;
    each(heard, lab_say_refused);
    return true;
}

static bool line_began(struct lab_heard *heard, const char *rest)
{
    static const char *const words[] = {"maybe-duplicate", NULL};
    uint64_t attempt;

    if (!read_id(&rest, heard) || (*rest && !read_number(&rest, UINT32_MAX, &attempt)))
        return false;
    rest += *rest == ' ';
    heard->word = read_word(&rest, words) == 0;
    if (*rest)
        return false;
    heard->party->begins = true;
    each(heard, lab_say_began);
    lab_timeline_count(heard->ledger->timeline, heard->at_us, heard->process, LAB_COUNT_BEGAN,
                       heard->count);
    lab_timeline_count(heard->ledger->timeline, heard->at_us, heard->process,
                       LAB_COUNT_REDELIVERED, heard->fresh);
    return true;
}

static bool line_processed(struct lab_heard *heard, const char *rest)
{
    if (!read_id(&rest, heard) || *rest)
        return false;
    heard->party->processes = true;
    each(heard, lab_say_processed);
    lab_timeline_count(heard->ledger->timeline, heard->at_us, heard->process, LAB_COUNT_PROCESSED,
                       heard->fresh);
    return true;
}

static bool line_settled(struct lab_heard *heard, const char *rest)
{
    static const char *const hows[] = {"processed", "dead", "withdrawn", NULL};
    static const char *const words[] = {"maybe-processed", NULL};
    int how;

    if (!read_id(&rest, heard) || (how = read_word(&rest, hows)) < 0)
        return false;
    heard->word = read_word(&rest, words) == 0;
    if (*rest)
        return false;
    heard->argument = (uint32_t)LAB_SETTLED_PROCESSED << how;
    each(heard, lab_say_settled);
    lab_timeline_count(heard->ledger->timeline, heard->at_us, heard->process, LAB_COUNT_SETTLED,
                       heard->fresh);
    return true;
}

static bool line_effect(struct lab_heard *heard, const char *rest)
{
    uint64_t count;

    if (!read_id(&rest, heard) || !read_number(&rest, UINT32_MAX / 2, &count) || *rest)
        return false;
    heard->argument = (uint32_t)count;
    each(heard, lab_say_effect);
    return true;
}

static bool line_held(struct lab_heard *heard, const char *rest)
{
    if (!read_id(&rest, heard) || *rest)
        return false;
    each(heard, lab_say_held);
    return true;
}

static bool line_level(struct lab_heard *heard, const char *rest)
{
    int level = read_word(&rest, levels);

    if (level < 0 || *rest)
        return false;
    heard->party->level = (enum lab_level)level;
    return true;
}

static bool line_audited(struct lab_heard *heard, const char *rest)
{
    if (*rest)
        return false;
    heard->party->audited = true;
    return true;
}

bool lab_ledger_line(struct lab_ledger *ledger, uint64_t at_us, size_t process, const char *line)
{
    static const char *const words[] = {"began",  "processed", "accepted", "settled", "effect",
                                        "held",   "level",     "refused",  "audited", NULL};
    static bool (*const lines[])(struct lab_heard *, const char *) = {
        line_began, line_processed, line_accepted, line_settled, line_effect,
        line_held,  line_level,     line_refused,  line_audited};
    struct lab_heard heard = {.ledger = ledger, .at_us = at_us, .process = (int)process};
    int word = process < ledger->scenario->process_count ? read_word(&line, words) : -1;

    if (word < 0)
        return false;
    heard.party = &ledger->parties[process];
    if (!lines[word](&heard, line))
        return false;
    heard.party->spoke = true;
    return true;
}

/* --- ends --- */

/* What it processed or had begun, it knows no more: that happens again, with an excuse. */
static void forget(struct lab_ledger *ledger, int process)
{
    for (struct lab_block *block = ledger->notes.first; block; block = block->next) {
        for (size_t i = 0; i < LAB_BLOCK; i++) {
            struct lab_note *note = &block->notes[i];
            int whose = note->processed ? note->processed_by : note->began_by;

            if (whose == process + 1)
                note->flags |= LAB_FORGOTTEN | LAB_FORGIVEN;
        }
    }
    for (struct lab_epoch *epoch = ledger->notes.first_epoch; epoch; epoch = epoch->next)
        if (epoch->tracks)
            epoch->tracks[process].highest = 0;
}

/* What it accepted at a level that does not cover that may be gone. */
static void expose(struct lab_ledger *ledger, int process, enum lab_level weakest)
{
    for (struct lab_block *block = ledger->notes.first; block; block = block->next) {
        if (block->epoch->sender != process)
            continue;
        for (size_t i = 0; i < LAB_BLOCK; i++) {
            struct lab_note *note = &block->notes[i];

            if ((note->flags & LAB_LEVEL) < (uint32_t)weakest || !must_end(note))
                continue;
            note->flags |= LAB_EXPOSED;
            ledger->open--;
        }
    }
}

void lab_ledger_ended(struct lab_ledger *ledger, size_t process,
                      const struct lab_ending *ending)
{
    struct lab_party *party = &ledger->parties[process];
    /* The strongest level whose promise this end does not touch is the one before `weakest`. */
    enum lab_level weakest = ending->lost ? LAB_FSYNC : ending->power ? LAB_OS : LAB_MEMORY;
    bool promised = false;

    for (int level = weakest; level < LAB_LEVELS; level++)
        promised |= party->accepted[level];
    if (promised)
        expose(ledger, (int)process, weakest);
    if (party->level >= weakest)
        forget(ledger, (int)process);
    party->life++;
    party->sends = false;
    party->done = ending->done;
    party->hurt |= ending->killed || ending->power || ending->lost;
    party->robbed |= ending->lost;
}
