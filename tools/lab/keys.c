/* SPDX-License-Identifier: MPL-2.0 */
/* Keys by table, and their values. */

#include "keys.h"

#include "words.h"

#include <inttypes.h>
#include <string.h>

static const struct lab_key *find(const struct lab_key *keys, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    }
    return NULL;
}

static bool unknown(struct lab_reader *reader, size_t parent, const struct lab_item *item,
                    const struct lab_key *keys, size_t count)
{
    const char *names[LAB_KEYS_MAX];

    for (size_t i = 0; i < count; i++)
        names[i] = keys[i].name;
    if (parent == SIZE_MAX)
        lab_mistaken(reader->mistake, item->line, "unknown key `%s`", item->name);
    else
        lab_mistaken(reader->mistake, item->line, "unknown key `%s` of `%s`", item->name,
                     reader->zpl.items[parent].name);
    return lab_mend_word(reader->mistake, item->name, names, count);
}

bool lab_keys_leaf(struct lab_reader *reader, size_t item)
{
    size_t child = lab_zpl_child(&reader->zpl, item);

    if (child == SIZE_MAX)
        return true;
    lab_mistaken(reader->mistake, reader->zpl.items[child].line, "`%s` cannot belong to `%s`",
                 reader->zpl.items[child].name, reader->zpl.items[item].name);
    return lab_mend(reader->mistake, "four blanks less?");
}

/* A section has items and no value, any other key a value and no items. */
static bool has_form(struct lab_reader *reader, size_t at, bool section)
{
    const struct lab_item *item = &reader->zpl.items[at];

    if (section && *item->value) {
        lab_mistaken(reader->mistake, item->line, "`%s` takes no value", item->name);
        return lab_mend(reader->mistake, "what belongs to it stands below, four blanks in");
    }
    if (!section && !*item->value) {
        lab_mistaken(reader->mistake, item->line, "`%s` has no value", item->name);
        return lab_mend(reader->mistake, "`%s = ...`", item->name);
    }
    return section || lab_keys_leaf(reader, at);
}

bool lab_keys_read(struct lab_reader *reader, size_t item, const struct lab_key *keys, size_t count,
                   void *into)
{
    int seen[LAB_KEYS_MAX] = {0}; /* lines */

    for (size_t at = lab_zpl_child(&reader->zpl, item); at != SIZE_MAX;
         at = lab_zpl_next(&reader->zpl, at)) {
        const struct lab_item *child = &reader->zpl.items[at];
        const struct lab_key *key = find(keys, count, child->name);
        if (!key)
            return unknown(reader, item, child, keys, count);
        if (seen[key - keys]) {
            lab_mistaken(reader->mistake, child->line, "`%s` stands here twice", child->name);
            return lab_mend(reader->mistake, "it is on line %d already", seen[key - keys]);
        }
        seen[key - keys] = child->line;
        if (!has_form(reader, at, key->section) || !key->read(reader, at, into))
            return false;
    }
    return true;
}

/* --- values --- */

static bool wrong(struct lab_reader *reader, size_t at, const char *mend)
{
    const struct lab_item *item = &reader->zpl.items[at];

    lab_mistaken(reader->mistake, item->line, "`%s` cannot be `%s`", item->name, item->value);
    return lab_mend(reader->mistake, "%s", mend);
}

bool lab_value_time(struct lab_reader *reader, size_t item, uint64_t *us)
{
    return (lab_read_time(reader->zpl.items[item].value, us) && *us > 0) ||
           wrong(reader, item, "a time: 500ms, 20s, 5m, 24h; without a unit, seconds; at most 30d");
}

bool lab_value_size(struct lab_reader *reader, size_t item, uint64_t *bytes)
{
    return (lab_read_size(reader->zpl.items[item].value, bytes) && *bytes > 0) ||
           wrong(reader, item, "bytes, as 512k, 40M or 1G");
}

bool lab_value_number(struct lab_reader *reader, size_t item, uint64_t least, uint64_t most,
                      uint64_t *number)
{
    if (lab_read_number(reader->zpl.items[item].value, most, number) && *number >= least)
        return true;
    lab_mistaken(reader->mistake, reader->zpl.items[item].line, "`%s` cannot be `%s`",
                 reader->zpl.items[item].name, reader->zpl.items[item].value);
    return lab_mend(reader->mistake, "a whole number from %" PRIu64 " to %" PRIu64, least, most);
}

bool lab_value_yes(struct lab_reader *reader, size_t item, bool *yes)
{
    const char *value = reader->zpl.items[item].value;

    *yes = strcmp(value, "yes") == 0;
    return *yes || strcmp(value, "no") == 0 || wrong(reader, item, "yes or no");
}
