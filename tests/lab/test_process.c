/* SPDX-License-Identifier: MPL-2.0 */
/* Children: what they say is heard, and none of them, or of theirs, is left. */

#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define PATIENCE_MS 20000

extern char **environ;

/* --- help --- */

struct heard {
    char text[4096]; /* lines with a mark: > output, ! error, and ~ if not whole */
    size_t lines, longest;
};

static void hear(void *context, const struct lab_line *line)
{
    struct heard *heard = context;
    size_t size = strlen(heard->text), length = strlen(line->text);

    heard->lines++;
    if (length > heard->longest)
        heard->longest = length;
    if (length < 200)
        snprintf(heard->text + size, sizeof heard->text - size, "%s%s%s\n",
                 line->error ? "!" : ">", line->whole ? "" : "~", line->text);
}

static int start_program(struct lab_process *process, const char *program, char *const *argv)
{
    struct lab_start start = {.program = program, .argv = argv, .environment = environ};

    return lab_process_start(process, &start);
}

static struct lab_process shell(const char *script)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
    struct lab_process process;

    assert_int_equal(start_program(&process, "/bin/sh", argv), 0);
    return process;
}

static void wait_for_pipes(const struct lab_process *process, int ms)
{
    struct pollfd fds[] = {{process->out.fd, POLLIN, 0}, {process->err.fd, POLLIN, 0}};

    poll(fds, 2, ms);
}

/* Until it has ended; its status. */
static int hear_out(struct lab_process *process, struct heard *heard)
{
    for (int ms = 0; ms < PATIENCE_MS; ms += 5) {
        lab_process_hear(process, hear, heard);
        for (pid_t pid; (pid = lab_process_ended()) > 0;) {
            if (pid == process->pid)
                return lab_process_finish(process, hear, heard);
            lab_process_reap(pid);
        }
        wait_for_pipes(process, 5);
    }
    fail_msg("it goes on for too long; it said:\n%s", heard->text);
    return -1;
}

/* Until a line that begins with `begin` was heard; the number behind it. */
static long hear_number(struct lab_process *process, struct heard *heard, const char *begin)
{
    for (int ms = 0; ms < PATIENCE_MS; ms += 5) {
        char *found = strstr(heard->text, begin);
        if (found && strchr(found, '\n'))
            return strtol(found + strlen(begin), NULL, 10);
        wait_for_pipes(process, 5);
        lab_process_hear(process, hear, heard);
    }
    fail_msg("`%s` was not heard; it said:\n%s", begin, heard->text);
    return -1;
}

static bool lives(long pid)
{
    char path[64], state = 'X';

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    int got = fscanf(file, "%*d (%*[^)]) %c", &state);
    fclose(file);
    return got == 1 && state != 'Z' && state != 'X';
}

static void assert_gone(long pid)
{
    struct timespec pause = {.tv_nsec = 1000000};

    for (int ms = 0; ms < PATIENCE_MS && lives(pid); ms++)
        nanosleep(&pause, NULL);
    assert_false(lives(pid));
}

static int adopt(void **state)
{
    (void)state;
    lab_processes_adopt();
    return 0;
}

static int leave_nothing(void **state)
{
    (void)state;
    assert_true(lab_processes_end());
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    return 0;
}

/* --- hearing --- */

static void lines_of_both_pipes_are_heard(void **state)
{
    struct lab_process process =
        shell("echo one; echo two >&2; printf 'a\\033[1mb\\tc\\0d\\n'; exit 7");
    struct heard heard = {0};

    (void)state;
    int status = hear_out(&process, &heard);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    assert_non_null(strstr(heard.text, ">one\n"));
    assert_non_null(strstr(heard.text, "!two\n"));
    assert_non_null(strstr(heard.text, ">a?[1mb\tc?d\n"));
    assert_int_equal(heard.lines, 3);
    assert_true(process.pid == 0 && process.out.fd == -1 && process.err.fd == -1);
}

