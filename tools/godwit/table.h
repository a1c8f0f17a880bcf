/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_TABLE_H
#define GODWIT_TABLE_H

/* Tables for people: columns as wide as they need to be, numbers to the right. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS 12
#define TABLE_CELL    96 /* bytes of a cell, its NUL included: more is cut */

struct table {
    const char *const *heads; /* NULL at the end; a head that begins with '>' is of a column of
                               * numbers */
    size_t columns;
    char (*cells)[TABLE_CELL];
    size_t count; /* cells */
    size_t capacity;
    int failed; /* out of memory: rows are missing */
};

void table_begin(struct table *table, const char *const *heads);
/* The next cell, left to right, row by row. */
void table_text(struct table *table, const char *text);
void table_number(struct table *table, uint64_t number);
void table_bytes(struct table *table, uint64_t bytes);      /* "1.5 MiB" */
void table_span(struct table *table, uint64_t milliseconds); /* "3m 20s" */
/* Prints it if it has rows, a blank line before it; frees it. */
void table_end(struct table *table, FILE *to);

/* The same forms for sentences. */
const char *text_of_bytes(uint64_t bytes, char text[TABLE_CELL]);
const char *text_of_span(uint64_t milliseconds, char text[TABLE_CELL]);
const char *text_of_time(uint64_t ms_since_1970, char text[TABLE_CELL]); /* local time */

#endif
