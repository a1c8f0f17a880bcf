/* SPDX-License-Identifier: MPL-2.0 */
/* The page: verdict, picture, recoveries, what the processes used, all events, the scenario. */

#include "report_inside.h"

#include <string.h>

#define EVENTS_TOLD 5000
#define RECOVERIES_TOLD 200

typedef unsigned long long ull;

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1c2430;--dim:#667085;--paper:#fff;--line:#d5dae1;"
    "--life:#e8eef5;--blue:#2f6fbb;--green:#2b8a4b;--grey:#8a94a3;--red:#c0362c;--orange:#c77700}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e4e8ee;--dim:#98a2b3;--paper:#14181e;"
    "--line:#333b46;--life:#232b36;--blue:#6aa5ea;--green:#5cc07f;--grey:#8a94a3;--red:#ef6a5f;"
    "--orange:#eaa23b}}"
    "body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);"
    "max-width:1160px;margin:2em auto;padding:0 1em}"
    "h1{font-size:1.5em;margin-bottom:0}h2{font-size:1.1em;margin-top:2em}"
    "p.about{margin-top:.2em;color:var(--dim)}code,pre{font:13px/1.45 ui-monospace,monospace}"
    "pre{overflow:auto;padding:1em;background:var(--life);border-radius:6px}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.2em 1.2em .2em 0;"
    "vertical-align:top;border-bottom:1px solid var(--line)}td.n,th.n{text-align:right;"
    "font-variant-numeric:tabular-nums}.good{color:var(--green)}.bad{color:var(--red)}"
    ".verdict{font-size:1.15em;font-weight:600;margin:1em 0}.scroll{max-height:30em;overflow:auto}"
    "svg{width:100%;height:auto}svg text{font:12px system-ui,sans-serif;fill:var(--dim)}"
    ".end{text-anchor:end}.middle{text-anchor:middle}.axis,.grid,.link{stroke:var(--line)}"
    ".life{fill:var(--life)}path{fill:none;stroke-width:1.5}.accepted{stroke:var(--blue)}"
    ".processed{stroke:var(--green)}.settled{stroke:var(--grey);stroke-dasharray:3 3}"
    ".area{stroke:none;fill-opacity:.55}.accepted.area{fill:var(--blue)}"
    ".processed.area{fill:var(--green)}.fault{fill:var(--red);fill-opacity:.28}"
    ".mark{stroke:var(--red);fill:var(--red)}.recovery{stroke:var(--orange);stroke-width:3}"
    ".again{fill:var(--orange)}.repeated{fill:var(--red)}"
    ".key{display:inline-block;margin-right:1.4em;color:var(--dim)}"
    ".key i{display:inline-block;width:1.1em;height:.7em;margin-right:.4em;border-radius:2px}";

static void write_head(const struct lab_story *story, FILE *out)
{
    fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width\"><title>godwit lab: ",
          out);
    lab_html(out, story->scenario->title);
    fprintf(out, "</title>\n<style>%s</style></head>\n<body>\n<h1>", style);
    lab_html(out, story->scenario->title);
    fputs("</h1>\n<p class=\"about\">", out);
    lab_html(out, story->scenario->about ? story->scenario->about : "");
    fputs("</p>\n", out);
}

static void write_again(const struct lab_story *story, FILE *out)
{
    fputs("<p>Again: <code>godwit lab run ", out);
    lab_html(out, story->scenario->path ? story->scenario->path : story->scenario->title);
    fprintf(out, " --seed %llu</code></p>\n", (ull)story->result->seed);
}

static void write_promises(const struct lab_story *story, FILE *out)
{
    const struct lab_verdict *verdict = &story->result->verdict;
    struct lab_promise promises[LAB_PROMISES];

    lab_promises(story->scenario, verdict, promises);
    fputs("<table><tr><th>promise</th><th class=\"n\">broken</th><th class=\"n\">of</th><th></th>"
          "</tr>\n",
          out);
    for (size_t i = 0; i < LAB_PROMISES; i++) {
        const struct lab_promise *promise = &promises[i];

        fprintf(out, "<tr><td>%s</td>", promise->name);
        if (!promise->judged) {
            fputs("<td class=\"n\">-</td><td></td><td>not promised here</td></tr>\n", out);
            continue;
        }
        fprintf(out, "<td class=\"n %s\">%llu</td><td class=\"n\">%llu</td><td>%s",
                promise->broken ? "bad" : "good", (ull)promise->broken, (ull)promise->of,
                promise->means);
        if (promise->broken) {
            fputs("<br>the first: ", out);
            lab_html(out, verdict->first[i]);
        }
        fputs("</td></tr>\n", out);
    }
    fputs("</table>\n", out);
}

static void write_verdict(const struct lab_story *story, FILE *out)
{
    const struct lab_result *result = story->result;
    const struct lab_verdict *verdict = &result->verdict;

    fprintf(out, "<p class=\"verdict %s\">%s", result->end == LAB_PASSED ? "good" : "bad",
            lab_end_word(result->end));
    if (result->end != LAB_PASSED) {
        fputs(": ", out);
        lab_html(out, result->why);
    }
    fputs("</p>\n", out);
    write_promises(story, out);
    fprintf(out,
            "<p>%llu faults in %.1f s. Accepted: %llu at <code>fsync</code>, %llu at "
            "<code>os</code>, %llu at <code>memory</code>. Processed: %llu; handed over again: "
            "%llu; settled: %llu; dead: %llu; withdrawn: %llu",
            (ull)result->faults, (double)result->took_us / 1e6, (ull)verdict->by_level[0],
            (ull)verdict->by_level[1], (ull)verdict->by_level[2], (ull)verdict->processed,
            (ull)verdict->redelivered, (ull)verdict->settled, (ull)verdict->dead,
            (ull)verdict->withdrawn);
    if (verdict->excused)
        fprintf(out, "; lost or repeated for a fault that explains it: %llu",
                (ull)verdict->excused);
    fputs(".</p>\n", out);
    write_again(story, out);
}

