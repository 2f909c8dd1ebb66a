#include "clients/archive/diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena *a;

static int set_up(void **state) {
    (void)state;
    a = arena_new(64 << 20);
    return a == NULL;
}

static int tear_down(void **state) {
    (void)state;
    a = arena_free(a);
    return 0;
}

static void expect_words(const char *before, const char *after, const char *wanted) {
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(diff_words(out, a, before, after, false), 0);
    fclose(out);
    assert_string_equal(text, wanted);
    free(text);
}

static Article *article(const char *headline, const char *const *blocks) {
    Article *made = article_new(a);
    made->headline = (char *)headline;
    for (; *blocks != NULL; blocks++)
        assert_int_equal(article_add_block(a, made, BLOCK_PARAGRAPH, *blocks, strlen(*blocks)), 0);
    return made;
}

static void expect_articles(const char *const *before, const char *const *after,
                            const char *wanted) {
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(diff_write(out, a, article("H", before), article("H", after), false), 0);
    fclose(out);
    assert_string_equal(text, wanted);
    free(text);
}

#define BLOCKS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void words_change_as_a_whole(void **state) {
    (void)state;
    expect_words("voted 7 to 2", "voted 7 to 3", "voted 7 to [-2-]{+3+}\n");
    expect_words("the bridge", "the old bridge", "the {+old +}bridge\n");
    expect_words("same", "same", "same\n");
    expect_words("", "new", "{+new+}\n");
    expect_words("gone", "", "[-gone-]\n");
}

static void characters_change_one_by_one(void **state) {
    (void)state;
    expect_words("植树节活动", "植树活动", "植树[-节-]活动\n");
    expect_words("三人", "五人", "[-三-]{+五+}人\n");
}

static void paragraphs_are_matched(void **state) {
    (void)state;
    expect_articles(BLOCKS("One.", "Two.", "Three."), BLOCKS("One.", "Three."), "  - Two.\n");
    expect_articles(BLOCKS("One.", "Three."), BLOCKS("Zero.", "One.", "Two.", "Three."),
                    "  + Zero.\n  + Two.\n");
    expect_articles(BLOCKS("One.", "Two 2."), BLOCKS("One.", "Two 3."), "  ~ Two [-2-]{+3+}.\n");
    expect_articles(BLOCKS("A.", "B."), BLOCKS("B.", "A."), "  - A.\n  + A.\n");
    expect_articles(BLOCKS("Same."), BLOCKS("Same."), "");
}

static void fields_are_named(void **state) {
    (void)state;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    Article *before = article("Old headline", BLOCKS("T.")),
            *after = article("New headline", BLOCKS("T."));
    assert_int_equal(article_push_string(a, &after->byline, &after->n_byline, "Jane\033[31m", 9),
                     0);
    assert_int_equal(diff_write(out, a, before, after, false), 0);
    fclose(out);
    assert_string_equal(
        text, "  headline: [-Old-]{+New+} headline\n  byline: {+Jane\xef\xbf\xbd[31m+}\n");
    free(text);
}

static void what_is_no_text_is_named_too(void **state) {
    (void)state;
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    Article *before = article("H", BLOCKS("T.")), *after = article("H", BLOCKS("T."));
    Media photo = NEWSWIRE__V1__MEDIA__INIT, *media = &photo;
    Subject subject = NEWSWIRE__V1__SUBJECT__INIT, *subjects = &subject;
    before->kind = KIND_ARTICLE;
    after->kind = KIND_BRIEF;
    before->urgency = 5;
    after->urgency = 2;
    photo.href = (char *)"p.jpg";
    photo.caption = (char *)"The bridge";
    after->media = &media;
    after->n_media = 1;
    after->blocks[0]->type = BLOCK_CROSSHEAD;
    subject.name = (char *)"traffic";
    after->subjects = &subjects;
    after->n_subjects = 1;
    assert_int_equal(article_push_string(a, &after->keywords, &after->n_keywords, "river", 5), 0);
    assert_int_equal(diff_write(out, a, before, after, false), 0);
    fclose(out);
    assert_string_equal(text, "  kind: [-article-]{+brief+}\n  urgency: [-5-]{+2+}\n"
                              "  keywords: {+river+}\n  subjects: {+traffic+}\n"
                              "  media: {+The bridge <p.jpg>+}\n"
                              "  ~ (paragraph > crosshead) T.\n");
    free(text);
}

static void what_is_too_long_is_shown_as_a_whole(void **state) {
    (void)state;
    enum { N = 3000 };
    char before[N * 2 + 1], after[N * 2 + 1];
    for (int i = 0; i < N; i++) {
        memcpy(before + i * 2, "a ", 3);
        memcpy(after + i * 2, "b ", 3);
    }
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(diff_words(out, a, before, after, false), 0);
    fclose(out);
    assert_true(len == 2 * 2 * N + 9);
    assert_memory_equal(text, "[-a a ", 6);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(words_change_as_a_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(characters_change_one_by_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(paragraphs_are_matched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fields_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_text_is_named_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_long_is_shown_as_a_whole, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
