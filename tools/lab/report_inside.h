/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_REPORT_INSIDE_H
#define LAB_REPORT_INSIDE_H

/* What the parts of the report share. */

#include "report.h"

#include <stdio.h>

/* What runs: a scenario and what came of it. */
struct lab_story {
    const struct lab_scenario *scenario;
    const struct lab_result *result;
    uint64_t length_us; /* of the picture: all that happened */
};

/* report_picture.c: lanes and throughput, as an SVG that needs the page's style. */
void lab_picture(const struct lab_story *story, FILE *out);

/* Text of somebody else's: marks of HTML and bytes that are no printable ASCII are written so that
 * they are shown and do nothing. */
void lab_html(FILE *out, const char *text);
/* Name of the process or the link; "" for neither. */
const char *lab_event_whom(const struct lab_scenario *scenario, const struct lab_event *event);
const char *lab_end_word(enum lab_end end); /* "passed", "broken", ... */

/* The promises in the order of lab_verdict's `first`. */
#define LAB_PROMISES 5
struct lab_promise {
    const char *name, *means;
    uint64_t broken, of;
    bool judged; /* order is judged only where it is promised */
};
void lab_promises(const struct lab_scenario *scenario, const struct lab_verdict *verdict,
                  struct lab_promise promises[LAB_PROMISES]);

#endif
