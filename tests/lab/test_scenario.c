/* SPDX-License-Identifier: MPL-2.0 */
/* Scenarios that are right, and every way to write a wrong one. */

#include "order.h"
#include "scenario.h"

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define PROCESSES                                                                                  \
    "processes\n"                                                                                  \
    "    worker = true --bind {endpoint} --dir {dir}\n"                                            \
    "    sender = true --connect {worker}\n"

static struct lab_scenario *parse(const char *text, struct lab_mistake *mistake)
{
    return lab_scenario_parse("somewhere/some.zpl", text, strlen(text), mistake);
}

static struct lab_scenario *good(const char *text)
{
    struct lab_mistake mistake;
    struct lab_scenario *scenario = parse(text, &mistake);

    if (!scenario)
        fail_msg("line %d: %s (%s)", mistake.line, mistake.what, mistake.mend);
    return scenario;
}

static void the_ten_lines_of_the_header_are_read(void **state)
{
    struct lab_scenario *scenario = good(
        "about = A worker is killed, and a connection cut\n"
        "processes\n"
        "    worker = godwit lab-peer work --bind {endpoint} --dir {dir}\n"
        "    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 5000\n"
        "actions\n"
        "    2.5 = cut sender-worker\n"
        "    1.0 = kill worker for 500ms\n");

    (void)state;
    assert_string_equal(scenario->title, "some");
    assert_string_equal(scenario->about, "A worker is killed, and a connection cut");
    assert_int_equal(scenario->length_us, 30000000);
    assert_int_equal(scenario->settle_us, 20000000);
    assert_int_equal(scenario->process_count, 2);
    assert_string_equal(scenario->processes[1].argv[4], "{worker}");
    assert_int_equal(scenario->processes[1].line, 4);
    assert_int_equal(scenario->link_count, 1);
    assert_string_equal(scenario->links[0].name, "sender-worker");
    assert_true(scenario->links[0].from == 1 && scenario->links[0].to == 0);
    assert_int_equal(scenario->action_count, 2);
    assert_int_equal(scenario->actions[0].at_us, 1000000); /* by time */
    assert_int_equal(scenario->actions[0].order.verb, LAB_kill);
    assert_int_equal(scenario->actions[0].order.lasts.low_us, 500000);
    assert_int_equal(scenario->actions[1].order.verb, LAB_cut);
    assert_int_equal(scenario->actions[1].line, 6);
    assert_false(scenario->random.used || scenario->processes[0].shim);
    lab_scenario_free(&scenario);
    assert_null(scenario);
}

static void everything_can_be_said(void **state)
{
    struct lab_scenario *scenario =
        good("# a comment, and an empty line\n"
             "\n"
             "seconds = 2m\n"
             "settle = 10\n"
             "order = yes\n"
             "smoke = yes\n"
             "excuse = repeats\n"
             "covers = P01 N03, D06\r\n"
             "processes\n"
             "    worker = true {endpoint}\n"
             "        disk = 40M # of its own\n"
             "        files = 64\n"
             "        memory = 512M\n"
             "        audit = \"true 'a b' {dir}\"\n"
             "        stays-down = yes\n"
             "    other = true {endpoint}\n"
             "        restart = 200ms\n"
             "    sender = true {worker} {worker} {direct:other} {seed}\n"
             "actions\n"
             "    1..10/2 = term worker|other\n"
             "    1.5 = fill worker for 1s\n"
             "random\n"
             "    seed = 7\n"
             "    from = 1s\n"
             "    until = 1m\n"
             "    every = 500ms\n"
             "    orders\n"
             "        a = delay sender-* 10ms..200ms for 100ms..2s\n"
             "        a = clock other -1ms\n"
             "        hold = hold sender-worker back for 1\n");
    const struct lab_process_plan *worker = &scenario->processes[0];

    (void)state;
    assert_true(scenario->ordered && scenario->repeats_excused && scenario->smoke);
    assert_string_equal(scenario->covers[2], "D06");
    assert_null(scenario->covers[3]);
    assert_int_equal(scenario->length_us, 120000000);
    assert_int_equal(worker->disk_bytes, 40 << 20);
    assert_int_equal(worker->file_limit, 64);
    assert_int_equal(worker->memory_limit, 512 << 20);
    assert_string_equal(worker->audit[1], "a b");
    assert_true(worker->stays_down && !worker->shim);
    assert_true(scenario->processes[1].shim); /* its clock is set */
    assert_int_equal(scenario->processes[1].restart_us, 200000);
    assert_int_equal(scenario->link_count, 1); /* twice the same, and one without the proxy */
    assert_int_equal(scenario->action_count, 6);
    assert_int_equal(scenario->actions[1].order.verb, LAB_fill);
    assert_int_equal(scenario->actions[5].at_us, 9000000);
    assert_int_equal(scenario->actions[5].order.whom_count, 2);
    assert_true(scenario->random.used);
    assert_int_equal(scenario->random.seed, 7);
    assert_int_equal(scenario->random.count, 3);
    assert_int_equal(scenario->random.orders[0].span.high_us, 200000);
    assert_int_equal(scenario->random.orders[0].lasts.low_us, 100000);
    assert_int_equal(scenario->random.orders[1].shift_us, -1000);
    assert_int_equal(scenario->random.orders[2].way, LAB_BACK);
    lab_scenario_free(&scenario);
}

