/* SPDX-License-Identifier: MPL-2.0 */
/* The format of GNU coreutils' sha256sum, text mode, with its escapes. */

#include "manifest.h"
#include <stdbool.h>

static char escape_of(char byte)
{
    switch (byte) {
    case '\\':
        return '\\';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    default:
        return 0;
    }
}

void th_manifest_line(FILE *file, const uint8_t digest[TH_DIGEST_SIZE], const char *path,
                      size_t path_size)
{
    bool escaped = false;
    for (size_t i = 0; i < path_size; i++)
        escaped |= escape_of(path[i]) != 0;
    if (escaped)
        fputc('\\', file);
    for (size_t i = 0; i < TH_DIGEST_SIZE; i++)
        fprintf(file, "%02x", digest[i]);
    fputs("  ./", file);
    for (size_t i = 0; i < path_size; i++) {
        if (escape_of(path[i]))
            fprintf(file, "\\%c", escape_of(path[i]));
        else
            fputc(path[i], file);
    }
    fputc('\n', file);
}
