/* SPDX-License-Identifier: MPL-2.0 */

/* Golden traces: stories of the protocol as text. A file is a comment that names the promise it
 * guards, a script, a line of four dashes, and the trace that the script must give.
 *
 *     trace_test FILE...             compares, and shows the first difference
 *     trace_test --rewrite FILE...   writes the expected part anew; review the difference
 */

#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef GODWIT_PLANTS
#include "base/plant.h"
enum gw_plant gw_plant;
#endif

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0, used = 0;

    if (!file) {
        perror(path);
        exit(2);
    }
    for (int c; (c = fgetc(file)) != EOF;) {
        if (used + 1 >= size && !(text = realloc(text, size = size ? 2 * size : 4096)))
            abort();
        text[used++] = (char)c;
    }
    fclose(file);
    if (text)
        text[used] = '\0';
    return text;
}

/* Shows where two texts part. */
static void show_difference(const char *path, const char *expected, const char *got)
{
    unsigned line = 1;

    for (;;) {
        size_t a = strcspn(expected, "\n"), b = strcspn(got, "\n");
        if (a != b || strncmp(expected, got, a) != 0) {
            printf("%s: line %u of the trace differs\n  expected: %.*s\n  got:      %.*s\n", path,
                   line, (int)a, expected, (int)b, got);
            return;
        }
        if (!expected[a] && !got[b])
            return;
        expected += a + (expected[a] == '\n');
        got += b + (got[b] == '\n');
        line++;
    }
}

static bool rewrite_file(const char *path, const char *story, size_t script_size,
                         const char *trace)
{
    FILE *file = fopen(path, "w");

    if (!file)
        return false;
    fwrite(story, 1, script_size, file);
    fprintf(file, "----\n%s", trace);
    return fclose(file) == 0;
}

static bool check(const char *path, bool rewrite)
{
    char *story = read_file(path);
    char *mark = story ? strstr(story, "\n----\n") : NULL;
    size_t script_size = mark ? (size_t)(mark - story) + 1 : story ? strlen(story) : 0;
    char *trace = NULL;
    bool good = true;

    if (!story || story[0] != '#') {
        printf("%s: must begin with a comment that names its promise\n", path);
        return false;
    }
    char *script = strndup(story, script_size);
    if (!script_run(path, script, &trace)) {
        good = false;
    } else if (rewrite) {
        good = rewrite_file(path, story, script_size, trace);
    } else if (!mark || strcmp(mark + 6, trace) != 0) {
        show_difference(path, mark ? mark + 6 : "", trace);
        good = false;
    }
    free(script);
    free(story);
    free(trace);
    return good;
}

int main(int argc, char **argv)
{
    bool rewrite = argc > 1 && strcmp(argv[1], "--rewrite") == 0;
    int bad = 0;

    for (int i = rewrite ? 2 : 1; i < argc; i++)
        bad += !check(argv[i], rewrite);
    if (argc < (rewrite ? 3 : 2)) {
        fprintf(stderr, "usage: trace_test [--rewrite] FILE...\n");
        return 2;
    }
    if (bad && !rewrite)
        printf("%d of %d traces differ; if that is right: trace_test --rewrite, then review\n",
               bad, argc - 1);
    return bad ? 1 : 0;
}
