/* SPDX-License-Identifier: MPL-2.0 */
#ifndef TREEHASH_MANIFEST_H
#define TREEHASH_MANIFEST_H

/* The lines of a manifest, as sha256sum writes and reads them. */

#include "message.h"
#include <stdio.h>

/* Writes one line. The path becomes "./path"; a line whose path holds a backslash, newline or
 * carriage return begins with a backslash and has them as \\, \n and \r. */
void th_manifest_line(FILE *file, const uint8_t digest[TH_DIGEST_SIZE], const char *path,
                      size_t path_size);

#endif
