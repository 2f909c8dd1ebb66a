#include "proto/formats/xml.h"

#include "proto/rules.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
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

static void refused(struct slice bytes, const char *why) {
    xmlDoc *doc;
    struct parse_fault fault;
    assert_int_equal(xml_read(bytes, &doc, &fault), -EINVAL);
    assert_null(doc);
    if (strstr(fault.fault.reason, why) == NULL)
        fail_msg("'%s', expected '%s'", fault.fault.reason, why);
}

static void the_tree_is_walked_by_local_names(void **state) {
    (void)state;
    static const char text[] = "<?xml version='1.0'?>\n<!-- <x> -->\n"
                               "<n:a xmlns:n='urn:n' xml:lang='zh-Hans'><n:b><c k=' v  w '> one\n"
                               "  <i>two</i><![CDATA[<3>]]> </c><c>x</c></n:b></n:a>";
    _cleanup_xml_ xmlDoc *doc = NULL;
    struct parse_fault fault;
    assert_int_equal(xml_read(slice_of(text), &doc, &fault), 0);
    const xmlNode *root = xmlDocGetRootElement(doc), *c = xml_path(root, "b/c");
    assert_true(xml_is(root, "a") && xml_in(root, "urn:n"));
    assert_string_equal(xml_text(arena, c), "one two<3>");
    assert_string_equal(xml_attribute(arena, c, "k"), "v w");
    assert_string_equal(xml_attribute(arena, c, "none"), "");
    assert_string_equal(xml_language(arena, c), "zh-Hans");
    assert_string_equal(xml_text(arena, xml_next(c, "c")), "x");
    assert_null(xml_next(xml_next(c, "c"), "c"));
    assert_null(xml_path(root, "b/d/c"));
    assert_string_equal(xml_text(arena, NULL), "");
}

static void the_root_is_known_from_the_start(void **state) {
    (void)state;
    static const char *const names[] = {"feed", "rss", NULL};
    static const char wide[] = "\xff\xfe<\0r\0s\0s\0>\0";
    assert_true(
        xml_root_is(slice_of("\xef\xbb\xbf<?xml version='1.0'?><!-- a\n--><rss x='1'>"), names));
    assert_true(xml_root_is(slice_of("<!DOCTYPE rss [<!ELEMENT a (b)>\n]>\n <atom:feed/>"), names));
    assert_true(xml_root_is((struct slice){(const uint8_t *)wide, sizeof wide - 1}, names));
    assert_false(xml_root_is(slice_of("<rssx>"), names));
    assert_false(xml_root_is(slice_of("text <rss>"), names));
    assert_false(xml_root_is(slice_of("<!-- <rss>"), names));
    assert_false(xml_root_is(slice_of(""), names));
}

static void entities_are_refused(void **state) {
    (void)state;
    refused(slice_of("<!DOCTYPE a [<!ENTITY x 'y'>]>\n<a>&x;</a>"), "declares an entity");
    refused(slice_of("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>"),
            "declares an entity");
    refused(slice_of("<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://x.invalid/'> %p;]><a/>"),
            "declares an entity");
    refused(slice_of("<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>"
                     "<!ENTITY c '&b;&b;'>]><l>&c;</l>"),
            "declares an entity");
}

static void a_document_type_elsewhere_is_not_fetched(void **state) {
    (void)state;
    _cleanup_xml_ xmlDoc *doc = NULL;
    struct parse_fault fault;
    assert_int_equal(
        xml_read(slice_of("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a>x</a>"), &doc, &fault), 0);
    assert_null(doc->extSubset);
}

static void ill_formed_is_told_with_its_line(void **state) {
    (void)state;
    xmlDoc *doc;
    struct parse_fault fault;
    assert_int_equal(xml_read(slice_of("<a>\n<b>\n</a>"), &doc, &fault), -EINVAL);
    assert_int_equal(fault.line, 3);
    refused(slice_of("<a>"), "no well-formed XML");
    refused(slice_of("<a>\xff</a>"), "no well-formed XML");
    refused(slice_of("no"), "no well-formed XML");
}

static void many_and_deep_elements_are_refused(void **state) {
    (void)state;
    size_t n = 500000;
    char *many = malloc(n * 4 + 8), *p = many;
    assert_non_null(many);
    p = stpcpy(p, "<a>");
    for (size_t i = 0; i < n; i++)
        p = stpcpy(p, "<b/>");
    stpcpy(p, "</a>");
    refused(slice_of(many), "too many elements");
    p = many;
    for (size_t i = 0; i < n; i++)
        p = stpcpy(p, "<b>");
    refused(slice_of(many), "depth");
    free(many);
}

static void what_no_format_knows_is_no_page(void **state) {
    (void)state;
    static const char *const foreign[] = {
        "<?xml version='1.0'?><schema><element name='x'/></schema>",
        "\xef\xbb\xbf\n<svg><g/></svg>", "<!DOCTYPE html><p>Text</p>", "[{\"a\": 1}]",
        " [\n \"a\"]"};
    static const char *const pages[] = {"<Photo>\n\nText of a caption.",
                                        "[Photo] by Jane Doe\n\nText.", "< 2 cm"};
    struct rules rules;
    struct parsed parsed;
    struct parse_fault fault;
    assert_int_equal(rules_defaults(arena, &rules), 0);
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        struct parse_input input = {.bytes = slice_of(foreign[i]), .name = "x"};
        assert_int_equal(parse(arena, &rules, NULL, &input, &parsed, &fault), -EINVAL);
        assert_non_null(strstr(fault.fault.reason, "of no format that is known here"));
        /* Who names the format gets it. */
        if (parse(arena, &rules, "page", &input, &parsed, &fault) < 0)
            assert_null(strstr(fault.fault.reason, "of no format"));
    }
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        struct parse_input input = {.bytes = slice_of(pages[i]), .name = "x"};
        if (parse(arena, &rules, NULL, &input, &parsed, &fault) < 0)
            assert_null(strstr(fault.fault.reason, "of no format"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_tree_is_walked_by_local_names, make, unmake),
        cmocka_unit_test(the_root_is_known_from_the_start),
        cmocka_unit_test(entities_are_refused),
        cmocka_unit_test(a_document_type_elsewhere_is_not_fetched),
        cmocka_unit_test(ill_formed_is_told_with_its_line),
        cmocka_unit_test_setup_teardown(what_no_format_knows_is_no_page, make, unmake),
        cmocka_unit_test(many_and_deep_elements_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
