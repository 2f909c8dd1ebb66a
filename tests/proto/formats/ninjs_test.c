#include "proto/formats/ninjs.h"

#include "proto/json.h"
#include "proto/rules.h"
#include "proto/write.h"
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

static int parse_ninjs(struct slice bytes, struct parsed *ret, struct parse_fault *ret_fault) {
    struct parse_input input = {.bytes = bytes, .name = ""};
    return parse(arena, &rules, "ninjs", &input, ret, ret_fault);
}

static const Article *read_item(const char *text, struct parsed *ret) {
    struct parse_fault fault;
    if (parse_ninjs(slice_of(text), ret, &fault) < 0)
        fail_msg("%s: %s in %s", fault.fault.field, fault.fault.reason, text);
    assert_int_equal(ret->n_articles, 1);
    return ret->articles[0];
}

static void refused(const char *text, const char *field, const char *why) {
    struct parsed parsed;
    struct parse_fault fault;
    assert_int_equal(parse_ninjs(slice_of(text), &parsed, &fault), -EINVAL);
    assert_string_equal(fault.fault.field, field);
    if (strstr(fault.fault.reason, why) == NULL)
        fail_msg("'%s', expected '%s'", fault.fault.reason, why);
}

/* ---- reading */

static void version_3_is_read(void **state) {
    (void)state;
    struct parsed parsed;
    const Article *a = read_item(fixture(arena, "ninjs_en.json"), &parsed);
    assert_int_equal(parsed.warnings.n, 0);
    assert_string_equal(a->uri, "urn:example:liuxi:2031:0409:1");
    assert_int_equal(a->version, 2);
    assert_int_equal(a->kind, KIND_ARTICLE);
    assert_string_equal(a->headline, "County approves new bridge");
    assert_string_equal(a->kicker[0], "Transport");
    assert_string_equal(a->subheadline, "Work begins in May");
    assert_string_equal(a->byline[0], "Jane Doe");
    assert_string_equal(a->dateline, "Liuxi");
    assert_int_equal(a->n_blocks, 3);
    assert_string_equal(a->blocks[0]->text, "The county council said yes.");
    assert_int_equal(a->blocks[1]->type, BLOCK_CROSSHEAD);
    assert_string_equal(a->blocks[2]->text, "The bridge is 370 metres long & 12 wide.");
    assert_true(a->created_at == 1933459200LL * 1000000);
    assert_true(a->embargoed_until == 1933495200LL * 1000000);
    assert_int_equal(a->urgency, 4);
    assert_string_equal(a->rights, "© 2031 The Liuxi Wire For subscribers only");
    assert_string_equal(a->note_to_editors, "Corrects the length in paragraph 2");
    assert_string_equal(a->source, "The Liuxi Wire");
    assert_int_equal(a->n_subjects, 1);
    assert_string_equal(a->subjects[0]->uri, "http://cv.example.com/topic/20000001");
    assert_string_equal(a->keywords[0], "bridges");
    assert_int_equal(a->n_media, 1);
    assert_string_equal(a->media[0]->href, "https://img.example.com/1.jpg");
    assert_int_equal(a->media[0]->width, 1600);
    assert_int_equal(a->media[0]->size_bytes, 433116);
    assert_string_equal(a->media[0]->caption, "The old bridge in March.");
    assert_string_equal(a->media[0]->credit, "Tom Reed");
    assert_string_equal(a->replaces, "");
}

static void version_1_is_read(void **state) {
    (void)state;
    struct parsed parsed;
    const Article *a = read_item(fixture(arena, "ninjs_zh.json"), &parsed);
    assert_int_equal(parsed.warnings.n, 2);
    assert_int_equal(a->version, 1);
    assert_int_equal(a->kind, KIND_BRIEF);
    assert_string_equal(a->headline, "柳溪新桥获批");
    assert_string_equal(a->kicker[0], "交通");
    assert_string_equal(a->byline[0], "记者 张三");
    assert_int_equal(a->n_blocks, 2);
    assert_string_equal(a->blocks[0]->text, "本报讯 柳溪县昨日批准修建新桥。");
    assert_string_equal(a->subjects[0]->uri, "http://cv.example.com/topic/20000001");
    assert_string_equal(a->subjects[0]->code, "20000001");
    assert_string_equal(a->source, "柳溪日报");
    assert_true(a->created_at == 0);
}

