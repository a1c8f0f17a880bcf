/* SPDX-License-Identifier: MPL-2.0 */
/* Tables for people. */

#include "table.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void table_begin(struct table *table, const char *const *heads)
{
    *table = (struct table){.heads = heads};
    while (heads[table->columns] && table->columns < TABLE_COLUMNS)
        table->columns++;
}

void table_text(struct table *table, const char *text)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? table->capacity * 2 : 16 * table->columns;
        void *more = realloc(table->cells, capacity * sizeof(*table->cells));
        if (!more) {
            table->failed = 1;
            return;
        }
        table->cells = more;
        table->capacity = capacity;
    }
    char *cell = table->cells[table->count++];
    snprintf(cell, TABLE_CELL, "%s", text);
    for (; *cell; cell++) /* what a peer says must not move the cursor */
        if ((unsigned char)*cell < ' ' || (unsigned char)*cell > '~')
            *cell = '?';
}

void table_number(struct table *table, uint64_t number)
{
    char text[TABLE_CELL];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    table_text(table, text);
}

const char *text_of_bytes(uint64_t bytes, char text[TABLE_CELL])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit < sizeof(units) / sizeof(*units) - 1) {
        value /= 1024;
        unit++;
    }
    snprintf(text, TABLE_CELL, unit && value < 100 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}

const char *text_of_span(uint64_t milliseconds, char text[TABLE_CELL])
{
    uint64_t s = milliseconds / 1000;
    if (milliseconds < 1000)
        snprintf(text, TABLE_CELL, "%" PRIu64 " ms", milliseconds);
    else if (s < 60)
        snprintf(text, TABLE_CELL, "%" PRIu64 "s", s);
    else if (s < 3600)
        snprintf(text, TABLE_CELL, "%" PRIu64 "m %02" PRIu64 "s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, TABLE_CELL, "%" PRIu64 "h %02" PRIu64 "m", s / 3600, s / 60 % 60);
    else
        snprintf(text, TABLE_CELL, "%" PRIu64 "d %02" PRIu64 "h", s / 86400, s / 3600 % 24);
    return text;
}

const char *text_of_time(uint64_t ms_since_1970, char text[TABLE_CELL])
{
    time_t seconds = (time_t)(ms_since_1970 / 1000);
    struct tm broken;
    if (!ms_since_1970 || !localtime_r(&seconds, &broken) ||
        !strftime(text, TABLE_CELL, "%Y-%m-%d %H:%M:%S", &broken))
        snprintf(text, TABLE_CELL, "-");
    return text;
}

void table_bytes(struct table *table, uint64_t bytes)
{
    char text[TABLE_CELL];
    table_text(table, text_of_bytes(bytes, text));
}

void table_span(struct table *table, uint64_t milliseconds)
{
    char text[TABLE_CELL];
    table_text(table, text_of_span(milliseconds, text));
}

static int width_of(const struct table *table, size_t column)
{
    const char *head = table->heads[column];
    size_t width = strlen(head) - (*head == '>');
    for (size_t i = column; i < table->count; i += table->columns) {
        size_t size = strlen(table->cells[i]);
        width = size > width ? size : width;
    }
    return (int)width;
}

static void print_cell(const struct table *table, size_t column, const char *text, FILE *to)
{
    int width = width_of(table, column);
    const char *gap = column ? "  " : "";
    if (*table->heads[column] == '>')
        fprintf(to, "%s%*s", gap, width, text);
    else if (column + 1 == table->columns)
        fprintf(to, "%s%s", gap, text);
    else
        fprintf(to, "%s%-*s", gap, width, text);
}

void table_end(struct table *table, FILE *to)
{
    if (table->count > 0) {
        fputc('\n', to);
        for (size_t i = 0; i < table->columns; i++)
            print_cell(table, i, table->heads[i] + (*table->heads[i] == '>'), to);
        fputc('\n', to);
    }
    for (size_t i = 0; i + table->columns <= table->count; i += table->columns) {
        for (size_t column = 0; column < table->columns; column++)
            print_cell(table, column, table->cells[i + column], to);
        fputc('\n', to);
    }
    if (table->failed)
        fputs("(out of memory: some rows are missing)\n", to);
    free(table->cells);
    *table = (struct table){0};
}
