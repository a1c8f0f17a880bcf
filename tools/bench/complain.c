/* SPDX-License-Identifier: MPL-2.0 */
/* Sentences about what went wrong. */

#include "bench.h"
#include <stdarg.h>
#include <stdio.h>

void bench_complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("godwit-bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}
