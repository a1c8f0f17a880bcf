/* SPDX-License-Identifier: MPL-2.0 */
/* The end of a received run. */

#include "peer/inbound.h"
#include <stdlib.h>

void gw_inbound_destroy(struct gw_inbound **self)
{
    struct gw_inbound *inbound = *self;
    if (!inbound)
        return;
    gw_blob_drop(inbound->body);
    free(inbound->ends);
    free(inbound->heads);
    free(inbound->pieces);
    free(inbound);
    *self = NULL;
}
