/* SPDX-License-Identifier: MPL-2.0 */
#ifndef GODWIT_RECORDS_H
#define GODWIT_RECORDS_H

/* Answers of godwit_inspect_ask: flat JSON objects, one a line. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record {
    const char *text; /* the line, no newline; not NUL-terminated */
    size_t size;
};

/* Walks an answer: `at` begins with its start. False at its end. */
bool record_next(const char **at, struct record *record);
bool record_is(const struct record *record, const char *kind);
/* A string member, unescaped (bytes above 255 become '?') and cut to size - 1 bytes and a NUL; ""
 * if there is none. Returns `text`. */
const char *record_text(const struct record *record, const char *name, char *text, size_t size);
/* The same to be shown: what is not printable ASCII becomes '?'. */
const char *record_shown(const struct record *record, const char *name, char *text, size_t size);
uint64_t record_number(const struct record *record, const char *name); /* 0 if there is none */
bool record_flag(const struct record *record, const char *name);
bool record_has(const struct record *record, const char *name);
/* A base64 member's bytes, malloc'ed; NULL if there is none, it is malformed, or for want of
 * memory. */
void *record_bytes(const struct record *record, const char *name, size_t *size);

#endif
