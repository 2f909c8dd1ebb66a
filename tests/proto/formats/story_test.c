#include "proto/formats/story.h"

#include "proto/rules.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;
static struct rules rules;

static int make(void **state) {
    (void)state;
    arena = arena_new(64 << 20);
    return arena == NULL ? -1 : rules_defaults(arena, &rules);
}

static int unmake(void **state) {
    (void)state;
    arena = arena_free(arena);
    return 0;
}

static Article *read_story(const char *text) {
    struct parsed parsed;
    struct parse_fault fault;
    struct parse_input input = {.bytes = slice_of(text), .name = "x.txt"};
    if (parse(arena, &rules, NULL, &input, &parsed, &fault) < 0)
        fail_msg("line %zu: %s: %s", fault.line, fault.fault.field, fault.fault.reason);
    assert_int_equal(parsed.n_articles, 1);
    assert_int_equal(parsed.unplaced.n, 0);
    return parsed.articles[0];
}

static void every_header_goes_to_its_field(void **state) {
    (void)state;
    Article *a =
        read_story("Headline: County approves\n  new bridge\n"
                   "kicker: First\nKicker: Second\nSubheadline: Sub\nKind: brief\n"
                   "Byline: Jane Doe, 王禾、李麦; Tom\nUri: urn:x:1\nVersion: 3\n"
                   "Status: withheld\nDateline: HARTWELL\nSection: economy\n"
                   "Section-Label: In brief\nPublication: Gazette\nDate: 2031-04-09\n"
                   "Page: A3\nLanguage: en\nSource: Agency\nSubject: 04000000 Economy\n"
                   "Subject: http://cv.example/1 Other\nKeywords: bridge, river\nUrgency: 4\n"
                   "Created: 2031-04-09T18:00:00+08:00\nEmbargo: 2031-04-10 00:00Z\n"
                   "Note: Check names\nReviewers: A, B\nRights: ours\nReplaces: urn:x:0\n"
                   "Continued-On: page 3\nContinued-From: page 1\n\nText.\n");
    assert_string_equal(a->headline, "County approves new bridge");
    assert_int_equal(a->n_kicker, 2);
    assert_string_equal(a->kicker[1], "Second");
    assert_string_equal(a->subheadline, "Sub");
    assert_true(a->kind == KIND_BRIEF);
    assert_int_equal(a->n_byline, 4);
    assert_string_equal(a->byline[1], "王禾");
    assert_string_equal(a->byline[3], "Tom");
    assert_string_equal(a->uri, "urn:x:1");
    assert_int_equal(a->version, 3);
    assert_true(a->status == STATUS_WITHHELD);
    assert_string_equal(a->dateline, "HARTWELL");
    assert_string_equal(a->section, "economy");
    assert_string_equal(a->section_label, "In brief");
    assert_string_equal(a->publication, "Gazette");
    assert_string_equal(a->page_date, "2031-04-09");
    assert_string_equal(a->page, "A3");
    assert_string_equal(a->language, "en");
    assert_string_equal(a->source, "Agency");
    assert_int_equal(a->n_subjects, 2);
    assert_string_equal(a->subjects[0]->code, "04000000");
    assert_string_equal(a->subjects[1]->uri, "http://cv.example/1");
    assert_string_equal(a->subjects[1]->name, "Other");
    assert_int_equal(a->n_keywords, 2);
    assert_int_equal(a->urgency, 4);
    assert_true(a->created_at == 1933495200000000);
    assert_true(a->embargoed_until == 1933545600000000);
    assert_string_equal(a->note_to_editors, "Check names");
    assert_int_equal(a->n_reviewers, 2);
    assert_string_equal(a->rights, "ours");
    assert_string_equal(a->replaces, "urn:x:0");
    assert_string_equal(a->continued_on, "page 3");
    assert_string_equal(a->continued_from, "page 1");
}

static void text_becomes_blocks(void **state) {
    (void)state;
    static const struct {
        int type;
        const char *text;
    } expected[] = {
        {BLOCK_PARAGRAPH, "A paragraph over two lines."},
        {BLOCK_CROSSHEAD, "A crosshead"},
        {BLOCK_PARAGRAPH, "全角的段落折成两行。"},
        {BLOCK_QUOTE, "A quotation on two lines"},
        {BLOCK_LIST_ITEM, "one"},
        {BLOCK_LIST_ITEM, "two and more"},
        {BLOCK_PARAGRAPH, "The end"},
    };
    Article *a =
        read_story("Headline: X\n\nA paragraph\nover two lines.\n## A crosshead\n"
                   "全角的段落\n折成两行。\n\n> A quotation\n> on two lines\n\n- one\n- two\n"
                   "  and more\n\n\nThe end");
    assert_int_equal(a->n_blocks, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < a->n_blocks; i++) {
        assert_true((int)a->blocks[i]->type == expected[i].type);
        assert_string_equal(a->blocks[i]->text, expected[i].text);
    }
    a = read_story("Kind: photo\nHeadline: X\n\nChildren in the park.\n");
    assert_true(a->blocks[0]->type == BLOCK_CAPTION);
}

