/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_SIM_ROWS_H
#define GW_SIM_ROWS_H

/* What a peer's durable rows say: what a power cut at this moment would leave. Read afresh at each
 * question, so that no book of ours can be wrong about it. */

#include "core/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_peer;

/* Index of the next durable row of the kind (and epoch, unless 0) at or after `at`; false: none.
 * Begin with sim_rows_seek. The row is read. */
size_t sim_rows_seek(const struct sim_peer *peer, enum gw_row_kind kind, uint64_t epoch,
                     uint64_t sequence);
bool sim_rows_next(const struct sim_peer *peer, size_t *at, enum gw_row_kind kind, uint64_t epoch,
                   struct gw_row *row);

/* The stored batch that holds a sequence. */
bool sim_rows_batch(const struct sim_peer *peer, uint64_t epoch, uint64_t sequence,
                    uint64_t *first, uint64_t *last);
/* Whether a process finds a batch of the epoch there. */
bool sim_rows_is_batch(const struct sim_peer *peer, size_t at, uint64_t epoch);
void sim_rows_outbox(const struct sim_peer *peer, uint64_t *messages, uint64_t *bytes);
/* Whether rows of ranges (settled, assignment, decided) cover [first, last]; `member`: NULL, or
 * whose they must be. */
bool sim_rows_cover(const struct sim_peer *peer, enum gw_row_kind kind, uint64_t epoch,
                    uint64_t first, uint64_t last, const char *member);
bool sim_rows_window(const struct sim_peer *peer, uint64_t epoch, struct gw_row *row);
bool sim_rows_stream(const struct sim_peer *peer, uint64_t epoch, struct gw_row *row);
/* The row of one message: an exception, a story, a dead letter. */
bool sim_rows_one(const struct sim_peer *peer, enum gw_row_kind kind, uint64_t epoch,
                  uint64_t sequence, struct gw_row *row);
/* A dead letter with its message's bytes. */
bool sim_rows_dead(const struct sim_peer *peer, uint64_t epoch, uint64_t sequence,
                   struct gw_row *row, struct gw_slice *message);
/* Settled: in such a row, or below the stream's floor. */
bool sim_rows_settled(const struct sim_peer *peer, uint64_t epoch, uint64_t sequence);
/* Processed, or below the window's floor. */
bool sim_rows_decided(const struct sim_peer *peer, uint64_t epoch, uint64_t first, uint64_t last);
/* The lowest sequence that is not settled; 0 if the stream has no row. */
uint64_t sim_rows_unsettled(const struct sim_peer *peer, uint64_t epoch);
/* The effect key's count of a message; 0: none. */
uint64_t sim_rows_effects(const struct sim_peer *peer, uint64_t epoch, uint64_t sequence);

#endif
