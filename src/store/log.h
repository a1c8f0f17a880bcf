/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_STORE_LOG_H
#define GW_STORE_LOG_H

/* LevelDB's log files, to which its logs and its MANIFEST belong: read piece by piece, and relieved
 * of what a power cut tore.
 *
 *     file:  blocks of 32 KiB; piece = crc32c (4), length (2), type (1), bytes; at most 6 bytes pad
 *            a record is one FULL piece, or FIRST, MIDDLE ..., LAST
 *
 * A file system may write down a file's new length before its bytes: after a power cut the last
 * record is there up to some sector, and the rest are zeros (fault D02; LevelDB's issue 251).
 * LevelDB accepts a record that the end of the file cuts off, but not one that ends in zeros: with
 * paranoid_checks it would refuse a store that lost nothing that was synced. So such a tail is cut
 * off before LevelDB sees it. What else fails its checksum is left for it to refuse. */

#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gw_log_piece { GW_LOG_DAMAGED, GW_LOG_FULL, GW_LOG_FIRST, GW_LOG_MIDDLE, GW_LOG_LAST };

/* The next piece from `*at` on; false at the end, or where a cut begins. */
bool gw_log_next(const uint8_t *data, size_t size, size_t *at, enum gw_log_piece *type,
                 struct gw_slice *piece);

/* How many bytes of the file count: all, or those before a torn record at its end. That is one with
 * a piece that fails its checksum and of which the last sectors (512 bytes each) are zeros, as
 * whatever follows is. */
size_t gw_log_whole(const uint8_t *data, size_t size);

/* Cuts torn records off the logs and the MANIFEST of a database folder, and leaves alone what is no
 * file. 0, or -1: errno; LevelDB must not be asked then, since it might take what was not mended
 * for damage. */
int gw_log_mend(const char *database);

#endif
