/* SPDX-License-Identifier: MPL-2.0 */
/* See text.h. */

#include "base/text.h"
#include <stdarg.h>
#include <string.h>

void gw_text_join(char *out, size_t size, ...)
{
    va_list parts;
    const char *part;
    size_t used = 0;
    if (size == 0)
        return;
    va_start(parts, size);
    while ((part = va_arg(parts, const char *))) {
        size_t length = strnlen(part, size - 1 - used);
        memcpy(out + used, part, length);
        used += length;
    }
    va_end(parts);
    out[used] = 0;
}
