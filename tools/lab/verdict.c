/* SPDX-License-Identifier: MPL-2.0 */
/* What may be said when all is over. A promise counts as broken only if nothing that happened can
 * explain what is missing or too much: lines that a killed process did not come to write, stores
 * that were taken away, levels that do not cover a power cut. */

#include "ledger_inside.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ID            "%016" PRIx64 "%016" PRIx64
#define ID_OF(judged) (judged)->block->key.epoch, (judged)->sequence

static const char *const level_names[] = {"fsync", "os", "memory"};

struct judging {
    const struct lab_ledger *ledger;
    struct lab_verdict *verdict;
    bool all_heard; /* whoever processes says that it began: silence means that nobody did */
    bool all_known; /* whoever sends says so, and was never stopped from saying it */
};

struct judged { /* one message */
    const struct lab_block *block;
    const struct lab_note *note;
    uint64_t sequence;
    const struct lab_party *sender; /* NULL: not known */
};

void lab_verdict_say(struct lab_verdict *verdict, enum lab_broken broken, const char *format, ...)
{
    va_list arguments;

    if (verdict->first[broken][0])
        return;
    va_start(arguments, format);
    vsnprintf(verdict->first[broken], sizeof verdict->first[broken], format, arguments);
    va_end(arguments);
}

/* --- lost and stuck --- */

static const char *how_far(const struct lab_note *note)
{
    if (note->processed || note->effects)
        return "processed, and its answer never came";
    return note->began ? "begun and never processed" : "never begun";
}

static void not_ended(const struct judging *judging, const struct judged *judged)
{
    const struct lab_ledger *ledger = judging->ledger;
    const struct lab_note *note = judged->note;
    struct lab_verdict *verdict = judging->verdict;
    const char *sender = lab_party_name(ledger, judged->block->epoch->sender);
    const char *level = level_names[note->flags & LAB_LEVEL];
    double at = (double)note->at_ms * 1e-3;

    if (note->flags & LAB_EXPOSED) {
        verdict->excused++;
        return;
    }
    /* Who is audited holds what it says; who ends with 0 says that it holds nothing. */
    if (judged->sender && !(note->flags & LAB_HELD) &&
        (judged->sender->audited || judged->sender->done)) {
        verdict->lost++;
        lab_verdict_say(verdict, LAB_LOST,
                        ID " was accepted (%s) by %s at %.3f s and %s; %s", ID_OF(judged), level,
                        sender, at, how_far(note),
                        judged->sender->audited
                            ? "its sender holds it no more"
                            : "its sender ended with status 0, so that all should be settled");
        return;
    }
    verdict->stuck++;
    lab_verdict_say(verdict, LAB_STUCK,
                    ID " was accepted (%s) by %s at %.3f s and %s until time was over%s",
                    ID_OF(judged), level, sender, at, how_far(note),
                    note->flags & LAB_HELD ? "; its sender still holds it" : "");
}

/* Processed, says whoever did it or its sender: then the effect must be in that store. */
static void without_effect(const struct judging *judging, const struct judged *judged)
{
    const struct lab_note *note = judged->note;
    int whose = note->processed                          ? note->processed_by
                : note->flags & LAB_SETTLED_PROCESSED ? note->began_by
                                                      : 0;

    if (!whose || note->effects || !judging->ledger->parties[whose - 1].audited)
        return;
    if (note->flags & LAB_FORGIVEN) {
        judging->verdict->excused++;
        return;
    }
    judging->verdict->lost++;
    lab_verdict_say(judging->verdict, LAB_LOST,
                    ID " %s by %s, and its effect is not in the store of %s", ID_OF(judged),
                    note->processed ? "was processed" : "is settled as processed, was begun",
                    lab_party_name(judging->ledger, whose - 1),
                    lab_party_name(judging->ledger, whose - 1));
}

/* --- repeated --- */

static void effects(const struct judging *judging, const struct judged *judged)
{
    const struct lab_note *note = judged->note;
    struct lab_verdict *verdict = judging->verdict;
    bool excused = note->flags & LAB_EXCUSED;

    verdict->effects += note->effects;
    if (note->effects > 1 && !(note->flags & LAB_REPEATED)) {
        if ((note->flags & (LAB_FORGIVEN | LAB_FLAGGED)) ||
            judging->ledger->scenario->repeats_excused) {
            excused = true;
        } else {
            verdict->repeated++;
            lab_verdict_say(verdict, LAB_REPEATS,
                            ID " has its effect %u times in the stores, the last in that of %s",
                            ID_OF(judged), (unsigned)note->effects,
                            lab_party_name(judging->ledger, note->effect_by - 1));
        }
    }
    verdict->excused += excused;
}

/* --- unexplained --- */

static bool several(uint32_t bits)
{
    return bits & (bits - 1);
}

