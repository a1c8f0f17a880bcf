/* SPDX-License-Identifier: MPL-2.0 */

/* A process's directory, and what is done to it: see disk.h.
 *
 *     DIRECTORY            the files; or a link to the tmpfs's folder `files`
 *     DIRECTORY.disk/      orders, journal    what the shim maps and writes
 *                          keep/              files whose names are gone, not durably
 *                          saved/             the copy
 *                          mount/             the tmpfs: files/, and keep/ in place of the above */

#include "disk.h"

#include "powercut.h"
#include "shim/orders.h"
#include "tmpfs.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHIM "godwit-lab-shim.so"
#define JOURNAL_SMALL 1048576 /* bytes: not worth the reading */

struct lab_disk {
    char directory[PATH_MAX]; /* as it was given, absolute */
    char own[PATH_MAX];       /* DIRECTORY.disk */
    char files[PATH_MAX];     /* where the files really are */
    char keep[PATH_MAX];
    char journal[PATH_MAX];
    struct lab_tmpfs *tmpfs;   /* NULL: none */
    struct lab_orders *orders; /* NULL: no shim */
    char *environment[3];
    bool strict;
    bool own_made;
    bool made;                 /* the directory, or the link */
    bool saved;
};

/* --- what is needed --- */

/* The shim lies beside the program. A preload list takes no such signs in a name. */
static bool find_shim(char path[PATH_MAX], char *why, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);

    path[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (!slash || (size_t)(slash - path) + sizeof SHIM + 1 > PATH_MAX) {
        snprintf(why, size, "where this program is cannot be found out");
        return false;
    }
    strcpy(slash + 1, SHIM);
    if (access(path, R_OK) != 0) {
        snprintf(why, size, "%.200s is missing: it is built without a sanitizer, and installed "
                 "with godwit lab", path);
        return false;
    }
    if (strpbrk(path, " :")) {
        snprintf(why, size, "%.200s cannot be preloaded, since its path has a space or a colon: "
                 "install godwit elsewhere", path);
        return false;
    }
    return true;
}

static const char *explain_tmpfs(char *why, size_t size)
{
    snprintf(why, size, "a tmpfs cannot be mounted here (%s): run the lab as root, or where users "
             "may have namespaces of their own", strerror(errno));
    return why;
}

const char *lab_disk_lacks(bool tmpfs, bool shim, char *why, size_t why_size)
{
    char path[PATH_MAX];

    if (shim && !find_shim(path, why, why_size))
        return why;
    if (tmpfs && lab_tmpfs_probe() != 0)
        return explain_tmpfs(why, why_size);
    return NULL;
}

/* --- making --- */

static void below(char path[PATH_MAX], const char *folder, const char *name)
{
    char joined[2 * PATH_MAX];

    snprintf(joined, sizeof joined, "%s/%s", folder, name);
    snprintf(path, PATH_MAX, "%.*s", PATH_MAX - 1, joined);
}

static int make_folder(const char *path)
{
    return mkdir(path, 0700);
}