static void a_picture_has_its_caption(void **state) {
    (void)state;
    struct parsed parsed;
    const Article *a = read_item(
        "{\"uri\":\"urn:x\",\"type\":\"picture\",\"headlines\":[{\"value\":\"<b>A &amp; b</b>\","
        "\"contenttype\":\"text/"
        "html\"}],\"descriptions\":[{\"role\":\"creditline\",\"value\":\"X\"},"
        "{\"role\":\"caption\",\"value\":\"A "
        "bridge.\"}],\"renditions\":[{\"name\":\"a\",\"href\":\"http://x/a\"}]}",
        &parsed);
    assert_int_equal(a->kind, KIND_PHOTO);
    assert_string_equal(a->headline, "A & b");
    assert_int_equal(a->blocks[0]->type, BLOCK_CAPTION);
    assert_string_equal(a->blocks[0]->text, "A bridge.");
    assert_string_equal(a->media[0]->href, "http://x/a");
}

static void an_unreadable_embargo_withholds(void **state) {
    (void)state;
    struct parsed parsed;
    const Article *a =
        read_item("{\"uri\":\"urn:x\",\"headline\":\"A\",\"embargoed\":\"Next Monday\"}", &parsed);
    assert_int_equal(a->status, STATUS_WITHHELD);
    assert_int_equal(parsed.warnings.n, 2);
    a = read_item("{\"uri\":\"urn:x\",\"pubstatus\":\"canceled\",\"embargoed\":\"Next Monday\"}",
                  &parsed);
    assert_int_equal(a->status, STATUS_CANCELED);
}

static void a_chosen_section_goes_before_the_item_s(void **state) {
    (void)state;
    static const char text[] = "{\"uri\":\"urn:x\",\"headlines\":[{\"value\":\"A\"}],\"subjects\":"
                               "[{\"uri\":\"urn:newswire:section:sports\",\"name\":\"Sports\"}]}";
    struct parsed parsed;
    struct parse_fault fault;
    struct parse_input input = {.bytes = slice_of(text), .name = "", .section = "city"};
    assert_string_equal(read_item(text, &parsed)->section, "sports");
    assert_string_equal(parsed.articles[0]->section_label, "Sports");
    assert_int_equal(parse(arena, &rules, NULL, &input, &parsed, &fault), 0);
    assert_string_equal(parsed.articles[0]->section, "city");
}

static void what_is_unsound_is_refused_by_name(void **state) {
    (void)state;
    refused("{\"headline\":\"A\"}", "uri", "is missing");
    refused("{\"uri\":\"a b\",\"headline\":\"A\"}", "uri", "white space");
    refused("{\"uri\":\"urn:x\",\"headline\":\"A\",\"bodies\":[]}", "bodies", "another version");
    refused("{\"uri\":\"urn:x\",\"headlines\":[{\"role\":\"main\"}]}", "headlines[0].value",
            "is missing");
    refused("{\"uri\":\"urn:x\",\"headlines\":[7]}", "headlines[0]", "is no object");
    refused("{\"uri\":\"urn:x\",\"urgency\":10}", "urgency", "from 1 to 9");
    refused("{\"uri\":\"urn:x\",\"urgency\":1e300}", "urgency", "no whole number");
    refused("{\"uri\":\"urn:x\"}", "headlines", "carries no text");
    refused("{\"uri\":\"urn:x\",\"title\":\"A\",\"type\":\"event\"}", "type",
            "no article of its own");
    refused("{\"uri\":\"urn:x\",\"associations\":[{\"uri\":\"urn:y\"}]}", "associations[0].name",
            "missing");
    refused("{\"uri\":\"urn:x\",\"uri\":\"urn:y\"}", "", "duplicate");
    refused("{\"uri\":\"urn:x\",\n\n}", "", "no well-formed JSON");
    refused("[\"urn:x\"]", "", "no JSON object");
}

