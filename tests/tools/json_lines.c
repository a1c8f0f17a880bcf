/* SPDX-License-Identifier: MPL-2.0 */

/* json_lines: each line of the standard input must be one JSON object (RFC 8259), all ASCII. Prints
 * how many there are; 1 and the first bad line if one is not. */

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *at; /* NULL once the line is no JSON */

static bool take(char wanted)
{
    if (!at || *at != wanted)
        return false;
    at++;
    return true;
}

static void want(bool there)
{
    if (!there)
        at = NULL;
}

static void string(void)
{
    want(take('"'));
    while (at && *at != '"') {
        if ((unsigned char)*at < ' ' || (unsigned char)*at > '~') {
            at = NULL;
        } else if (*at++ == '\\') {
            bool unicode = *at == 'u';
            want(*at && strchr("\"\\/bfnrtu", *at));
            if (at)
                at++;
            for (int i = 0; at && unicode && i < 4; i++)
                want(isxdigit((unsigned char)*at++));
        }
    }
    want(take('"'));
}

static void digits(void)
{
    want(at && isdigit((unsigned char)*at));
    while (at && isdigit((unsigned char)*at))
        at++;
}

static void number(void)
{
    take('-');
    if (!take('0'))
        digits();
    if (take('.'))
        digits();
    if (at && (*at == 'e' || *at == 'E')) {
        at++;
        if (!take('+'))
            take('-');
        digits();
    }
}

static void value(int depth);

static void object(int depth)
{
    if (take('}'))
        return;
    do {
        string();
        want(take(':'));
        value(depth);
    } while (take(','));
    want(take('}'));
}

static void array(int depth)
{
    if (take(']'))
        return;
    do {
        value(depth);
    } while (take(','));
    want(take(']'));
}

static void value(int depth)
{
    static const char *const words[] = {"true", "false", "null"};

    if (!at || depth > 20) {
        at = NULL;
    } else if (take('{')) {
        object(depth + 1);
    } else if (take('[')) {
        array(depth + 1);
    } else if (*at == '"') {
        string();
    } else {
        for (size_t i = 0; i < 3; i++)
            if (strncmp(at, words[i], strlen(words[i])) == 0) {
                at += strlen(words[i]);
                return;
            }
        number();
    }
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0, count = 0;

    while (getline(&line, &capacity, stdin) > 0) {
        at = line;
        want(*at == '{');
        value(0);
        want(take('\n'));
        want(at && !*at);
        if (!at) {
            fprintf(stderr, "no JSON object: %s", line);
            return 1;
        }
        count++;
    }
    free(line);
    printf("%zu\n", count);
    return 0;
}
