/* NITF and NewsML-G2: our own fixtures, the standard's listings, out and in again,
 * hostile input. */
#include "proto/rules.h"
#include "proto/write.h"
#include "tests/proto/formats/formats.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;
static struct rules rules;
static struct parse_fault fault;
static struct parsed parsed;

static int make(void **state) {
    (void)state;
    arena = arena_new(256 << 20);
    return arena == NULL ? -1 : rules_defaults(arena, &rules);
}

static int unmake(void **state) {
    (void)state;
    arena = arena_free(arena);
    return 0;
}

static int read_text(const char *text) {
    struct parse_input input = {.bytes = slice_of(text), .name = "x.xml"};
    return parse(arena, &rules, NULL, &input, &parsed, &fault);
}

static Article *read_one(const char *text) {
    if (read_text(text) < 0)
        fail_msg("line %zu: %s: %s", fault.line, fault.fault.field, fault.fault.reason);
    assert_int_equal(parsed.n_articles, 1);
    return parsed.articles[0];
}

static void refused(const char *text, const char *field, const char *why) {
    assert_int_equal(read_text(text), -EINVAL);
    assert_string_equal(fault.fault.field, field);
    if (strstr(fault.fault.reason, why) == NULL)
        fail_msg("'%s', expected '%s'", fault.fault.reason, why);
}

/* ---- reading */

static void a_nitf_story(void **state) {
    (void)state;
    Article *a = read_one(fixture(arena, "nitf_en.xml"));
    assert_string_equal(a->uri, "iptc.example.20310409.bridge");
    assert_int_equal(a->version, 3);
    assert_string_equal(a->headline, "County approves new bridge");
    assert_string_equal(a->subheadline, "Work begins in June");
    assert_int_equal(a->n_byline, 2);
    assert_string_equal(a->byline[0], "Jane Doe");
    assert_string_equal(a->byline[1], "Tom Reed");
    assert_string_equal(a->dateline, "HARTWELL, April 9");
    assert_int_equal(a->urgency, 4);
    assert_int_equal(a->created_at, 1933495200000000);
    assert_int_equal(a->embargoed_until, 1933498800000000);
    assert_int_equal(a->status, STATUS_USABLE);
    assert_string_equal(a->section, "politics"); /* by its title */
    assert_string_equal(a->publication, "Hartwell Gazette");
    assert_string_equal(a->page_date, "2031-04-09");
    assert_string_equal(a->page, "A3");
    assert_string_equal(a->rights, "Hartwell Press");
    assert_string_equal(a->source, "Hartwell Wire");
    assert_int_equal(a->n_keywords, 2);
    assert_int_equal(a->n_subjects, 2);
    assert_string_equal(a->subjects[0]->code, "11000000");
    static const struct {
        int type;
        const char *text;
    } blocks[] = {{BLOCK_PARAGRAPH, "The board voted 7 to 2 to replace the bridge."},
                  {BLOCK_CROSSHEAD, "What it costs"},
                  {BLOCK_QUOTE, "It is late, not too late."},
                  {BLOCK_LIST_ITEM, "Bridge: 14 million"},
                  {BLOCK_LIST_ITEM, "Ferry: 1 million"},
                  {BLOCK_PARAGRAPH, "Year | Traffic"},
                  {BLOCK_PARAGRAPH, "2030 | 4,000"},
                  {BLOCK_PARAGRAPH, "Loose words."}};
    assert_int_equal(a->n_blocks, sizeof blocks / sizeof *blocks);
    for (size_t i = 0; i < a->n_blocks; i++) {
        assert_int_equal(a->blocks[i]->type, blocks[i].type);
        assert_string_equal(a->blocks[i]->text, blocks[i].text);
    }
    assert_int_equal(a->n_media, 1);
    assert_string_equal(a->media[0]->href, "bridge.jpg");
    assert_string_equal(a->media[0]->caption, "The old bridge.");
    assert_string_equal(a->media[0]->credit, "Ann Lee");
    assert_int_equal(a->media[0]->width, 1600);
}

