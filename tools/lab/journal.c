/* SPDX-License-Identifier: MPL-2.0 */

/* Reads a shim's journal: see journal.h. */

#include "journal.h"

#include <stdlib.h>
#include <string.h>

struct record {
    struct lab_change change;
    uint64_t position;
    const uint8_t *name, *to, *data;
    size_t next; /* where the next one begins */
};

static void *grow(void *list, size_t *capacity, size_t size)
{
    size_t wanted = *capacity ? 2 * *capacity : 16;
    void *grown = realloc(list, wanted * size);

    if (grown)
        *capacity = wanted;
    return grown;
}

/* --- contents --- */

static int add_content(struct lab_content_list *list, const struct lab_content_change *change)
{
    if (list->count == list->capacity) {
        void *grown = grow(list->at, &list->capacity, sizeof *list->at);
        if (!grown)
            return -1;
        list->at = grown;
    }
    list->at[list->count++] = *change;
    return 0;
}

static struct lab_file_history *find_file(struct lab_history *history, uint64_t file)
{
    if (history->last < history->file_count && history->files[history->last].file == file)
        return &history->files[history->last];
    for (size_t i = history->file_count; i-- > 0;)
        if (history->files[i].file == file)
            return &history->files[history->last = i];
    return NULL;
}

static void reset_file(struct lab_file_history *file, uint64_t size)
{
    file->size = size;
    file->changes.count = file->doomed.count = 0;
    file->mapped = NULL;
}

static struct lab_file_history *make_file(struct lab_history *history, uint64_t file,
                                          uint64_t size)
{
    struct lab_file_history *found = find_file(history, file);

    if (found)
        return found;
    if (history->file_count == history->file_capacity) {
        void *grown = grow(history->files, &history->file_capacity, sizeof *history->files);
        if (!grown)
            return NULL;
        history->files = grown;
    }
    found = &history->files[history->file_count++];
    *found = (struct lab_file_history){.file = file, .size = size};
    return found;
}

static void free_file(struct lab_file_history *file)
{
    free(file->changes.at);
    free(file->doomed.at);
}

static void forget_file(struct lab_history *history, uint64_t file)
{
    struct lab_file_history *found = find_file(history, file);

    if (!found)
        return;
    free_file(found);
    size_t after = (size_t)(history->files + history->file_count - found) - 1;
    memmove(found, found + 1, after * sizeof *found);
    history->file_count--;
}

