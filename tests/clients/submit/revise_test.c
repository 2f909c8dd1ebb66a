#include "clients/submit/revise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;

static int make(void **state) {
    (void)state;
    arena = arena_new(64 << 20);
    return arena == NULL ? -1 : 0;
}

static int unmake(void **state) {
    (void)state;
    arena = arena_free(arena);
    return 0;
}

static Article *article(char *uri, char *headline, const char *text) {
    Article *a = article_new(arena);
    assert_non_null(a);
    a->uri = uri;
    a->version = 1;
    a->kind = KIND_BRIEF;
    a->headline = headline;
    assert_int_equal(article_add_block(arena, a, BLOCK_PARAGRAPH, text, strlen(text)), 0);
    return a;
}

/* The plan as a text: "unchanged a=a, correct b=c, ...". */
static const char *plan(Article *const *published, size_t n_published, char *const *withdrawn,
                        size_t n_withdrawn, Article *const *fresh, size_t n_fresh) {
    static char text[1024];
    struct revise_plan p;
    size_t used = 0;
    assert_int_equal(
        revise_plan(arena, published, n_published, withdrawn, n_withdrawn, fresh, n_fresh, &p), 0);
    *text = '\0';
    for (size_t i = 0; i < p.n; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %s=%s", i == 0 ? "" : ", ",
                                 revise_action_name(p.steps[i].action),
                                 p.steps[i].fresh == NULL ? "" : p.steps[i].fresh->uri,
                                 p.steps[i].published == NULL ? "" : p.steps[i].published->uri);
    return text;
}

static const char bridge[] = "The county board voted 7 to 2 on Tuesday to replace the bridge.";
static const char bridge_2[] = "The county board voted 8 to 1 on Tuesday to replace the bridge.";
static const char library[] = "The county library will open from noon to five on Sundays.";
static const char trees[] = "今年植树活动将于四月十日开始，预计种植三千棵树。";
static const char trees_2[] = "今年植树活动将于四月十二日开始，预计种植三千棵树。";

static void each_kind_of_step(void **state) {
    (void)state;
    Article *published[] = {article("a", "Bridge", bridge), article("b", "Library", library),
                            article("c", "", trees), article("d", "Gone", "Nothing like it.")};
    Article *fresh[] = {article("x", "New bridge", bridge_2), article("b", "Library", library),
                        article("y", "", trees_2), article("z", "Pool", "It opens its doors."),
                        article("k", "Boy", "A child was named here.")};
    char *withdrawn[] = {"k"};
    assert_string_equal(plan(published, 4, withdrawn, 1, fresh, 5),
                        "correct x=a, unchanged b=b, correct y=c, new z=, withdrawn k=, kill =d");
}

/* After a revision the published story has the old uri and the new text. */
static void the_same_source_is_the_same(void **state) {
    (void)state;
    Article *published[] = {article("a", "Bridge", bridge_2)};
    Article *fresh[] = {article("x", "Bridge", bridge_2)};
    published[0]->source_digest = fresh[0]->source_digest = "sha256:1";
    assert_string_equal(plan(published, 1, NULL, 0, fresh, 1), "unchanged x=a");
}

/* Two briefs that differ by a number: the headline tells which is which. */
static void the_most_alike_are_paired(void **state) {
    (void)state;
    Article *published[] = {article("a", "Road 1 closed", "Road 1 is closed until Friday."),
                            article("b", "Road 2 closed", "Road 2 is closed until Friday.")};
    Article *fresh[] = {article("x", "Road 2 closed", "Road 2 is closed until Sunday."),
                        article("y", "Road 1 closed", "Road 1 is closed until Sunday.")};
    assert_string_equal(plan(published, 2, NULL, 0, fresh, 2), "correct x=b, correct y=a");
    assert_string_equal(plan(NULL, 0, NULL, 0, fresh, 2), "new x=, new y=");
    assert_string_equal(plan(published, 2, NULL, 0, NULL, 0), "kill =a, kill =b");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_kind_of_step, make, unmake),
        cmocka_unit_test_setup_teardown(the_same_source_is_the_same, make, unmake),
        cmocka_unit_test_setup_teardown(the_most_alike_are_paired, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
