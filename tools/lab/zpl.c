/* SPDX-License-Identifier: MPL-2.0 */
/* The form of a ZPL file line by line, then zconfig's tree as a list. */

#include "zpl.h"

#include "mistake.h"

#include <czmq.h>

/* One line; `at` moves on from the indentation to the end. */
struct line {
    char text[LAB_ZPL_LINE_MAX + 1];
    char *at;
    int number, level;
    bool item; /* neither empty nor a comment */
};

static bool says_more(const struct line *line)
{
    return *line->at && *line->at != '#';
}

/* Copies a line without blanks at its end; false: it is no line of text. */
static bool take_line(struct line *line, const char *text, size_t size, struct lab_mistake *mistake)
{
    if (size > LAB_ZPL_LINE_MAX) {
        lab_mistaken(mistake, line->number, "the line has %zu bytes", size);
        return lab_mend(mistake, "at most %d are read; long commands belong into a script",
                        LAB_ZPL_LINE_MAX);
    }
    while (size > 0 && strchr(" \t\r", text[size - 1]) && text[size - 1])
        size--;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f) {
            lab_mistaken(mistake, line->number, "byte %zu is a control character", i + 1);
            return lab_mend(mistake, "a scenario is plain text");
        }
    }
    memcpy(line->text, text, size);
    line->text[size] = '\0';
    line->at = line->text;
    return true;
}

static bool check_indent(struct line *line, int deepest, struct lab_mistake *mistake)
{
    size_t blanks = strspn(line->text, " ");

    line->at = line->text + blanks;
    if (*line->at == '\t') {
        lab_mistaken(mistake, line->number, "a tab at the beginning of the line");
        return lab_mend(mistake, "each level is four blanks");
    }
    line->level = (int)(blanks / 4);
    line->item = says_more(line);
    if (blanks % 4 != 0) {
        lab_mistaken(mistake, line->number, "%zu blanks at the beginning of the line", blanks);
        return lab_mend(mistake, "each level is four blanks: %zu or %zu", blanks - blanks % 4,
                        blanks - blanks % 4 + 4);
    }
    if (line->item && line->level > deepest) {
        lab_mistaken(mistake, line->number, "the line is too far to the right");
        return lab_mend(mistake, "at most %d blanks here, four more than what it belongs to",
                        4 * deepest);
    }
    return true;
}

/* Letters as zconfig takes them, in the C locale. */
static size_t name_size(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789$-_@.&+/");
}

static bool check_name(struct line *line, struct lab_mistake *mistake)
{
    size_t size = name_size(line->at);
    char *name = line->at;

    line->at += size;
    if (size > 0 && name[0] != '/' && name[size - 1] != '/' &&
        (!*line->at || strchr(" \t=#", *line->at)))
        return true;
    lab_mistaken(mistake, line->number, "`%.*s` is no name", (int)strcspn(name, " \t=#"), name);
    return lab_mend(mistake, "a line is `name = value`; a name has letters, digits and $-_@.&+/ "
                             "within");
}

/* After a value in quotes, or after a name without one. */
static bool check_rest(struct line *line, const char *mend, struct lab_mistake *mistake)
{
    line->at += strspn(line->at, " \t");
    if (!says_more(line))
        return true;
    lab_mistaken(mistake, line->number, "`%s` is too much", line->at);
    return lab_mend(mistake, "%s", mend);
}

static bool check_value(struct line *line, struct lab_mistake *mistake)
{
    line->at += strspn(line->at, " \t");
    if (*line->at != '=')
        return check_rest(line, "a line is `name = value`", mistake);
    line->at++;
    line->at += strspn(line->at, " \t");
    if (!says_more(line)) {
        lab_mistaken(mistake, line->number, "there is nothing after `=`");
        return lab_mend(mistake, "write a value, or leave out the line");
    }
    if (*line->at != '"' && *line->at != '\'')
        return true;
    char quote = *line->at, *end = strchr(line->at + 1, quote);
    if (!end) {
        lab_mistaken(mistake, line->number, "a quote is not closed");
        return lab_mend(mistake, "a value that begins with %c ends with %c", quote, quote);
    }
    line->at = end + 1;
    return check_rest(line, "a value that begins with a quote ends with the next one: put the "
                            "other kind of quotes around all of it", mistake);
}