static void what_would_take_memory_is_refused(void **state) {
    (void)state;
    enum { SIZE = LIMIT_FILE_BYTES - 8 };
    static const char *const pieces[] = {"[],", "[", "{\"a\":", "0,"};
    char *text = malloc(SIZE);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t len = strlen(pieces[i]);
        struct parsed parsed;
        struct parse_fault fault;
        memcpy(text, "{\"a\":[", 6);
        for (size_t at = 6; at < SIZE; at++)
            text[at] = pieces[i][(at - 6) % len];
        assert_int_equal(parse_ninjs((struct slice){(uint8_t *)text, SIZE}, &parsed, &fault),
                         -EINVAL);
        assert_non_null(strstr(fault.fault.reason, "too"));
    }
    free(text);
}

static void it_is_recognised(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool ninjs;
    } cases[] = {
        {"{}", true},
        {"\xef\xbb\xbf \n{\"uri\":\"x\"", true},
        {"", false},
        {"[{}]", false},
        {"Headline: {", false},
        {"{\"version\" : \"https://jsonfeed.org/version/1.1\"}", false},
        {"{\"title\":\"\\\"https://jsonfeed.org/version/1\\\"\"}", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct parse_input input = {.bytes = slice_of(cases[i].text), .name = ""};
        assert_int_equal(ninjs_recognise(&input), cases[i].ninjs);
    }
}

/* ---- out and in again */

/* What each version can't hold. */
static const struct {
    const char *version, *field;
} not_held[] = {
    {"3.1", "source_digest"},
    {"2.2", "source_digest"},
    {"1.3", "source_digest"},
};

static bool is_held(const char *version, const char *field) {
    for (size_t i = 0; i < sizeof not_held / sizeof *not_held; i++)
        if (strcmp(not_held[i].version, version) == 0 && strcmp(not_held[i].field, field) == 0)
            return false;
    return true;
}

static char *written(const Article *article, const char *version) {
    struct entry e = {.uri = slice_of("urn:x:killed"), .version = 7};
    char *text = NULL, *copy;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    assert_non_null(f);
    assert_int_equal(ninjs_write(f, arena, &e, article, version, NULL), 0);
    fclose(f);
    assert_true(len > 0 && text[len - 1] == '\n' && strchr(text, '\n') == text + len - 1);
    copy = arena_strndup(arena, text, len);
    free(text);
    return copy;
}

static void every_field_comes_back(void **state) {
    (void)state;
    for (size_t v = 0; ninjs_versions[v] != NULL; v++) {
        const Article *before = full_article(arena);
        struct parsed parsed;
        const Article *after = read_item(written(before, ninjs_versions[v]), &parsed);
        assert_int_equal(parsed.warnings.n, 0);
        json_t *a = json_message(&before->base), *b = json_message(&after->base);
        const ProtobufCMessageDescriptor *d = before->base.descriptor;
        for (unsigned i = 0; i < d->n_fields; i++) {
            const char *name = d->fields[i].name;
            json_t *x = json_object_get(a, name), *y = json_object_get(b, name);
            if (!is_held(ninjs_versions[v], name))
                continue;
            assert_non_null(x); /* full_article sets each field */
            if (!json_equal(x, y))
                fail_msg("%s %s: %s", ninjs_versions[v], name,
                         y == NULL ? "gone" : json_dumps(y, JSON_ENCODE_ANY));
        }
        json_decref(a);
        json_decref(b);
    }
}

static void an_empty_notice_is_written(void **state) {
    (void)state;
    for (size_t v = 0; ninjs_versions[v] != NULL; v++) {
        struct parsed parsed;
        const Article *killed = read_item(written(NULL, ninjs_versions[v]), &parsed);
        assert_string_equal(killed->uri, "urn:x:killed");
        assert_int_equal(killed->version, 7);
        assert_int_equal(killed->status, STATUS_CANCELED);
        Article *notice = article_new(arena);
        notice->uri = "urn:x:notice";
        notice->version = 3;
        notice->kind = KIND_BRIEF;
        notice->status = STATUS_CANCELED;
        notice->note_to_editors = "Line one\nline \"two\"\t\\";
        const Article *back = read_item(written(notice, ninjs_versions[v]), &parsed);
        assert_int_equal(back->status, STATUS_CANCELED);
        assert_string_equal(back->note_to_editors, notice->note_to_editors);
    }
}

