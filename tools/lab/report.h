/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_REPORT_H
#define LAB_REPORT_H

/* Of one run: one HTML file that needs nothing else (no network, no script from elsewhere), with
 * processes as lanes, faults marked, throughput over time, recoveries, the verdict and the scenario
 * itself. And the same numbers as JSON. */

#include "run.h"

#include <stdio.h>

/* 0, or -1 with errno. */
int lab_report_html(const struct lab_scenario *scenario, const struct lab_result *result,
                    FILE *out);
int lab_report_json(const struct lab_scenario *scenario, const struct lab_result *result,
                    FILE *out);

#endif