static bool overlap(const struct lab_content_change *a, const struct lab_content_change *b)
{
    return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

/* What is durable now hides what was lost below it. */
static void rescue(struct lab_content_list *doomed, const struct lab_content_change *durable)
{
    size_t kept = 0;

    for (size_t i = 0; i < doomed->count; i++)
        if (!overlap(&doomed->at[i], durable))
            doomed->at[kept++] = doomed->at[i];
    doomed->count = kept;
}

static int content_durable(struct lab_file_history *file, uint64_t before, uint64_t size)
{
    struct lab_content_list *changes = &file->changes;
    size_t done = 0;

    for (; done < changes->count && changes->at[done].position < before; done++) {
        const struct lab_content_change *change = &changes->at[done];
        if (change->kind == LAB_CHANGE_WRITE && change->failed) {
            if (add_content(&file->doomed, change) != 0)
                return -1;
        } else {
            rescue(&file->doomed, change);
        }
    }
    changes->count -= done;
    if (changes->count > 0)
        memmove(changes->at, changes->at + done, changes->count * sizeof *changes->at);
    file->size = size;
    file->mapped = NULL;
    return 0;
}

static void content_failed(struct lab_file_history *file, uint64_t before)
{
    for (size_t i = 0; i < file->changes.count; i++)
        file->changes.at[i].failed |= file->changes.at[i].position < before;
}

/* --- names --- */

static bool touches(const struct lab_name_change *change, uint64_t folder)
{
    return folder != 0 && (change->folder == folder || change->to_folder == folder);
}

static void drop_name(struct lab_history *history, size_t index)
{
    struct lab_name_change *change = &history->names[index];

    free(change->name);
    free(change->to);
    memmove(change, change + 1, (history->name_count - index - 1) * sizeof *change);
    history->name_count--;
}

/* That change, and whatever was changed before it in its folders. */
static void name_durable(struct lab_history *history, size_t index)
{
    const struct lab_name_change change = history->names[index];
    uint64_t gone = change.kind == LAB_CHANGE_UNLINK ? change.file : change.kept;

    drop_name(history, index);
    for (size_t i = index; i-- > 0;) {
        if (i < history->name_count && history->names[i].position < change.position &&
            (touches(&history->names[i], change.folder) ||
             touches(&history->names[i], change.to_folder)))
            name_durable(history, i);
    }
    if (gone)
        forget_file(history, gone); /* its number may come again */
}

static void folder_durable(struct lab_history *history, uint64_t folder, uint64_t before)
{
    for (size_t i = history->name_count; i-- > 0;)
        if (i < history->name_count && history->names[i].position < before &&
            touches(&history->names[i], folder))
            name_durable(history, i);
}

static void own_name_durable(struct lab_history *history, uint64_t file, uint64_t before)
{
    for (size_t i = history->name_count; i-- > 0;) {
        const struct lab_name_change *change = &history->names[i];
        if (change->file == file && change->kind != LAB_CHANGE_UNLINK &&
            change->position < before) {
            name_durable(history, i);
            return;
        }
    }
}

static void all_durable(struct lab_history *history, uint64_t before)
{
    while (history->name_count > 0 && history->names[0].position < before)
        name_durable(history, 0);
    for (size_t i = 0; i < history->file_count; i++) {
        struct lab_file_history *file = &history->files[i];
        uint64_t size = file->size;
        for (size_t c = 0; c < file->changes.count; c++) {
            const struct lab_content_change *change = &file->changes.at[c];
            uint64_t end = change->offset + change->size;
            if (change->position < before)
                size = change->kind == LAB_CHANGE_RESIZE ? change->size
                       : end > change->was               ? end
                                                         : change->was;
        }
        content_durable(file, before, size);
    }
}

static char *text_of(const uint8_t *bytes, size_t size)
{
    return size > 0 ? strndup((const char *)bytes, size) : NULL;
}

static int add_name(struct lab_history *history, const struct record *record)
{
    const struct lab_change *change = &record->change;

    if (history->name_count == history->name_capacity) {
        void *grown = grow(history->names, &history->name_capacity, sizeof *history->names);
        if (!grown)
            return -1;
        history->names = grown;
    }
    struct lab_name_change *name = &history->names[history->name_count];
    *name = (struct lab_name_change){
        .kind = (enum lab_change_kind)change->kind,
        .position = record->position,
        .file = change->file,
        .folder = change->folder,
        .to_folder = change->to_folder,
        .kept = change->kept,
        .name = text_of(record->name, change->name_size),
        .to = text_of(record->to, change->to_size),
    };
    if ((change->name_size > 0 && !name->name) || (change->to_size > 0 && !name->to)) {
        free(name->name);
        free(name->to);
        return -1;
    }
    history->name_count++;
    return 0;
}

/* --- records --- */

static int take_content(struct lab_history *history, const struct record *record)
{
    const struct lab_change *change = &record->change;
    struct lab_file_history *file = make_file(history, change->file, change->was);

    if (!file)
        return -1;
    return add_content(&file->changes,
                       &(struct lab_content_change){.kind = (enum lab_change_kind)change->kind,
                                                    .position = record->position,
                                                    .offset = change->offset,
                                                    .size = change->size,
                                                    .was = change->was,
                                                    .data = record->data,
                                                    .data_size = change->data_size});
}

static int take_file(struct lab_history *history, const struct record *record)
{
    const struct lab_change *change = &record->change;
    struct lab_file_history *file = make_file(history, change->file, change->size);

    if (!file)
        return -1;
    if (change->kind == LAB_CHANGE_BASE || (change->kind == LAB_CHANGE_CREATE && !change->was))
        reset_file(file, change->size);
    if (change->kind == LAB_CHANGE_MAP && change->data_size > 0 && !file->mapped) {
        file->mapped = record->data;
        file->mapped_size = change->data_size;
    }
    return change->kind == LAB_CHANGE_CREATE ? add_name(history, record) : 0;
}

static int take_sync(struct lab_history *history, const struct lab_change *change, bool strict)
{
    struct lab_file_history *file = make_file(history, change->file, change->size);

    if (!file)
        return -1;
    if (change->kind == LAB_CHANGE_SYNC_FAILED) {
        content_failed(file, change->offset);
        return 0;
    }
    if (content_durable(file, change->offset, change->size) != 0)
        return -1;
    if (!strict)
        own_name_durable(history, change->file, change->offset);
    return 0;
}

static int take(struct lab_history *history, const struct record *record, bool strict)
{
    const struct lab_change *change = &record->change;

    switch ((enum lab_change_kind)change->kind) {
    case LAB_CHANGE_BASE:
    case LAB_CHANGE_OPEN:
    case LAB_CHANGE_CREATE:
    case LAB_CHANGE_MAP: return take_file(history, record);
    case LAB_CHANGE_MKDIR:
    case LAB_CHANGE_LINK:
    case LAB_CHANGE_RENAME:
    case LAB_CHANGE_UNLINK: return add_name(history, record);
    case LAB_CHANGE_WRITE:
    case LAB_CHANGE_RESIZE: return take_content(history, record);
    case LAB_CHANGE_SYNC:
    case LAB_CHANGE_SYNC_FAILED: return take_sync(history, change, strict);
    case LAB_CHANGE_SYNC_FOLDER:
        folder_durable(history, change->folder, change->offset);
        return 0;
    case LAB_CHANGE_SYNC_MAPS:
        for (size_t i = 0; i < history->file_count; i++)
            history->files[i].mapped = NULL;
        return 0;
    case LAB_CHANGE_SYNC_ALL: all_durable(history, change->offset); return 0;
    case LAB_CHANGE_KINDS: break;
    }
    return 0;
}

static bool parse(const uint8_t *journal, size_t size, size_t at, struct record *record)
{
    struct lab_change *change = &record->change;
    uint64_t end;

    if (size - at < sizeof *change + sizeof end)
        return false;
    memcpy(change, journal + at, sizeof *change);
    if (change->magic != LAB_CHANGE_MAGIC || change->sum != lab_change_sum(change))
        return false;
    size_t left = size - at - sizeof *change - sizeof end;
    size_t names = (size_t)change->name_size + change->to_size;
    if (left < names || left - names < change->data_size)
        return false;
    record->position = at;
    record->name = journal + at + sizeof *change;
    record->to = record->name + change->name_size;
    record->data = record->to + change->to_size;
    record->next = at + sizeof *change + names + (size_t)change->data_size + sizeof end;
    memcpy(&end, journal + record->next - sizeof end, sizeof end);
    return end == lab_change_end(change);
}

int lab_history_read(struct lab_history *history, const uint8_t *journal, size_t size, bool strict)
{
    struct record record;

    *history = (struct lab_history){0};
    for (size_t at = 0; at < size;) {
        if (!parse(journal, size, at, &record)) {
            at++; /* the rest of a record whose process was killed */
            continue;
        }
        if (take(history, &record, strict) != 0) {
            lab_history_clear(history);
            return -1;
        }
        at = record.next;
    }
    return 0;
}

void lab_history_clear(struct lab_history *history)
{
    for (size_t i = 0; i < history->name_count; i++) {
        free(history->names[i].name);
        free(history->names[i].to);
    }
    for (size_t i = 0; i < history->file_count; i++)
        free_file(&history->files[i]);
    free(history->names);
    free(history->files);
    *history = (struct lab_history){0};
}

/* --- the same again, shorter --- */

static void put(FILE *out, struct lab_change change, const char *name, const char *to,
                const uint8_t *data)
{
    change.magic = LAB_CHANGE_MAGIC;
    change.name_size = name ? (uint16_t)strlen(name) : 0;
    change.to_size = to ? (uint16_t)strlen(to) : 0;
    change.sum = lab_change_sum(&change);
    uint64_t end = lab_change_end(&change);
    fwrite(&change, sizeof change, 1, out);
    if (name)
        fwrite(name, 1, change.name_size, out);
    if (to)
        fwrite(to, 1, change.to_size, out);
    if (data)
        fwrite(data, 1, change.data_size, out);
    fwrite(&end, sizeof end, 1, out);
}

static void put_contents(FILE *out, uint64_t file, const struct lab_content_list *list, bool failed)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct lab_content_change *change = &list->at[i];
        if (change->failed == failed)
            put(out,
                (struct lab_change){.kind = change->kind, .file = file, .offset = change->offset,
                                    .size = change->size, .was = change->was,
                                    .data_size = change->data_size},
                NULL, NULL, change->data_size > 0 ? change->data : NULL);
    }
}

