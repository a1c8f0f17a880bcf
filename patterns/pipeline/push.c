/* SPDX-License-Identifier: MPL-2.0 */

/* The pushing side: a stage is a destination, and pushing is sending to it. Storing, choosing a
 * worker and sending again are the peer's. */

#include "stage_name.h"

#include "godwit/pipeline.h"

godwit_err_t godwit_push(godwit_peer_t *peer, const char *stage, godwit_message_t **message,
                         godwit_id_t *id)
{
    char destination[STAGE_DESTINATION_SIZE];

    return godwit_send(peer, stage_destination(stage, destination), message, id);
}

godwit_err_t godwit_push_data(godwit_peer_t *peer, const char *stage, const void *data, size_t size,
                              godwit_id_t *id)
{
    char destination[STAGE_DESTINATION_SIZE];

    return godwit_send_data(peer, stage_destination(stage, destination), data, size, id);
}

godwit_err_t godwit_txn_push_data(godwit_txn_t *txn, const char *stage, const void *data,
                                  size_t size)
{
    char destination[STAGE_DESTINATION_SIZE];

    return godwit_txn_send_data(txn, stage_destination(stage, destination), data, size);
}
