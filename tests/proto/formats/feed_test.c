#include "proto/formats/feed.h"

#include "proto/rules.h"
#include "tests/proto/formats/formats.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena, *kept; /* kept: what all tests need */
static struct rules rules;

static int make(void **state) {
    (void)state;
    arena = arena_new(64 << 20);
    kept = arena_new(1 << 20);
    return arena == NULL || kept == NULL || rules_defaults(kept, &rules) < 0 ? -1 : 0;
}

static int unmake(void **state) {
    (void)state;
    arena = arena_free(arena);
    kept = arena_free(kept);
    return 0;
}

static int empty(void **state) {
    (void)state;
    arena_reset(arena);
    return 0;
}

static int parse_feed(struct slice bytes, struct parsed *ret, struct parse_fault *ret_fault) {
    struct parse_input input = {.bytes = bytes, .name = ""};
    return parse(arena, &rules, "feed", &input, ret, ret_fault);
}

/* Reads a fixture, recognised by its bytes. */
static struct parsed read_fixture(const char *name, size_t n_articles, size_t n_warnings) {
    struct parsed parsed;
    struct parse_fault fault;
    struct parse_input input = {.bytes = slice_of(fixture(arena, name)), .name = ""};
    if (parse(arena, &rules, NULL, &input, &parsed, &fault) < 0)
        fail_msg("%s: %s", fault.fault.field, fault.fault.reason);
    assert_int_equal(parsed.n_articles, n_articles);
    assert_int_equal(parsed.warnings.n, n_warnings);
    return parsed;
}

static const int64_t eight_o_clock = 1933459200LL * 1000000;

static void rss_is_read(void **state) {
    (void)state;
    struct parsed parsed = read_fixture("feed_rss.xml", 3, 2);
    const Article *a = parsed.articles[0];
    assert_string_equal(a->uri, "urn:example:liuxi:1");
    assert_int_equal(a->version, 1);
    assert_int_equal(a->kind, KIND_ARTICLE);
    assert_string_equal(a->headline, "County approves new bridge & road");
    assert_int_equal(a->n_blocks, 3);
    assert_string_equal(a->blocks[0]->text,
                        "The county council said yes to a bridge of 370\u00a0metres.");
    assert_int_equal(a->blocks[1]->type, BLOCK_CROSSHEAD);
    assert_int_equal(a->n_byline, 2);
    assert_string_equal(a->byline[1], "Tom Reed");
    assert_string_equal(a->keywords[0], "Transport");
    assert_string_equal(a->subjects[0]->uri, "http://cv.example.com/topic/20000001");
    assert_string_equal(a->subjects[0]->code, "20000001");
    assert_string_equal(a->media[0]->href, "https://img.example.com/1.jpg");
    assert_int_equal(a->media[0]->size_bytes, 433116);
    assert_true(a->created_at == eight_o_clock);
    assert_string_equal(a->source, "The Other Wire");
    assert_string_equal(a->language, "en-gb");
    assert_string_equal(a->rights, "© 2031 The Liuxi Wire");
    a = parsed.articles[1];
    assert_string_equal(a->uri, "https://wire.example.com/2?a=1&b=2");
    assert_string_equal(a->byline[0], "张三");
    assert_string_equal(a->source, "The Liuxi Wire");
    assert_true(a->created_at == 0);
    assert_string_equal(parsed.warnings.items[0], "item 2 (line 25): 'yesterday' is no time");
    assert_string_equal(parsed.warnings.items[1],
                        "item 3 (line 32) has neither title nor text; it is left out");
    a = parsed.articles[2];
    assert_memory_equal(a->uri, "urn:newswire:feed:", 18);
    assert_int_equal(strlen(a->uri), 18 + 32);
    assert_int_equal(a->n_blocks, 2);
}

static void rss_1_is_read(void **state) {
    (void)state;
    const Article *a = read_fixture("feed_rdf.xml", 1, 0).articles[0];
    assert_string_equal(a->uri, "https://wire.example.com/1");
    assert_string_equal(a->headline, "柳溪新桥获批");
    assert_string_equal(a->blocks[0]->text, "本报讯 柳溪县昨日批准修建新桥。");
    assert_string_equal(a->byline[0], "张三");
    assert_string_equal(a->keywords[0], "交通");
    assert_string_equal(a->language, "zh-Hans");
    assert_string_equal(a->source, "The Liuxi Wire");
    assert_true(a->created_at == eight_o_clock);
}

