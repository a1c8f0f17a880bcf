/* SPDX-License-Identifier: MPL-2.0 */
/* Requests of the control socket, and the records that answer them. */

#include "peer/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static godwit_err_t parse(struct gw_ask *ask, const char *line)
{
    return gw_ask_parse(ask, line, strlen(line));
}

static void a_line_is_cut_into_words(void **state)
{
    struct gw_ask ask;

    (void)state;
    assert_int_equal(parse(&ask, "dead show 00000000000000010000000000000002"), GODWIT_OK);
    assert_int_equal(ask.count, 3);
    assert_true(gw_ask_is(&ask, "dead", "show") && gw_ask_is(&ask, "dead", NULL));
    assert_false(gw_ask_is(&ask, "dead", "list") || gw_ask_is(&ask, "de", NULL));
    godwit_id_t id;
    assert_int_equal(gw_ask_id(&ask, 2, &id), GODWIT_OK);
    assert_true(id.epoch == 1 && id.sequence == 2);
    assert_int_equal(gw_ask_id(&ask, 3, &id), GODWIT_EINVAL);
}

static void malformed_lines_are_refused(void **state)
{
    static const char *const bad[] = {"", " ", "a  b", " a", "a\tb", "a\r", "\x7f", "\xc3\xa9"};
    struct gw_ask ask;
    char longest[GW_ASK_LINE + 1], many[200];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(parse(&ask, bad[i]), GODWIT_EINVAL);
    assert_int_equal(parse(&ask, "a "), GODWIT_OK); /* harmless: a word and its end */
    memset(longest, 'x', GW_ASK_LINE);
    longest[GW_ASK_LINE] = '\0';
    assert_int_equal(parse(&ask, longest), GODWIT_ETOOLARGE);
    longest[GW_ASK_LINE - 1] = '\0';
    assert_int_equal(parse(&ask, longest), GODWIT_OK);
    for (size_t i = 0; i < sizeof many - 1; i++)
        many[i] = i % 2 ? ' ' : 'x';
    many[sizeof many - 1] = '\0';
    assert_int_equal(parse(&ask, many), GODWIT_EINVAL);
}

static void a_sends_bytes_are_bounded(void **state)
{
    struct gw_ask ask;
    size_t size;

    (void)state;
    assert_int_equal(parse(&ask, "send stage:s 1 17825792 a=b"), GODWIT_OK);
    assert_int_equal(gw_ask_body(&ask, &size), GODWIT_OK);
    assert_int_equal(size, 17825792);
    parse(&ask, "send stage:s 1 17825793");
    assert_int_equal(gw_ask_body(&ask, &size), GODWIT_EINVAL);
    parse(&ask, "send stage:s 1 18446744073709551617");
    assert_int_equal(gw_ask_body(&ask, &size), GODWIT_EINVAL);
    parse(&ask, "send stage:s 1 -1");
    assert_int_equal(gw_ask_body(&ask, &size), GODWIT_EINVAL);
    parse(&ask, "status 1 1 1");
    assert_int_equal(gw_ask_body(&ask, &size), GODWIT_OK);
    assert_int_equal(size, 0);
}

static void headers_may_hold_any_byte(void **state)
{
    struct gw_ask ask;
    godwit_message_t *message;
    const void *value;
    size_t size;

    (void)state;
    assert_int_equal(godwit_message_new("x", 1, &message), GODWIT_OK);
    parse(&ask, "send stage:s 1 5 a=1=2 b=%00%ff%20%25 c=");
    assert_int_equal(gw_ask_headers(&ask, 4, message), GODWIT_OK);
    assert_int_equal(godwit_message_header(message, "b", &value, &size), GODWIT_OK);
    assert_int_equal(size, 4);
    assert_memory_equal(value, "\0\xff %", 4);
    assert_int_equal(godwit_message_header(message, "a", &value, &size), GODWIT_OK);
    assert_int_equal(size, 3);
    assert_int_equal(godwit_message_header(message, "c", &value, &size), GODWIT_OK);
    assert_int_equal(size, 0);
    static const char *const bad[] = {"s d 1 5 a", "s d 1 5 =b", "s d 1 5 a=%", "s d 1 5 a=%2",
                                      "s d 1 5 a=%zz", "s d 1 5 A=b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        parse(&ask, bad[i]);
        assert_int_equal(gw_ask_headers(&ask, 4, message), GODWIT_EINVAL);
    }
    godwit_message_destroy(&message);
}

static void a_record_is_json_whatever_is_in_it(void **state)
{
    struct gw_buffer out = {0};
    static const uint8_t bytes[] = {'"', '\\', '\n', 0, 0x7f, 0xe9, 'a'};

    (void)state;
    gw_json_begin(&out, "x");
    gw_json_slice(&out, "s", (struct gw_slice){bytes, sizeof bytes});
    gw_json_number(&out, "n", UINT64_MAX);
    gw_json_flag(&out, "f", false);
    gw_json_epoch(&out, "e", 0xab);
    gw_json_id(&out, "i", 1, 2);
    gw_json_base64(&out, "b0", (struct gw_slice){bytes, 0});
    gw_json_base64(&out, "b1", (struct gw_slice){(const uint8_t *)"f", 1});
    gw_json_base64(&out, "b2", (struct gw_slice){(const uint8_t *)"fo", 2});
    gw_json_base64(&out, "b3", (struct gw_slice){(const uint8_t *)"foo\xff", 4});
    gw_json_end(&out);
    gw_buffer_u8(&out, 0);
    assert_string_equal((char *)out.data,
                        "{\"record\":\"x\",\"s\":\"\\\"\\\\\\u000a\\u0000\\u007f\\u00e9a\","
                        "\"n\":18446744073709551615,\"f\":false,\"e\":\"00000000000000ab\","
                        "\"i\":\"00000000000000010000000000000002\","
                        "\"b0\":\"\",\"b1\":\"Zg==\",\"b2\":\"Zm8=\",\"b3\":\"Zm9v/w==\"}\n");
    gw_buffer_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_cut_into_words),
        cmocka_unit_test(malformed_lines_are_refused),
        cmocka_unit_test(a_sends_bytes_are_bounded),
        cmocka_unit_test(headers_may_hold_any_byte),
        cmocka_unit_test(a_record_is_json_whatever_is_in_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
