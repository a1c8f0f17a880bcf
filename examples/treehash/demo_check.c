/* SPDX-License-Identifier: MPL-2.0 */
/* The checks work on three lists of paths: before, after, and what the collector counted. */

#include "demo_asks.h"
#include "demo_scratch.h"
#include "demo_screen.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LISTED_MAX 20

void check_list(uint64_t number, const char *what, const char *path, const char *more)
{
    if (number < LISTED_MAX)
        screen_line("  %s: %s%s%s", what, path, *more ? ": " : "", more);
    else if (number == LISTED_MAX)
        screen_line("  %s: and more", what);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *check_find_path(const struct check_paths *paths, const char *path)
{
    char **found = paths->count ? bsearch(&path, paths->items, paths->count,
                                          sizeof(*paths->items), by_bytes)
                                : NULL;
    return found ? *found : NULL;
}

static bool has(const struct check_paths *paths, const char *path)
{
    return check_find_path(paths, path) != NULL;
}

static void add(struct check_paths *paths, char *path)
{
    if ((paths->count & (paths->count - 1)) == 0) {
        size_t capacity = paths->count ? 2 * paths->count : 1;
        paths->items = realloc(paths->items, capacity * sizeof(*paths->items));
        if (!paths->items)
            abort();
    }
    paths->items[paths->count++] = path;
}

static void sort(struct check_paths *paths)
{
    if (paths->count)
        qsort(paths->items, paths->count, sizeof(*paths->items), by_bytes);
}

void check_paths_clear(struct check_paths *paths)
{
    free(paths->items);
    free(paths->text);
    *paths = (struct check_paths){0};
}

bool check_find(struct check_paths *paths, const char *root, const char *name)
{
    static const char *const find[] = {"find", ".", "-type", "f", "-printf", "%P\\0", NULL};
    char output[SCRATCH_PATH];
    size_t size;
    *paths = (struct check_paths){0};
    scratch_path(output, "%s", name);
    int status = scratch_run(find, root, output);
    if (status < 0 || status == 127 || !(paths->text = scratch_read(output, &size)))
        return false;
    for (char *at = paths->text; at < paths->text + size; at += strlen(at) + 1)
        add(paths, at);
    sort(paths);
    return true;
}

static bool missing(const char *root, const char *path, struct stat *status)
{
    char whole[2 * SCRATCH_PATH];
    snprintf(whole, sizeof(whole), "%s/%s", root, path);
    return lstat(whole, status) != 0;
}

/* Whether the file was touched since the job began. File times lag behind the clock a little. */
static bool changed(const struct check *check, const char *path)
{
    struct stat status;
    return missing(check->root, path, &status) || status.st_ctime >= check->started_s - 1;
}

/* "COUNT AGAIN " of a path. What came again by failover may be there beside the one that counts. */
static char *take_count(struct check *check, char *record, uint64_t *count)
{
    *count = strtoull(record, &record, 10);
    uint64_t again = strtoull(record, &record, 10);
    check->repeated += *count > 1 ? *count - 1 : 0;
    check->again += *count ? again : again ? again - 1 : 0;
    return record + 1;
}

/* One file of the counts: "COUNT AGAIN SIZE DIGEST PATH". */
static void take_file(struct check *check, struct check_paths *counted, char *record)
{
    uint64_t count, told = check->repeated;
    char *rest = take_count(check, record, &count);
    uint64_t size = strtoull(rest, &rest, 10);
    char *path = strchr(rest + 1, ' ');
    if (!path)
        return;
    add(counted, ++path);
    check->files++;
    check->bytes += size;
    if (count > 1)
        check_list(told, "REPEATED", path, "");
}

static void take_skipped(struct check *check, struct check_paths *unread, char *record)
{
    uint64_t count;
    char *path = take_count(check, record, &count);
    const char *why = path + strlen(path) + 1; /* the next record: "why TEXT" */
    check_list(check->unread, "could not be read", path, strncmp(why, "why ", 4) ? "" : why + 4);
    add(unread, path);
    check->unread++;
}

/* Reads the collector's counts. `text` stays what the paths point into. */
static void read_counts(struct check *check, char *text, size_t size, struct check_paths *counted,
                        struct check_paths *unread)
{
    for (char *at = text; at < text + size;) {
        char *next = at + strlen(at) + 1;
        if (strncmp(at, "file ", 5) == 0)
            take_file(check, counted, at + 5);
        else if (strncmp(at, "skipped ", 8) == 0)
            take_skipped(check, unread, at + 8);
        at = next;
    }
    sort(counted);
    sort(unread);
}

static void compare(struct check *check, const struct check_paths *after,
                    const struct check_paths *counted, const struct check_paths *unread)
{
    const struct check_paths *before = check->before;
    for (size_t i = 0; i < before->count; i++) {
        const char *path = before->items[i];
        if (has(counted, path) || has(unread, path))
            continue;
        if (has(after, path))
            check_list(check->lost++, "LOST", path, "");
        else
            check_list(check->changed++, "went while the job ran", path, "");
    }
    for (size_t i = 0; i < after->count; i++) {
        if (!has(before, after->items[i]))
            check_list(check->changed++, "came while the job ran", after->items[i], "");
    }
    for (size_t i = 0; i < counted->count; i++) {
        if (!has(before, counted->items[i]) && !has(after, counted->items[i]) &&
            !changed(check, counted->items[i]))
            check_list(check->invented++, "NEVER THERE", counted->items[i], "");
    }
}

/* Undoes sha256sum's escapes, in place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        if (*at != '\\' || !at[1]) {
            *to++ = *at;
            continue;
        }
        at++;
        *to++ = (char)(*at == 'n' ? '\n' : *at == 'r' ? '\r' : *at);
    }
    *to = '\0';
}

/* One line of `sha256sum -c --quiet`: "./PATH: FAILED", with a backslash before it if escaped. */
static void take_complaint(struct check *check, char *line)
{
    char *end = strstr(line, ": FAILED");
    for (char *later = end; later; later = strstr(later + 1, ": FAILED"))
        end = later;
    if (!end) {
        check_list(check->wrong++, "sha256sum says", line, "");
        return;
    }
    *end = '\0';
    if (*line == '\\')
        unescape(++line);
    if (strncmp(line, "./", 2) == 0)
        line += 2;
    if (changed(check, line))
        check_list(check->changed++, "changed while the job ran", line, "");
    else
        check_list(check->wrong++, "WRONG DIGEST", line, "");
}

static bool check_digests(struct check *check)
{
    const char *const sum[] = {"sha256sum", "-c", "--quiet", "--strict", check->manifest, NULL};
    char output[SCRATCH_PATH];
    size_t size;
    if (!check->files)
        return true; /* sha256sum refuses an empty manifest */
    scratch_path(output, "sha256sum");
    int status = scratch_run(sum, check->root, output);
    char *text = scratch_read(output, &size);
    if (status < 0 || status == 127 || !text) {
        free(text);
        return false;
    }
    uint64_t told = check->wrong + check->changed;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        take_complaint(check, line);
    if (status && told == check->wrong + check->changed)
        check_list(check->wrong++, "sha256sum", "it failed and names no file", "");
    free(text);
    return true;
}

void check_run(struct check *check)
{
    struct check_paths after, counted = {0}, unread = {0};
    size_t size = 0;
    check->ran = check_find(&after, check->root, "find.after");
    char *text = scratch_read(check->counts, &size);
    if (text)
        read_counts(check, text, size, &counted, &unread);
    else
        screen_line("  the collector wrote no counts");
    if (check->ran)
        compare(check, &after, &counted, &unread);
    check_asks(check, text, size, &counted);
    check->ran = check_digests(check) && check->ran;
    check_paths_clear(&after);
    check_paths_clear(&counted);
    check_paths_clear(&unread);
    free(text);
}
