/* SPDX-License-Identifier: MPL-2.0 */

/* Claims a directory for a store: see directory.h. Nothing here writes before the directory is
 * known to be empty or ours. */

#include "store/directory.h"

#include "store/bodies.h"
#include "store/file.h"
#include "store/generation.h"
#include "store/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define MARKER "godwit"
#define MARKER_NEW "godwit.new"
#define MARKER_TEXT "godwit store format "
#define DATABASE "db"
#define LOOKERS_MS 2000     /* how long a peer waits for those who look */
#define LOOKERS_PAUSE_MS 5
#define FILE_NAME_ROOM 32 /* LevelDB's longest: /MANIFEST- and 20 digits */

/* Every directory that this process has open. flock alone would refuse a second open as well;
 * this tells "here" from "elsewhere", and holds however the path is spelled. */
static struct gw_directory *registry;
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;

const char *gw_directory_refused(long file_system)
{
    switch ((unsigned long)file_system & 0xffffffff) { /* f_type is signed on some machines */
    case 0x6969: return "NFS";
    case 0x65735546: return "FUSE";
    case 0x517b: return "SMB";
    case 0xfe534d42: return "SMB2";
    case 0xff534d42: return "CIFS";
    }
    return NULL;
}

const char *gw_directory_forgetful(long file_system)
{
    switch ((unsigned long)file_system & 0xffffffff) {
    case 0x01021994: return "tmpfs";
    case 0x858458f6: return "ramfs";
    case 0x794c7630: return "an overlay";
    }
    return NULL;
}

/* %.200s here and below: a path of any length leaves room for the reason. */
void gw_directory_explain(const char *path, const char *doing, int error, char *why,
                          size_t why_size)
{
    char text[128];
    const char *reason = strerror_r(error, text, sizeof text);

    if (error == ENOSPC || error == EDQUOT)
        snprintf(why, why_size, "%.200s: the disk is full: free some space, then open it again "
                 "(%s: %s)", path, doing, reason);
    else
        snprintf(why, why_size, "%.200s cannot be used (%s: %s): mend that, or give this peer "
                 "another directory", path, doing, reason);
}

static enum gw_store_error refuse_errno(const char *path, const char *doing, char *why, size_t size)
{
    int error = errno;

    gw_directory_explain(path, doing, error, why, size);
    return error == ENOMEM ? GW_STORE_NOMEM : GW_STORE_IO;
}

static enum gw_store_error refuse_busy(const char *path, const char *where, char *why, size_t size)
{
    snprintf(why, size, "%.200s is open in %s: close it, or give this peer another directory", path,
             where);
    return GW_STORE_BUSY;
}

