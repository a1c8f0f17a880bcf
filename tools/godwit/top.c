/* SPDX-License-Identifier: MPL-2.0 */
/* godwit top: a running peer, again and again. Plain ANSI on a terminal; where there is none, the
 * same text repeated. */

#include "ask.h"
#include "records.h"
#include "status.h"
#include "table.h"
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

const char help_top[] =
    "usage: godwit top [--interval SECONDS] [--count N] DIRECTORY\n"
    "\n"
    "Shows a running peer as `godwit status` does, with its rates, again each second. On a\n"
    "terminal it redraws the screen: q ends it, any other key draws at once. Elsewhere it prints\n"
    "one picture after the other.\n"
    "\n"
    "  --interval SECONDS  between two pictures, 0.1 to 3600; default 1\n"
    "  --count N           ends after so many; default: never\n";

/* Counters shown as rates. */
static const char *const rated[] = {"sent", "settled", "delivered", "decided", "commits", "resent"};
#define RATED (sizeof(rated) / sizeof(*rated))

struct top {
    godwit_inspect_t *inspect;
    int interval_ms;
    long count; /* 0: no end */
    bool terminal;
    struct termios before;
    bool have_last;
    double last_s;
    uint64_t last[RATED];
};

static volatile sig_atomic_t resized;

static void note_resize(int signal)
{
    (void)signal;
    resized = 1;
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void read_rated(const char *answer, uint64_t values[RATED])
{
    struct record record;
    char name[80];

    memset(values, 0, RATED * sizeof(*values));
    while (record_next(&answer, &record)) {
        record_text(&record, "name", name, sizeof(name));
        for (size_t i = 0; i < RATED; i++)
            if (strcmp(name, rated[i]) == 0)
                values[i] = record_number(&record, "value");
    }
}

static void print_rates(struct top *top, FILE *to)
{
    uint64_t values[RATED];
    double now = now_s();
    char *answer;

    if (godwit_inspect_ask(top->inspect, "counters", NULL, 0, ASK_MS, &answer))
        return;
    read_rated(answer, values);
    godwit_free(answer);
    fputs("per second:", to);
    for (size_t i = 0; i < RATED; i++) {
        /* A peer that was started again counts from 0. */
        bool known = top->have_last && values[i] >= top->last[i] && now > top->last_s;
        double rate = known ? (double)(values[i] - top->last[i]) / (now - top->last_s) : 0;
        fprintf(to, "%s %s %.0f", i ? ";" : "", rated[i], rate);
    }
    fputc('\n', to);
    memcpy(top->last, values, sizeof(values));
    top->last_s = now;
    top->have_last = true;
}

/* One picture as text, malloc'ed; NULL without memory. */
static char *picture(struct top *top)
{
    char *text = NULL, *answer;
    size_t size;
    FILE *to = open_memstream(&text, &size);

    if (!to)
        return NULL;
    if (godwit_inspect_ask(top->inspect, "status", NULL, 0, ASK_MS, &answer)) {
        fprintf(to, "%s\n", godwit_last_error());
        top->have_last = false;
    } else {
        print_rates(top, to);
        status_print(answer, to);
        godwit_free(answer);
    }
    if (fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}

/* Draws as much as the screen holds: nothing wraps, nothing scrolls. */
static void draw(const char *text)
{
    struct winsize window = {.ws_row = 24, .ws_col = 80};

    ioctl(STDOUT_FILENO, TIOCGWINSZ, &window);
    int rows = window.ws_row > 1 ? window.ws_row : 24, columns = window.ws_col ? window.ws_col : 80;
    fputs("\033[H", stdout);
    for (int row = 0; row < rows && *text; row++) {
        int size = (int)strcspn(text, "\n");
        printf("%s%.*s\033[K", row ? "\r\n" : "", size < columns ? size : columns, text);
        text += size + (text[size] == '\n');
    }
    fputs("\033[J", stdout);
    fflush(stdout);
}

static bool terminal_begin(struct top *top)
{
    struct termios raw;
    const struct sigaction action = {.sa_handler = note_resize};

    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO) ||
        tcgetattr(STDIN_FILENO, &top->before) != 0)
        return false;
    raw = top->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0)
        return false;
    sigaction(SIGWINCH, &action, NULL);
    fputs("\033[?1049h\033[?25l", stdout); /* a screen of its own, no cursor */
    return true;
}

static void terminal_end(const struct top *top)
{
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &top->before);
}

/* Waits for the next picture. False: it is over. */
static bool wait_for_next(const struct top *top)
{
    struct pollfd keys = {.fd = top->terminal ? STDIN_FILENO : -1, .events = POLLIN};
    char key;

    resized = 0;
    int count = poll(&keys, 1, top->interval_ms); /* a signal ends it too */
    if (stop_asked)
        return false;
    if (count > 0 && read(STDIN_FILENO, &key, 1) == 1)
        return key != 'q' && key != 'Q' && key != 3;
    return count == 0 || resized;
}

static int run(struct top *top)
{
    top->terminal = terminal_begin(top);
    for (long shown = 1;; shown++) {
        char *text = picture(top);
        if (!text)
            break;
        if (top->terminal)
            draw(text);
        else
            printf("%s%s", shown > 1 ? "\n----\n" : "", text);
        free(text);
        if ((!top->terminal && fflush(stdout) != 0) || shown == top->count || !wait_for_next(top))
            break;
    }
    if (top->terminal)
        terminal_end(top);
    return OK;
}

static int read_options(int argc, char **argv, struct top *top, const char **directory)
{
    static const struct option options[] = {{"interval", required_argument, NULL, 'i'},
                                            {"count", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option, status = OK;

    optind = 0;
    opterr = 0;
    while (status == OK && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'i':
            status = option_seconds("top", "--interval", optarg, &top->interval_ms);
            if (status == OK && (top->interval_ms < 100 || top->interval_ms > 3600000))
                status = refuse("top", "--interval must be 0.1 to 3600 seconds, not '%s'", optarg);
            break;
        case 'c':
            status = option_number("top", "--count", optarg, 1, 1000000000, &top->count);
            break;
        case 'h': fputs(help_top, stdout); return -1;
        default: return refuse("top", "'%s' is no option, or lacks its value", argv[optind - 1]);
        }
    }
    if (status == OK && argc - optind != 1)
        status = refuse("top", "it is `godwit top [options] DIRECTORY`");
    if (status == OK)
        *directory = argv[optind];
    return status;
}

int verb_top(int argc, char **argv)
{
    struct top top = {.interval_ms = 1000};
    const char *directory = NULL;
    int status = read_options(argc, argv, &top, &directory);

    if (status != OK)
        return status < 0 ? OK : status;
    if ((status = ask_open("top", directory, &top.inspect)) != OK)
        return status;
    if (!godwit_inspect_running(top.inspect)) { /* looking again and again would keep it locked */
        fprintf(stderr, "godwit top: the peer of %s is not running; `godwit status %s` shows its "
                "store\n", directory, directory);
        status = NOT_FOUND;
    } else {
        stop_on_signals();
        status = run(&top);
    }
    godwit_inspect_close(&top.inspect);
    return status;
}