static void a_version_is_found_by_name(void **state) {
    (void)state;
    const char *version;
    assert_non_null(write_format_find("ninjs", &version));
    assert_string_equal(version, "3.1");
    assert_non_null(write_format_find("ninjs@1.3", &version));
    assert_string_equal(version, "1.3");
    assert_null(write_format_find("ninjs@1.4", &version));
}

/* ---- IPTC's suite, and hostile input */

struct counts {
    size_t in, no_text, refused;
};

static void take_suite_file(const char *path, struct slice bytes, void *context) {
    struct counts *n = context;
    struct parsed parsed;
    struct parse_fault fault;
    bool sound = strstr(path, "should_fail") == NULL;
    int r = parse_ninjs(bytes, &parsed, &fault);
    bool no_text = r < 0 && (strstr(fault.fault.reason, "carries no text") != NULL ||
                             strstr(fault.fault.reason, "no article of its own") != NULL);
    if (sound && r < 0 && !no_text)
        fail_msg("%s: %s: %s", path, fault.fault.field, fault.fault.reason);
    if (!sound && r == 0)
        fail_msg("%s came in", path);
    if (!sound && *fault.fault.field == '\0' && fault.line == 0)
        fail_msg("%s: '%s' names no place", path, fault.fault.reason);
    if (r == 0 && parsed.articles[0]->status != STATUS_CANCELED)
        assert_true(*parsed.articles[0]->headline != '\0' || parsed.articles[0]->n_blocks > 0);
    if (r == 0 && strstr(path, "bad_datetime") == NULL)
        for (size_t i = 0; i < parsed.warnings.n; i++)
            assert_non_null(strstr(parsed.warnings.items[i], "version '0'"));
    n->in += r == 0;
    n->no_text += sound && no_text;
    n->refused += !sound;
    arena_reset(arena);
}

static void the_conformance_suite_is_met(void **state) {
    (void)state;
    struct counts n = {0};
    if (!each_shared_file("conformance/ninjs/validation", ".json", take_suite_file, &n))
        skip();
    print_message("conformance ninjs: %zu in, %zu without text told so, %zu refused rightly\n",
                  n.in, n.no_text, n.refused);
    assert_true(n.in > 30 && n.refused > 40);
}

static void take_hostile(struct slice bytes, void *context) {
    (void)context;
    struct parsed parsed;
    struct parse_fault fault;
    int r = parse_ninjs(bytes, &parsed, &fault);
    assert_true(r == 0 || r == -EINVAL);
    if (r < 0)
        assert_true(*fault.fault.reason != '\0');
    for (size_t i = 0; r == 0 && i < parsed.n_articles; i++)
        (void)written(parsed.articles[i], ninjs_versions[i % 3]);
    arena_reset(arena);
}

static void cut_and_changed_input_never_crashes(void **state) {
    (void)state;
    static const char *const names[] = {"ninjs_en.json", "ninjs_zh.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        torture(slice_of(fixture(kept, names[i])), 10000, take_hostile, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(version_3_is_read, empty),
        cmocka_unit_test_setup(version_1_is_read, empty),
        cmocka_unit_test_setup(a_picture_has_its_caption, empty),
        cmocka_unit_test_setup(an_unreadable_embargo_withholds, empty),
        cmocka_unit_test_setup(a_chosen_section_goes_before_the_item_s, empty),
        cmocka_unit_test_setup(what_is_unsound_is_refused_by_name, empty),
        cmocka_unit_test_setup(what_would_take_memory_is_refused, empty),
        cmocka_unit_test_setup(it_is_recognised, empty),
        cmocka_unit_test_setup(every_field_comes_back, empty),
        cmocka_unit_test_setup(an_empty_notice_is_written, empty),
        cmocka_unit_test_setup(a_version_is_found_by_name, empty),
        cmocka_unit_test_setup(the_conformance_suite_is_met, empty),
        cmocka_unit_test_setup(cut_and_changed_input_never_crashes, empty),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