static int open_folder(int at, const char *name)
{
    return TEMP_FAILURE_RETRY(openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* fsync of a directory, given by a name below `at`. */
static int sync_directory(int at, const char *name)
{
    int fd = open_folder(at, name);

    if (fd < 0)
        return -1;
    int result = TEMP_FAILURE_RETRY(fsync(fd));
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

/* Sets path and database to the absolute names, and opens the directory. */
static enum gw_store_error open_directory(struct gw_directory *directory, const char *path,
                                          bool inspect, char *why, size_t size)
{
    bool made = !inspect && mkdir(path, 0700) == 0;

    if (!inspect && !made && errno != EEXIST)
        return refuse_errno(path, "making it", why, size);
    directory->path = realpath(path, NULL);
    if (!directory->path)
        return refuse_errno(path, "finding it", why, size);
    if (strlen(directory->path) + sizeof DATABASE + FILE_NAME_ROOM >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return refuse_errno(path, "naming files in it", why, size);
    }
    if (asprintf(&directory->database, "%s/%s", directory->path, DATABASE) < 0) {
        directory->database = NULL;
        errno = ENOMEM;
        return refuse_errno(path, "naming files in it", why, size);
    }
    directory->fd = TEMP_FAILURE_RETRY(open(directory->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory->fd < 0 && errno == ENOTDIR) {
        snprintf(why, size, "%.200s is a file: give this peer a directory", path);
        return GW_STORE_FOREIGN;
    }
    if (directory->fd < 0)
        return refuse_errno(path, "opening it", why, size);
    if (made && sync_directory(directory->fd, "..") != 0)
        return refuse_errno(path, "syncing its parent", why, size);
    return GW_STORE_OK;
}

static enum gw_store_error check_file_system(struct gw_directory *directory, char *why, size_t size)
{
    struct statfs about;
    struct stat status;

    if (TEMP_FAILURE_RETRY(fstatfs(directory->fd, &about)) != 0 ||
        fstat(directory->fd, &status) != 0)
        return refuse_errno(directory->path, "looking at it", why, size);
    const char *name = gw_directory_refused((long)about.f_type);
    if (name) {
        snprintf(why, size, "%.200s is on %s, where locks and fsync cannot be relied on: give this "
                 "peer a directory on a local disk", directory->path, name);
        return GW_STORE_IO;
    }
    directory->device = status.st_dev;
    directory->inode = status.st_ino;
    return GW_STORE_OK;
}

static bool enlist(struct gw_directory *directory)
{
    bool found = false;

    pthread_mutex_lock(&registry_lock);
    for (struct gw_directory *other = registry; other && !found; other = other->next)
        found = other->device == directory->device && other->inode == directory->inode;
    if (!found) {
        directory->listed = true;
        directory->next = registry;
        registry = directory;
    }
    pthread_mutex_unlock(&registry_lock);
    return !found;
}

static void delist(struct gw_directory *directory)
{
    pthread_mutex_lock(&registry_lock);
    struct gw_directory **link = &registry;
    while (*link != directory)
        link = &(*link)->next;
    *link = directory->next;
    pthread_mutex_unlock(&registry_lock);
    directory->listed = false;
}

static int try_lock(int fd, int how)
{
    return TEMP_FAILURE_RETRY(flock(fd, how | LOCK_NB));
}

/* A peer locks for itself alone, those who look share: so a peer that starts can tell another peer
 * from somebody who looks, and waits for him, since he is soon gone. A monitor that asks every
 * second keeps nobody from starting. */
static int lock_for(int fd, bool inspect)
{
    const struct timespec pause = {.tv_nsec = LOOKERS_PAUSE_MS * 1000000L};

    if (inspect)
        return try_lock(fd, LOCK_SH);
    for (int waited = 0; try_lock(fd, LOCK_EX) != 0; waited += LOOKERS_PAUSE_MS) {
        if (errno != EWOULDBLOCK || try_lock(fd, LOCK_SH) != 0)
            return -1;
        if (waited >= LOOKERS_MS) {
            errno = EWOULDBLOCK;
            return -1;
        }
        flock(fd, LOCK_UN); /* or peers that wait would take each other for somebody who looks */
        nanosleep(&pause, NULL);
    }
    return 0;
}

static enum gw_store_error lock(struct gw_directory *directory, bool inspect, char *why,
                                size_t size)
{
    if (!enlist(directory))
        return refuse_busy(directory->path, "this process already", why, size);
    if (lock_for(directory->fd, inspect) == 0)
        return GW_STORE_OK;
    if (errno == EWOULDBLOCK)
        return refuse_busy(directory->path, "another process", why, size);
    return refuse_errno(directory->path, "locking it", why, size);
}

struct content {
    bool marker;
    bool marker_new;
    char other[NAME_MAX + 1]; /* the first name that is neither; "" if there is none */
};

static int look_inside(int fd, struct content *content)
{
    DIR *stream = gw_file_list(fd, ".");
    struct dirent *entry;

    *content = (struct content){0};
    if (!stream)
        return -1;
    while (errno = 0, (entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (strcmp(entry->d_name, MARKER) == 0)
            content->marker = true;
        else if (strcmp(entry->d_name, MARKER_NEW) == 0)
            content->marker_new = true;
        else if (!content->other[0])
            snprintf(content->other, sizeof content->other, "%s", entry->d_name);
    }
    int error = errno;
    closedir(stream);
    errno = error;
    return error ? -1 : 0;
}

/* Reads the marker: OK with its format, FOREIGN if it is not one, CORRUPT if it is damaged. */
static enum gw_store_error read_marker(int fd, unsigned long *format)
{
    char text[64];

    if (gw_file_read(fd, MARKER, text, sizeof text) < 0)
        return errno == ELOOP || errno == EISDIR ? GW_STORE_FOREIGN : GW_STORE_IO;
    if (strncmp(text, MARKER_TEXT, strlen(MARKER_TEXT)) != 0)
        return GW_STORE_FOREIGN;
    const char *number = text + strlen(MARKER_TEXT);
    char *end;
    *format = strtoul(number, &end, 10);
    if (number[0] < '1' || number[0] > '9' || end[0] != '\n' || end[1] != '\0')
        return GW_STORE_CORRUPT;
    return GW_STORE_OK;
}

static enum gw_store_error check_marker(const struct gw_directory *directory, char *why,
                                        size_t size)
{
    unsigned long format = 0;
    enum gw_store_error error = read_marker(directory->fd, &format);

    if (error == GW_STORE_IO)
        return refuse_errno(directory->path, "reading the file " MARKER, why, size);
    if (error == GW_STORE_FOREIGN) {
        snprintf(why, size, "%.200s belongs to something else (its file " MARKER " is not ours): "
                 "give this peer another directory", directory->path);
        return error;
    }
    if (error == GW_STORE_CORRUPT) {
        snprintf(why, size, "%.200s is damaged (its file " MARKER " cannot be understood): "
                 "restore it from a backup, or give this peer another directory", directory->path);
        return error;
    }
    if (format != GW_DIRECTORY_FORMAT) {
        snprintf(why, size, "%.200s was written by %s godwit (format %lu, this one knows %d): use "
                 "that one, or give this peer another directory", directory->path,
                 format > GW_DIRECTORY_FORMAT ? "a newer" : "an older", format,
                 GW_DIRECTORY_FORMAT);
        return GW_STORE_VERSION;
    }
    return GW_STORE_OK;
}

/* LevelDB deletes a log only when there is a newer one, so that one that was seen is there or a
 * newer one is: OK, NOT_FOUND or IO. A generation file that is missing or damaged is found by the
 * check after the open. */
static enum gw_store_error find_newest_log(const struct gw_directory *directory, char missing[64])
{
    struct gw_generation noted;
    uint64_t newest;
    enum gw_store_error error = gw_generation_read(directory->fd, &noted);

    if (error == GW_STORE_IO)
        return error;
    if (error != GW_STORE_OK || noted.log == 0)
        return GW_STORE_OK;
    if (gw_directory_newest_log(directory, &newest) != 0)
        return GW_STORE_IO;
    snprintf(missing, 64, DATABASE "/%06" PRIu64 ".log", noted.log);
    return newest >= noted.log ? GW_STORE_OK : GW_STORE_NOT_FOUND;
}

/* What LevelDB needs and does not miss. */
static enum gw_store_error check_database(const struct gw_directory *directory, char *why,
                                          size_t size)
{
    char missing[64];
    struct stat status;

    /* LevelDB would take a missing CURRENT for a new store and delete the old tables (DB05). */
    if (fstatat(directory->fd, DATABASE "/CURRENT", &status, 0) != 0) {
        if (errno != ENOENT && errno != ENOTDIR)
            return refuse_errno(directory->path, "looking for " DATABASE "/CURRENT", why, size);
        snprintf(why, size, "%.200s is damaged (" DATABASE "/CURRENT is missing): restore it from "
                 "a backup, or give this peer another directory", directory->path);
        return GW_STORE_CORRUPT;
    }
    enum gw_store_error error = gw_manifest_find_log(directory->fd, DATABASE, missing);
    if (error == GW_STORE_OK)
        error = find_newest_log(directory, missing);
    if (error == GW_STORE_IO)
        return refuse_errno(directory->path, "looking for its logs", why, size);
    if (error == GW_STORE_NOT_FOUND) {
        snprintf(why, size, "%.200s is damaged (%s is missing, and with it what was stored last, "
                 "or " DATABASE " is an old copy): put that file back, restore the whole directory "
                 "from one backup, or give this peer another directory", directory->path, missing);
        return GW_STORE_CORRUPT;
    }
    return GW_STORE_OK;
}

/* Says, durably, that a store is being made here: whatever is found beside this file after a crash
 * holds nothing that anyone was promised. */
static int begin_marker(int fd)
{
    char text[64];

    snprintf(text, sizeof text, "%s%d\n", MARKER_TEXT, GW_DIRECTORY_FORMAT);
    if (gw_file_make(fd, MARKER_NEW, text) != 0)
        return -1;
    return TEMP_FAILURE_RETRY(fsync(fd));
}

static enum gw_store_error make_fresh(struct gw_directory *directory, char *why, size_t size)
{
    directory->fresh = true;
    if (begin_marker(directory->fd) != 0)
        return refuse_errno(directory->path, "writing " MARKER_NEW, why, size);
    if (mkdirat(directory->fd, DATABASE, 0700) != 0 && errno != EEXIST)
        return refuse_errno(directory->path, "making " DATABASE, why, size);
    if (mkdirat(directory->fd, GW_BODIES, 0700) != 0 && errno != EEXIST)
        return refuse_errno(directory->path, "making " GW_BODIES, why, size);
    return GW_STORE_OK;
}

static enum gw_store_error identify(struct gw_directory *directory, bool inspect, char *why,
                                    size_t size)
{
    struct content content;

    if (look_inside(directory->fd, &content) != 0)
        return refuse_errno(directory->path, "reading it", why, size);
    if (content.marker) {
        enum gw_store_error error = check_marker(directory, why, size);
        return error ? error : check_database(directory, why, size);
    }
    if (content.other[0] && !content.marker_new) {
        snprintf(why, size, "%.200s is not empty and no store of godwit's (it holds %s): give this "
                 "peer an empty or new directory", directory->path, content.other);
        return GW_STORE_FOREIGN;
    }
    if (inspect) {
        snprintf(why, size, "%.200s holds no store yet: name the directory of a peer that was "
                 "open before", directory->path);
        return GW_STORE_FOREIGN;
    }
    return make_fresh(directory, why, size);
}

enum gw_store_error gw_directory_claim(const char *path, bool inspect,
                                       struct gw_directory **directory, char *why, size_t why_size)
{
    struct gw_directory *claimed = calloc(1, sizeof *claimed);

    if (!claimed) {
        snprintf(why, why_size, "out of memory");
        return GW_STORE_NOMEM;
    }
    claimed->fd = claimed->folder = -1;
    enum gw_store_error error = open_directory(claimed, path, inspect, why, why_size);
    if (error == GW_STORE_OK)
        error = check_file_system(claimed, why, why_size);
    if (error == GW_STORE_OK)
        error = lock(claimed, inspect, why, why_size);
    if (error == GW_STORE_OK)
        error = identify(claimed, inspect, why, why_size);
    if (error != GW_STORE_OK)
        gw_directory_release(&claimed);
    else
        *directory = claimed;
    return error;
}

/* The newest log is the one that LevelDB writes to: it makes one only for that. */
static int sync_log_names(struct gw_directory *directory)
{
    uint64_t newest;

    if (gw_directory_newest_log(directory, &newest) != 0)
        return -1;
    snprintf(directory->log, sizeof directory->log, "%06" PRIu64 ".log", newest);
    return TEMP_FAILURE_RETRY(fsync(directory->folder));
}

enum gw_store_error gw_directory_settle(struct gw_directory *directory, char *why, size_t why_size)
{
    struct stat status;

    if (fstatat(directory->fd, DATABASE "/CURRENT", &status, 0) != 0)
        return refuse_errno(directory->path, "looking for " DATABASE "/CURRENT", why, why_size);
    directory->current = status.st_ino;
    directory->folder = open_folder(directory->fd, DATABASE);
    if (directory->folder < 0 || sync_log_names(directory) != 0 ||
        TEMP_FAILURE_RETRY(fsync(directory->fd)) != 0)
        return refuse_errno(directory->path, "syncing it", why, why_size);
    if (!directory->fresh)
        return GW_STORE_OK;
    if (gw_generation_write(directory->fd, &(struct gw_generation){0}) != GW_STORE_OK)
        return refuse_errno(directory->path, "writing generation", why, why_size);
    if (renameat(directory->fd, MARKER_NEW, directory->fd, MARKER) != 0 ||
        TEMP_FAILURE_RETRY(fsync(directory->fd)) != 0)
        return refuse_errno(directory->path, "writing " MARKER, why, why_size);
    directory->fresh = false;
    return GW_STORE_OK;
}

int gw_directory_newest_log(const struct gw_directory *directory, uint64_t *newest)
{
    return gw_manifest_newest_log(directory->fd, DATABASE, newest) == GW_STORE_OK ? 0 : -1;
}

/* What is noted, noting failed or not, is not newer than what is durable. */
static void note_log(struct gw_directory *directory)
{
    struct gw_generation noted = directory->noted;

    if (gw_directory_newest_log(directory, &noted.log) == 0 && noted.opens > 0 &&
        noted.log > directory->noted.log &&
        gw_generation_write(directory->fd, &noted) == GW_STORE_OK)
        directory->noted = noted;
}

off_t gw_directory_log_size(const struct gw_directory *directory)
{
    struct stat status;

    return fstatat(directory->folder, directory->log, &status, 0) == 0 ? status.st_size : -1;
}

int gw_directory_follow_log(struct gw_directory *directory, off_t before)
{
    if (before >= 0 && gw_directory_log_size(directory) > before)
        return 0;
    if (sync_log_names(directory) != 0)
        return -1;
    note_log(directory);
    return 0;
}

bool gw_directory_has_marker(const char *path)
{
    struct stat status;
    char *marker;

    if (asprintf(&marker, "%s/" MARKER, path) < 0)
        return false;
    bool there = lstat(marker, &status) == 0;
    free(marker);
    return there;
}

bool gw_directory_present(const struct gw_directory *directory)
{
    struct stat there, current;

    /* By name from the top: a directory that was moved away is not where LevelDB would look. */
    return stat(directory->path, &there) == 0 && there.st_dev == directory->device &&
           there.st_ino == directory->inode &&
           fstatat(directory->fd, DATABASE "/CURRENT", &current, 0) == 0 &&
           current.st_ino == directory->current;
}

void gw_directory_release(struct gw_directory **directory)
{
    struct gw_directory *released = *directory;

    if (!released)
        return;
    /* Closing before delisting: whoever finds the registry free finds the lock free as well. The
     * explicit unlock is for a child of fork that still has the descriptor. */
    if (released->fd >= 0) {
        if (released->listed)
            flock(released->fd, LOCK_UN);
        close(released->fd);
    }
    if (released->folder >= 0)
        close(released->folder);
    if (released->listed)
        delist(released);
    free(released->database);
    free(released->path);
    free(released);
    *directory = NULL;
}
