/* SPDX-License-Identifier: MPL-2.0 */

/* The control socket of a running peer: what it answers, whom it turns away, and that no client
 * disturbs the peer. */

#include "live.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define ANSWER_MAX (4u << 20)

/* A connection to the control socket of a directory, of any length. */
static int dial(const char *directory)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = LIVE_TIMEOUT_MS / 1000};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/control", at);
    int error = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    close(at);
    if (!error)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

static char *read_answer(int fd)
{
    static char answer[ANSWER_MAX];
    size_t size = 0;
    ssize_t got;

    while (size < sizeof answer - 1 &&
           (got = read(fd, answer + size, sizeof answer - 1 - size)) > 0)
        size += (size_t)got;
    answer[size] = '\0';
    close(fd);
    return answer;
}

static char *ask_bytes(const char *directory, const void *bytes, size_t size)
{
    int fd = dial(directory);

    assert_true(fd >= 0);
    (void)!send(fd, bytes, size, MSG_NOSIGNAL); /* it may be turned away before it has spoken */
    return read_answer(fd);
}

static char *ask(const char *directory, const char *request)
{
    char line[8192];
    int size = snprintf(line, sizeof line, "%s\n", request);

    return ask_bytes(directory, line, (size_t)size);
}

static void has(const char *answer, const char *text)
{
    if (!strstr(answer, text))
        fail_msg("\"%s\" does not say \"%s\"", answer, text);
}

static void ends_well(const char *answer)
{
    static const char good[] = "{\"record\":\"result\",\"ok\":true}\n";
    size_t size = strlen(answer);

    if (size < strlen(good) || strcmp(answer + size - strlen(good), good) != 0)
        fail_msg("\"%s\" does not end well", answer);
}

static void status_shows_links_members_streams_and_windows(void **state)
{
    char here[128], there[128];
    godwit_peer_t *walker = live_disk_peer("walker", live_directory(here));
    godwit_peer_t *worker = live_disk_peer("worker", live_directory(there));
    godwit_stage_t *stage = live_stage(worker, "resize");

    (void)state;
    live_join(walker, worker);
    ok(godwit_push_data(walker, "resize", "x", 1, NULL));
    godwit_delivery_t *delivery = live_next(stage);
    char *answer = ask(here, "status");
    has(answer, "{\"record\":\"peer\",\"name\":\"walker\",\"running\":true");
    has(answer, "\"durability\":\"os\"");
    has(answer, "{\"record\":\"dial\",\"endpoint\":\"tcp://127.0.0.1:");
    has(answer, "{\"record\":\"link\",\"peer\":\"worker\",\"up\":true");
    has(answer, "{\"record\":\"destination\",\"destination\":\"stage:resize\",\"members\":1,"
                "\"unsettled\":1");
    has(answer, "{\"record\":\"member\",\"destination\":\"stage:resize\",\"peer\":\"worker\","
                "\"linked\":true,\"serving\":true,\"forfeited\":false,\"outstanding\":1");
    has(answer, "\"floor\":1,\"last\":1,\"stored\":1,\"unsettled\":1");
    has(answer, "\"holder\":\"worker\"");
    ends_well(answer);
    answer = ask(there, "status");
    has(answer, "{\"record\":\"window\",");
    has(answer, "\"sender\":\"walker\",\"floor\":1,\"last\":1,\"in_hand\":1");
    has(answer, "{\"record\":\"serve\",\"destination\":\"stage:resize\",\"open\":true");
    ends_well(answer);
    has(ask(here, "counters"), "{\"record\":\"counter\",\"name\":\"sent\",\"value\":1}");
    ok(godwit_ack(&delivery));
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
    live_remove(here);
    live_remove(there);
}

static void find_tells_where_a_message_is_on_both_sides(void **state)
{
    char here[128], there[128], request[64] = "find ";
    godwit_peer_t *walker = live_disk_peer("walker", live_directory(here));
    godwit_peer_t *worker = live_disk_peer("worker", live_directory(there));
    godwit_stage_t *stage = live_stage(worker, "resize");
    godwit_id_t id;

    (void)state;
    live_join(walker, worker);
    ok(godwit_push_data(walker, "resize", "x", 1, &id));
    godwit_delivery_t *delivery = live_next(stage);
    godwit_id_format(id, request + 5);
    has(ask(there, request), "\"side\":\"receiver\"");
    has(ask(there, request), "\"destination\":\"stage:resize\",\"sender\":\"walker\"");
    ok(godwit_ack(&delivery));
    ok(godwit_wait(walker, id, GODWIT_SETTLED, LIVE_TIMEOUT_MS));
    char *answer = ask(there, request);
    assert_true(strstr(answer, "\"place\":\"processed\"") || strstr(answer, "\"settled\""));
    has(ask(here, "find 0123"), "GODWIT_EINVAL");
    has(ask(here, "find 00000000000000010000000000000001"), "GODWIT_ENOTFOUND");
    godwit_stage_close(&stage);
    ok(godwit_peer_close(&worker));
    ok(godwit_peer_close(&walker));
    live_remove(here);
    live_remove(there);
}

