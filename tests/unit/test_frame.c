/* SPDX-License-Identifier: MPL-2.0 */

/* Names of frames, refusals, peers and destinations. */

#include "core/frame.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define NAME_OF_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SERVICE_OF_64 ("service:" NAME_OF_64)
#define SERVICE_OF_65 ("service:" NAME_OF_64 "a")

static void every_frame_type_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(gw_frame_name(GW_FRAME_HELLO), "HELLO");
    assert_string_equal(gw_frame_name(GW_FRAME_CLOSED), "CLOSED");
    assert_string_equal(gw_frame_name(GW_FRAME_SKIP), "SKIP");
    for (uint8_t type = GW_FRAME_HELLO; type <= GW_FRAME_SKIP; type++)
        assert_string_not_equal(gw_frame_name(type), "?");
    assert_string_equal(gw_frame_name(0), "?");
    assert_string_equal(gw_frame_name(15), "?");
    assert_string_equal(gw_frame_name(255), "?");
}

static void every_refusal_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(gw_refusal_name(GW_REFUSE_VERSION), "VERSION");
    assert_string_equal(gw_refusal_name(GW_REFUSE_BUSY), "BUSY");
    for (uint64_t code = GW_REFUSE_VERSION; code <= GW_REFUSE_BUSY; code++)
        assert_string_not_equal(gw_refusal_name(code), "?");
    assert_string_equal(gw_refusal_name(0), "?");
    assert_string_equal(gw_refusal_name(8), "?");
    assert_string_equal(gw_refusal_name(UINT64_MAX), "?");
}

static void names_are_1_to_64_of_a_few_bytes(void **state)
{
    (void)state;
    assert_true(gw_name_valid("a"));
    assert_true(gw_name_valid("hash-1.example_x"));
    assert_true(gw_name_valid(NAME_OF_64));
    assert_false(gw_name_valid(""));
    assert_false(gw_name_valid(NAME_OF_64 "a"));
}

static void every_byte_is_allowed_or_not(void **state)
{
    (void)state;
    const char *allowed = "abcdefghijklmnopqrstuvwxyz0123456789._-";

    for (int byte = 1; byte < 256; byte++) {
        char name[] = {'a', (char)byte, 0};
        assert_int_equal(gw_name_valid(name), strchr(allowed, byte) != NULL);
    }
}

static void destinations_are_kind_and_name(void **state)
{
    (void)state;
    const char *texts[] = {"stage:resize", "peer:b", "service:quote", "reply:b",
                           SERVICE_OF_64};
    const uint8_t kinds[] = {GW_KIND_STAGE, GW_KIND_PEER, GW_KIND_SERVICE, GW_KIND_REPLY,
                             GW_KIND_SERVICE};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct gw_destination destination;
        assert_int_equal(gw_destination_parse(texts[i], &destination), 0);
        assert_int_equal(destination.kind, kinds[i]);
        assert_string_equal(destination.name, strchr(texts[i], ':') + 1);
        char text[GW_DESTINATION_TEXT];
        gw_destination_format(&destination, text);
        assert_string_equal(text, texts[i]);
    }
}

static void a_kind_that_is_not_known_has_no_name(void **state)
{
    (void)state;
    static const uint8_t kinds[] = {0, GW_KIND_REPLY + 1, 255};
    char text[GW_DESTINATION_TEXT];
    for (size_t i = 0; i < sizeof kinds; i++) {
        gw_destination_format(&(struct gw_destination){kinds[i], "x"}, text);
        assert_string_equal(text, ":x");
    }
}

static void what_is_no_destination_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    const char *texts[] = {"",       "stage",    "stage:",   ":x",         "x",
                           "Stage:x", "stages:x", "stag:x",   "stage:X",    "stage:x:y",
                           "stage: x", " stage:x", "queue:x", SERVICE_OF_65,
                           "reply:",  "replyx"};
    struct gw_destination destination = {.kind = 77, .name = "kept"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(gw_destination_parse(texts[i], &destination), -EINVAL);
        assert_int_equal(destination.kind, 77);
        assert_string_equal(destination.name, "kept");
    }
}

static void destinations_are_equal_in_kind_and_name(void **state)
{
    (void)state;
    struct gw_destination a = {GW_KIND_STAGE, "x"}, b = {GW_KIND_PEER, "x"},
                          c = {GW_KIND_STAGE, "xy"}, d = {GW_KIND_STAGE, "x"};

    assert_true(gw_destination_equal(&a, &d));
    assert_false(gw_destination_equal(&a, &b));
    assert_false(gw_destination_equal(&a, &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_type_has_a_name),
        cmocka_unit_test(every_refusal_has_a_name),
        cmocka_unit_test(names_are_1_to_64_of_a_few_bytes),
        cmocka_unit_test(every_byte_is_allowed_or_not),
        cmocka_unit_test(destinations_are_kind_and_name),
        cmocka_unit_test(a_kind_that_is_not_known_has_no_name),
        cmocka_unit_test(what_is_no_destination_is_refused_and_changes_nothing),
        cmocka_unit_test(destinations_are_equal_in_kind_and_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