static void an_order_is_printed_as_it_was_written(void **state)
{
    static const char *const orders[] = {
        "kill worker for 500ms",
        "kill worker|sender for 100ms..1s",
        "stop worker for 1500us",
        "power-cut worker",
        "fail-writes worker ENOSPC for 1s",
        "slow-syncs worker 10ms..20ms for 3s",
        "hang-syncs worker for 3s",
        "clock worker +10y for 2s",
        "clock worker -1ms for 2s",
        "limit-files worker 64 for 2s",
        "limit-memory worker 1048576 for 2s",
        "hold sender-worker forward for 2s",
        "drop sender-worker for 2s",
        "flip sender-worker 1000",
    };
    char text[256], printed[LAB_ORDER_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        snprintf(text, sizeof text, PROCESSES "actions\n    1 = %s\n", orders[i]);
        struct lab_scenario *scenario = good(text);
        assert_string_equal(lab_order_text(scenario, &scenario->actions[0].order, printed),
                            orders[i]);
        lab_scenario_free(&scenario);
    }
}

static void each_verb_has_a_name_and_a_meaning(void **state)
{
    (void)state;
    for (int verb = 0; verb < LAB_VERB_COUNT; verb++) {
        const char *name = lab_verb_name((enum lab_verb)verb);
        assert_int_equal(lab_verb_find(name), verb);
        assert_null(strchr(name, '_'));
        assert_true(strlen(name) < 16 && strlen(lab_verb_about((enum lab_verb)verb)) > 10);
    }
    assert_string_equal(lab_verb_name(LAB_power_cut), "power-cut");
    assert_int_equal(lab_verb_find("power_cut"), -1);
}

/* --- what is wrong --- */

struct wrong {
    const char *text;
    int line;
    const char *what, *mend; /* parts of it */
};

#define ACTION(order) PROCESSES "actions\n    1 = " order "\n" /* on line 5 */