static void what_is_sent_through_it_is_stored(void **state)
{
    static const char two[] = "send stage:s 2 11\n\0\0\0\1a\0\0\0\2bc";
    static const char wrong[] = "send stage:s 2 11\n\0\0\0\1a\0\0\0\3bc";
    static const char nowhere[] = "send somewhere 1 5\n\0\0\0\1a";
    char here[128];
    godwit_peer_t *walker = live_disk_peer("walker", live_directory(here));

    (void)state;
    char *answer = ask_bytes(here, two, sizeof two - 1);
    has(answer, "{\"record\":\"sent\",\"id\":\"");
    ends_well(answer);
    assert_true(live_counter(walker, "stored") == 2);
    has(ask_bytes(here, wrong, sizeof wrong - 1), "are not 2 messages");
    has(ask_bytes(here, nowhere, sizeof nowhere - 1), "destination is \\\"somewhere\\\"");
    has(ask(here, "send stage:s 0 0"), "1 to 256 messages");
    has(ask(here, "send stage:s 1 99999999"), "GODWIT_EINVAL");
    has(ask(here, "send stage:s"), "a send is: send DESTINATION");
    assert_true(live_counter(walker, "sent") == 2);
    ok(godwit_peer_close(&walker));
    live_remove(here);
}

static void a_full_outbox_is_said_at_once(void **state)
{
    static const char three[] = "send stage:s 3 15\n\0\0\0\1a\0\0\0\1b\0\0\0\1c";
    char here[128];
    godwit_peer_options_t options = live_options("walker");
    godwit_peer_t *walker;

    (void)state;
    options.directory = live_directory(here);
    options.outbox_max_messages = 2; /* and its own sends wait without limit */
    ok(godwit_peer_open(&options, &walker));
    char *answer = ask_bytes(here, three, sizeof three - 1);
    ends_well(answer);
    answer = strstr(answer, "\"sent\"");
    assert_true(answer && (answer = strstr(answer + 1, "\"sent\"")) != NULL);
    assert_null(strstr(answer + 1, "\"sent\"")); /* two of three */
    has(ask_bytes(here, three, sizeof three - 1), "GODWIT_EFULL");
    assert_true(live_counter(walker, "sent") == 2);
    ok(godwit_peer_close(&walker));
    live_remove(here);
}

static void garbage_is_answered_with_a_sentence(void **state)
{
    static const char zeros[] = "status\0\0\n";
    char here[128], text[6000];
    godwit_peer_t *walker = live_disk_peer("walker", live_directory(here));

    (void)state;
    has(ask(here, ""), "the request is empty");
    has(ask(here, "hello"), "no request is \\\"hello\\\"");
    has(ask(here, "status please"), "no request is");
    has(ask(here, "find  x"), "a space too many");
    has(ask(here, "dead"), "dead show|requeue|purge ID");
    has(ask(here, "dead show"), "an id is missing");
    has(ask(here, "dead show 1"), "GODWIT_EINVAL");
    has(ask(here, "status\r"), "printable ASCII");
    has(ask_bytes(here, zeros, sizeof zeros - 1), "printable ASCII");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    has(ask(here, text), "GODWIT_ETOOLARGE");
    for (size_t i = 0; i < 200; i += 2)
        text[i] = ' ';
    text[200] = '\0';
    has(ask(here, text), "GODWIT_EINVAL");
    close(dial(here)); /* says nothing */
    ends_well(ask(here, "status"));
    ok(godwit_peer_close(&walker));
    live_remove(here);
}

static void clients_that_say_nothing_hold_up_nobody(void **state)
{
    char here[128];
    int mute[8];
    godwit_peer_t *walker = live_disk_peer("walker", live_directory(here));

    (void)state;
    for (size_t i = 0; i < 8; i++)
        assert_true((mute[i] = dial(here)) >= 0);
    has(ask(here, "status"), "others are asking");
    ok(godwit_send_data(walker, "stage:s", "x", 1, NULL));
    ok(godwit_peer_drain(walker, GODWIT_STORED, LIVE_TIMEOUT_MS));
    close(mute[0]);
    while (!strstr(ask(here, "status"), "\"ok\":true")) /* until its thread has seen it */
        usleep(1000);
    ok(godwit_peer_close(&walker)); /* at once: not after their time is over */
    for (size_t i = 1; i < 8; i++)
        assert_string_equal(read_answer(mute[i]), "");
    live_remove(here);
}

