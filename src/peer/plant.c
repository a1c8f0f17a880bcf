/* SPDX-License-Identifier: MPL-2.0 */

/* Which of the bugs of base/plant.h is switched on in this process. */

#include "peer/plant.h"

#ifdef GODWIT_PLANTS

#include "base/plant.h"

#include <stdlib.h>
#include <string.h>

enum gw_plant gw_plant = GW_PLANT_NONE;

void gw_plant_choose(void)
{
    static const char *const names[GW_PLANT_COUNT] = {
        [GW_PLANT_ACK_BEFORE_COMMIT] = "ack_before_commit",
        [GW_PLANT_FLOOR_TOO_HIGH] = "floor_too_high",
        [GW_PLANT_WINDOW_FORGOTTEN] = "window_forgotten",
        [GW_PLANT_EPOCH_KEPT] = "epoch_kept",
        [GW_PLANT_OLD_LINK] = "old_link",
        [GW_PLANT_TXN_SPLIT] = "txn_split",
        [GW_PLANT_PREFETCH_CHARGED] = "prefetch_charged",
        [GW_PLANT_REPLY_BEFORE_COMMIT] = "reply_before_commit",
        [GW_PLANT_SKIP_IN_HAND] = "skip_in_hand",
        [GW_PLANT_RETURN_KEEPS_CREDIT] = "return_keeps_credit",
    };
    const char *wanted = getenv("GODWIT_PLANT");

    for (int i = GW_PLANT_NONE + 1; wanted && i < GW_PLANT_COUNT; i++)
        if (names[i] && strcmp(names[i], wanted) == 0)
            gw_plant = (enum gw_plant)i;
}

#else

void gw_plant_choose(void)
{
}

#endif