static const struct wrong wrongs[] = {
    /* the form of the file */
    {"about = x\n\tprocesses\n", 2, "a tab", "four blanks"},
    {"processes\n  a = true\n", 2, "2 blanks", "0 or 4"},
    {"about = x\n        a = true\n", 2, "too far to the right", "at most 4"},
    {"processes\n    a true\n", 2, "`true` is too much", "name = value"},
    {"about = \"x\n", 1, "a quote is not closed", "ends with \""},
    {"processes\n    a = \"sh\" -c x\n", 2, "`-c x` is too much", "other kind of quotes"},
    {"about =\n", 1, "nothing after `=`", "leave out"},
    {"about = # none\n", 1, "nothing after `=`", "leave out"},
    {"= x\n", 1, "`` is no name", "name = value"},
    {"/a/ = x\n", 1, "`/a/` is no name", "letters"},
    {"a:b = x\n", 1, "`a:b` is no name", "letters"},
    {"about = x\x01\n", 1, "byte 10", "plain text"},
    /* keys */
    {"seconds = 3\nprocess\n    a = true\n", 2, "unknown key `process`",
     "did you mean `processes`? known: about, seconds, "},
    {"zebra = 1\n" PROCESSES, 1, "unknown key `zebra`", "known: about"},
    {"seconds = 3\nseconds = 4\n", 2, "twice", "line 1"},
    {"seconds = soon\n" PROCESSES, 1, "`seconds` cannot be `soon`", "20s"},
    {"seconds = 0\n" PROCESSES, 1, "cannot be `0`", "a time"},
    {"seconds = 31d\n" PROCESSES, 1, "cannot be `31d`", "at most 30d"},
    {"order = maybe\n" PROCESSES, 1, "cannot be `maybe`", "yes or no"},
    {"excuse = losses\n" PROCESSES, 1, "`losses` cannot be excused", "excuse = repeats"},
    {"covers = P01 P1\n" PROCESSES, 1, "`P1` is no row", "P01 N03"},
    {"about\n" PROCESSES, 1, "`about` has no value", "about = "},
    {"processes = 3\n", 1, "takes no value", "below"},
    {"about = x\n    more = y\n" PROCESSES, 2, "`more` cannot belong to `about`", "blanks less"},
    {"", 0, "no `processes`", "NAME = COMMAND"},
    {"about = x\nactions\n    1 = kill a\n", 0, "no `processes`", "NAME"},
    /* processes */
    {"processes\n", 1, "no processes", "NAME = COMMAND"},
    {"processes\n    a+b = true\n", 2, "cannot be called `a+b`", "letters"},
    {"processes\n    .. = true\n", 2, "cannot be called `..`", "between"},
    {"processes\n    dir = true\n", 2, "cannot be called `dir`", "something else"},
    {"processes\n    a123456789012345678901234567890123 = true\n", 2, "cannot be called", "32"},
    {"processes\n    a = true\n    a = true\n", 3, "two processes `a`", "line 2"},
    {"processes\n    a = true 'x\n", 2, "a quote is not closed", "as in a shell"},
    {"processes\n    a\n", 2, "there is no command", "a = COMMAND"},
    {"processes\n    a = true\n        disc = 4M\n", 3, "unknown key `disc` of `a`",
     "did you mean `disk`?"},
    {"processes\n    a = true\n        disk = much\n", 3, "cannot be `much`", "40M"},
    {"processes\n    a = true\n        files = 0\n", 3, "cannot be `0`", "from 1 to 1048576"},
    {"processes\n    a = true\n        memory = 0\n", 3, "cannot be `0`", "512k"},
    {"processes\n    a = true\n        audit = \"\"\n", 3, "`audit` has no value", "audit ="},
    {"processes\n    a = true {endpoint}\n    b = true {aa}\n", 3, "{aa} in the command of `b`",
     "did you mean `a`? known: dir, endpoint, seed, a"},
    {"processes\n    a = true\n    b = true {a}\n", 3, "`a` is told no place to listen", "line 2"},
    {"processes\n    a = true {a} {endpoint}\n", 2, "names itself", "{endpoint}"},
    {"processes\n    a = true {endpoint}\n    b = true {direct:c}\n", 3, "{c}", "known: "},
    {"processes\n    a-b = true {c}\n    a = true {b-c}\n    b-c = true {endpoint}\n"
     "    c = true {endpoint}\n", 3, "two links `a-b-c`", "without dashes"},
    /* actions */
    {ACTION("kil worker"), 5, "unknown action `kil`", "did you mean `kill`? known: kill, term, "},
    {ACTION("'   '"), 5, "unknown action ``", "known: "},
    {ACTION("kill"), 5, "`kill` of what?", "`kill worker`"},
    {ACTION("kill wroker"), 5, "no process `wroker`", "did you mean `worker`?"},
    {ACTION("kill worker|"), 5, "no process ``", "known: worker, sender"},
    {ACTION("kill x*"), 5, "no process `x*`", "worker"},
    {ACTION("kill sender-worker"), 5, "`sender-worker` is a link", "known: worker"},
    {ACTION("cut worker"), 5, "`worker` is a process", "known: sender-worker"},
    {ACTION("cut worker-sender"), 5, "no link `worker-sender`", "known: sender-worker"},
    {"processes\n    a = true\nactions\n    1 = cut b-a\n", 4, "no link", "no command has such"},
    {ACTION("kill worker 500ms"), 5, "`500ms` is too much", "`for 500ms`?"},
    {ACTION("kill worker for"), 5, "`for ` is no time", "500ms"},
    {ACTION("kill worker for ever"), 5, "`for ever` is no time", "500ms"},
    {ACTION("kill worker for 0"), 5, "no time at all", "1us"},
    {ACTION("kill worker for 1s now"), 5, "`now` is too much", "kill -9"},
    {ACTION("save worker for 1s"), 5, "`save` takes no `for`", "once"},
    {ACTION("a b c d e f g h i"), 5, "no 9 words", "VERB TARGET"},
    {ACTION("fail-writes worker"), 5, "lacks a word", "known: ENOSPC"},
    {ACTION("fail-writes worker ENOSPACE"), 5, "`ENOSPACE` is nothing", "did you mean `ENOSPC`?"},
    {ACTION("delay sender-worker"), 5, "lacks a word", "10ms..200ms"},
    {ACTION("delay sender-worker 2s..1s for 1s"), 5, "`2s..1s` is nothing", "20ms"},
    {ACTION("throttle sender-worker 0 for 1s"), 5, "`0` is nothing", "64k"},
    {ACTION("limit-files worker 1k for 1s"), 5, "`1k` is nothing", "64"},
    {ACTION("clock worker 1s for 1s"), 5, "`1s` is nothing", "+10y"},
    {ACTION("hold sender-worker sideways for 1s"), 5, "`sideways` is too much", "hold"},
    {ACTION("fill worker for 1s"), 5, "`worker` has no disk",
     "`disk = 40M` below `worker`, on line 2"},
    {ACTION("stop worker"), 5, "until the end of the faults, and that is now", "for 2s"},
    {ACTION("kill worker\n        more = x"), 6, "cannot belong to `1`", "blanks"},
    {PROCESSES "actions\n    soon = kill worker\n", 5, "`soon` is no time", "2.5 = ORDER"},
    {PROCESSES "actions\n    5..1/2 = kill worker\n", 5, "`5..1/2` is no time", "1..10/2"},
    {PROCESSES "actions\n    1..5/0 = kill worker\n", 5, "`1..5/0` is no time", "1..10/2"},
    {PROCESSES "actions\n    0..10/0.001 = kill worker\n", 5, "more than 1000 actions", "random"},
    {PROCESSES "actions\n    31 = kill worker\n", 5, "after 31 s, and the end is at 30 s",
     "`seconds = 31`"},
    {PROCESSES "seconds = 2\nactions\n    1 = kill worker for 500ms..1500ms\n", 6,
     "over after 2.5 s", "`seconds = 3`"},
    /* random */
    {PROCESSES "random\n    every = 1s\n", 4, "no orders", "NAME = ORDER"},
    {PROCESSES "random\n    orders\n        a = kill worker\n", 4, "how often", "every = 2s"},
    {PROCESSES "random\n    every = 1s\n    orders\n        a = kil worker\n", 7,
     "unknown action `kil`", "kill"},
    {PROCESSES "random\n    every = 1s\n    until = 40\n    orders\n        a = kill worker\n", 4,
     "until after 40 s", "`seconds = 40`"},
    {PROCESSES "random\n    every = 1s\n    from = 5\n    until = 5\n    orders\n"
     "        a = kill worker\n", 4, "ends before it begins", "`from` is 5 s"},
    {PROCESSES "random\n    seed = 0\n", 5, "cannot be `0`", "from 1 to"},
    {PROCESSES "random\n    evry = 1\n", 5, "unknown key `evry` of `random`", "`every`"},
};

