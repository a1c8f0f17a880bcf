/* SPDX-License-Identifier: MPL-2.0 */
/* What an earlier open left of the receiving side. */

#include "core/state.h"

void gw_window_recover(struct gw_core *core, const struct gw_row *row)
{
    (void)core, (void)row;
}

void gw_window_recovered(struct gw_core *core)
{
    (void)core;
}
