/* SPDX-License-Identifier: MPL-2.0 */
/* The picture: above, how many messages a second were accepted, processed and settled; below, a
 * lane for each process and each link, with the time that a process ran, what was done to it, and
 * what it did. One column of a pixel sums up all ticks that fall into it. */

#include "report_inside.h"

#include <stdlib.h>

#define LEFT      150 /* names */
#define COLUMNS   960
#define WIDTH     (LEFT + COLUMNS + 20)
#define CHART     150 /* heights */
#define LANE      54
#define LINK_LANE 26
#define AXIS      30
#define GAP       34
#define MARKS_MAX 4000 /* faults drawn; the table below has more */

struct picture {
    const struct lab_story *story;
    FILE *out;
    int y; /* where the next part begins */
};

static double x_of(const struct picture *picture, uint64_t at_us)
{
    return LEFT + (double)at_us / (double)picture->story->length_us * COLUMNS;
}

static int lanes_height(const struct lab_scenario *scenario)
{
    return (int)scenario->process_count * LANE + (int)scenario->link_count * LINK_LANE;
}

/* --- rates --- */

/* What lanes counted, in messages a second for each column. `lane` -1: all of them. */
static void rates(const struct lab_story *story, int lane, enum lab_count count,
                  double columns[COLUMNS])
{
    const struct lab_timeline *timeline = &story->result->timeline;
    double column_s = (double)story->length_us / 1e6 / COLUMNS;
    double tick_s = (double)timeline->tick_us / 1e6;

    for (int i = 0; i < COLUMNS; i++)
        columns[i] = 0;
    for (size_t l = 0; l < timeline->lane_count; l++) {
        for (size_t i = 0; (lane < 0 || (size_t)lane == l) && i < timeline->lanes[l].count; i++) {
            double value = timeline->lanes[l].ticks[i].counts[count];
            int from = (int)((double)i * tick_s / column_s);
            int to = (int)((double)(i + 1) * tick_s / column_s);

            to = to > from ? to : from + 1;
            for (int at = from; at < to && at < COLUMNS; at++)
                columns[at] += value / (column_s > tick_s ? column_s : tick_s);
        }
    }
}

static double most(const double columns[COLUMNS])
{
    double max = 0;

    for (int i = 0; i < COLUMNS; i++)
        max = columns[i] > max ? columns[i] : max;
    return max;
}

/* A line, or with `filled` the area below it, `height` above `base` at `max`. Points that lie on a
 * level line with their neighbours are left out. */
static void draw_rate(const struct picture *picture, const double columns[COLUMNS], double max,
                      int base, int height, const char *style, bool filled)
{
    FILE *out = picture->out;

    if (max <= 0)
        return;
    fprintf(out, "<path class=\"%s\" d=\"M%d,%d", style, LEFT, base);
    for (int i = 0; i < COLUMNS; i++) {
        bool level = i > 0 && i + 1 < COLUMNS && columns[i] == columns[i - 1] &&
                     columns[i] == columns[i + 1];
        if (!level)
            fprintf(out, "L%d,%.1f", LEFT + i, base - columns[i] / max * height);
    }
    if (filled)
        fprintf(out, "L%d,%dZ", LEFT + COLUMNS, base);
    fputs("\"/>\n", out);
}

static void draw_number(FILE *out, int x, int y, double value)
{
    if (value >= 1e6)
        fprintf(out, "<text class=\"end\" x=\"%d\" y=\"%d\">%.1f M/s</text>\n", x, y, value / 1e6);
    else if (value >= 1e3)
        fprintf(out, "<text class=\"end\" x=\"%d\" y=\"%d\">%.1f k/s</text>\n", x, y, value / 1e3);
    else
        fprintf(out, "<text class=\"end\" x=\"%d\" y=\"%d\">%.0f /s</text>\n", x, y, value);
}