static void a_wrong_scenario_is_told_with_line_and_mend(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        struct lab_mistake mistake;
        struct lab_scenario *scenario = parse(wrongs[i].text, &mistake);
        if (scenario)
            fail_msg("was taken:\n%s", wrongs[i].text);
        if (mistake.line != wrongs[i].line || !strstr(mistake.what, wrongs[i].what) ||
            !strstr(mistake.mend, wrongs[i].mend))
            fail_msg("%d: %s\nmend: %s\nfor:\n%s\nbut it is %d: ...%s...\nmend: ...%s...",
                     mistake.line, mistake.what, mistake.mend, wrongs[i].text, wrongs[i].line,
                     wrongs[i].what, wrongs[i].mend);
    }
}

/* `begin`, and `count` times `item` with its number. */
static void repeat(char *text, size_t size, const char *begin, const char *item, int count)
{
    size_t used = (size_t)snprintf(text, size, "%s", begin);

    for (int i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, item[0] ? "    p%d = %s\n" : "%d%s", i,
                                 item);
    assert_true(used < size);
}

/* Said before anything is allocated for it, or zconfig sees it. */
static void too_much_is_told(void **state)
{
    static char text[1 << 19];
    struct lab_mistake mistake;

    (void)state;
    repeat(text, sizeof text, "about = ", "", 600);
    assert_null(parse(text, &mistake));
    assert_non_null(strstr(mistake.what, "the line has "));
    repeat(text, sizeof text, "processes\n", "true", 20000);
    assert_null(parse(text, &mistake));
    assert_non_null(strstr(mistake.what, "the file has "));
    repeat(text, sizeof text, "processes\n", "true", LAB_PROCESSES_MAX);
    struct lab_scenario *scenario = good(text);
    lab_scenario_free(&scenario);
    repeat(text, sizeof text, "processes\n", "true", LAB_PROCESSES_MAX + 1);
    assert_null(parse(text, &mistake));
    assert_int_equal(mistake.line, LAB_PROCESSES_MAX + 2);
    assert_non_null(strstr(mistake.what, "more than 64 processes"));
}

