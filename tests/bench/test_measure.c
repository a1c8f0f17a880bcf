/* SPDX-License-Identifier: MPL-2.0 */
/* What is read of a process from outside, held against what this one does. */

#include "measure.h"
#include "wire.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MANY_KIB 8192
#define BYTES    100000

static void memory_that_is_touched_is_seen_and_the_peak_stays(void **state)
{
    (void)state;
    struct result_process process = {0};
    long before, with, after;
    assert_true(measure_memory(getpid(), &process, &before));
    char *block = malloc(MANY_KIB * 1024);
    assert_non_null(block);
    memset(block, 1, MANY_KIB * 1024);
    assert_true(measure_memory(getpid(), &process, &with));
    assert_true(with - before >= MANY_KIB / 2); /* some of it may have been there */
    free(block);
    assert_true(measure_memory(getpid(), &process, &after));
    assert_int_equal(process.anon_kib, with > after ? with : after);
    assert_true(process.file_kib > 0);
}

static void what_is_written_is_counted(void **state)
{
    (void)state;
    struct result_process before = {0}, after = {0};
    char text[BYTES] = {0};
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    assert_true(measure_writes(getpid(), &before));
    ssize_t wrote = write(pipes[1], text, 1000);
    assert_int_equal(wrote, 1000);
    assert_true(measure_writes(getpid(), &after));
    assert_int_equal(after.wrote_bytes - before.wrote_bytes, 1000);
    close(pipes[0]);
    close(pipes[1]);
}

static void a_process_that_is_not_there_has_no_numbers(void **state)
{
    (void)state;
    struct result_process process = {0};
    uint64_t out = 0, in = 0;
    assert_false(measure_memory(-1, &process, NULL));
    assert_false(measure_writes(-1, &process));
    assert_false(wire_count(-1, &out, &in));
}

/* Two ends of one connection over loopback. */
static void connection(int ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(listener, 1), 0);
    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(ends[0], (struct sockaddr *)&address, size), 0);
    ends[1] = accept(listener, NULL, NULL);
    assert_true(ends[1] >= 0);
    close(listener);
}

static void pass(int from, int to, size_t bytes)
{
    char text[1000] = {0};
    for (size_t sent = 0; sent < bytes; sent += sizeof(text)) {
        assert_int_equal(send(from, text, sizeof(text), 0), sizeof(text));
        assert_int_equal(recv(to, text, sizeof(text), MSG_WAITALL), sizeof(text));
    }
}

static void bytes_of_a_connection_are_counted_at_both_ends(void **state)
{
    (void)state;
    int ends[2];
    uint64_t out = 0, in = 0;
    connection(ends);
    pass(ends[0], ends[1], BYTES);
    pass(ends[1], ends[0], BYTES / 10);
    /* Both ends are ours here. An acknowledgement may still be on its way, so bytes sent last may
     * be missing from `out`; the SYN counts as one. */
    assert_true(wire_count(getpid(), &out, &in));
    assert_int_equal(in, BYTES + BYTES / 10);
    assert_true(out >= BYTES && out <= BYTES + BYTES / 10 + 2);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_that_is_touched_is_seen_and_the_peak_stays),
        cmocka_unit_test(what_is_written_is_counted),
        cmocka_unit_test(a_process_that_is_not_there_has_no_numbers),
        cmocka_unit_test(bytes_of_a_connection_are_counted_at_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