static mode_t mode_of(const char *directory)
{
    struct stat status;
    char path[512];

    snprintf(path, sizeof path, "%s/control", directory);
    return stat(path, &status) == 0 ? status.st_mode : 0;
}

static void the_socket_is_the_owners_and_goes_with_the_peer(void **state)
{
    char here[128];
    mode_t before = umask(0);
    godwit_peer_t *walker = live_disk_peer("walker", live_directory(here));

    (void)state;
    umask(before);
    assert_int_equal(mode_of(here), S_IFSOCK | 0600);
    ok(godwit_peer_close(&walker));
    assert_int_equal(mode_of(here), 0);
    live_remove(here);
}

static void another_user_is_turned_away(void **state)
{
    char here[128], path[160];
    int status;

    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: only root can ask as another user\n");
        skip();
    }
    godwit_peer_t *walker = live_disk_peer("walker", live_directory(here));
    snprintf(path, sizeof path, "%s/control", here);
    assert_int_equal(chmod(here, 0755), 0);
    assert_int_equal(chmod(path, 0666), 0); /* the first lock is open: the second must hold */
    pid_t child = fork();
    if (child == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(9);
        int fd = dial(here);
        _exit(fd >= 0 && strstr(read_answer(fd), "belongs to another user") ? 0 : 1);
    }
    assert_true(waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(path, 0600), 0);
    child = fork();
    if (child == 0) {
        if (setgid(65534) != 0 || setuid(65534) != 0)
            _exit(9);
        _exit(dial(here) < 0 && errno == EACCES ? 0 : 1);
    }
    assert_true(waitpid(child, &status, 0) == child);
    assert_int_equal(status, 0);
    ends_well(ask(here, "status"));
    ok(godwit_peer_close(&walker));
    live_remove(here);
}

static void a_killed_peers_socket_is_replaced(void **state)
{
    char here[128], path[160];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)state;
    godwit_peer_t *walker = live_disk_peer("walker", live_directory(here));
    ok(godwit_peer_close(&walker));
    snprintf(path, sizeof path, "%s/control", here);
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd); /* the name stays: nobody listens */
    walker = live_disk_peer("walker", here);
    ends_well(ask(here, "status"));
    ok(godwit_peer_close(&walker));
    live_remove(here);
}

static void a_file_of_that_name_is_left_alone(void **state)
{
    char here[128], path[160];

    (void)state;
    godwit_peer_t *walker = live_disk_peer("walker", live_directory(here));
    ok(godwit_peer_close(&walker));
    snprintf(path, sizeof path, "%s/control", here);
    fclose(fopen(path, "w"));
    walker = live_disk_peer("walker", here);
    assert_true(S_ISREG(mode_of(here)));
    ok(godwit_peer_close(&walker));
    assert_true(S_ISREG(mode_of(here)));
    live_remove(here);
}

static void a_long_path_has_a_socket_too(void **state)
{
    char here[128], path[400];

    (void)state;
    live_directory(here);
    int size = snprintf(path, sizeof path, "%s/", here);
    memset(path + size, 'p', 200);
    path[size + 200] = '\0';
    assert_true(mkdir(here, 0700) == 0 || errno == EEXIST);
    godwit_peer_t *walker = live_disk_peer("walker", path);
    ends_well(ask(path, "status"));
    ok(godwit_peer_close(&walker));
    live_remove(here);
}

static void a_peer_can_do_without(void **state)
{
    char here[128];
    godwit_peer_options_t options = live_options("walker");
    godwit_peer_t *walker;

    (void)state;
    options.directory = live_directory(here);
    options.no_control = true;
    ok(godwit_peer_open(&options, &walker));
    assert_int_equal(mode_of(here), 0);
    ok(godwit_peer_close(&walker));
    live_remove(here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_shows_links_members_streams_and_windows),
        cmocka_unit_test(find_tells_where_a_message_is_on_both_sides),
        cmocka_unit_test(what_is_sent_through_it_is_stored),
        cmocka_unit_test(a_full_outbox_is_said_at_once),
        cmocka_unit_test(garbage_is_answered_with_a_sentence),
        cmocka_unit_test(clients_that_say_nothing_hold_up_nobody),
        cmocka_unit_test(the_socket_is_the_owners_and_goes_with_the_peer),
        cmocka_unit_test(another_user_is_turned_away),
        cmocka_unit_test(a_killed_peers_socket_is_replaced),
        cmocka_unit_test(a_file_of_that_name_is_left_alone),
        cmocka_unit_test(a_long_path_has_a_socket_too),
        cmocka_unit_test(a_peer_can_do_without),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
