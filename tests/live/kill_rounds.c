/* SPDX-License-Identifier: MPL-2.0 */

/* Real processes of a pattern, killed with SIGKILL at random moments, round after round. In the end
 * every accepted message must have had its effect exactly once.
 *
 *     live_kill_rounds [ROUNDS [SEED [pipeline|request|outcomes|both]]]
 *
 * prints rounds, accepted, lost, repeated, dead letters; 0: it holds. With `both` the first two
 * have half of the rounds each. The ledgers are files outside the code under test, see kill.h. */

#include "kill.h"

#include <errno.h>
#include <ftw.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A process lives up to this long before it is killed: some must get as far as to send. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RUN_MS_MAX 400
#else
#define RUN_MS_MAX 120
#endif

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

static const struct kill_pattern *find_pattern(const char *name)
{
    const struct kill_pattern *patterns[] = {&kill_pipeline, &kill_request, &kill_outcomes};

    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        if (strcmp(patterns[i]->name, name) == 0)
            return patterns[i];
    return NULL;
}

/* --- the processes --- */

struct child {
    size_t role;
    pid_t pid;
};

struct play {
    const struct kill_pattern *pattern;
    char directory[128];
    char endpoints[KILL_ROLES_MAX][KILL_ENDPOINT_SIZE];
    struct child children[KILL_ROLES_MAX];
    size_t count;
};

static uint64_t random_state;

static uint64_t random_below(uint64_t bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % bound;
}

static void start(struct play *play, struct child *child)
{
    char name[] = "live_kill_rounds", mode[] = "--child", pattern[16], role[16];
    char *arguments[6 + KILL_ROLES_MAX] = {name, mode, pattern, role, play->directory};

    snprintf(pattern, sizeof pattern, "%s", play->pattern->name);
    snprintf(role, sizeof role, "%zu", child->role);
    for (size_t i = 0; i < play->count; i++)
        arguments[5 + i] = play->endpoints[i];
    hold_stop(SIG_BLOCK);
    int error = posix_spawn(&child->pid, "/proc/self/exe", NULL, NULL, arguments, environ);
    hold_stop(SIG_UNBLOCK);
    if (error)
        kill_die("posix_spawn: %s", strerror(error));
}

static int be_child(char **arguments)
{
    struct sigaction action = {.sa_handler = stop};
    const struct kill_pattern *pattern = find_pattern(arguments[0]);

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* no child outlives the test */
    sigaction(SIGTERM, &action, NULL);
    hold_stop(SIG_UNBLOCK);
    pattern->run((size_t)atoi(arguments[1]), arguments[2], arguments + 3);
    return 0;
}

/* False if it had ended by itself, which it never should. */
static bool kill_now(struct child *child)
{
    int status;

    kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    child->pid = 0;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static bool end_well(struct child *child)
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

/* --- the rounds --- */

static void set_up(struct play *play, const struct kill_pattern *pattern)
{
    const char *base = getenv("TMPDIR");

    *play = (struct play){.pattern = pattern};
    while (play->count < KILL_ROLES_MAX && pattern->roles[play->count]) {
        play->children[play->count].role = play->count;
        free_endpoint(play->endpoints[play->count++]);
    }
    snprintf(play->directory, sizeof play->directory, "%s/godwit-kill-XXXXXX",
             base && *base ? base : "/tmp");
    if (!mkdtemp(play->directory))
        kill_die("%s: %s", play->directory, strerror(errno));
}

static void start_missing(struct play *play)
{
    for (size_t c = 0; c < play->count; c++)
        if (!play->children[c].pid)
            start(play, &play->children[c]);
}

static bool one_round(struct play *play)
{
    uint64_t victims = 1 + random_below((UINT64_C(1) << play->count) - 1); /* any but none */
    bool good = true;

    start_missing(play);
    kill_pause_ms(random_below(RUN_MS_MAX));
    for (size_t c = 0; c < play->count; c++) {
        if (!(victims >> c & 1))
            continue;
        good = kill_now(&play->children[c]) && good;
        if (victims & (victims - 1))
            kill_pause_ms(random_below(5));
    }
    return good;
}

static bool run_rounds(struct play *play, uint64_t rounds)
{
    bool good = true;

    for (uint64_t i = 0; i < rounds && good; i++)
        good = one_round(play);
    start_missing(play);
    kill_pause_ms(300);
    for (size_t c = 0; c < play->count; c++) /* the first one drains: the others are still there */
        good = end_well(&play->children[c]) && good;
    return good;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static bool control(const struct kill_pattern *pattern, uint64_t rounds, uint64_t seed)
{
    struct kill_verdict verdict = {0};
    struct play play;

    random_state = seed;
    set_up(&play, pattern);
    printf("%s: seed %" PRIu64 ", store %s\n", pattern->name, seed, play.directory);
    fflush(stdout);
    bool good = run_rounds(&play, rounds);
    pattern->judge(play.directory, &verdict);
    printf("%s: rounds %" PRIu64 ", accepted %" PRIu64 ", processed %" PRIu64 ", lost %" PRIu64
           ", repeated %" PRIu64 ", dead letters %" PRIu64 "\n",
           pattern->name, rounds, verdict.accepted, verdict.processed, verdict.lost,
           verdict.repeated, verdict.dead);
    if (!good)
        printf("a process ended by itself, or not when it was asked to\n");
    good = good && verdict.accepted > 0 && verdict.lost + verdict.repeated + verdict.dead == 0;
    if (good)
        nftw(play.directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return good;
}

int main(int count, char **arguments)
{
    if (count > 5 && strcmp(arguments[1], "--child") == 0)
        return be_child(arguments + 2);
    uint64_t rounds = count > 1 ? strtoull(arguments[1], NULL, 10) : 200;
    uint64_t seed = count > 2 ? strtoull(arguments[2], NULL, 10) : (uint64_t)time(NULL);
    const char *what = count > 3 ? arguments[3] : "both";
    const struct kill_pattern *only = find_pattern(what);

    if (only)
        return control(only, rounds, seed) ? 0 : 1;
    if (strcmp(what, "both") != 0)
        kill_die("usage: live_kill_rounds [ROUNDS [SEED [pipeline|request|outcomes|both]]]");
    bool good = control(&kill_pipeline, rounds - rounds / 2, seed);
    return control(&kill_request, rounds / 2, seed) && good ? 0 : 1;
}