static void atom_is_read(void **state) {
    (void)state;
    struct parsed parsed = read_fixture("feed_atom.xml", 2, 0);
    const Article *a = parsed.articles[0];
    assert_string_equal(a->uri, "urn:example:liuxi:1");
    assert_string_equal(a->headline, "County approves new bridge");
    assert_int_equal(a->n_blocks, 4);
    assert_string_equal(a->blocks[0]->text, "The county said yes & more.");
    assert_int_equal(a->blocks[1]->type, BLOCK_QUOTE);
    assert_int_equal(a->blocks[3]->type, BLOCK_LIST_ITEM);
    assert_int_equal(a->n_byline, 2);
    assert_string_equal(a->subjects[0]->name, "Transport");
    assert_string_equal(a->keywords[0], "bridges");
    assert_string_equal(a->media[0]->media_type, "image/jpeg");
    assert_true(a->created_at == eight_o_clock);
    a = parsed.articles[1];
    assert_string_equal(a->headline, "柳溪 <新桥> 获批");
    assert_string_equal(a->language, "zh-Hans");
    assert_string_equal(a->byline[0], "The desk");
    assert_string_equal(a->blocks[0]->text, "本报讯 柳溪县昨日批准修建新桥。");
    assert_string_equal(a->rights, "© 2031 The Liuxi Wire");
}

static void json_feed_is_read(void **state) {
    (void)state;
    struct parsed parsed = read_fixture("feed.json", 2, 2);
    const Article *a = parsed.articles[0];
    assert_string_equal(a->uri, "urn:example:liuxi:1");
    assert_int_equal(a->n_blocks, 3);
    assert_int_equal(a->n_byline, 2);
    assert_int_equal(a->n_keywords, 2);
    assert_int_equal(a->media[0]->size_bytes, 433116);
    assert_true(a->created_at == eight_o_clock);
    a = parsed.articles[1];
    assert_string_equal(a->uri, "2");
    assert_string_equal(a->byline[0], "张三");
    assert_string_equal(a->language, "zh-Hans");
    assert_int_equal(a->n_blocks, 2);
    assert_string_equal(parsed.warnings.items[1],
                        "item 3 has neither title nor text; it is left out");
}

static void an_item_is_the_same_in_each_feed(void **state) {
    (void)state;
    static const char item[] = "<item><title>A</title></item>";
    char one[256], two[256];
    struct parsed a, b;
    struct parse_fault fault;
    snprintf(one, sizeof one, "<rss><channel><title>X</title>%s</channel></rss>", item);
    snprintf(two, sizeof two, "<rss>\n<channel><item><title>B</title></item>%s</channel></rss>",
             item);
    assert_int_equal(parse_feed(slice_of(one), &a, &fault), 0);
    assert_int_equal(parse_feed(slice_of(two), &b, &fault), 0);
    assert_string_equal(a.articles[0]->uri, b.articles[1]->uri);
    assert_string_equal(a.articles[0]->source_digest, b.articles[1]->source_digest);
    assert_string_not_equal(b.articles[0]->uri, b.articles[1]->uri);
}

static void refused(const char *text, const char *why) {
    struct parsed parsed;
    struct parse_fault fault;
    assert_int_equal(parse_feed(slice_of(text), &parsed, &fault), -EINVAL);
    if (strstr(fault.fault.reason, why) == NULL)
        fail_msg("'%s', expected '%s'", fault.fault.reason, why);
}

static void what_is_no_feed_is_refused(void **state) {
    (void)state;
    refused("<rss><channel><title>X</title></channel></rss>", "has no items");
    refused("<rss><channel><item/></channel></rss>", "item 1 (line 1) has neither");
    refused("<html/>", "is no feed");
    refused("<rss><channel>", "no well-formed XML");
    refused("{\"version\":\"1\",\"items\":[]}", "jsonfeed.org");
    refused("{\"version\":\"https://jsonfeed.org/version/1\"}", "has no items");
    refused("{\"version\":\"https://jsonfeed.org/version/1\",\"items\":[1]}", "is no object");
    refused("<!DOCTYPE rss [<!ENTITY x 'y'>]><rss/>", "declares an entity");
}