static void put_mark(FILE *out, enum lab_change_kind kind, const struct lab_file_history *file)
{
    put(out,
        (struct lab_change){.kind = kind, .file = file->file, .offset = (uint64_t)ftell(out),
                            .size = file->size},
        NULL, NULL, NULL);
}

/* In an order that leads to the same lists again. */
static void put_file(FILE *out, const struct lab_file_history *file)
{
    put_mark(out, LAB_CHANGE_BASE, file);
    if (file->doomed.count > 0) {
        put_contents(out, file->file, &file->doomed, true);
        put_mark(out, LAB_CHANGE_SYNC_FAILED, file);
        put_mark(out, LAB_CHANGE_SYNC, file);
    }
    if (file->changes.count > 0 && file->changes.at[0].failed) {
        put_contents(out, file->file, &file->changes, true); /* the oldest ones */
        put_mark(out, LAB_CHANGE_SYNC_FAILED, file);
    }
    put_contents(out, file->file, &file->changes, false);
    if (file->mapped)
        put(out,
            (struct lab_change){.kind = LAB_CHANGE_MAP, .file = file->file,
                                .size = file->mapped_size, .was = file->mapped_size,
                                .data_size = file->mapped_size},
            NULL, NULL, file->mapped);
}

int lab_history_write(const struct lab_history *history, FILE *out)
{
    for (size_t i = 0; i < history->file_count; i++)
        put_file(out, &history->files[i]);
    for (size_t i = 0; i < history->name_count; i++) {
        const struct lab_name_change *name = &history->names[i];
        put(out,
            (struct lab_change){.kind = name->kind, .file = name->file, .folder = name->folder,
                                .to_folder = name->to_folder, .kept = name->kept,
                                .was = name->kind == LAB_CHANGE_CREATE},
            name->name, name->to, NULL);
    }
    return fflush(out) == 0 && !ferror(out) ? 0 : -1;
}