static void write_picture(const struct lab_story *story, FILE *out)
{
    static const struct {
        const char *colour, *means;
    } keys[] = {{"blue", "accepted"},
                {"green", "processed"},
                {"grey", "settled"},
                {"red", "a fault (point at it to read what)"},
                {"orange", "recovery; dots: handed over again"}};

    fputs("<h2>What happened</h2>\n<p>", out);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        fprintf(out, "<span class=\"key\"><i style=\"background:var(--%s)\"></i>%s</span>\n",
                keys[i].colour, keys[i].means);
    fputs("</p>\n", out);
    lab_picture(story, out);
}

static void write_recoveries(const struct lab_story *story, FILE *out)
{
    const struct lab_result *result = story->result;

    if (!result->recovery_count)
        return;
    fputs("<h2>Recoveries</h2>\n<p>From the end of a fault to the first message that was processed "
          "after it.</p>\n<div class=\"scroll\"><table><tr><th class=\"n\">at</th><th "
          "class=\"n\">took</th><th>after</th></tr>\n",
          out);
    for (size_t i = 0; i < result->recovery_count && i < RECOVERIES_TOLD; i++) {
        const struct lab_recovery *one = &result->recoveries[i];

        fprintf(out, "<tr><td class=\"n\">%.3f s</td><td class=\"n\">%.3f s</td><td>",
                (double)one->at_us / 1e6, (double)one->took_us / 1e6);
        if (one->event < result->timeline.count) {
            lab_html(out, lab_event_whom(story->scenario, &result->timeline.events[one->event]));
            fputs(": ", out);
            lab_html(out, result->timeline.events[one->event].text);
        }
        fputs("</td></tr>\n", out);
    }
    fputs("</table></div>\n", out);
}

static void write_uses(const struct lab_story *story, FILE *out)
{
    const struct lab_use *uses = story->result->uses;

    if (!uses)
        return;
    fputs("<h2>What the processes used</h2>\n<table><tr><th></th><th class=\"n\">memory at first"
          "</th><th class=\"n\">last</th><th class=\"n\">most, MiB</th><th class=\"n\">descriptors"
          "</th><th class=\"n\">most</th><th class=\"n\">written, MiB</th></tr>\n",
          out);
    for (size_t i = 0; i < story->scenario->process_count; i++) {
        const struct lab_use *use = &uses[i];

        if (!use->seen)
            continue;
        fputs("<tr><td>", out);
        lab_html(out, story->scenario->processes[i].name);
        fprintf(out,
                "</td><td class=\"n\">%.1f</td><td class=\"n\">%.1f</td><td class=\"n\">%.1f</td>"
                "<td class=\"n\">%llu</td><td class=\"n\">%llu</td><td class=\"n\">%.1f</td></tr>"
                "\n",
                (double)use->memory[0] / 1048576, (double)use->memory[1] / 1048576,
                (double)use->memory[2] / 1048576, (ull)use->files[1], (ull)use->files[2],
                (double)use->disk[2] / 1048576);
    }
    fputs("</table>\n", out);
}

static void write_events(const struct lab_story *story, FILE *out)
{
    const struct lab_timeline *timeline = &story->result->timeline;
    size_t told = timeline->count < EVENTS_TOLD ? timeline->count : EVENTS_TOLD;

    fputs("<h2>Events</h2>\n<div class=\"scroll\"><table>\n", out);
    for (size_t i = 0; i < told; i++) {
        const struct lab_event *event = &timeline->events[i];

        fprintf(out, "<tr><td class=\"n\">%.3f</td><td>", (double)event->at_us / 1e6);
        lab_html(out, lab_event_whom(story->scenario, event));
        fprintf(out, "</td><td%s>", event->kind == LAB_EVENT_FAULT ? " class=\"bad\"" : "");
        lab_html(out, event->text);
        fputs("</td></tr>\n", out);
    }
    fputs("</table></div>\n", out);
    if (timeline->count > told || timeline->dropped)
        fprintf(out, "<p>%llu more are not shown.</p>\n",
                (ull)(timeline->count - told + timeline->dropped));
}

static uint64_t length_of(const struct lab_result *result)
{
    const struct lab_timeline *timeline = &result->timeline;
    uint64_t length_us = result->took_us > 0 ? result->took_us : 1;

    if (timeline->count && timeline->events[timeline->count - 1].at_us > length_us)
        length_us = timeline->events[timeline->count - 1].at_us;
    return length_us;
}

int lab_report_html(const struct lab_scenario *scenario, const struct lab_result *result, FILE *out)
{
    const struct lab_story story = {scenario, result, length_of(result)};

    write_head(&story, out);
    write_verdict(&story, out);
    write_picture(&story, out);
    write_recoveries(&story, out);
    write_uses(&story, out);
    write_events(&story, out);
    fputs("<h2>The scenario</h2>\n<pre>", out);
    lab_html(out, scenario->text ? scenario->text : "");
    fputs("</pre>\n</body></html>\n", out);
    return fflush(out) != 0 || ferror(out) ? -1 : 0;
}