static void identity_comes_from_the_text_alone(void **state) {
    (void)state;
    Article *a = read_story("Headline: X\n\nSome text here.\n");
    Article *rewrapped = read_story("Headline:  X\r\n\r\nSome text\r\nhere.\r\n");
    Article *other = read_story("Headline: X\n\nSome text there.\n");
    assert_true(strncmp(a->uri, "urn:newswire:story:", 19) == 0);
    assert_string_equal(a->uri, rewrapped->uri);
    assert_string_equal(a->source_digest, rewrapped->source_digest);
    assert_string_not_equal(a->uri, other->uri);
    assert_string_not_equal(a->source_digest, other->source_digest);
}

static void faults_name_line_and_field(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t line;
        const char *field, *reason;
    } cases[] = {
        {"Headline: X\nHeadlien: Y\n\nText\n", 2, "", "there is no header 'Headlien'"},
        {"Headline: X\nText without a line between\n", 2, "", "is no header"},
        {"Headline: X\nHeadline: Y\n\nT\n", 2, "Headline", "comes twice"},
        {"Headline: X\nKind: novel\n\nT\n", 2, "Kind", "'novel' is none of"},
        {"Headline: X\nStatus: dead\n\nT\n", 2, "Status", "'dead' is none of"},
        {"Headline: X\n\tY\nUrgency: high\n\nT\n", 3, "Urgency", "'high' is no number"},
        {"Headline: X\nEmbargo: tomorrow\n\nT\n", 2, "Embargo", "'tomorrow' is no time"},
        {"Headline: X\nEmbargo: 2031-04-09T18:00\n\nT\n", 2, "Embargo", "with its zone"},
        {"Headline: X\nUrgency: 12\n\nT\n", 0, "urgency", "from 1 to 9"},
        {"Headline: X\nDate: 9 April\n\nT\n", 0, "page_date", "no date"},
        {"Byline: X\n", 0, "headline", "is missing"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parsed parsed;
        struct parse_fault fault;
        struct parse_input input = {.bytes = slice_of(cases[i].text), .name = "x.txt"};
        assert_int_equal(parse(arena, &rules, "auto", &input, &parsed, &fault), -EINVAL);
        assert_int_equal(fault.line, cases[i].line);
        assert_string_equal(fault.fault.field, cases[i].field);
        if (strstr(fault.fault.reason, cases[i].reason) == NULL)
            fail_msg("'%s' does not say '%s'", fault.fault.reason, cases[i].reason);
    }
}

static void formats_are_recognised(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool story;
    } cases[] = {
        {"Headline: X\n\nT\n", true},
        {"\xef\xbb\xbfheadline: X\n\nT\n", true},
        {"Publication: P\nDate: 2031-04-09\nSection: s\nHeadline: X\n\nT\n", true},
        {"Publication: P\nDate: 2031-04-09\n\nHeadline: not here\n", false},
        {"Some page\n\nBy Jane Doe\n\nText.\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parse_input input = {.bytes = slice_of(cases[i].text), .name = ""};
        assert_int_equal(story_recognise(&input), cases[i].story);
    }
}

static void input_that_is_none_is_refused_before_any_parser(void **state) {
    (void)state;
    static const char *const texts[] = {"", " \n\r\n\t"};
    struct parsed parsed;
    struct parse_fault fault;
    for (size_t i = 0; i < 2; i++) {
        struct parse_input input = {.bytes = slice_of(texts[i]), .name = ""};
        assert_int_equal(parse(arena, &rules, NULL, &input, &parsed, &fault), -EINVAL);
        assert_string_equal(fault.fault.reason, "is empty");
    }
    uint8_t *large = calloc(1, LIMIT_FILE_BYTES + 1);
    struct parse_input input = {.bytes = {large, LIMIT_FILE_BYTES + 1}, .name = ""};
    assert_int_equal(parse(arena, &rules, NULL, &input, &parsed, &fault), -EINVAL);
    assert_non_null(strstr(fault.fault.reason, "too large"));
    free(large);
    input.bytes = slice_of("Headline: X\n\nT\n");
    assert_int_equal(parse(arena, &rules, "nonsense", &input, &parsed, &fault), -EINVAL);
    assert_non_null(strstr(fault.fault.reason, "no format 'nonsense'"));
}

static void random_stories_do_no_harm(void **state) {
    (void)state;
    static const char *const pieces[] = {
        "Headline: ", "Byline: ", "\n",         "\n\n", "## ",        "> ", "- ", "王禾", "、",
        " ",          "x",        "Urgency: 3", "\xff", "Keywords: ", ":",  "\t", "\r"};
    srandom(9);
    for (int round = 0; round < 20000; round++) {
        char text[400] = "Headline: X";
        for (long k = random() % 24; k > 0; k--)
            strcat(text, pieces[(size_t)random() % (sizeof pieces / sizeof *pieces)]);
        struct arena *a = arena_new(1 << 20);
        char *copy = malloc(strlen(text));
        memcpy(copy, text, strlen(text));
        struct parsed parsed;
        struct parse_fault fault;
        struct parse_input input = {.bytes = {(uint8_t *)copy, strlen(text)}, .name = ""};
        int r = parse(a, &rules, "story", &input, &parsed, &fault);
        assert_true(r == 0 || (r == -EINVAL && *fault.fault.reason != '\0'));
        free(copy);
        arena_free(a);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make, unmake)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(every_header_goes_to_its_field),
        TEST(text_becomes_blocks),
        TEST(identity_comes_from_the_text_alone),
        TEST(faults_name_line_and_field),
        TEST(formats_are_recognised),
        TEST(input_that_is_none_is_refused_before_any_parser),
        TEST(random_stories_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
