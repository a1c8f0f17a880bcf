/* SPDX-License-Identifier: MPL-2.0 */
/* treehash-relay: stands between two processes and can cut what is between them.
 *
 *     treehash-relay [--board FILE] [--with-parent] LISTEN:TARGET ...      (ports on 127.0.0.1)
 *
 * SIGUSR1 resets every connection (no goodbye, bytes under way are gone) and prints how many; new
 * ones are taken at once. SIGTERM ends it. */

#include "board.h"
#include "program.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUTES_MAX 16
#define PAIRS_MAX 64
#define BUFFER_SIZE (64 * 1024)

struct route {
    int listener;
    uint16_t target;
};

/* One direction of a connection: what was read from one end and not yet written to the other. */
struct flow {
    uint8_t bytes[BUFFER_SIZE];
    size_t begin;
    size_t end;
    bool ended; /* nothing more comes */
};

struct pair {
    int ends[2]; /* the dialler's and the target's; -1: free */
    bool up;     /* the target answered */
    struct flow flows[2]; /* [i]: read from ends[i] */
};

static struct route routes[ROUTES_MAX];
static size_t route_count;
static struct pair pairs[PAIRS_MAX];
static struct th_board board;

static struct sockaddr_in local(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static void add_route(const char *text)
{
    unsigned listen_port, target_port;
    char rest;
    if (sscanf(text, "%u:%u%c", &listen_port, &target_port, &rest) != 2 || listen_port > 65535 ||
        target_port > 65535 || route_count == ROUTES_MAX)
        th_die("'%s' is not LISTEN:TARGET, or one too many", text);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = local((uint16_t)listen_port);
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 16))
        th_die("port %u: %m", listen_port);
    routes[route_count++] = (struct route){fd, (uint16_t)target_port};
}

static void close_pair(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        close(pair->ends[i]);
        pair->ends[i] = -1;
    }
}

/* Closes without a goodbye: SO_LINGER of 0 makes it a reset. */
static void cut(struct pair *pair)
{
    struct linger none = {.l_onoff = 1};
    for (int i = 0; i < 2; i++)
        setsockopt(pair->ends[i], SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    close_pair(pair);
}

static void cut_all(void)
{
    unsigned count = 0;
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        if (pairs[i].ends[0] < 0)
            continue;
        count += pairs[i].up;
        cut(&pairs[i]);
    }
    printf("cut %u\n", count);
    fflush(stdout);
    th_board_add(&board, "connections_cut", count);
    th_board_add(&board, "cuts", 1);
}

static void take_connection(const struct route *route)
{
    int near = accept4(route->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (near < 0)
        return;
    struct pair *pair = NULL;
    for (size_t i = 0; i < PAIRS_MAX && !pair; i++)
        pair = pairs[i].ends[0] < 0 ? &pairs[i] : NULL;
    int far = pair ? socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) : -1;
    struct sockaddr_in target = local(route->target);
    if (far < 0 ||
        (connect(far, (struct sockaddr *)&target, sizeof(target)) && errno != EINPROGRESS)) {
        close(near);
        if (far >= 0)
            close(far);
        return;
    }
    pair->ends[0] = near;
    pair->ends[1] = far;
    pair->up = false;
    for (int i = 0; i < 2; i++) {
        pair->flows[i].begin = pair->flows[i].end = 0;
        pair->flows[i].ended = false;
    }
}

/* What to poll for at one end: read if there is room, write if something waits. */
static short wanted(const struct pair *pair, int end)
{
    const struct flow *in = &pair->flows[end], *out = &pair->flows[!end];
    bool connecting = end == 1 && !pair->up;
    return (short)((in->end < BUFFER_SIZE && !in->ended ? POLLIN : 0) |
                   (out->begin < out->end || connecting ? POLLOUT : 0));
}

static bool again(void)
{
    return errno == EAGAIN || errno == EINTR;
}

