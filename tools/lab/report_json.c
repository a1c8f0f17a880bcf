/* SPDX-License-Identifier: MPL-2.0 */
/* The numbers of a run as one JSON object. */

#include "report_inside.h"

#include <string.h>

typedef unsigned long long ull;

static void text(FILE *out, const char *name, const char *value)
{
    fprintf(out, "\"%s\": \"", name);
    for (const unsigned char *at = (const unsigned char *)(value ? value : ""); *at; at++) {
        if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at >= ' ' && *at <= '~')
            fputc(*at, out);
        else
            fprintf(out, "\\u%04x", *at);
    }
    fputs("\", ", out);
}

static void write_verdict(const struct lab_story *story, FILE *out)
{
    const struct lab_verdict *verdict = &story->result->verdict;
    struct lab_promise promises[LAB_PROMISES];

    lab_promises(story->scenario, verdict, promises);
    fputs("\"promises\": {", out);
    for (size_t i = 0; i < LAB_PROMISES; i++) {
        fprintf(out, "%s\"%s\": {", i ? ", " : "", promises[i].name);
        if (promises[i].broken > 0)
            text(out, "first", verdict->first[i]);
        fprintf(out, "\"judged\": %s, \"broken\": %llu, \"of\": %llu}",
                promises[i].judged ? "true" : "false", (ull)promises[i].broken,
                (ull)promises[i].of);
    }
    fprintf(out,
            "}, \"accepted\": %llu, \"accepted_fsync\": %llu, \"accepted_os\": %llu, "
            "\"accepted_memory\": %llu, \"began\": %llu, \"processed\": %llu, "
            "\"redelivered\": %llu, \"settled\": %llu, \"dead\": %llu, \"withdrawn\": %llu, "
            "\"effects\": %llu, \"excused\": %llu, \"unread\": %llu",
            (ull)verdict->accepted, (ull)verdict->by_level[0], (ull)verdict->by_level[1],
            (ull)verdict->by_level[2], (ull)verdict->began, (ull)verdict->processed,
            (ull)verdict->redelivered, (ull)verdict->settled, (ull)verdict->dead,
            (ull)verdict->withdrawn, (ull)verdict->effects, (ull)verdict->excused,
            (ull)verdict->unread);
}

static void write_recoveries(const struct lab_story *story, FILE *out)
{
    const struct lab_result *result = story->result;

    fputs(", \"recoveries\": [", out);
    for (size_t i = 0; i < result->recovery_count; i++)
        fprintf(out, "%s{\"at_s\": %.3f, \"took_s\": %.3f}", i ? ", " : "",
                (double)result->recoveries[i].at_us / 1e6,
                (double)result->recoveries[i].took_us / 1e6);
    fputs("]", out);
}

static void write_events(const struct lab_story *story, FILE *out)
{
    const struct lab_timeline *timeline = &story->result->timeline;
    bool first = true;

    fputs(", \"events\": [", out);
    for (size_t i = 0; i < timeline->count; i++) {
        const struct lab_event *event = &timeline->events[i];

        if (event->kind == LAB_EVENT_OUTPUT)
            continue; /* what processes print is not the lab's to tell */
        fputs(first ? "\n  {" : ",\n  {", out);
        text(out, "whom", lab_event_whom(story->scenario, event));
        text(out, "what", event->text);
        if (event->lasts_us && event->lasts_us != UINT64_MAX)
            fprintf(out, "\"lasts_s\": %.3f, ", (double)event->lasts_us / 1e6);
        fprintf(out, "\"fault\": %s, \"at_s\": %.3f}",
                event->kind == LAB_EVENT_FAULT ? "true" : "false", (double)event->at_us / 1e6);
        first = false;
    }
    fputs("]", out);
}

int lab_report_json(const struct lab_scenario *scenario, const struct lab_result *result,
                    FILE *out)
{
    const struct lab_story story = {.scenario = scenario, .result = result};

    fputs("{", out);
    text(out, "scenario", scenario->title);
    text(out, "about", scenario->about);
    fputs("\"covers\": [", out);
    for (size_t i = 0; i < LAB_COVERS_MAX && scenario->covers[i]; i++)
        fprintf(out, "%s\"%s\"", i ? ", " : "", scenario->covers[i]);
    fputs("], ", out);
    text(out, "end", lab_end_word(result->end));
    text(out, "why", result->why);
    fprintf(out, "\"seed\": %llu, \"took_s\": %.3f, \"faults\": %llu, ", (ull)result->seed,
            (double)result->took_us / 1e6, (ull)result->faults);
    write_verdict(&story, out);
    write_recoveries(&story, out);
    write_events(&story, out);
    fputs("}\n", out);
    return fflush(out) != 0 || ferror(out) ? -1 : 0;
}