static void an_unsound_address_is_mended(void **state) {
    (void)state;
    struct parsed parsed;
    struct parse_fault fault;
    assert_int_equal(
        parse_feed(slice_of("<rss><channel><item><title>A</title><guid> a b </guid></item>"
                            "</channel></rss>"),
                   &parsed, &fault),
        0);
    assert_string_equal(parsed.articles[0]->uri, "a%20b");
}

/* ---- the feed validator's suite, and hostile input */

struct counts {
    size_t in, refused, without_text;
};

static bool ends_with(const char *path, const char *name) {
    const char *slash = strrchr(path, '/');
    return strcmp(slash == NULL ? path : slash + 1, name) == 0;
}

/* Those that no XML reader takes, those whose root is no feed's, and one that uses an
 * entity of a document type that is not fetched. */
static bool is_ill_formed(const char *path) {
    static const char *const names[] = {"feed_copyright_is_inline.xml",
                                        "feed_copyright_is_inline_2.xml",
                                        "feed_missing.xml",
                                        "feed_missing2.xml",
                                        "invalid_xml.xml",
                                        "missing_rss.xml",
                                        "missing_rss2.xml",
                                        "rdf_unknown.xml",
                                        "unknown_root_element.xml",
                                        "rss91u_entity.xml"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (ends_with(path, names[i]))
            return true;
    return false;
}

static void take_suite_file(const char *path, struct slice bytes, void *context) {
    struct counts *n = context;
    struct parsed parsed;
    struct parse_fault fault;
    if (strstr(path, "/must/") == NULL)
        return;
    int r = parse_feed(bytes, &parsed, &fault);
    bool without = r < 0 && strstr(fault.fault.reason, "has no items") != NULL;
    bool ill = r < 0 && strstr(fault.fault.reason, "well-formed") != NULL;
    if (r < 0 && !without && !is_ill_formed(path))
        fail_msg("%s: line %zu: %s", path, fault.line, fault.fault.reason);
    if (r == 0 && is_ill_formed(path))
        fail_msg("%s came in", path);
    if (ill && fault.line == 0)
        fail_msg("%s: no line", path);
    n->in += r == 0;
    n->refused += r < 0 && !without;
    n->without_text += without;
    arena_reset(arena);
}

static void the_conformance_suite_is_met(void **state) {
    (void)state;
    struct counts n = {0};
    if (!each_shared_file("conformance/feeds/testcases", ".xml", take_suite_file, &n))
        skip();
    print_message("conformance feeds: %zu in, %zu refused rightly, %zu without any text told so\n",
                  n.in, n.refused, n.without_text);
    assert_true(n.in > 80 && n.refused == 11);
}

static void take_hostile(struct slice bytes, void *context) {
    (void)context;
    struct parsed parsed;
    struct parse_fault fault;
    int r = parse_feed(bytes, &parsed, &fault);
    assert_true(r == 0 || r == -EINVAL);
    if (r < 0)
        assert_true(*fault.fault.reason != '\0');
    arena_reset(arena);
}

static void cut_and_changed_input_never_crashes(void **state) {
    (void)state;
    static const char *const names[] = {"feed_rss.xml", "feed_rdf.xml", "feed_atom.xml",
                                        "feed.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        torture(slice_of(fixture(kept, names[i])), 5000, take_hostile, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rss_is_read, empty),
        cmocka_unit_test_setup(rss_1_is_read, empty),
        cmocka_unit_test_setup(atom_is_read, empty),
        cmocka_unit_test_setup(json_feed_is_read, empty),
        cmocka_unit_test_setup(an_item_is_the_same_in_each_feed, empty),
        cmocka_unit_test_setup(what_is_no_feed_is_refused, empty),
        cmocka_unit_test_setup(an_unsound_address_is_mended, empty),
        cmocka_unit_test_setup(the_conformance_suite_is_met, empty),
        cmocka_unit_test_setup(cut_and_changed_input_never_crashes, empty),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