static bool check_line(struct line *line, int deepest, struct lab_mistake *mistake)
{
    return check_indent(line, deepest, mistake) &&
           (!line->item || (check_name(line, mistake) && check_value(line, mistake)));
}

/* Fills in the levels and lines of what zconfig will find. */
static bool scan(struct lab_zpl *zpl, const char *text, size_t size, struct lab_mistake *mistake)
{
    struct line line = {.number = 0};
    int deepest = 0;

    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at;
        line.number++;
        if (!take_line(&line, text + at, length, mistake) || !check_line(&line, deepest, mistake))
            return false;
        if (line.item) {
            zpl->items[zpl->count++] = (struct lab_item){.level = line.level, .line = line.number};
            deepest = line.level < LAB_ZPL_LEVEL_MAX ? line.level + 1 : line.level;
        }
        at += length + 1;
    }
    return true;
}

/* The tree's items, in the order in which they were read. */
static size_t list(struct lab_zpl *zpl, zconfig_t *parent, size_t count)
{
    for (zconfig_t *item = zconfig_child(parent); item; item = zconfig_next(item)) {
        if (count < zpl->count) {
            zpl->items[count].name = zconfig_name(item);
            zpl->items[count].value = zconfig_value(item);
        }
        count = list(zpl, item, count + 1);
    }
    return count;
}

static size_t count_lines(const char *text, size_t size)
{
    size_t lines = 1;

    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    return lines;
}

/* zconfig wants an end of the text. */
static bool load(struct lab_zpl *zpl, const char *text, size_t size, struct lab_mistake *mistake)
{
    char *copy = malloc(size + 1);

    if (!copy)
        return lab_mistaken(mistake, 0, "out of memory");
    memcpy(copy, text, size);
    copy[size] = '\0';
    zpl->root = zpl->count > 0 ? zconfig_str_load(copy) : zconfig_new("root", NULL);
    free(copy);
    if (!zpl->root || list(zpl, zpl->root, 0) != zpl->count)
        return lab_mistaken(mistake, 0, "zconfig reads the file differently");
    return true;
}

bool lab_zpl_read(struct lab_zpl *zpl, const char *text, size_t size, struct lab_mistake *mistake)
{
    *zpl = (struct lab_zpl){0};
    if (size > LAB_ZPL_TEXT_MAX) {
        lab_mistaken(mistake, 0, "the file has %zu bytes", size);
        return lab_mend(mistake, "at most %u are read", LAB_ZPL_TEXT_MAX);
    }
    zpl->items = calloc(count_lines(text, size), sizeof *zpl->items);
    if (!zpl->items)
        return lab_mistaken(mistake, 0, "out of memory");
    if (scan(zpl, text, size, mistake) && load(zpl, text, size, mistake))
        return true;
    lab_zpl_clear(zpl);
    return false;
}

void lab_zpl_clear(struct lab_zpl *zpl)
{
    zconfig_destroy(&zpl->root);
    free(zpl->items);
    *zpl = (struct lab_zpl){0};
}

size_t lab_zpl_child(const struct lab_zpl *zpl, size_t item)
{
    size_t first = item == SIZE_MAX ? 0 : item + 1;
    int level = item == SIZE_MAX ? 0 : zpl->items[item].level + 1;

    return first < zpl->count && zpl->items[first].level == level ? first : SIZE_MAX;
}

size_t lab_zpl_next(const struct lab_zpl *zpl, size_t item)
{
    int level = zpl->items[item].level;

    for (size_t i = item + 1; i < zpl->count && zpl->items[i].level >= level; i++) {
        if (zpl->items[i].level == level)
            return i;
    }
    return SIZE_MAX;
}
