/* The tables of rules, and how a section is chosen. */
#include "proto/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena *arena;
static struct rules rules;

static int set_up(void **state) {
    (void)state;
    arena = arena_new(8 << 20);
    return arena == NULL ? -1 : rules_defaults(arena, &rules);
}

static int tear_down(void **state) {
    (void)state;
    arena = arena_free(arena);
    return 0;
}

static void test_every_key_has_help_and_default(void **state) {
    (void)state;
    for (const struct config_key *k = rules_table_page.keys; k->name != NULL; k++) {
        assert_true(k->help != NULL && k->help[0] != '\0');
        const struct text_list *list = (const void *)((const char *)&rules + k->offset);
        if (k->type == CONFIG_LIST && list->n == 0)
            fail_msg("%s has no default", k->name);
    }
}

static const char *found(const char *name) {
    const struct rules_section *s = rules_section_find(&rules, name);
    return s == NULL ? "" : s->key;
}

static void test_find(void **state) {
    (void)state;
    assert_string_equal(found("briefs"), "briefs");
    assert_string_equal(found("时政简讯"), "briefs");
    assert_string_equal(found("简 讯"), "briefs");
    assert_string_equal(found("in BRIEF"), "briefs");
    assert_string_equal(found("经济"), "economy");
    assert_string_equal(found("nowhere"), "");
    assert_string_equal(found(""), "");
}

static const char *chosen(char *section, char *label, char *headline) {
    Article *a = article_new(arena);
    a->section = section;
    a->section_label = label;
    a->headline = headline;
    const struct rules_section *s = rules_section_choose(&rules, a);
    return s == NULL ? "" : s->key;
}

static void test_choose(void **state) {
    (void)state;
    assert_string_equal(chosen("culture", "简讯", ""), "culture");
    assert_string_equal(chosen("nowhere", "简讯", ""), "");
    assert_string_equal(chosen("", "简讯", ""), "briefs");
    assert_string_equal(chosen("", "柳溪简讯", ""), "briefs");
    assert_string_equal(chosen("", "", "桃园"), "");
}

static void test_configured_sections(void **state) {
    (void)state;
    static const char text[] = "[section \"farm\"]\ntitles = 三农\nkeywords = 桃园 | 麦田\n"
                               "[section \"rest\"]\nlabels = 其他\n";
    const struct config_section *const tables[] = {&rules_table_page, &rules_table_section, NULL};
    char path[] = "/tmp/rules_test.XXXXXX";
    struct config_fault f;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    int r = config_read(arena, tables, &rules, path, CONFIG_ONLY_KNOWN, &f);
    unlink(path);
    assert_int_equal(r, 0);
    /* They take the place of the built-in ones. */
    assert_int_equal(rules.n_sections, 2);
    assert_string_equal(found("三农"), "farm");
    assert_string_equal(found("briefs"), "");
    assert_string_equal(chosen("", "", "柳溪桃园"), "farm");
    assert_string_equal(chosen("", "其他", "柳溪桃园"), "rest");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_key_has_help_and_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_find, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_choose, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_configured_sections, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
