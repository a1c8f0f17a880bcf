/* SPDX-License-Identifier: MPL-2.0 */
/* Reading the answers' flat JSON objects. */

#include "records.h"
#include <stdlib.h>
#include <string.h>

bool record_next(const char **at, struct record *record)
{
    if (!**at)
        return false;
    size_t size = strcspn(*at, "\n");
    *record = (struct record){*at, size};
    *at += size + ((*at)[size] == '\n');
    return true;
}

/* The end of the string that begins behind a quote: at its closing quote, or the end. */
static const char *string_end(const char *at, const char *end)
{
    for (; at < end && *at != '"'; at++)
        if (*at == '\\' && at + 1 < end)
            at++;
    return at;
}

/* Finds a member's value: [*from, *to), quotes included. */
static bool find(const struct record *record, const char *name, const char **from, const char **to)
{
    const char *at = record->text + 1, *end = record->text + record->size;
    size_t name_size = strlen(name);

    while (at < end && *at == '"') {
        const char *key = at + 1, *key_end = string_end(key, end);
        const char *value = key_end + 2; /* behind quote and colon */
        if (value >= end)
            return false;
        at = *value == '"' ? string_end(value + 1, end) + 1 : value;
        while (at < end && *at != ',' && *at != '}')
            at++;
        if ((size_t)(key_end - key) == name_size && memcmp(key, name, name_size) == 0) {
            *from = value;
            *to = at;
            return true;
        }
        at++; /* the comma */
    }
    return false;
}

bool record_has(const struct record *record, const char *name)
{
    const char *from, *to;
    return find(record, name, &from, &to);
}

static int hex4(const char *at)
{
    int value = 0;
    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef", *digit = strchr(digits, at[i]);
        if (!at[i] || !digit)
            return '?';
        value = value * 16 + (int)(digit - digits);
    }
    return value;
}

const char *record_text(const struct record *record, const char *name, char *text, size_t size)
{
    const char *from, *to;
    size_t length = 0;

    text[0] = '\0';
    if (!find(record, name, &from, &to) || *from != '"')
        return text;
    for (const char *at = from + 1; at < to - 1 && length + 1 < size; at++) {
        int byte = (unsigned char)*at;
        if (byte == '\\' && at + 1 < to - 1) {
            byte = (unsigned char)*++at;
            if (byte == 'u' && at + 4 < to - 1) {
                byte = hex4(at + 1);
                at += 4;
            }
        }
        text[length++] = (char)(byte < 256 ? byte : '?');
    }
    text[length] = '\0';
    return text;
}

const char *record_shown(const struct record *record, const char *name, char *text, size_t size)
{
    record_text(record, name, text, size);
    for (char *at = text; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    return text;
}

bool record_is(const struct record *record, const char *kind)
{
    char text[32];
    return strcmp(record_text(record, "record", text, sizeof(text)), kind) == 0;
}

uint64_t record_number(const struct record *record, const char *name)
{
    const char *from, *to;
    uint64_t number = 0;

    if (!find(record, name, &from, &to))
        return 0;
    for (; from < to && *from >= '0' && *from <= '9'; from++)
        number = number * 10 + (uint64_t)(*from - '0');
    return number;
}

bool record_flag(const struct record *record, const char *name)
{
    const char *from, *to;
    return find(record, name, &from, &to) && *from == 't';
}

static int digit64(char digit)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = digit ? strchr(digits, digit) : NULL;
    return at ? (int)(at - digits) : -1;
}

void *record_bytes(const struct record *record, const char *name, size_t *size)
{
    const char *from, *to;

    *size = 0;
    if (!find(record, name, &from, &to) || *from != '"' || (to - from - 2) % 4)
        return NULL;
    unsigned char *bytes = malloc((size_t)(to - from) + 1);
    if (!bytes)
        return NULL;
    for (const char *at = from + 1; at < to - 1; at += 4) {
        int a = digit64(at[0]), b = digit64(at[1]), c = digit64(at[2]), d = digit64(at[3]);
        if (a < 0 || b < 0 || (c < 0 && at[2] != '=') || (d < 0 && at[3] != '=')) {
            free(bytes);
            return NULL;
        }
        bytes[(*size)++] = (unsigned char)(a << 2 | b >> 4);
        if (c >= 0)
            bytes[(*size)++] = (unsigned char)((b & 15) << 4 | c >> 2);
        if (c >= 0 && d >= 0)
            bytes[(*size)++] = (unsigned char)((c & 3) << 6 | d);
    }
    return bytes;
}
