/* SPDX-License-Identifier: MPL-2.0 */

/* Endpoints: what is taken, what is refused with advice, and what only this machine can reach. */

#include "net/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct sample {
    const char *endpoint;
    int bind, dial, loopback; /* 1: taken, is loopback */
};

static const struct sample samples[] = {
    {"tcp://127.0.0.1:7000", 1, 1, 1},
    {"tcp://127.9.9.9:1", 1, 1, 1},
    {"tcp://[::1]:7000", 1, 1, 1},
    {"tcp://localhost:7000", 0, 1, 1},
    {"tcp://*:7000", 1, 0, 0},
    {"tcp://*:*", 1, 0, 0},
    {"tcp://127.0.0.1:0", 1, 0, 1},
    {"tcp://0.0.0.0:7000", 1, 1, 0},
    {"tcp://[::]:7000", 1, 1, 0},
    {"tcp://eth0:7000", 1, 1, 0},
    {"tcp://host-1.example.org:65535", 1, 1, 0},
    {"tcp://127.example.org:80", 1, 1, 0},
    {"tcp://127.0.0.1.example.org:80", 1, 1, 0},
    {"tcp://127.1:80", 1, 1, 0}, /* not written out: no promise about it */
    {"ipc:///run/x.sock", 1, 1, 1},
    {"ipc://relative.sock", 1, 1, 1},
    {"ipc://@abstract", 1, 1, 1},
    {"inproc://x", 1, 1, 1},
    {"tcp://127.0.0.1", 0, 0, 0},
    {"tcp://127.0.0.1:", 0, 0, 1},
    {"tcp://127.0.0.1:65536", 0, 0, 1},
    {"tcp://127.0.0.1:-1", 0, 0, 1},
    {"tcp://127.0.0.1:70 00", 0, 0, 1},
    {"tcp://127.0.0.1:00007000", 0, 0, 1},
    {"tcp://:7000", 0, 0, 0},
    {"tcp://", 0, 0, 0},
    {"tcp://::1:7000", 0, 0, 0},
    {"tcp://[]:7000", 0, 0, 0},
    {"tcp://[::1:7000", 0, 0, 0},
    {"tcp://[not6]:7000", 0, 0, 0},
    {"tcp://10.0.0.1:0;127.0.0.1:7000", 0, 0, 0}, /* libzmq's source address */
    {"tcp://a b:7000", 0, 0, 0},
    {"tcp://caf\xc3\xa9:7000", 0, 0, 0},
    {"TCP://127.0.0.1:7000", 0, 0, 0},
    {"udp://127.0.0.1:7000", 0, 0, 0},
    {"pgm://x:1", 0, 0, 0},
    {"127.0.0.1:7000", 0, 0, 0},
    {"", 0, 0, 0},
    {"ipc://", 0, 0, 1},
    {"ipc://*", 0, 0, 1},
    {"ipc://@", 0, 0, 1},
    {"inproc://", 0, 0, 1},
};

static void assert_checked(const char *endpoint, bool bind, int taken)
{
    char why[300] = "";
    int error = gw_endpoint_check(endpoint, bind, why, sizeof why);

    if (error != (taken ? 0 : -22) || (strlen(why) > 0) == taken)
        fail_msg("%s \"%s\": %d %s", bind ? "bind" : "dial", endpoint, error, why);
}

static void endpoints_are_taken_or_refused_with_advice(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        assert_checked(samples[i].endpoint, true, samples[i].bind);
        assert_checked(samples[i].endpoint, false, samples[i].dial);
    }
}

static void only_what_this_machine_alone_can_reach_is_loopback(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        if (gw_endpoint_is_loopback(samples[i].endpoint) != samples[i].loopback)
            fail_msg("\"%s\"", samples[i].endpoint);
    }
}

static void long_endpoints_are_refused_and_never_overrun(void **state)
{
    (void)state;
    char endpoint[2000] = "ipc:///", why[16];

    memset(endpoint + 7, 'x', 106);
    assert_checked(endpoint, true, 1);
    endpoint[113] = 'x';
    assert_checked(endpoint, true, 0);
    memset(endpoint, 'x', sizeof endpoint - 1);
    memcpy(endpoint, "tcp://", 6);
    memcpy(endpoint + sizeof endpoint - 4, ":80", 4);
    assert_checked(endpoint, false, 0);
    assert_false(gw_endpoint_is_loopback(endpoint));
    assert_int_equal(gw_endpoint_check(endpoint, false, why, sizeof why), -22);
    assert_int_equal(strlen(why), sizeof why - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endpoints_are_taken_or_refused_with_advice),
        cmocka_unit_test(only_what_this_machine_alone_can_reach_is_loopback),
        cmocka_unit_test(long_endpoints_are_refused_and_never_overrun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
