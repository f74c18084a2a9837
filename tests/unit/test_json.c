/* SPDX-License-Identifier: MIT */
/* test_json.c - documents of JSON, byte by byte. */
#include "../run_tests.h"
#include "json.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "{\"schema\":\"a\",\"version\":1"

static char text[512];
static struct ink ink;

static struct json begun(bool lines)
{
        struct json j = {.put = json_into_ink, .arg = &ink, .lines = lines};

        ink = (struct ink){text, sizeof(text), 0, false};
        text[0] = '\0';
        json_document(&j, "a", 1);
        return j;
}

START_TEST(a_document_on_a_line_has_no_blanks)
{
        struct json j = begun(true);

        json_array(&j, "list");
        json_number(&j, NULL, UINT64_MAX);
        json_object(&j, NULL);
        json_close(&j);
        json_close(&j);
        json_bool(&j, "yes", true);
        json_null(&j, "nothing");
        json_close(&j);
        ck_assert_str_eq(text, HEAD ",\"list\":[18446744073709551615,{}],\"yes\":true,"
                                    "\"nothing\":null}\n");
}
END_TEST

START_TEST(else_each_member_has_a_line)
{
        struct json j = begun(false);

        json_array(&j, "list");
        json_text(&j, NULL, "x");
        json_close(&j);
        json_close(&j);
        ck_assert_str_eq(text, "{\n  \"schema\": \"a\",\n  \"version\": 1,\n  \"list\": [\n"
                               "    \"x\"\n  ]\n}\n");
}
END_TEST

static const struct {
        const char *given, *written;
} texts[] = {
        {"", ""},
        {"plain \xc3\xa4 \xf0\x9f\x98\x80", "plain \xc3\xa4 \xf0\x9f\x98\x80"},
        {"\"\\/", "\\\"\\\\/"},
        {"\n\x1f\x7f", "\\u000a\\u001f\\u007f"},
        {"\xff\xc3", "\\ufffd\\ufffd"},
        {"\xc0\xaf", "\\ufffd\\ufffd"},                       /* a form that is too long */
        {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},            /* a surrogate */
        {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"}, /* beyond the last */
};

START_TEST(text_is_escaped_and_is_utf8_in_the_end)
{
        char wanted[128];
        struct json j = begun(true);

        json_text(&j, "t", texts[_i].given);
        json_close(&j);
        snprintf(wanted, sizeof(wanted), HEAD ",\"t\":\"%s\"}\n", texts[_i].written);
        ck_assert_str_eq(text, wanted);
}
END_TEST

static const struct {
        double value;
        unsigned places;
        const char *written;
} decimals[] = {
        {0, 0, "0"},
        {1.5, 2, "1.50"},
        {0.996, 2, "1.00"},
        {-2.25, 1, "-2.3"},
        {1e14, 3, "100000000000000.000"},
        {1e15, 3, "null"},
        {INFINITY, 1, "null"},
        {NAN, 1, "null"},
};

START_TEST(decimals_have_their_places_or_are_null)
{
        char wanted[128];
        struct json j = begun(true);

        json_decimal(&j, "d", decimals[_i].value, decimals[_i].places);
        json_close(&j);
        snprintf(wanted, sizeof(wanted), HEAD ",\"d\":%s}\n", decimals[_i].written);
        ck_assert_str_eq(text, wanted);
}
END_TEST

START_TEST(a_stream_gets_the_same)
{
        char *written = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&written, &size);
        struct json j = {.put = json_into_stream, .arg = stream, .lines = true};

        ck_assert_ptr_nonnull(stream);
        json_document(&j, "a", 1);
        json_close(&j);
        fclose(stream);
        ck_assert_str_eq(written, HEAD "}\n");
        free(written);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

TESTS("json")
{
        tcase_add_test(tc, a_document_on_a_line_has_no_blanks);
        tcase_add_test(tc, else_each_member_has_a_line);
        tcase_add_loop_test(tc, text_is_escaped_and_is_utf8_in_the_end, 0, COUNT(texts));
        tcase_add_loop_test(tc, decimals_have_their_places_or_are_null, 0, COUNT(decimals));
        tcase_add_test(tc, a_stream_gets_the_same);
}
