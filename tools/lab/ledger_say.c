/* SPDX-License-Identifier: MPL-2.0 */
/* What a line says of one message. What can be told at once (repeated, reordered) is told here, the
 * rest when all is over (verdict.c). */

#include "ledger_inside.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SHOWN_MAX 20 /* broken promises that become events of the timeline */

/* A broken promise that shows at once. */
static void broken(const struct lab_heard *heard, enum lab_broken what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void broken(const struct lab_heard *heard, enum lab_broken what, const char *format, ...)
{
    struct lab_ledger *ledger = heard->ledger;
    va_list arguments;
    char text[sizeof *ledger->so_far.first];

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    lab_verdict_say(&ledger->so_far, what, "%s", text);
    if (ledger->shown++ < SHOWN_MAX)
        lab_timeline_add(ledger->timeline, heard->at_us, LAB_EVENT_NOTE, heard->process, -1, "%s",
                         text);
}

/* It happened again at the process of the line, and must not have. `how`: "begun", "processed". */
static void repeated(const struct lab_heard *heard, struct lab_note *note, uint64_t sequence,
                     const char *how)
{
    struct lab_ledger *ledger = heard->ledger;
    bool elsewhere = note->processed_by != heard->process + 1;

    if ((note->flags & LAB_FORGOTTEN) || (elsewhere && (note->flags & LAB_FLAGGED)) ||
        ledger->scenario->repeats_excused) {
        note->flags |= LAB_EXCUSED;
        return;
    }
    if (!(note->flags & LAB_REPEATED))
        ledger->so_far.repeated++;
    note->flags |= LAB_REPEATED;
    lab_timeline_count(ledger->timeline, heard->at_us, heard->process, LAB_COUNT_REPEATED, 1);
    broken(heard, LAB_REPEATS,
           "%016" PRIx64 "%016" PRIx64 " was processed by %s and %s again by %s at %.3f s",
           heard->epoch, sequence, lab_party_name(ledger, note->processed_by - 1), how,
           lab_party_name(ledger, heard->process), (double)heard->at_us * 1e-6);
}

static uint8_t one_more(uint8_t count)
{
    return (uint8_t)(count < UINT8_MAX ? count + 1 : count);
}

static void belongs_to(struct lab_epoch *epoch, const struct lab_heard *heard)
{
    if (epoch->sender >= 0)
        return;
    epoch->sender = heard->process;
    epoch->life = heard->party->life;
    heard->party->streams |= heard->party->sends;
    heard->party->sends = true;
}

void lab_say_accepted(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                      uint64_t sequence)
{
    if (note->flags & LAB_ACCEPTED)
        return;
    belongs_to(block->epoch, heard);
    if (sequence > block->epoch->highest)
        block->epoch->highest = sequence;
    heard->party->accepted[heard->argument] = true;
    note->flags |= LAB_ACCEPTED | heard->argument;
    if (heard->word)
        note->flags |= LAB_ANSWER;
    note->at_ms = (uint32_t)(heard->at_us / 1000);
    heard->ledger->so_far.accepted++;
    heard->ledger->so_far.by_level[heard->argument]++;
    heard->fresh++;
}

void lab_say_refused(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                     uint64_t sequence)
{
    (void)sequence;
    belongs_to(block->epoch, heard);
    note->flags |= LAB_REFUSED;
}

void lab_say_began(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                   uint64_t sequence)
{
    struct lab_verdict *so_far = &heard->ledger->so_far;

    (void)block;
    if (note->processed && note->processed_by == heard->process + 1)
        repeated(heard, note, sequence, "begun");
    so_far->began += note->began == 0;
    so_far->redelivered += note->began == 1;
    heard->fresh += note->began > 0;
    note->began = one_more(note->began);
    note->began_by = (uint8_t)(heard->process + 1);
    if (!note->processed)
        note->flags &= ~(uint32_t)LAB_FORGOTTEN; /* now somebody else has it, or has it anew */
    if (heard->word)
        note->flags |= LAB_FLAGGED;
}

/* Order within an epoch, at one receiver. Lines of two receivers may be read in another order than
 * they were written in, so nothing is said across them. */
static void in_order(const struct lab_heard *heard, struct lab_block *block, uint64_t sequence)
{
    struct lab_ledger *ledger = heard->ledger;

    if (!block->epoch->tracks)
        block->epoch->tracks = calloc(LAB_PROCESSES_MAX, sizeof *block->epoch->tracks);
    if (!block->epoch->tracks) {
        ledger->so_far.unread++;
        return;
    }
    struct lab_track *track = &block->epoch->tracks[heard->process];
    track->last = ++ledger->place;
    if (!track->first)
        track->first = track->last;
    if (sequence > track->highest) {
        track->highest = sequence;
        return;
    }
    ledger->so_far.reordered++;
    broken(heard, LAB_REORDER,
           "%016" PRIx64 "%016" PRIx64 " was processed by %s after ...%016" PRIx64
           " of the same stream, at %.3f s",
           heard->epoch, sequence, lab_party_name(ledger, heard->process), track->highest,
           (double)heard->at_us * 1e-6);
}

/* A request whose answer came was processed, whether its server says so or not. */
static bool answered(const struct lab_note *note)
{
    return (note->flags & LAB_ANSWER) && (note->flags & LAB_SETTLED_PROCESSED);
}

void lab_say_processed(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                       uint64_t sequence)
{
    if (note->processed) {
        repeated(heard, note, sequence, "processed");
    } else {
        heard->ledger->so_far.processed += !answered(note);
        if (heard->ledger->scenario->ordered)
            in_order(heard, block, sequence);
    }
    heard->fresh++;
    note->processed = one_more(note->processed);
    note->processed_by = (uint8_t)(heard->process + 1);
    note->flags &= ~(uint32_t)LAB_FORGOTTEN;
}

void lab_say_settled(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                     uint64_t sequence)
{
    struct lab_verdict *so_far = &heard->ledger->so_far;

    (void)sequence;
    belongs_to(block->epoch, heard);
    if (heard->word)
        note->flags |= LAB_MAYBE_PROCESSED;
    if (note->flags & heard->argument)
        return; /* told once more after a restart */
    if (!(note->flags & LAB_SETTLED)) {
        so_far->settled++;
        heard->fresh++;
    }
    so_far->dead += heard->argument == LAB_SETTLED_DEAD;
    so_far->withdrawn += heard->argument == LAB_SETTLED_WITHDRAWN;
    note->flags |= heard->argument;
    if (answered(note) && !note->processed) {
        so_far->processed++;
        lab_timeline_count(heard->ledger->timeline, heard->at_us, heard->process,
                           LAB_COUNT_PROCESSED, 1);
    }
}

void lab_say_effect(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                    uint64_t sequence)
{
    uint32_t count = heard->argument;

    (void)block;
    (void)sequence;
    if (note->effect_by == heard->process + 1) /* the same audit, or another one of the same */
        count = count > note->effects ? count : note->effects;
    else
        count += note->effects;
    note->effects = (uint8_t)(count < UINT8_MAX ? count : UINT8_MAX);
    note->effect_by = (uint8_t)(heard->process + 1);
}

void lab_say_held(struct lab_heard *heard, struct lab_block *block, struct lab_note *note,
                  uint64_t sequence)
{
    (void)sequence;
    belongs_to(block->epoch, heard);
    note->flags |= LAB_HELD;
}
