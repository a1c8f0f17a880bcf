/* SPDX-License-Identifier: MPL-2.0 */
/* Small things around the demo; nothing here knows about pipelines. */

#include "demo_scratch.h"
#include "program.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PORT_FIRST 12000
#define PORT_LAST 31999

extern char **environ;

static char directory[4096];
static unsigned current; /* round */

const char *scratch_make(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(directory, sizeof(directory), "%s/godwit-demo.XXXXXX",
             parent && *parent ? parent : "/tmp");
    if (!mkdtemp(directory))
        th_die("%s: %m", directory);
    return directory;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    remove(path);
    return 0;
}

void scratch_remove(void)
{
    if (*directory)
        nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    *directory = '\0';
}

void scratch_round(unsigned round)
{
    static const char *const names[] = {"", "board", "log", "store"};
    char path[SCRATCH_PATH];
    current = round;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        scratch_path(path, "%s", names[i]);
        if (mkdir(path, 0700))
            th_die("%s: %m", path);
    }
}

void scratch_path(char path[SCRATCH_PATH], const char *format, ...)
{
    int size = snprintf(path, SCRATCH_PATH, "%s/%u/", directory, current);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path + size, SCRATCH_PATH - (size_t)size, format, arguments);
    va_end(arguments);
}

/* A socket that holds the port, or -1. */
static int hold(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

void scratch_ports(uint16_t *ports, size_t count)
{
    int held[16];
    size_t found = 0;
    uint64_t random = scratch_seed();
    for (int i = 0; i < 10000 && found < count && found < 16; i++) {
        ports[found] =
            (uint16_t)(PORT_FIRST + scratch_random(&random) % (PORT_LAST - PORT_FIRST + 1));
        held[found] = hold(ports[found]);
        found += held[found] >= 0;
    }
    if (found < count)
        th_die("no free ports on 127.0.0.1");
    while (found)
        close(held[--found]);
}

uint64_t scratch_random(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

uint64_t scratch_seed(void)
{
    uint32_t seed;
    if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
        th_die("getrandom: %m");
    return seed;
}

int scratch_run(const char *const *argv, const char *where, const char *output)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addchdir_np(&actions, where);
    pid_t pid;
    int status = 0;
    errno = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (errno)
        return -1;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
        if (th_stop)
            kill(pid, SIGKILL);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

char *scratch_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    long end;
    if (file && fseek(file, 0, SEEK_END) == 0 && (end = ftell(file)) >= 0) {
        rewind(file);
        text = malloc((size_t)end + 1);
        if (text) {
            *size = fread(text, 1, (size_t)end, file);
            text[*size] = '\0';
        }
    }
    if (file)
        fclose(file);
    return text;
}
