#include "clients/archive/expand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct expand *x;

static int set_up(void **state) {
    (void)state;
    x = expand_new();
    return x == NULL;
}

static int tear_down(void **state) {
    (void)state;
    x = expand_free(x);
    return 0;
}

static void expect_tokens(struct slice tokens, const char *wanted) {
    char text[512];
    snprintf(text, sizeof text, "%.*s", (int)tokens.len, (const char *)tokens.data);
    assert_string_equal(text, wanted);
}

static void expect_field(const char *text, const char *wanted) {
    struct slice tokens;
    expand_begin(x);
    expand_add(x, slice_of(text));
    assert_int_equal(expand_end(x, &tokens), 0);
    expect_tokens(tokens, wanted);
}

static void expect_query(const char *text, const char *wanted, bool wanted_phrase) {
    struct slice tokens;
    bool phrase;
    assert_int_equal(expand_query(x, slice_of(text), &tokens, &phrase), 0);
    expect_tokens(tokens, wanted);
    assert_int_equal(phrase, wanted_phrase);
}

static void characters_become_pairs(void **state) {
    (void)state;
    expect_field("开发区", "开发 发区 开 发 区 ");
    expect_field("区", "区 ");
    expect_field("新植树 begins, 3月9", "新植 植树 树begins begins 3 3月 月9 9 新 植 树 月 ");
    expect_field("", "");
}

static void white_space_joins_characters_and_punctuation_parts(void **state) {
    (void)state;
    expect_field("简　讯", "简讯 简 讯 ");
    expect_field("Docker 容", "Docker Docker容 容 ");
    expect_field("Docker容", "Docker Docker容 容 ");
    expect_field("报，道", "报 道 ");
    expect_field("two words", "two words ");
    expect_field("开\n发", "开发 开 发 ");
}

static void pieces_do_not_touch(void **state) {
    (void)state;
    struct slice tokens;
    expand_begin(x);
    expand_add(x, slice_of("开发"));
    expand_add(x, slice_of("区"));
    assert_int_equal(expand_end(x, &tokens), 0);
    expect_tokens(tokens, "开发 开 发 区 ");
}

static void width_is_folded(void **state) {
    (void)state;
    expect_field("ＡＢ１２", "AB12 ");
    expect_field("Ａ股", "A A股 股 ");
}

static void queries_are_phrases(void **state) {
    (void)state;
    expect_query("开发区", "开发 发区 ", true);
    expect_query("区", "区 ", false);
    expect_query("报，道", "报 道 ", false);
    expect_query("river bridge", "river bridge ", true);
    expect_query("\"(*:", "", false);
}

static void no_bytes_do_harm(void **state) {
    (void)state;
    static const char bad[] = "\xe5\xbc\xff\xf4\x90\x80\x80 a\xcc\x81 \xed\xa0\x80";
    struct slice tokens;
    expand_begin(x);
    expand_add(x, (struct slice){(const uint8_t *)bad, sizeof bad - 1});
    assert_int_equal(expand_end(x, &tokens), 0);
    char *word = malloc(100000);
    memset(word, 'a', 100000);
    expand_begin(x);
    expand_add(x, (struct slice){(const uint8_t *)word, 100000});
    assert_int_equal(expand_end(x, &tokens), 0);
    assert_true(tokens.len >= 100000);
    free(word);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(characters_become_pairs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(white_space_joins_characters_and_punctuation_parts, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(pieces_do_not_touch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(width_is_folded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queries_are_phrases, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_bytes_do_harm, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