static void draw_chart(struct picture *picture)
{
    static const struct {
        enum lab_count count;
        const char *style;
    } lines[] = {{LAB_COUNT_ACCEPTED, "accepted"},
                 {LAB_COUNT_PROCESSED, "processed"},
                 {LAB_COUNT_SETTLED, "settled"}};
    double columns[3][COLUMNS], max = 0;
    int base = picture->y + CHART;

    for (int i = 0; i < 3; i++) {
        rates(picture->story, -1, lines[i].count, columns[i]);
        max = most(columns[i]) > max ? most(columns[i]) : max;
    }
    fprintf(picture->out, "<line class=\"axis\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", LEFT,
            base, LEFT + COLUMNS, base);
    draw_number(picture->out, LEFT - 8, picture->y + 10, max);
    draw_number(picture->out, LEFT - 8, base, 0);
    for (int i = 0; i < 3; i++)
        draw_rate(picture, columns[i], max, base, CHART, lines[i].style, false);
    picture->y = base + GAP;
}

/* --- lanes --- */

static uint64_t end_of(const struct lab_story *story, const struct lab_event *event)
{
    if (event->lasts_us == UINT64_MAX || event->at_us + event->lasts_us > story->length_us)
        return story->length_us;
    return event->at_us + event->lasts_us;
}

/* The time from each start of the process to the end that follows. */
static void draw_life(const struct picture *picture, int lane, int y, int height)
{
    const struct lab_timeline *timeline = &picture->story->result->timeline;
    uint64_t since_us = UINT64_MAX;

    for (size_t i = 0; i <= timeline->count; i++) {
        const struct lab_event *event = i < timeline->count ? &timeline->events[i] : NULL;

        if (event && (event->lane != lane || (event->kind != LAB_EVENT_START &&
                                              event->kind != LAB_EVENT_END)))
            continue;
        uint64_t at_us = event ? event->at_us : picture->story->length_us;
        if (since_us != UINT64_MAX)
            fprintf(picture->out,
                    "<rect class=\"life\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>\n",
                    x_of(picture, since_us), y, x_of(picture, at_us) - x_of(picture, since_us),
                    height);
        since_us = event && event->kind == LAB_EVENT_START ? at_us : UINT64_MAX;
    }
}

static void draw_fault(const struct picture *picture, const struct lab_event *event, int y,
                       int height)
{
    double x = x_of(picture, event->at_us);
    double width = x_of(picture, end_of(picture->story, event)) - x;

    if (event->lasts_us)
        fprintf(picture->out,
                "<rect class=\"fault\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\">", x, y,
                width > 2 ? width : 2, height);
    else
        fprintf(picture->out,
                "<path class=\"mark\" d=\"M%.1f,%dl4,-8h-8z M%.1f,%dv%d\">", x, y + 8, x, y,
                height);
    fprintf(picture->out, "<title>%.3f s ", (double)event->at_us / 1e6);
    lab_html(picture->out, lab_event_whom(picture->story->scenario, event));
    fputs(": ", picture->out);
    lab_html(picture->out, event->text);
    fprintf(picture->out, "</title></%s>\n", event->lasts_us ? "rect" : "path");
}

static void draw_faults(const struct picture *picture, int lane, int link, int y, int height)
{
    const struct lab_timeline *timeline = &picture->story->result->timeline;
    size_t drawn = 0;

    for (size_t i = 0; i < timeline->count && drawn < MARKS_MAX; i++) {
        const struct lab_event *event = &timeline->events[i];

        if (event->kind != LAB_EVENT_FAULT || event->lane != lane || event->link != link)
            continue;
        draw_fault(picture, event, y, height);
        drawn++;
    }
}

/* From the end of a fault to the first message that was processed after it. */
static void draw_recoveries(const struct picture *picture, int lane, int link, int y)
{
    const struct lab_result *result = picture->story->result;

    for (size_t i = 0; i < result->recovery_count && i < MARKS_MAX; i++) {
        const struct lab_recovery *one = &result->recoveries[i];
        const struct lab_event *event = one->event < result->timeline.count
                                            ? &result->timeline.events[one->event]
                                            : NULL;

        if (!event || event->lane != lane || event->link != link)
            continue;
        fprintf(picture->out,
                "<line class=\"recovery\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\">"
                "<title>recovered after %.3f s</title></line>\n",
                x_of(picture, one->at_us), y, x_of(picture, one->at_us + one->took_us) + 1, y,
                (double)one->took_us / 1e6);
    }
}