static void a_newsml_message(void **state) {
    (void)state;
    assert_int_equal(read_text(fixture(arena, "newsml_message.xml")), 0);
    assert_int_equal(parsed.n_articles, 3);
    assert_int_equal(parsed.warnings.n, 2); /* a package, an item without anything */
    const Article *a = parsed.articles[0], *photo = parsed.articles[1], *kill = parsed.articles[2];
    assert_string_equal(a->uri, "urn:newsml:example.org:20310409:bridge");
    assert_int_equal(a->version, 2);
    assert_string_equal(a->headline, "柳溪新桥获批");
    assert_string_equal(a->kicker[0], "民生工程");
    assert_string_equal(a->byline[0], "张三");
    assert_string_equal(a->language, "zh-Hans");
    assert_int_equal(a->created_at, 1933495200000000);
    assert_int_equal(a->n_blocks, 2);
    assert_int_equal(a->blocks[0]->type, BLOCK_CROSSHEAD);
    assert_string_equal(a->subjects[0]->code, "medtop:11000000");
    assert_int_equal(photo->kind, KIND_PHOTO);
    assert_int_equal(photo->blocks[0]->type, BLOCK_CAPTION);
    assert_string_equal(photo->media[0]->href, "http://img.example.org/1.jpg");
    assert_int_equal(kill->status, STATUS_CANCELED);
    assert_string_equal(kill->note_to_editors, "Names a child.");
}

struct expected_block {
    int type;
    const char *text;
};

static void check_blocks(const Article *a, const struct expected_block *blocks, size_t n) {
    assert_int_equal(a->n_blocks, n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(a->blocks[i]->text, blocks[i].text);
        assert_int_equal(a->blocks[i]->type, blocks[i].type);
    }
}

/* Without a namespace, with a document type that is not fetched, and much at once. */
static void a_nitf_story_of_an_agency(void **state) {
    (void)state;
    static const struct expected_block blocks[] = {
        {BLOCK_CROSSHEAD, "Tickets go on sale today"},
        {BLOCK_PARAGRAPH, "The ferry is back."},
        {BLOCK_PARAGRAPH, "The ferry Ellis Star came back."},
        {BLOCK_CROSSHEAD, "A long year"},
        {BLOCK_QUOTE, "We missed it."},
        {BLOCK_QUOTE, "Ann Ott, baker"},
        {BLOCK_LIST_ITEM, "Adults: 4"},
        {BLOCK_LIST_ITEM, "Children: 2"},
        {BLOCK_PARAGRAPH, "Times"},
        {BLOCK_PARAGRAPH, "From | To"},
        {BLOCK_PARAGRAPH, "9:00 | 9:40"},
        {BLOCK_PARAGRAPH, "A note at the foot."},
        {BLOCK_CAPTION, "Also seen: a gull."},
        {BLOCK_PARAGRAPH, "Loose text"},
        {BLOCK_PARAGRAPH, "Ann Smith writes on the sea."},
    };
    const Article *a = read_one(fixture(arena, "nitf_agency.xml"));
    check_blocks(a, blocks, sizeof blocks / sizeof *blocks);
    assert_string_equal(a->headline, "Ferry returns to Port\u00a0Ellis");
    assert_int_equal(a->status, STATUS_USABLE); /* the embargo has an end */
    assert_int_equal(a->embargoed_until, 1933567200000000);
    assert_int_equal(a->created_at, 1933520400000000);
    assert_int_equal(a->kind, KIND_BRIEF);
    assert_int_equal(a->n_byline, 3);
    assert_string_equal(a->byline[0], "Ann Smith");
    assert_string_equal(a->byline[1], "Bo Li");
    assert_string_equal(a->byline[2], "Cy Roe");
    assert_string_equal(
        a->note_to_editors,
        "Picture follows\nThe ferry is older than we said.\nCall the harbour first");
    assert_int_equal(a->n_subjects, 3);
    assert_string_equal(a->subjects[1]->name, "Ann Smith");
    assert_string_equal(a->subjects[2]->code, "NYSE:FER");
    assert_int_equal(a->n_reviewers, 1);
    assert_string_equal(a->section_label, "Local Sport");
    assert_int_equal(a->media[0]->width, 800);
    assert_int_equal(a->media[0]->height, 0); /* 100% is no number of pixels */
    assert_string_equal(a->media[0]->caption, "The ferry at noon.");
}