/* NULL: nobody has to explain anything. A sentence that begins with the id. */
static const char *contradiction(const struct judging *judging, const struct judged *judged)
{
    const struct lab_note *note = judged->note;
    bool seen = note->began || note->processed || note->effects;
    bool done = note->processed || note->effects;
    bool robbed = judged->sender && judged->sender->robbed; /* it knows what it knew once */

    if ((note->flags & LAB_REFUSED) && seen)
        return "was refused as not stored, and yet a handler had it";
    if (several(note->flags & LAB_SETTLED) && !robbed)
        return "ended in two ways, its sender was told";
    if ((note->flags & (LAB_SETTLED_DEAD | LAB_SETTLED_WITHDRAWN)) && done && !robbed &&
        !(note->flags & (LAB_MAYBE_PROCESSED | LAB_FORGIVEN | LAB_SETTLED_PROCESSED)))
        return note->flags & LAB_SETTLED_DEAD
                   ? "was processed, and its sender was told that it is a dead letter"
                   : "was processed, and its sender was told that it is withdrawn";
    if ((note->flags & LAB_SETTLED_PROCESSED) && !seen && judging->all_heard)
        return "is settled as processed, and nobody began it";
    if (seen && !(note->flags & (LAB_ACCEPTED | LAB_SETTLED | LAB_HELD))) {
        if (!judged->sender && judging->all_known)
            return "had a handler, and no process said that it sent it";
        if (judged->sender && !judged->sender->hurt && judged->sequence <
            judged->block->epoch->highest)
            return "had a handler, and its sender never said that it was accepted";
    }
    return NULL;
}

static void unexplained(const struct judging *judging, const struct judged *judged)
{
    const char *what = contradiction(judging, judged);
    int sender = judged->block->epoch->sender;
    int receiver = judged->note->processed ? judged->note->processed_by : judged->note->began_by;

    if (!what)
        return;
    judging->verdict->unexplained++;
    lab_verdict_say(judging->verdict, LAB_UNEXPLAINED, ID " %s (sender %s, receiver %s)",
                    ID_OF(judged), what, lab_party_name(judging->ledger, sender),
                    lab_party_name(judging->ledger, receiver - 1));
}

/* --- order across a sender's restarts --- */

static void epochs_in_order(const struct judging *judging, const struct lab_epoch *old,
                            const struct lab_epoch *young)
{
    for (size_t i = 0; i < judging->ledger->scenario->process_count; i++) {
        if (!old->tracks[i].last || !young->tracks[i].first ||
            old->tracks[i].last < young->tracks[i].first)
            continue;
        judging->verdict->reordered++;
        lab_verdict_say(judging->verdict, LAB_REORDER,
                        "messages of epoch %016" PRIx64 " were processed by %s after some of epoch "
                        "%016" PRIx64 ", which %s began after a restart",
                        old->key.epoch, lab_party_name(judging->ledger, (int)i), young->key.epoch,
                        lab_party_name(judging->ledger, old->sender));
    }
}

static void order(const struct judging *judging)
{
    for (const struct lab_epoch *old = judging->ledger->notes.first_epoch; old; old = old->next) {
        /* Epochs of one life are of several streams; which go together is not known then. */
        if (old->sender < 0 || !old->tracks || judging->ledger->parties[old->sender].streams)
            continue;
        for (const struct lab_epoch *young = judging->ledger->notes.first_epoch; young;
             young = young->next)
            if (young->sender == old->sender && young->tracks && young->life > old->life)
                epochs_in_order(judging, old, young);
    }
}

/* --- all --- */

static void judge_note(const struct judging *judging, const struct judged *judged)
{
    const struct lab_note *note = judged->note;

    effects(judging, judged);
    if ((note->flags & LAB_ACCEPTED) && !lab_note_ended(note))
        not_ended(judging, judged);
    else
        without_effect(judging, judged);
    unexplained(judging, judged);
}

static void look_around(struct judging *judging)
{
    const struct lab_ledger *ledger = judging->ledger;
    bool any = false;

    judging->all_heard = judging->all_known = true;
    for (size_t i = 0; i < ledger->scenario->process_count; i++) {
        const struct lab_party *party = &ledger->parties[i];

        any |= party->begins || party->processes;
        if (!party->spoke) /* it may be a receiver, or a sender, that does not keep the ledger */
            judging->all_heard = judging->all_known = false;
        if (party->processes && !party->begins && party->hurt)
            judging->all_heard = false; /* it did not come to say that it processed it */
        if (party->hurt)
            judging->all_known = false;
    }
    judging->all_heard &= any;
    judging->all_known &= ledger->so_far.accepted > 0;
}

static bool silent(const struct lab_verdict *verdict)
{
    return verdict->accepted + verdict->began + verdict->processed + verdict->settled == 0;
}

void lab_ledger_judge(const struct lab_ledger *ledger, struct lab_verdict *verdict)
{
    struct judging judging = {.ledger = ledger, .verdict = verdict};

    *verdict = ledger->so_far;
    look_around(&judging);
    for (const struct lab_block *block = ledger->notes.first; block; block = block->next) {
        int sender = block->epoch->sender;

        for (size_t i = 0; i < LAB_BLOCK; i++) {
            struct judged judged = {.block = block,
                                    .note = &block->notes[i],
                                    .sequence = block->key.part * LAB_BLOCK + i,
                                    .sender = sender >= 0 ? &ledger->parties[sender] : NULL};
            judge_note(&judging, &judged);
        }
    }
    if (ledger->scenario->ordered)
        order(&judging);
    if (silent(verdict)) {
        verdict->unexplained = 1;
        lab_verdict_say(verdict, LAB_UNEXPLAINED,
                        "no process wrote a line for the ledger (accepted, began, processed, "
                        "settled), so there is nothing to judge");
    }
    verdict->passed = verdict->lost + verdict->repeated + verdict->reordered + verdict->stuck +
                          verdict->unexplained + verdict->unread ==
                      0;
}
