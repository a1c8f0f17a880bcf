/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GW_BASE_CRC32C_H
#define GW_BASE_CRC32C_H

/* CRC-32C (Castagnoli, RFC 3720 appendix B.4): the checksum of stored rows and of DATA on the wire.
 * Uses the SSE4.2 instruction where the processor has it, a table elsewhere. Debian 12 has no C
 * library for it. Start with 0: gw_crc32c(0, "123456789", 9) is 0xe3069283. The crc of bytes in
 * several pieces takes the crc of what came before: gw_crc32c(gw_crc32c(0, a, m), b, n). */

#include <stddef.h>
#include <stdint.h>

uint32_t gw_crc32c(uint32_t crc, const void *data, size_t size);

/* The table version, whatever the processor; declared for the unit test. */
uint32_t gw_crc32c_table(uint32_t crc, const void *data, size_t size);

#endif