/* Ticks in which something came again, as dots: allowed ones above, broken promises over all. */
static void draw_dots(const struct picture *picture, int lane, enum lab_count count, int y,
                      double radius, const char *style)
{
    double columns[COLUMNS];

    rates(picture->story, lane, count, columns);
    for (int i = 0; i < COLUMNS; i++) {
        if (columns[i] > 0)
            fprintf(picture->out, "<circle class=\"%s\" cx=\"%d\" cy=\"%d\" r=\"%.1f\"/>\n", style,
                    LEFT + i, y, radius);
    }
}

static void draw_name(const struct picture *picture, const char *name, int y)
{
    fprintf(picture->out, "<text class=\"end\" x=\"%d\" y=\"%d\">", LEFT - 8, y);
    lab_html(picture->out, name);
    fputs("</text>\n", picture->out);
}

static void draw_process(struct picture *picture, size_t process)
{
    double columns[COLUMNS];
    int lane = (int)process, y = picture->y, height = LANE - 12;

    draw_name(picture, picture->story->scenario->processes[process].name, y + height / 2 + 4);
    draw_life(picture, lane, y, height);
    rates(picture->story, lane, LAB_COUNT_ACCEPTED, columns);
    draw_rate(picture, columns, most(columns), y + height, height - 10, "accepted area", true);
    rates(picture->story, lane, LAB_COUNT_PROCESSED, columns);
    draw_rate(picture, columns, most(columns), y + height, height - 10, "processed area", true);
    draw_dots(picture, lane, LAB_COUNT_REDELIVERED, y + 5, 1.6, "again");
    draw_faults(picture, lane, -1, y, height);
    draw_recoveries(picture, lane, -1, y + height + 3);
    draw_dots(picture, lane, LAB_COUNT_REPEATED, y + height / 2, 4, "repeated");
    picture->y += LANE;
}

static void draw_link(struct picture *picture, size_t link)
{
    int y = picture->y, middle = y + (LINK_LANE - 6) / 2;

    draw_name(picture, picture->story->scenario->links[link].name, middle + 4);
    fprintf(picture->out, "<line class=\"link\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n", LEFT,
            middle, LEFT + COLUMNS, middle);
    draw_faults(picture, -1, (int)link, y, LINK_LANE - 6);
    draw_recoveries(picture, -1, (int)link, y + LINK_LANE - 4);
    picture->y += LINK_LANE;
}

/* --- the whole --- */

/* Seconds between two marks: 1, 2 or 5 times a power of ten, so that there are 5 to 12 of them. */
static double step_of(double length_s)
{
    static const double steps[] = {1, 2, 5};
    double unit = 1e-3;

    for (int i = 0;; i++) {
        double step = steps[i % 3] * unit;
        if (length_s / step <= 12)
            return step;
        if (i % 3 == 2)
            unit *= 10;
    }
}

static void draw_time(const struct picture *picture, int from_y)
{
    double length_s = (double)picture->story->length_us / 1e6, step = step_of(length_s);

    for (int i = 0; i * step <= length_s; i++) {
        double x = LEFT + i * step / length_s * COLUMNS;
        fprintf(picture->out,
                "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>"
                "<text class=\"middle\" x=\"%.1f\" y=\"%d\">%g s</text>\n",
                x, from_y, x, picture->y, x, picture->y + 18, i * step);
    }
}

void lab_picture(const struct lab_story *story, FILE *out)
{
    const struct lab_scenario *scenario = story->scenario;
    struct picture picture = {.story = story, .out = out, .y = 10};
    int lanes = 10 + CHART + GAP, height = lanes + lanes_height(scenario);

    fprintf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"timeline\">\n", WIDTH,
            height + AXIS);
    picture.y = height;
    draw_time(&picture, 10);
    picture.y = 10;
    draw_chart(&picture);
    for (size_t i = 0; i < scenario->process_count; i++)
        draw_process(&picture, i);
    for (size_t i = 0; i < scenario->link_count; i++)
        draw_link(&picture, i);
    fputs("</svg>\n", out);
}