static void nitf_in_gb18030(void **state) {
    (void)state;
    const Article *a = read_one(fixture(arena, "nitf_gb18030.xml"));
    assert_string_equal(a->headline, "柳溪新桥今日通车");
    assert_string_equal(a->byline[0], "本报记者 徐岚");
    assert_string_equal(a->blocks[1]->text, "桥长二百米。");
}

static void a_message_of_an_agency(void **state) {
    (void)state;
    static const struct expected_block blocks[] = {
        {BLOCK_PARAGRAPH, "The ferry Ellis\u00a0Star came back."},
        {BLOCK_CROSSHEAD, "A long year"},
        {BLOCK_QUOTE, "We missed it."},
        {BLOCK_LIST_ITEM, "Adults: 4"},
        {BLOCK_LIST_ITEM, "Children: 2"},
        {BLOCK_CAPTION, "A gull"},
        {BLOCK_PARAGRAPH, "Loose text"},
        {BLOCK_PARAGRAPH, "in a division"},
    };
    assert_int_equal(read_text(fixture(arena, "newsml_agency.xml")), 0);
    assert_int_equal(parsed.n_articles, 4);
    assert_int_equal(parsed.warnings.n, 3); /* a package, a version, a concept */
    const Article *a = parsed.articles[0], *plain = parsed.articles[3];
    check_blocks(a, blocks, sizeof blocks / sizeof *blocks); /* one form of several */
    assert_string_equal(a->headline, "Ferry returns");
    assert_string_equal(a->subheadline, "After a year");
    assert_string_equal(a->kicker[0], "Harbour");
    assert_int_equal(a->n_byline, 2);
    assert_string_equal(a->byline[0], "Ann Smith");
    assert_string_equal(a->byline[1], "Bo Li");
    assert_int_equal(a->kind, KIND_BRIEF);
    assert_string_equal(a->source, "Harbour Office");
    assert_string_equal(a->rights, "Copyright 2031 Example News. Not for use in books.");
    assert_string_equal(a->note_to_editors, "Updates with a quotation\nPicture follows");
    assert_string_equal(a->media[0]->href, "http://example.com/p.jpg");
    assert_string_equal(a->subjects[1]->name, "");
    assert_int_equal(parsed.articles[2]->status, STATUS_CANCELED);
    assert_int_equal(plain->status, STATUS_WITHHELD); /* an embargo without an end */
    assert_string_equal(plain->source, "EXAMPLE");
    assert_string_equal(plain->blocks[0]->text, "One two.");
    a = read_one(fixture(arena, "newsml_zh.xml"));
    assert_string_equal(a->uri, "urn:example:news:zh:1");
    assert_int_equal(a->version, 2);
    assert_string_equal(a->headline, "柳溪新桥今日通车");
    assert_string_equal(a->byline[0], "本报记者 徐岚");
    assert_string_equal(a->section, "economy");
}

static void encoded_data_are_left_out(void **state) {
    (void)state;
    refused("<contentSet><inlineData encoding='e:base64'>QQ==</inlineData></contentSet>",
            "contentSet", "neither text nor media");
    assert_int_equal(parsed.warnings.n, 1);
}

