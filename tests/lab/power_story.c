/* SPDX-License-Identifier: MPL-2.0 */

/* See power_story.h. */

#include "power_story.h"

#include "tree.h"

#define SEEDS 400
#define STATES 32

struct scratch scratch;
FILE *journal;

const struct lab_power_rules plain = {.no_zeros = true}, zeros = {0},
                             strict = {.no_zeros = true, .strict = true};

/* --- telling a story --- */

const char *at(const char *name)
{
    static char paths[4][2048];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/dir/%s", scratch.path, name);
    return path;
}

uint64_t inode(const char *name)
{
    struct stat status;

    assert_int_equal(stat(at(name), &status), 0);
    return status.st_ino;
}

uint64_t size_of(const char *name)
{
    struct stat status;

    assert_int_equal(stat(at(name), &status), 0);
    return (uint64_t)status.st_size;
}

uint64_t position(void)
{
    return (uint64_t)ftell(journal);
}

void note(enum lab_change_kind kind, struct lab_change change, const char *name, const char *to,
          const void *data)
{
    change.magic = LAB_CHANGE_MAGIC;
    change.kind = kind;
    change.name_size = name ? (uint16_t)strlen(name) : 0;
    change.to_size = to ? (uint16_t)strlen(to) : 0;
    change.sum = lab_change_sum(&change);
    fwrite(&change, sizeof change, 1, journal);
    fprintf(journal, "%s%s", name ? name : "", to ? to : "");
    if (change.data_size > 0)
        fwrite(data, 1, change.data_size, journal);
    uint64_t end = lab_change_end(&change);
    fwrite(&end, sizeof end, 1, journal);
}

void old_file(const char *name, const char *text)
{
    file_write(at(name), text, strlen(text));
}

static const char *base(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash ? slash + 1 : name;
}

static uint64_t folder_of(const char *name)
{
    char folder[256];
    const char *slash = strrchr(name, '/');

    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - name) : 1, slash ? name : ".");
    return inode(folder);
}

void make(const char *name)
{
    file_write(at(name), "", 0);
    note(LAB_CHANGE_CREATE, (struct lab_change){.file = inode(name), .folder = folder_of(name)},
         base(name), NULL, NULL);
}

void make_folder(const char *name)
{
    assert_int_equal(mkdir(at(name), 0700), 0);
    note(LAB_CHANGE_MKDIR, (struct lab_change){.file = inode(name), .folder = folder_of(name)},
         base(name), NULL, NULL);
}

void put(const char *name, uint64_t offset, const void *bytes, size_t size)
{
    uint64_t was = size_of(name), end = offset + size;
    uint64_t replaced = offset >= was ? 0 : (end < was ? end : was) - offset;
    char old[8192];
    int fd = open(at(name), O_RDWR);

    assert_int_equal(pread(fd, old, replaced, (off_t)offset), (ssize_t)replaced);
    note(LAB_CHANGE_WRITE,
         (struct lab_change){.file = inode(name), .offset = offset, .size = size, .was = was,
                             .data_size = replaced},
         NULL, NULL, old);
    assert_int_equal(pwrite(fd, bytes, size, (off_t)offset), (ssize_t)size);
    close(fd);
}

void append(const char *name, const char *text)
{
    put(name, size_of(name), text, strlen(text));
}

void cut_to(const char *name, uint64_t size)
{
    size_t was;
    char *bytes = file_read(at(name), &was);

    note(LAB_CHANGE_RESIZE,
         (struct lab_change){.file = inode(name), .offset = size < was ? size : was, .size = size,
                             .was = was, .data_size = size < was ? was - size : 0},
         NULL, NULL, size < was ? bytes + size : NULL);
    free(bytes);
    assert_int_equal(truncate(at(name), (off_t)size), 0);
}

void sync_file(const char *name, enum lab_change_kind kind)
{
    note(kind,
         (struct lab_change){.file = inode(name), .offset = position(), .size = size_of(name)},
         NULL, NULL, NULL);
}

void sync_folder(const char *name)
{
    note(LAB_CHANGE_SYNC_FOLDER,
         (struct lab_change){.folder = inode(name), .offset = position()}, NULL, NULL, NULL);
}