/* Every process dials every other one: 64 * 63 links. */
static void too_many_links_are_told(void **state)
{
    static char text[1 << 16];
    struct lab_mistake mistake;
    size_t used = (size_t)snprintf(text, sizeof text, "processes\n");

    (void)state;
    for (int i = 0; i < 20; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "    p%d = true {endpoint}", i);
        for (int k = 0; k < 20; k++)
            if (k != i)
                used += (size_t)snprintf(text + used, sizeof text - used, " {p%d}", k);
        used += (size_t)snprintf(text + used, sizeof text - used, "\n");
    }
    assert_null(parse(text, &mistake));
    assert_non_null(strstr(mistake.what, "more than 256 links"));
    assert_non_null(strstr(mistake.mend, "{direct:"));
}

/* --- what is not there --- */

static struct lab_scenario *with_command(const char *command)
{
    char text[400];

    snprintf(text, sizeof text, "\nprocesses\n    a = %s\n", command);
    return good(text);
}

static void a_missing_program_is_told(void **state)
{
    static const struct wrong missing[] = {
        {"no-such-program x", 3, "`no-such-program` of `a`: No such file", "PATH"},
        {"./no-such-program", 3, "No such file", "is it built?"},
        {"/ x", 3, "Is a directory", "built"},
        {"/dev/null", 3, "Is a directory", "built"},
        {"true\n        audit = no-such-audit {dir}", 3, "`no-such-audit`", "PATH"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        struct lab_mistake mistake = {0};
        struct lab_scenario *scenario = with_command(missing[i].text);
        assert_false(lab_scenario_check(scenario, &mistake));
        assert_int_equal(mistake.line, missing[i].line);
        assert_non_null(strstr(mistake.what, missing[i].what));
        assert_non_null(strstr(mistake.mend, missing[i].mend));
        lab_scenario_free(&scenario);
    }
}

static void programs_are_found_as_a_shell_finds_them(void **state)
{
    static const char *const there[] = {"true", "/bin/sh -c x", "{dir}/later"};

    (void)state;
    for (size_t i = 0; i < sizeof there / sizeof *there; i++) {
        struct lab_mistake mistake = {0};
        struct lab_scenario *scenario = with_command(there[i]);
        assert_true(lab_scenario_check(scenario, &mistake));
        lab_scenario_free(&scenario);
    }
}

static void a_port_in_use_is_told(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    char command[100], said[20];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    snprintf(said, sizeof said, "port %u", ntohs(address.sin_port));
    snprintf(command, sizeof command, "true tcp://example.org:80 --bind=tcp://127.0.0.1:%u",
             ntohs(address.sin_port));
    struct lab_mistake mistake = {0};
    struct lab_scenario *scenario = with_command(command);
    assert_false(lab_scenario_check(scenario, &mistake));
    assert_int_equal(mistake.line, 3);
    assert_non_null(strstr(mistake.what, said));
    assert_non_null(strstr(mistake.mend, "{endpoint}"));
    close(fd);
    assert_true(lab_scenario_check(scenario, &mistake));
    lab_scenario_free(&scenario);
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
    struct lab_mistake mistake;

    (void)state;
    assert_null(lab_scenario_read("/no/such/file.zpl", &mistake));
    assert_int_equal(mistake.line, 0);
    assert_string_equal(mistake.what, "cannot be read: No such file or directory");
    assert_null(lab_scenario_read("/", &mistake));
    assert_string_equal(mistake.what, "cannot be read: Is a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ten_lines_of_the_header_are_read),
        cmocka_unit_test(everything_can_be_said),
        cmocka_unit_test(an_order_is_printed_as_it_was_written),
        cmocka_unit_test(each_verb_has_a_name_and_a_meaning),
        cmocka_unit_test(a_wrong_scenario_is_told_with_line_and_mend),
        cmocka_unit_test(too_much_is_told),
        cmocka_unit_test(too_many_links_are_told),
        cmocka_unit_test(a_missing_program_is_told),
        cmocka_unit_test(programs_are_found_as_a_shell_finds_them),
        cmocka_unit_test(a_port_in_use_is_told),
        cmocka_unit_test(a_file_that_cannot_be_read_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
