/* SPDX-License-Identifier: MPL-2.0 */
/* Words and text that the parts of the report share. */

#include "report_inside.h"

void lab_html(FILE *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at == '<')
            fputs("&lt;", out);
        else if (*at == '>')
            fputs("&gt;", out);
        else if (*at == '&')
            fputs("&amp;", out);
        else if (*at == '"')
            fputs("&quot;", out);
        else if ((*at >= ' ' && *at <= '~') || *at == '\n')
            fputc(*at, out);
        else
            fputc('?', out);
    }
}

const char *lab_event_whom(const struct lab_scenario *scenario, const struct lab_event *event)
{
    if (event->lane >= 0)
        return scenario->processes[event->lane].name;
    return event->link >= 0 ? scenario->links[event->link].name : "";
}

const char *lab_end_word(enum lab_end end)
{
    switch (end) {
    case LAB_PASSED: return "passed";
    case LAB_BROKEN: return "broken";
    case LAB_SKIPPED: return "skipped";
    case LAB_INTERRUPTED: return "interrupted";
    case LAB_FAILED: break;
    }
    return "failed";
}

void lab_promises(const struct lab_scenario *scenario, const struct lab_verdict *verdict,
                  struct lab_promise promises[LAB_PROMISES])
{
    promises[0] = (struct lab_promise){"lost", "accepted, and no trace of it", verdict->lost,
                                       verdict->accepted, true};
    promises[1] = (struct lab_promise){"repeated", "processed more than once", verdict->repeated,
                                       verdict->processed, true};
    promises[2] = (struct lab_promise){"reordered", "processed before an older one of its stream",
                                       verdict->reordered, verdict->processed, scenario->ordered};
    promises[3] = (struct lab_promise){"stuck", "accepted, and not settled when time was over",
                                       verdict->stuck, verdict->accepted, true};
    promises[4] = (struct lab_promise){"unexplained", "told in two ways that contradict",
                                       verdict->unexplained, verdict->accepted, true};
}