void keep(const char *name)
{
    char path[2048];

    snprintf(path, sizeof path, "%s/keep/%" PRIu64, scratch.path, folder_of(name));
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/keep/%" PRIu64 "/%" PRIu64 ".%" PRIu64, scratch.path,
             folder_of(name), position(), inode(name));
    assert_int_equal(link(at(name), path), 0);
}

void move(const char *from, const char *to)
{
    bool over = access(at(to), F_OK) == 0;

    if (over)
        keep(to);
    note(LAB_CHANGE_RENAME,
         (struct lab_change){.file = inode(from), .folder = folder_of(from),
                             .to_folder = folder_of(to), .kept = over ? inode(to) : 0},
         base(from), base(to), NULL);
    assert_int_equal(rename(at(from), at(to)), 0);
}

void take_away(const char *name)
{
    keep(name);
    note(LAB_CHANGE_UNLINK, (struct lab_change){.file = inode(name), .folder = folder_of(name)},
         base(name), NULL, NULL);
    assert_int_equal(unlink(at(name)), 0);
}

/* --- looking --- */

void story_state(char text[STORY_STATE_SIZE])
{
    const size_t size = STORY_STATE_SIZE;
    struct lab_tree tree;
    size_t used = 0;

    text[0] = '\0';
    assert_int_equal(lab_tree_read(&tree, at("")), 0);
    for (size_t i = 0; i < tree.count; i++) {
        const struct lab_tree_entry *entry = &tree.entries[i];
        size_t length = 0;
        used += (size_t)snprintf(text + used, size - used, "%s%s%c", used ? " " : "",
                                 entry->path + strlen(at("")) + 1, entry->is_folder ? '/' : ':');
        char *bytes = entry->is_folder ? NULL : file_read(entry->path, &length);
        if (length > 100)
            used += (size_t)snprintf(text + used, size - used, "%zu", length);
        for (size_t k = 0; k < length && length <= 100 && used + 2 < size; k++)
            text[used++] = bytes[k] ? bytes[k] : '0';
        text[used] = '\0';
        free(bytes);
    }
    lab_tree_clear(&tree);
}

void story_begin(void)
{
    char path[2048];

    scratch_make_quick(&scratch);
    snprintf(path, sizeof path, "%s/dir", scratch.path);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/keep", scratch.path);
    assert_int_equal(mkdir(path, 0700), 0);
    journal = fopen(scratch_at(&scratch, "journal"), "w");
    assert_non_null(journal);
}

void story_cut(const struct lab_power_rules *rules, bool compact, struct lab_power_loss *loss)
{
    char file[2048], kept[2048], directory[2048];

    fclose(journal);
    snprintf(file, sizeof file, "%s/journal", scratch.path);
    snprintf(kept, sizeof kept, "%s/keep", scratch.path);
    snprintf(directory, sizeof directory, "%s/dir", scratch.path);
    if (compact) {
        assert_int_equal(lab_power_compact(file, rules->strict), 0);
        assert_int_equal(lab_power_compact(file, rules->strict), 0);
    }
    assert_int_equal(lab_power_cut(directory, file, kept, rules, loss), 0);
    assert_int_equal(file_size(file), 0);
    assert_int_equal(rmdir(kept), 0);
}

void story_end(void)
{
    scratch_remove(&scratch);
}

/* --- all of its ends --- */

static void expect(void (*story)(void), struct lab_power_rules rules, bool compact, va_list list)
{
    const char *legal[STATES];
    unsigned met[STATES] = {0}, count = 0;
    struct lab_power_loss loss;

    while ((legal[count] = va_arg(list, const char *)) != NULL)
        count++;
    for (rules.seed = 0; rules.seed < SEEDS; rules.seed++) {
        char text[STORY_STATE_SIZE];
        unsigned i = 0;

        story_begin();
        story();
        story_cut(&rules, compact, &loss);
        story_state(text);
        story_end();
        while (i < count && strcmp(legal[i], text) != 0)
            i++;
        if (i == count)
            fail_msg("seed %d: not legal: \"%s\"", (int)rules.seed, text);
        met[i]++;
    }
    for (unsigned i = 0; i < count; i++)
        if (met[i] == 0)
            fail_msg("never seen: \"%s\"", legal[i]);
}

void states(void (*story)(void), struct lab_power_rules rules, ...)
{
    va_list list;

    for (unsigned compact = 0; compact < 2; compact++) {
        va_start(list, rules);
        expect(story, rules, compact, list);
        va_end(list);
    }
}
