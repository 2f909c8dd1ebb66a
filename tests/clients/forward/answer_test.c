#include "clients/forward/answer.h"
#include "clients/forward/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *answer;

static int set_up(void **state) {
    (void)state;
    answer = json_loads(
        "{\"errcode\": 0, \"ok\": true, \"msg\": \"taken\", \"half\": 0.5, \"none\": null,"
        " \"data\": {\"items\": [{\"id\": 17}, {\"id\": \"x\"}]}}",
        0, NULL);
    return answer == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    json_decref(answer);
    return 0;
}

static void tests_pass_or_not(void **state) {
    (void)state;
    assert_true(answer_passes(answer, "$.errcode == 0"));
    assert_true(answer_passes(answer, "$.errcode==0.0"));
    assert_false(answer_passes(answer, "$.errcode != 0"));
    assert_false(answer_passes(answer, "$.errcode == \"0\""));
    assert_true(answer_passes(answer, "$.ok == true"));
    assert_true(answer_passes(answer, "$.msg == \"taken\""));
    assert_true(answer_passes(answer, "$.data.items[0].id == 17"));
    assert_false(answer_passes(answer, "$.data.items[2].id == 17"));
    assert_true(answer_passes(answer, "$.none == null"));
    assert_true(answer_passes(answer, "$.missing == null"));
    assert_false(answer_passes(answer, "$.missing == 0"));
    assert_false(answer_passes(NULL, "$.errcode == 0")); /* no JSON at all */
}

static void bad_questions_are_known_before(void **state) {
    (void)state;
    assert_true(answer_test_valid("$.a.b[3] != \"x y\""));
    assert_true(answer_path_valid("$.data.items[0].id"));
    const char *const tests[] = {"",
                                 "errcode == 0",
                                 "$.errcode",
                                 "$.errcode = 0",
                                 "$.errcode == ",
                                 "$.errcode == zero",
                                 "$. == 0",
                                 "$.a[x] == 0",
                                 "$.a[-1] == 0"};
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (answer_test_valid(tests[i]))
            fail_msg("'%s' counts as good", tests[i]);
    assert_false(answer_path_valid("$.a == 0"));
    assert_false(answer_path_valid("id"));
}

static void names_are_taken_as_text(void **state) {
    (void)state;
    char text[32];
    assert_true(answer_text(answer, "$.data.items[0].id", text, sizeof text));
    assert_string_equal(text, "17");
    assert_true(answer_text(answer, "$.data.items[1].id", text, sizeof text));
    assert_string_equal(text, "x");
    assert_true(answer_text(answer, "$.half", text, sizeof text));
    assert_string_equal(text, "0.5");
    json_t *ideographs = json_string("柳溪");
    assert_true(answer_text(ideographs, "$", text, 6));
    assert_string_equal(text, "柳??"); /* cut, but UTF-8 */
    json_decref(ideographs);
    assert_false(answer_text(answer, "$.data", text, sizeof text));
    assert_false(answer_text(answer, "$.none", text, sizeof text));
    assert_false(answer_text(NULL, "$.data", text, sizeof text));
}

/* ---- templates */

static const char *fill(const char *template, enum template_escape escape) {
    static char result[512];
    struct template_values v = {.values = {[TEMPLATE_HEADLINE] = "A/B \"港口\"\n",
                                           [TEMPLATE_URI] = "urn:x:1?&",
                                           [TEMPLATE_SECTION] = "news"}};
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    template_write(f, template, &v, escape);
    fclose(f);
    snprintf(result, sizeof result, "%s", text);
    free(text);
    return result;
}

static void values_stand_where_their_names_are(void **state) {
    (void)state;
    assert_string_equal(fill("[{section}] {headline}!", TEMPLATE_LINE), "[news] A/B \"港口\" !");
    assert_string_equal(fill("{headline}.xml", TEMPLATE_FILE), "A-B--港口--.xml");
    assert_string_equal(fill("https://x/{uri}?s={section}", TEMPLATE_URL),
                        "https://x/urn%3Ax%3A1%3F%26?s=news");
    assert_string_equal(fill("a { b } {", TEMPLATE_PLAIN), "a { b } {");
}

static void a_line_without_values_is_left_out(void **state) {
    (void)state;
    assert_string_equal(fill("{section}\\n{byline}\\n\\n{note}{rights}\\nend", TEMPLATE_PLAIN),
                        "news\n\nend");
    assert_string_equal(fill("By {byline}\\nend", TEMPLATE_PLAIN), "By \nend");
}

static void unknown_names_are_told(void **state) {
    (void)state;
    char unknown[32];
    assert_true(template_check("{uri} and {headline}", unknown, sizeof unknown));
    assert_true(template_check("nothing", unknown, sizeof unknown));
    assert_false(template_check("{uri}{headlin}", unknown, sizeof unknown));
    assert_string_equal(unknown, "headlin");
    assert_false(template_check("{uri", unknown, sizeof unknown));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tests_pass_or_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_questions_are_known_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_taken_as_text, set_up, tear_down),
        cmocka_unit_test(values_stand_where_their_names_are),
        cmocka_unit_test(a_line_without_values_is_left_out),
        cmocka_unit_test(unknown_names_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