static bool write_some(int fd, struct flow *out)
{
    ssize_t size = send(fd, out->bytes + out->begin, out->end - out->begin, MSG_NOSIGNAL);
    if (size < 0)
        return again();
    out->begin += (size_t)size;
    if (out->begin == out->end)
        out->begin = out->end = 0;
    return true;
}

static bool read_some(int fd, struct flow *in)
{
    if (in->end == BUFFER_SIZE || in->ended)
        return true;
    ssize_t size = recv(fd, in->bytes + in->end, BUFFER_SIZE - in->end, 0);
    if (size < 0)
        return again();
    in->end += (size_t)size;
    in->ended = size == 0;
    return true;
}

/* Moves what can be moved at one end; false if the connection is over. */
static bool move(struct pair *pair, int end, short events)
{
    if (events & POLLERR)
        return false;
    if (events & POLLOUT) {
        pair->up = true;
        if (!write_some(pair->ends[end], &pair->flows[!end]))
            return false;
    }
    return !(events & (POLLIN | POLLHUP)) || read_some(pair->ends[end], &pair->flows[end]);
}

static int watch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        th_die("signalfd: %m");
    return fd;
}

/* Polls the signals, the listeners and both ends of each pair, in this order. */
static size_t gather(struct pollfd *polls, int signals)
{
    size_t count = 0, up = 0;
    polls[count++] = (struct pollfd){.fd = signals, .events = POLLIN};
    for (size_t i = 0; i < route_count; i++)
        polls[count++] = (struct pollfd){.fd = routes[i].listener, .events = POLLIN};
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        for (int end = 0; end < 2; end++) /* poll ignores a descriptor of -1 */
            polls[count++] = (struct pollfd){.fd = pairs[i].ends[end],
                                             .events = wanted(&pairs[i], end)};
        up += pairs[i].ends[0] >= 0 && pairs[i].up;
    }
    th_board_set(&board, "connections_now", up);
    return count;
}

static void serve_pair(struct pair *pair, const struct pollfd *polls)
{
    if (pair->ends[0] < 0 || pair->ends[0] != polls[0].fd)
        return;
    bool over = false;
    for (int end = 0; end < 2; end++) {
        over |= polls[end].revents && !move(pair, end, polls[end].revents);
        /* Once one side has ended and all of its words are delivered, so has the connection. */
        over |= pair->flows[end].ended && pair->flows[end].begin == pair->flows[end].end;
    }
    if (over)
        close_pair(pair);
}

static void read_options(int argc, char **argv)
{
    const char *board_path = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--board") == 0 && i + 1 < argc)
            board_path = argv[++i];
        else if (strcmp(argv[i], "--with-parent") == 0)
            prctl(PR_SET_PDEATHSIG, SIGKILL);
        else
            add_route(argv[i]);
    }
    th_board_open(&board, board_path);
    if (!route_count)
        th_die("which ports? LISTEN:TARGET ...");
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < PAIRS_MAX; i++)
        pairs[i].ends[0] = pairs[i].ends[1] = -1;
    int signals = watch_signals();
    read_options(argc, argv);
    th_board_set(&board, "running", 1);
    for (;;) {
        struct pollfd polls[1 + ROUTES_MAX + 2 * PAIRS_MAX];
        size_t count = gather(polls, signals);
        if (poll(polls, count, -1) < 0 && errno != EINTR)
            th_die("poll: %m");
        struct signalfd_siginfo info;
        while (read(signals, &info, sizeof(info)) == sizeof(info)) {
            if (info.ssi_signo != SIGUSR1)
                return 0;
            cut_all();
        }
        for (size_t i = 0; i < PAIRS_MAX; i++)
            serve_pair(&pairs[i], &polls[1 + route_count + 2 * i]);
        for (size_t i = 0; i < route_count; i++) {
            if (polls[1 + i].revents)
                take_connection(&routes[i]);
        }
    }
}
