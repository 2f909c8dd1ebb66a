#include "clients/archive/query.h"
#include "clients/archive/snippet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct expand *x;
static struct arena *a;
static struct query q;

static int set_up(void **state) {
    (void)state;
    x = expand_new();
    a = arena_new(16 << 20);
    return x == NULL || a == NULL;
}

static int tear_down(void **state) {
    (void)state;
    x = expand_free(x);
    a = arena_free(a);
    return 0;
}

static void expect_match(const char *typed, const char *wanted) {
    assert_int_equal(query_read(&q, x, a, typed), 0);
    assert_string_equal(query_match(&q, q.wanted, q.n_wanted, NULL), wanted);
}

#define IN "{headline byline body} : "

static void words_are_all_wanted(void **state) {
    (void)state;
    expect_match("river", IN "(((\"river\")))");
    expect_match("river bridge", IN "(((\"river\")) AND ((\"bridge\")))");
    expect_match("植树节　bridge", IN "(((\"植树 树节\")) AND ((\"bridge\")))");
    expect_match("elect*", IN "(((\"elect\"*)))");
}

static void phrases_have_marks_around_them(void **state) {
    (void)state;
    expect_match("\"river bridge\"", IN "(((\"river bridge\")))");
    expect_match("“river bridge”", IN "(((\"river bridge\")))");
    expect_match("「植 树」", IN "(((\"植树\")))");
    expect_match("\"river bridge", IN "(((\"river bridge\")))");
    expect_match("\"OR\"", IN "(((\"OR\")))");
}

static void or_binds_closer(void **state) {
    (void)state;
    expect_match("flood OR 洪水 river", IN "(((\"flood\") OR (\"洪水\")) AND ((\"river\")))");
    expect_match("OR flood OR", IN "(((\"flood\")))");
}

static void a_dash_leaves_out(void **state) {
    (void)state;
    expect_match("river -bridge", "(" IN "(((\"river\")))) NOT (" IN "(((\"bridge\"))))");
    expect_match("state-of-the-art", IN "(((\"state of the art\")))");
    assert_int_equal(query_read(&q, x, a, "-bridge"), 0);
    assert_int_equal(q.n_wanted, 0);
    assert_int_equal(q.n_unwanted, 1);
}

static void nothing_is_a_mistake(void **state) {
    (void)state;
    static const char *const typed[] = {"",    "\"",           "-",        "- -",  "*",   "()",
                                        "OR",  "\"\" OR \"\"", "\xff\xfe", "，。", "-\"", "NEAR(",
                                        "^:{}"};
    for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++)
        assert_int_equal(query_read(&q, x, a, typed[i]), 0);
    char many[4096] = "";
    for (int i = 0; i < 100; i++)
        sprintf(many + strlen(many), "word%d ", i);
    assert_int_equal(query_read(&q, x, a, many), -E2BIG);
}

static void labels_narrow_it(void **state) {
    (void)state;
    assert_int_equal(query_read(&q, x, a, "river"), 0);
    assert_string_equal(query_match(&q, q.wanted, 1, "\"t1\" OR \"t2\""),
                        IN "(((\"river\"))) AND labels : (\"t1\" OR \"t2\")");
}

/* ---- snippets */

static void expect_marks(const char *typed, const char *text, const char *wanted) {
    struct snippet_match m[8];
    char marked[512] = "";
    size_t at = 0;
    assert_int_equal(query_read(&q, x, a, typed), 0);
    size_t n = snippet_find(q.words, q.n_words, slice_of(text), m, 8);
    for (size_t i = 0; i < n; i++) {
        sprintf(marked + strlen(marked), "%.*s[%.*s]", (int)(m[i].start - at), text + at,
                (int)m[i].len, text + m[i].start);
        at = m[i].start + m[i].len;
    }
    strcat(marked, text + at);
    assert_string_equal(marked, wanted);
}

static void matches_are_marked(void **state) {
    (void)state;
    expect_marks("植树", "春季植树节，植树", "春季[植树]节，[植树]");
    expect_marks("bridge", "Bridges and a BRIDGE.", "Bridges and a [BRIDGE].");
    expect_marks("bridge*", "Bridges and a footbridge", "[Bridge]s and a footbridge");
    expect_marks("cafe", "The Café", "The [Café]");
    expect_marks("3月", "13月 3月9日", "13月 [3月]9日");
    expect_marks("\"alder river\"", "the Alder\n River bridge", "the [Alder\n River] bridge");
    expect_marks("ab12", "ＡＢ１２号", "[ＡＢ１２]号");
}

static void a_snippet_is_cut_at_characters(void **state) {
    (void)state;
    char text[4096] = "";
    Article *article = article_new(a);
    struct snippet s;
    for (int i = 0; i < 200; i++)
        strcat(text, "报道");
    strcat(text, "植树节");
    for (int i = 0; i < 200; i++)
        strcat(text, "新闻");
    assert_int_equal(article_add_block(a, article, BLOCK_PARAGRAPH, text, strlen(text)), 0);
    assert_int_equal(query_read(&q, x, a, "植树节"), 0);
    assert_int_equal(snippet_make(a, article, q.words, q.n_words, &s), 0);
    assert_true(s.cut_before && s.cut_after);
    assert_int_equal(s.n_matches, 1);
    assert_memory_equal(s.text + s.matches[0].start, "植树节", s.matches[0].len);
    assert_int_equal(strlen(s.text), SNIPPET_CHARACTERS * 3);
    assert_int_equal(strlen(s.text) % 3, 0);
}

static void a_snippet_without_a_match_is_the_beginning(void **state) {
    (void)state;
    Article *article = article_new(a);
    struct snippet s;
    assert_int_equal(snippet_make(a, article, NULL, 0, &s), 0);
    assert_string_equal(s.text, "");
    assert_int_equal(article_add_block(a, article, BLOCK_PARAGRAPH, "One\nline.", 9), 0);
    assert_int_equal(snippet_make(a, article, NULL, 0, &s), 0);
    assert_string_equal(s.text, "One line.");
    assert_false(s.cut_before || s.cut_after);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_are_all_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(phrases_have_marks_around_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(or_binds_closer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_dash_leaves_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_a_mistake, set_up, tear_down),
        cmocka_unit_test_setup_teardown(labels_narrow_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(matches_are_marked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_snippet_is_cut_at_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_snippet_without_a_match_is_the_beginning, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
