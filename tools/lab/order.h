/* SPDX-License-Identifier: MPL-2.0 */
#ifndef LAB_ORDER_H
#define LAB_ORDER_H

/* Orders as text: `VERB TARGET [ARGUMENT] [for TIME]`. TARGET is a process or a link, several of
 * them with `|` between, or a pattern with `*`: one of them is drawn each time. */

#include "scenario.h"

/* Reads an order against the processes and links of `scenario`. False: `mistake`, at `line`. */
bool lab_order_read(const struct lab_scenario *scenario, const char *text, int line,
                    struct lab_order *order, struct lab_mistake *mistake);

#define LAB_ORDER_TEXT 160
/* In the words of a scenario: "kill worker for 500ms". Returns `text`. */
const char *lab_order_text(const struct lab_scenario *scenario, const struct lab_order *order,
                           char text[LAB_ORDER_TEXT]);

#endif
