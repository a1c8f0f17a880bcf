/* SPDX-License-Identifier: MPL-2.0 */

/* See kill_play.h. */

#include "kill_play.h"

#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENVIRONMENT_MAX 512

extern char **environ;

static void stop(int number)
{
    (void)number;
    kill_stopping = 1;
}

/* A child that is asked to end before it can listen must not die of it. */
static void hold_stop(int how)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(how, &signals, NULL);
}

const struct kill_pattern *kill_find_pattern(const char *name)
{
    const struct kill_pattern *patterns[] = {&kill_pipeline, &kill_request, &kill_outcomes};

    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        if (strcmp(patterns[i]->name, name) == 0)
            return patterns[i];
    return NULL;
}

uint64_t kill_random_state;

uint64_t kill_random_below(uint64_t bound)
{
    kill_random_state =
        kill_random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (kill_random_state >> 33) % bound;
}

static void join_environment(char *const *more, char *all[ENVIRONMENT_MAX])
{
    size_t count = 0;

    for (char **at = environ; *at && count < ENVIRONMENT_MAX - 8; at++)
        if (!more || !*more || strncmp(*at, "LD_PRELOAD=", 11) != 0)
            all[count++] = *at;
    for (; more && *more && count < ENVIRONMENT_MAX - 1; more++)
        all[count++] = *more;
    all[count] = NULL;
}

void kill_start(struct kill_play *play, struct kill_child *child)
{
    char name[] = "live_rounds", mode[] = "--child", pattern[16], role[16], how[32];
    char *arguments[7 + KILL_ROLES_MAX] = {name, mode, pattern, role, how, play->directory};
    char *all[ENVIRONMENT_MAX];

    snprintf(pattern, sizeof pattern, "%s", play->pattern->name);
    snprintf(role, sizeof role, "%zu", child->role);
    snprintf(how, sizeof how, "%d+%zu", (int)kill_durability, kill_padding);
    join_environment(child->environment, all);
    for (size_t i = 0; i < play->count; i++)
        arguments[6 + i] = play->endpoints[i];
    hold_stop(SIG_BLOCK);
    int error = posix_spawn(&child->pid, "/proc/self/exe", NULL, NULL, arguments, all);
    hold_stop(SIG_UNBLOCK);
    if (error)
        kill_die("posix_spawn: %s", strerror(error));
}

bool kill_is_child(int count, char **arguments)
{
    struct sigaction action = {.sa_handler = stop};

    if (count < 7 || strcmp(arguments[1], "--child") != 0)
        return false;
    const struct kill_pattern *pattern = kill_find_pattern(arguments[2]);
    kill_durability = (godwit_durability_t)atoi(arguments[4]);
    kill_padding = (size_t)atoi(strchr(arguments[4], '+') + 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* no child outlives the test */
    sigaction(SIGTERM, &action, NULL);
    hold_stop(SIG_UNBLOCK);
    pattern->run((size_t)atoi(arguments[3]), arguments[5], arguments + 6);
    return true;
}

bool kill_now(struct kill_child *child)
{
    int status;

    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

bool kill_end_well(struct kill_child *child)
{
    int status;

    kill(child->pid, SIGTERM);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void free_endpoint(char endpoint[KILL_ENDPOINT_SIZE])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        kill_die("no free port: %s", strerror(errno));
    close(fd);
    snprintf(endpoint, KILL_ENDPOINT_SIZE, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
}

void kill_set_up(struct kill_play *play, const struct kill_pattern *pattern)
{
    const char *base = getenv("TMPDIR");

    *play = (struct kill_play){.pattern = pattern};
    while (play->count < KILL_ROLES_MAX && pattern->roles[play->count]) {
        play->children[play->count].role = play->count;
        free_endpoint(play->endpoints[play->count++]);
    }
    snprintf(play->directory, sizeof play->directory, "%s/godwit-kill-XXXXXX",
             base && *base ? base : "/tmp");
    if (!mkdtemp(play->directory))
        kill_die("%s: %s", play->directory, strerror(errno));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

void kill_clean_up(struct kill_play *play)
{
    nftw(play->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