/* What was in the pipe when it was killed is heard; the line that it was writing is told as cut. */
static void what_was_written_before_a_kill_is_heard(void **state)
{
    struct lab_process process = shell("echo whole; printf cut; kill -9 $$");
    struct heard heard = {0};

    (void)state;
    int status = hear_out(&process, &heard);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_non_null(strstr(heard.text, ">whole\n>~cut\n"));
}

static void a_huge_line_is_cut_and_the_next_one_heard(void **state)
{
    struct lab_process process =
        shell("head -c 5000000 /dev/zero | tr '\\0' x; echo; echo after; "
              "head -c 1000 /dev/zero | tr '\\0' y; echo");
    struct heard heard = {0};

    (void)state;
    assert_int_equal(hear_out(&process, &heard), 0);
    assert_int_equal(heard.lines, 3);
    assert_int_equal(heard.longest, LAB_LINE_MAX);
    assert_string_equal(heard.text, ">after\n");
}

static void a_flood_is_heard_in_bounded_pieces(void **state)
{
    struct lab_process process = shell("yes 2>&1");
    struct heard heard = {0};

    (void)state;
    wait_for_pipes(&process, PATIENCE_MS);
    for (int i = 0; i < 50; i++)
        lab_process_hear(&process, hear, &heard); /* comes back, although there is always more */
    assert_true(heard.lines > 0);
    lab_process_signal(&process, SIGKILL);
    int status = hear_out(&process, &heard);
    assert_true(WIFSIGNALED(status));
}

/* --- starting --- */

static void a_program_that_cannot_be_started_is_told(void **state)
{
    char *argv[] = {(char *)"x", NULL};
    struct lab_process process;

    (void)state;
    assert_int_equal(start_program(&process, "/no/such/program", argv), ENOENT);
    assert_int_equal(start_program(&process, "/dev/null", argv), EACCES);
    assert_true(process.pid == 0 && process.out.fd == -1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* none was left to be reaped */
}

static size_t count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void no_descriptor_and_no_signal_state_is_passed_on(void **state)
{
    struct heard heard = {0};
    size_t before = count_descriptors();
    sigset_t signals, old;

    (void)state;
    int fd = open("/dev/null", O_RDONLY); /* not close-on-exec */
    sigfillset(&signals);
    sigprocmask(SIG_BLOCK, &signals, &old);
    signal(SIGPIPE, SIG_IGN);
    struct lab_process process =
        shell("ls /proc/self/fd | wc -l; grep -E 'SigBlk|SigIgn' /proc/self/status;"
              " [ $(ps -o sid= $$) = $$ ] && echo leads");
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &old, NULL);
    assert_int_equal(hear_out(&process, &heard), 0);
    assert_non_null(strstr(heard.text, ">4\n")); /* 0, 1, 2 and the folder */
    assert_non_null(strstr(heard.text, ">SigBlk:\t0000000000000000\n>SigIgn:\t0000000000000000\n"));
    assert_non_null(strstr(heard.text, ">leads\n"));
    close(fd);
    assert_int_equal(count_descriptors(), before);
}

static void limits_hold_from_the_start_and_later(void **state)
{
    char *argv[] = {(char *)"sh", (char *)"-c",
                    (char *)"ulimit -n; ulimit -v; echo now; while :; do sleep 0.01; done", NULL};
    struct lab_start start = {.program = "/bin/sh",
                              .argv = argv,
                              .environment = environ,
                              .file_limit = 64,
                              .memory_limit = 512 << 20};
    struct lab_process process;
    struct heard heard = {0};
    struct rlimit limits;

    (void)state;
    assert_int_equal(lab_process_start(&process, &start), 0);
    hear_number(&process, &heard, ">now");
    assert_string_equal(heard.text, ">64\n>524288\n>now\n");
    assert_int_equal(lab_process_limit(&process, RLIMIT_NOFILE, 20), 0);
    assert_int_equal(prlimit(process.pid, RLIMIT_NOFILE, NULL, &limits), 0);
    assert_true(limits.rlim_cur == 20 && limits.rlim_max == 64);
    assert_int_equal(lab_process_limit(&process, RLIMIT_NOFILE, UINT64_MAX), 0);
    assert_int_equal(prlimit(process.pid, RLIMIT_NOFILE, NULL, &limits), 0);
    assert_int_equal(limits.rlim_cur, 64);
    lab_process_signal(&process, SIGKILL);
    hear_out(&process, &heard);
}