static void wrong_values_are_named(void **state) {
    (void)state;
    refused("<nitf><head><docdata><date.issue norm='soon'/></docdata></head><body/></nitf>",
            "date.issue", "'soon' is no date");
    refused("<nitf><head><docdata management-status='x'/></head><body/></nitf>",
            "docdata.management-status", "none of usable");
    refused("<nitf><head><docdata><urgency ed-urg='high'/></docdata></head></nitf>", "urgency",
            "'high' is no number");
    refused("<nitf><head/><body/></nitf>", "headline", "");
    refused("<newsItem guid='x'><itemMeta><pubStatus qcode='stat:no'/></itemMeta></newsItem>",
            "itemMeta.pubStatus", "'stat:no'");
    refused("<newsItem guid='x'><itemMeta><versionCreated>x</versionCreated></itemMeta></newsItem>",
            "itemMeta.versionCreated", "no date");
    refused("<newsItem guid='x'/>", "contentSet", "neither text nor media");
    refused("<packageItem guid='x'/>", "packageItem", "carries no article");
    refused("<planningItem guid='x'/>", "planningItem", "carries no article");
    refused("<newsMessage><itemSet/></newsMessage>", "itemSet", "no news item");
    refused("<nitf><body>", "", "no well-formed XML");
    assert_int_equal(fault.line, 1);
    Article *a = read_one("<nitf><head><docdata><du-key key='k' version='2a'/></docdata></head>"
                          "<body><body.content><p>x</p></body.content></body></nitf>");
    assert_int_equal(a->version, 1);
    assert_int_equal(parsed.warnings.n, 1);
    assert_string_equal(a->uri, "k");
}

struct listing {
    size_t in;
};

static void take_listing(const char *path, struct slice bytes, void *context) {
    struct listing *count = context;
    struct parse_input input = {.bytes = bytes, .name = "listing.xml"};
    if (parse(arena, &rules, "newsml-g2", &input, &parsed, &fault) < 0)
        fail_msg("%s:%zu: %s: %s", path, fault.line, fault.fault.field, fault.fault.reason);
    assert_int_equal(parsed.n_articles, 1);
    const Article *a = parsed.articles[0];
    assert_true(*a->headline != '\0' && a->n_blocks > 0);
    if (strstr(path, "LISTING_2_") != NULL) {
        assert_string_equal(a->uri, "urn:newsml:acmenews.com:20161121:US-FINANCE-FED");
        assert_int_equal(a->version, 11);
        assert_string_equal(a->headline, "Fed to halt QE to avert \"bubble\"");
        assert_string_equal(a->byline[0], "Meredith Jameson");
        assert_int_equal(a->n_subjects, 3);
        assert_string_equal(a->source, "Associated Press");
        assert_int_equal(a->created_at, 1542835532000000);
    }
    count->in++;
}

static void the_standards_listings(void **state) {
    (void)state;
    struct listing count = {0};
    if (!each_shared_file("conformance/newsml-g2", ".xml", take_listing, &count))
        skip();
    print_message("conformance newsml-g2: %zu in\n", count.in);
    assert_int_equal(count.in, 2);
}

/* ---- out and in again */

static Article *again(const char *format, const Article *article) {
    static const struct text_style style = {.columns = 80};
    const char *version;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    const struct write_format *f = write_format_find(format, &version);
    struct entry e = {.uri = slice_of(article->uri), .version = article->version};
    assert_int_equal(f->write(out, arena, &e, article, version, &style), 0);
    assert_int_equal(fclose(out), 0);
    Article *back = read_one(text);
    free(text);
    return back;
}

static void expect_same(const Article *a, Article *b) {
    char *digest = b->source_digest;
    b->source_digest = a->source_digest;
    size_t len = newswire__v1__article__get_packed_size(a);
    uint8_t *x = malloc(len), *y = malloc(newswire__v1__article__get_packed_size(b));
    newswire__v1__article__pack(a, x);
    size_t len_y = newswire__v1__article__pack(b, y);
    for (size_t i = 0; i < len && i < len_y; i++)
        if (x[i] != y[i])
            fail_msg("they differ at byte %zu: '%.60s' and '%.60s'", i, x + i, y + i);
    assert_int_equal(len_y, len);
    b->source_digest = digest;
    free(x);
    free(y);
}