/* Absolute, but for links below the last folder: the last part is not there yet. */
static int name_all(struct lab_disk *disk, const char *directory)
{
    char parent[PATH_MAX], resolved[PATH_MAX];

    snprintf(parent, sizeof parent, "%s", directory);
    size_t size = strlen(parent);
    while (size > 1 && parent[size - 1] == '/')
        parent[--size] = '\0';
    char *slash = strrchr(parent, '/');
    const char *name = slash ? slash + 1 : directory;
    if (slash)
        *slash = '\0';
    if (!realpath(slash ? (parent[0] ? parent : "/") : ".", resolved))
        return -1;
    if (strlen(resolved) + strlen(name) + 64 > LAB_ORDERS_PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    below(disk->directory, resolved, name);
    snprintf(disk->own, sizeof disk->own, "%.1000s.disk", disk->directory);
    return 0;
}

static int make_tmpfs(struct lab_disk *disk, uint64_t size)
{
    char mount[PATH_MAX];

    below(mount, disk->own, "mount");
    if (make_folder(mount) != 0)
        return -1;
    disk->tmpfs = lab_tmpfs_new(mount, size);
    if (!disk->tmpfs)
        return -1;
    below(disk->files, mount, "files");
    below(disk->keep, mount, "keep");
    if (make_folder(disk->files) != 0 || symlink(disk->files, disk->directory) != 0)
        return -1;
    disk->made = true;
    return 0;
}

static int make_directory(struct lab_disk *disk)
{
    snprintf(disk->files, sizeof disk->files, "%s", disk->directory);
    below(disk->keep, disk->own, "keep");
    if (make_folder(disk->directory) != 0)
        return -1;
    disk->made = true;
    return 0;
}

static int make_orders(struct lab_disk *disk)
{
    char path[PATH_MAX];

    below(path, disk->own, LAB_ORDERS_NAME);
    below(disk->journal, disk->own, LAB_JOURNAL_NAME);
    int journal = open(disk->journal, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (journal < 0 || close(journal) != 0 || make_folder(disk->keep) != 0)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    void *page = ftruncate(fd, sizeof *disk->orders) != 0
                     ? MAP_FAILED
                     : mmap(NULL, sizeof *disk->orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED)
        return -1;
    disk->orders = page;
    disk->orders->version = LAB_ORDERS_VERSION;
    snprintf(disk->orders->directory, LAB_ORDERS_PATH_MAX, "%.1023s", disk->files);
    snprintf(disk->orders->keep, LAB_ORDERS_PATH_MAX, "%.1023s", disk->keep);
    return 0;
}

static int make_environment(struct lab_disk *disk, const char *shim)
{
    const char *already = getenv("LD_PRELOAD");
    bool more = already && *already;

    if (asprintf(&disk->environment[0], "LD_PRELOAD=%s%s%s", shim, more ? ":" : "",
                 more ? already : "") < 0)
        disk->environment[0] = NULL;
    if (asprintf(&disk->environment[1], LAB_SHIM_VARIABLE "=%s", disk->own) < 0)
        disk->environment[1] = NULL;
    return disk->environment[0] && disk->environment[1] ? 0 : -1;
}

static int make_all(struct lab_disk *disk, const char *directory, uint64_t size, const char *shim)
{
    struct stat status;

    if (name_all(disk, directory) != 0)
        return -1;
    if (lstat(disk->directory, &status) == 0 || errno != ENOENT) {
        errno = EEXIST;
        return -1;
    }
    if (make_folder(disk->own) != 0)
        return -1;
    disk->own_made = true;
    if ((size > 0 ? make_tmpfs(disk, size) : make_directory(disk)) != 0)
        return -1;
    return shim ? make_orders(disk) != 0 ? -1 : make_environment(disk, shim) : 0;
}

struct lab_disk *lab_disk_new(const char *directory, uint64_t size, bool shim, char *why,
                              size_t why_size)
{
    char path[PATH_MAX];

    if (shim && !find_shim(path, why, why_size))
        return NULL;
    struct lab_disk *disk = calloc(1, sizeof *disk);
    if (!disk || make_all(disk, directory, size, shim ? path : NULL) != 0) {
        if (disk && size > 0 && !disk->tmpfs && (errno == EPERM || errno == EACCES))
            explain_tmpfs(why, why_size);
        else
            snprintf(why, why_size, "%.200s cannot be made: %s", directory, strerror(errno));
        lab_disk_free(&disk, true);
        return NULL;
    }
    return disk;
}

/* --- its end --- */

/* The files of a tmpfs end with it, unless they are copied out. */
static void take_out(const struct lab_disk *disk)
{
    if (unlink(disk->directory) == 0 && make_folder(disk->directory) == 0)
        lab_tree_duplicate(disk->files, disk->directory);
}

void lab_disk_free(struct lab_disk **pointer, bool remove)
{
    struct lab_disk *disk = *pointer;

    if (!disk)
        return;
    if (disk->made && disk->tmpfs && !remove) {
        lab_tmpfs_drain(disk->tmpfs);
        take_out(disk);
    } else if (disk->made && remove) {
        lab_tree_delete(disk->directory);
    }
    lab_tmpfs_free(&disk->tmpfs);
    if (disk->orders)
        munmap(disk->orders, sizeof *disk->orders);
    if (disk->own_made)
        lab_tree_delete(disk->own);
    free(disk->environment[0]);
    free(disk->environment[1]);
    free(disk);
    *pointer = NULL;
}

/* --- orders --- */

char *const *lab_disk_environment(const struct lab_disk *disk)
{
    return disk->environment;
}

static int order_shim(struct lab_orders *orders, const struct lab_order *order)
{
    switch (order->verb) {
    case LAB_fail_writes: atomic_store(&orders->write_error, order->error); return 0;
    case LAB_fail_syncs: atomic_store(&orders->sync_error, order->error); return 0;
    case LAB_fail_opens: atomic_store(&orders->open_error, order->error); return 0;
    case LAB_short_writes: atomic_store(&orders->short_writes, 1); return 0;
    case LAB_hang_syncs: atomic_store(&orders->sync_hangs, 1); return 0;
    case LAB_lie_syncs: atomic_store(&orders->sync_lies, 1); return 0;
    case LAB_clock: atomic_fetch_add(&orders->clock_us, order->shift_us); return 0;
    case LAB_slow_syncs:
        atomic_store(&orders->sync_high_us, order->span.high_us);
        atomic_store(&orders->sync_low_us, order->span.low_us);
        return 0;
    default: errno = EINVAL; return -1;
    }
}

int lab_disk_act(struct lab_disk *disk, const struct lab_order *order)
{
    if (order->verb == LAB_fill && disk->tmpfs)
        return lab_tmpfs_fill(disk->tmpfs);
    if (order->verb != LAB_fill && disk->orders)
        return order_shim(disk->orders, order);
    errno = ENOTSUP;
    return -1;
}

void lab_disk_heal(struct lab_disk *disk, enum lab_verb verb)
{
    struct lab_orders *orders = disk->orders;

    if (verb == LAB_fill && disk->tmpfs)
        lab_tmpfs_drain(disk->tmpfs);
    if (!orders)
        return;
    switch (verb) {
    case LAB_fail_writes: atomic_store(&orders->write_error, 0); break;
    case LAB_fail_syncs: atomic_store(&orders->sync_error, 0); break;
    case LAB_fail_opens: atomic_store(&orders->open_error, 0); break;
    case LAB_short_writes: atomic_store(&orders->short_writes, 0); break;
    case LAB_hang_syncs: atomic_store(&orders->sync_hangs, 0); break;
    case LAB_lie_syncs: atomic_store(&orders->sync_lies, 0); break;
    case LAB_clock: atomic_store(&orders->clock_us, 0); break;
    case LAB_slow_syncs:
        atomic_store(&orders->sync_low_us, 0);
        atomic_store(&orders->sync_high_us, 0);
        break;
    default: break;
    }
}

void lab_disk_be_strict(struct lab_disk *disk)
{
    disk->strict = true;
}

void lab_disk_end_at(struct lab_disk *disk, uint64_t place)
{
    atomic_store(&disk->orders->ends_at, place);
}

uint64_t lab_disk_hits(const struct lab_disk *disk)
{
    uint64_t hits = 0;

    for (unsigned i = 0; disk->orders && i < LAB_HITS; i++)
        hits += atomic_load(&disk->orders->hits[i]);
    return hits;
}

/* --- between two lives of the process --- */

/* What is there now is durable. */
static int forget_changes(struct lab_disk *disk)
{
    if (!disk->orders)
        return 0;
    atomic_store(&disk->orders->journal_error, 0);
    return lab_tree_empty(disk->keep) == 0 ? truncate(disk->journal, 0) : -1;
}

int lab_disk_ready(struct lab_disk *disk)
{
    struct stat status;

    if (!disk->orders || stat(disk->journal, &status) != 0 || status.st_size < JOURNAL_SMALL)
        return 0;
    return lab_power_compact(disk->journal, disk->strict);
}

int lab_disk_power_cut(struct lab_disk *disk, uint64_t seed, uint64_t *lost_bytes,
                       uint64_t *lost_files)
{
    const struct lab_power_rules rules = {.seed = seed, .strict = disk->strict};
    struct lab_power_loss loss = {0};

    *lost_bytes = *lost_files = 0;
    errno = disk->orders ? atomic_load(&disk->orders->journal_error) : ENOTSUP;
    if (errno != 0 ||
        lab_power_cut(disk->files, disk->journal, disk->keep, &rules, &loss) != 0)
        return -1;
    *lost_bytes = loss.bytes;
    *lost_files = loss.files;
    return forget_changes(disk);
}

int lab_disk_save(struct lab_disk *disk)
{
    char path[PATH_MAX];

    below(path, disk->own, "saved");
    if (lab_tree_delete(path) != 0 || make_folder(path) != 0)
        return -1;
    disk->saved = lab_tree_duplicate(disk->files, path) == 0;
    return disk->saved ? 0 : -1;
}

int lab_disk_restore(struct lab_disk *disk)
{
    char path[PATH_MAX];

    below(path, disk->own, "saved");
    if (!disk->saved) {
        errno = ENOENT;
        return -1;
    }
    return lab_disk_empty(disk) == 0 ? lab_tree_duplicate(path, disk->files) : -1;
}

int lab_disk_empty(struct lab_disk *disk)
{
    return lab_tree_empty(disk->files) == 0 ? forget_changes(disk) : -1;
}