/* --- ending --- */

static void the_group_ends_with_its_leader(void **state)
{
    struct lab_process process = shell("sleep 1000 & echo sleeper $!; exit 0");
    struct heard heard = {0};

    (void)state;
    assert_int_equal(hear_out(&process, &heard), 0);
    assert_gone(strtol(strstr(heard.text, "sleeper ") + 8, NULL, 10));
}

static void a_signal_reaches_the_whole_group(void **state)
{
    struct lab_process process = shell("sleep 1000 & echo sleeper $!; wait");
    struct heard heard = {0};

    (void)state;
    long sleeper = hear_number(&process, &heard, "sleeper ");
    lab_process_signal(&process, SIGKILL);
    int status = hear_out(&process, &heard);
    assert_true(WIFSIGNALED(status));
    assert_gone(sleeper);
}

/* A daemon: in a session of its own, its parent gone, signals ignored, still holding the pipe. */
static void a_daemon_is_adopted_and_ended(void **state)
{
    struct lab_process process =
        shell("setsid sh -c 'trap \"\" TERM INT HUP;"
              " (sh -c \"echo daemon \\$\\$; exec sleep 1000\" &); exit 0' & wait; exit 3");
    struct heard heard = {0};

    (void)state;
    long daemon = hear_number(&process, &heard, "daemon ");
    int status = hear_out(&process, &heard); /* though the daemon holds the pipe */
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    assert_true(lives(daemon));
    assert_true(lab_processes_end());
    assert_gone(daemon);
}

/* Each one starts two more, in sessions of their own, four levels deep: 31 in all. */
static void a_brood_is_ended(void **state)
{
    struct lab_process process =
        shell("f='echo born; [ $1 -gt 0 ] && { setsid sh -c \"$0\" \"$0\" $(($1 - 1)) &"
              " setsid sh -c \"$0\" \"$0\" $(($1 - 1)) & }; exec sleep 1000';"
              " sh -c \"$f\" \"$f\" 4");
    struct heard heard = {0};

    (void)state;
    for (int ms = 0; ms < PATIENCE_MS && heard.lines < 31; ms += 5) {
        wait_for_pipes(&process, 5);
        lab_process_hear(&process, hear, &heard);
    }
    assert_int_equal(heard.lines, 31);
    assert_true(lab_processes_end());
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* This process plays the lab that is killed: its child goes with it. */
static void children_die_with_who_started_them(void **state)
{
    int ends[2];
    char text[64] = {0};

    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t lab = fork();
    if (lab == 0) {
        struct lab_process process = shell("trap '' TERM; while :; do sleep 0.1; done");
        dprintf(ends[1], "%d\n", (int)process.pid);
        raise(SIGKILL);
    }
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    lab_process_reap(lab);
    assert_gone(strtol(text, NULL, 10));
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_of_both_pipes_are_heard, adopt, leave_nothing),
        cmocka_unit_test_teardown(what_was_written_before_a_kill_is_heard, leave_nothing),
        cmocka_unit_test_teardown(a_huge_line_is_cut_and_the_next_one_heard, leave_nothing),
        cmocka_unit_test_teardown(a_flood_is_heard_in_bounded_pieces, leave_nothing),
        cmocka_unit_test_teardown(a_program_that_cannot_be_started_is_told, leave_nothing),
        cmocka_unit_test_teardown(no_descriptor_and_no_signal_state_is_passed_on, leave_nothing),
        cmocka_unit_test_teardown(limits_hold_from_the_start_and_later, leave_nothing),
        cmocka_unit_test_teardown(the_group_ends_with_its_leader, leave_nothing),
        cmocka_unit_test_teardown(a_signal_reaches_the_whole_group, leave_nothing),
        cmocka_unit_test_teardown(a_daemon_is_adopted_and_ended, leave_nothing),
        cmocka_unit_test_teardown(a_brood_is_ended, leave_nothing),
        cmocka_unit_test_teardown(children_die_with_who_started_them, leave_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