static void every_field_comes_back(void **state) {
    (void)state;
    static const char *const formats[] = {"nitf", "newsml-g2"};
    for (size_t i = 0; i < 2; i++) {
        Article *full = full_article(arena);
        expect_same(full, again(formats[i], full));
        Article *plain = article_new(arena);
        plain->uri = "urn:x:1";
        plain->version = 1;
        plain->kind = KIND_ARTICLE;
        plain->headline = "H";
        expect_same(plain, again(formats[i], plain));
        plain->kind = KIND_PHOTO;
        plain->section = "a-section.of_ours";
        assert_int_equal(article_add_block(arena, plain, BLOCK_PARAGRAPH, "text", 4), 0);
        expect_same(plain, again(formats[i], plain));
    }
}

/* What XML can't hold is U+FFFD; a tombstone says what it can. */
static void what_xml_cannot_hold(void **state) {
    (void)state;
    Article *a = article_new(arena);
    a->uri = "urn:x:1";
    a->version = 1;
    a->kind = KIND_ARTICLE;
    a->headline = "a\x01z\xef\xbf\xbf.";
    assert_string_equal(again("nitf", a)->headline, "a\xef\xbf\xbdz\xef\xbf\xbd.");
    const char *version;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct entry e = {
        .uri = slice_of("urn:x:2"), .version = 4, .seq = 9, .topic = slice_of("briefs/brief")};
    const struct write_format *f = write_format_find("newsml-g2", &version);
    assert_int_equal(f->write(out, arena, &e, NULL, version, &(struct text_style){0}), 0);
    fclose(out);
    const Article *back = read_one(text);
    assert_string_equal(back->uri, "urn:x:2");
    assert_int_equal(back->version, 4);
    assert_int_equal(back->status, STATUS_CANCELED);
    assert_int_equal(back->kind, KIND_BRIEF);
    free(text);
}

/* ---- hostile input */

static void survive(struct slice bytes, void *context) {
    static struct arena *own;
    struct parsed p;
    struct parse_fault f;
    struct parse_input input = {.bytes = bytes, .name = "x"};
    if (own == NULL)
        own = arena_new(64 << 20);
    arena_reset(own);
    int r = parse(own, &rules, context, &input, &p, &f);
    assert_true(r == 0 || r == -EINVAL);
    if (r == -EINVAL)
        assert_true(*f.fault.reason != '\0');
}

static void cut_and_changed(void **state) {
    (void)state;
    torture(slice_of(fixture(arena, "nitf_en.xml")), 10000, survive, "nitf");
    torture(slice_of(fixture(arena, "nitf_agency.xml")), 5000, survive, "nitf");
    torture(slice_of(fixture(arena, "newsml_message.xml")), 10000, survive, "newsml-g2");
    torture(slice_of(fixture(arena, "newsml_agency.xml")), 5000, survive, "newsml-g2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_nitf_story, make, unmake),
        cmocka_unit_test_setup_teardown(a_newsml_message, make, unmake),
        cmocka_unit_test_setup_teardown(a_nitf_story_of_an_agency, make, unmake),
        cmocka_unit_test_setup_teardown(nitf_in_gb18030, make, unmake),
        cmocka_unit_test_setup_teardown(a_message_of_an_agency, make, unmake),
        cmocka_unit_test_setup_teardown(encoded_data_are_left_out, make, unmake),
        cmocka_unit_test_setup_teardown(wrong_values_are_named, make, unmake),
        cmocka_unit_test_setup_teardown(the_standards_listings, make, unmake),
        cmocka_unit_test_setup_teardown(every_field_comes_back, make, unmake),
        cmocka_unit_test_setup_teardown(what_xml_cannot_hold, make, unmake),
        cmocka_unit_test_setup_teardown(cut_and_changed, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
