/* The one door: what is refused and how it is named, which topic an article
 * goes to, what the log is asked. */

#include "tests/daemon/rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char config[] = "[section \"news\"]\n"
                             "[section \"briefs\"]\ntitles = 时政简讯\nlabels = 简讯 | IN BRIEF\n"
                             "[section \"farm\"]\nkeywords = 麦田 | tractor\n"
                             "[section \"water\"]\nkeywords = river | tractor\n"
                             "[intake]\narticle_bytes = 64K\n";

static struct rig r;
static struct fault fault;
static struct log_proposal proposal;

static int set_up(void **state) {
    (void)state;
    rig_setup(&r, config);
    fault = (struct fault){0};
    return 0;
}

static int set_up_lenient(void **state) {
    char text[sizeof config + 80];
    (void)state;
    snprintf(text, sizeof text, "%sdefault_section = water\nunknown_section = default\n", config);
    rig_setup(&r, text);
    fault = (struct fault){0};
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    rig_teardown(&r);
    return 0;
}

static Article *story(void) {
    return rig_story(&r, "urn:a:1", "news");
}

static void taken(const Article *a, const char *topic) {
    int e = admit(&r.settings, r.arena, rig_bytes(&r, a), (struct slice){0}, &proposal, &fault);
    if (e < 0)
        fail_msg("%s: %s", fault.field, fault.reason);
    assert_string_equal(proposal.topic, topic);
}

/* The field that the refusal names, and a word of its reason. */
static void refused_bytes(struct slice bytes, const char *field, const char *reason) {
    fault = (struct fault){0};
    assert_int_equal(admit(&r.settings, r.arena, bytes, (struct slice){0}, &proposal, &fault),
                     -EINVAL);
    assert_string_equal(fault.field, field);
    if (strstr(fault.reason, reason) == NULL)
        fail_msg("'%s' isn't said in '%s'", reason, fault.reason);
}

static void refused(const Article *a, const char *field, const char *reason) {
    refused_bytes(rig_bytes(&r, a), field, reason);
}

static char *repeat(char c, size_t n) {
    char *s = arena_alloc(r.arena, n + 1);
    assert_non_null(s);
    memset(s, c, n);
    return s;
}

static void add_blocks(Article *a, size_t n, const char *text) {
    for (size_t i = 0; i < n; i++)
        assert_int_equal(article_add_block(r.arena, a, BLOCK_PARAGRAPH, text, strlen(text)), 0);
}

/* ---- refusals */

static void what_an_article_must_have(void **state) {
    (void)state;
    Article *a = story();
    a->uri = "";
    refused(a, "uri", "missing");
    a->uri = "urn:a b";
    refused(a, "uri", "white space");
    (a = story())->version = 0;
    refused(a, "version", "missing");
    (a = story())->kind = KIND_UNSPECIFIED;
    refused(a, "kind", "none of");
    (a = story())->kind = 9;
    refused(a, "kind", "none of");
    (a = story())->status = 9;
    refused(a, "status", "none of");
    (a = story())->urgency = 10;
    refused(a, "urgency", "10");
    (a = story())->page_date = "2031-02-29";
    refused(a, "page_date", "2031-02-29");
    (a = story())->headline = "";
    refused(a, "headline", "missing");
    a->status = STATUS_CANCELED;
    taken(a, "news/brief");
    a = story();
    add_blocks(a, 3, "text");
    a->blocks[2]->type = BLOCK_UNSPECIFIED;
    refused(a, "blocks[2].type", "no type");
    (a = story())->headline = "two\nlines";
    refused(a, "headline", "line break");
    a = story();
    assert_int_equal(article_push_string(r.arena, &a->byline, &a->n_byline, "a\rb", 3), 0);
    refused(a, "byline", "line break");
    (a = story())->note_to_editors = "two\nlines";
    taken(a, "news/brief");
}

/* At each limit it is taken, one beyond it is refused. */
static void limits(void **state) {
    (void)state;
    Article *a = story();
    a->uri = repeat('u', LIMIT_URI_BYTES);
    taken(a, "news/brief");
    a->uri = repeat('u', LIMIT_URI_BYTES + 1);
    refused(a, "uri", "1024 are the most");
    (a = story())->headline = repeat('h', LIMIT_LINE_BYTES);
    taken(a, "news/brief");
    a->headline = repeat('h', LIMIT_LINE_BYTES + 1);
    refused(a, "headline", "4096 are the most");
    a = story();
    for (size_t i = 0; i < LIMIT_REPEATED; i++)
        assert_int_equal(article_push_string(r.arena, &a->keywords, &a->n_keywords, "k", 1), 0);
    taken(a, "news/brief");
    assert_int_equal(article_push_string(r.arena, &a->keywords, &a->n_keywords, "k", 1), 0);
    refused(a, "keywords[256]", "256");
    a = story();
    add_blocks(a, LIMIT_BLOCKS, "");
    taken(a, "news/brief");
    add_blocks(a, 1, "");
    refused(a, "blocks[8192]", "8192");
}

static void the_configured_size(void **state) {
    (void)state;
    Article *a = story();
    size_t around = rig_bytes(&r, a).len;
    a->note_to_editors = repeat('n', (64 << 10) - around - 5);
    assert_int_equal(rig_bytes(&r, a).len, 64 << 10);
    taken(a, "news/brief");
    a->note_to_editors = repeat('n', (64 << 10) - around - 4);
    refused(a, "", "65537 bytes; 65536 are the most");
}

static void bytes_that_are_no_article(void **state) {
    (void)state;
    static const uint8_t wrong_type[] = {0x08, 0x01}, cut[] = {0x0a, 0x05, 'u'};
    refused_bytes((struct slice){0}, "uri", "missing");
    refused_bytes((struct slice){wrong_type, sizeof wrong_type}, "uri", "type");
    refused_bytes((struct slice){cut, sizeof cut}, "", "well-formed");
    Article *a = story();
    a->headline = "a\xff\xfe";
    refused(a, "headline", "UTF-8");
    a->headline = "a\xed\xa0\x80"; /* a surrogate */
    refused(a, "headline", "UTF-8");
    a = story();
    a->headline = "a?b";
    struct slice bytes = rig_bytes(&r, a);
    *(uint8_t *)memchr(bytes.data, '?', bytes.len) = 0;
    refused_bytes(bytes, "headline", "NUL");
}

/* ---- sections */

static Article *placed(const char *section, const char *label, const char *headline,
                       const char *text) {
    Article *a = story();
    a->section = (char *)section;
    a->section_label = (char *)label;
    a->headline = (char *)headline;
    add_blocks(a, 1, text);
    return a;
}

static void where_an_article_goes(void **state) {
    (void)state;
    taken(placed("farm", "简讯", "h", "river"), "farm/brief");    /* its own key */
    taken(placed("时政简讯", "", "h", ""), "briefs/brief");       /* its own title */
    taken(placed("", "简 讯", "river", ""), "briefs/brief");      /* label, before keywords */
    taken(placed("", "柳溪简讯", "h", ""), "briefs/brief");       /* its ending */
    taken(placed("", "In Brief", "h", ""), "briefs/brief");       /* case aside */
    taken(placed("", "其他", "绿色麦田", ""), "farm/brief");      /* a label that says nothing */
    taken(placed("", "", "h", "a river rose"), "water/brief");    /* keyword in the text */
    taken(placed("", "", "h", "tractor in river"), "farm/brief"); /* the first section's */
    taken(placed("", "", "h", "nothing"), "news/brief");          /* the default */
    Article *a = placed("farm", "", "h", "");
    a->kind = KIND_PHOTO;
    taken(a, "farm/photo");
    a->kind = KIND_ARTICLE;
    taken(a, "farm/article");
    refused(placed("nowhere", "简讯", "h", ""), "section", "'nowhere'");
}

static void an_unknown_section_may_take_the_default(void **state) {
    (void)state;
    taken(placed("nowhere", "", "h", ""), "water/brief");
    taken(placed("../etc/passwd", "", "h", ""), "water/brief");
    taken(placed("", "", "h", ""), "water/brief");
    taken(placed("news", "", "h", ""), "news/brief");
}

/* A refusal that quotes the article stays valid UTF-8 and within its room. */
static void a_quoted_section_is_cut_within_no_character(void **state) {
    (void)state;
    char section[400] = "";
    for (size_t i = 0; i + 4 < sizeof section; i += 3)
        memcpy(section + i, "版", 4);
    Article *a = story();
    a->section = section;
    refused(a, "section", "版版");
    Newswire__V1__Error error = NEWSWIRE__V1__ERROR__INIT;
    error.message = fault.reason;
    rig_unpack(&r, &newswire__v1__error__descriptor, rig_pack(&r, &error.base));
}

/* ---- what the log is asked */

static void the_proposal(void **state) {
    (void)state;
    Article *a = story();
    uint8_t digest[LIMIT_DIGEST_BYTES];
    a->version = 7;
    a->embargoed_until = INT64_C(1933459200000000);
    struct slice bytes = rig_bytes(&r, a);
    assert_int_equal(admit(&r.settings, r.arena, bytes, (struct slice){0}, &proposal, &fault), 0);
    assert_ptr_equal(proposal.article.data, bytes.data); /* as its maker made it */
    assert_int_equal(proposal.article.len, bytes.len);
    assert_string_equal(proposal.uri, "urn:a:1");
    assert_int_equal(proposal.version, 7);
    assert_int_equal(proposal.hold_until_usec, INT64_C(1933459200000000));
    assert_false(proposal.canceled);
    assert_null(proposal.cookie);
    codec_content_digest(a, digest);
    assert_memory_equal(proposal.content_digest, digest, sizeof digest);
    a->status = STATUS_CANCELED;
    taken(a, "news/brief");
    assert_true(proposal.canceled);
    assert_memory_not_equal(proposal.content_digest, digest, sizeof digest);
    a->status = STATUS_WITHHELD;
    taken(a, "news/brief");
    assert_false(proposal.canceled);
}

/* The digest is of what the article says, not of its bytes or its topic. */
static void the_digest_is_of_the_content(void **state) {
    (void)state;
    uint8_t digest[LIMIT_DIGEST_BYTES];
    Article *a = story();
    taken(a, "news/brief");
    memcpy(digest, proposal.content_digest, sizeof digest);
    a->created_at = 12345;
    taken(a, "news/brief");
    assert_memory_equal(proposal.content_digest, digest, sizeof digest);
    a->headline = "other";
    taken(a, "news/brief");
    assert_memory_not_equal(proposal.content_digest, digest, sizeof digest);
}

static void short_of_memory(void **state) {
    (void)state;
    struct arena *small = arena_new(64);
    Article *a = story();
    add_blocks(a, 100, "text");
    assert_int_equal(
        admit(&r.settings, small, rig_bytes(&r, a), (struct slice){0}, &proposal, &fault), -ENOMEM);
    arena_free(small);
}

static void outcomes_are_counted(void **state) {
    (void)state;
    struct admit_counts c = {0};
    static const enum log_outcome outcomes[] = {LOG_ACCEPTED,    LOG_DUPLICATE, LOG_DUPLICATE,
                                                LOG_HELD,        LOG_HELD,      LOG_HELD,
                                                LOG_UNAVAILABLE, LOG_RELEASED};
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
        admit_count(&c, outcomes[i]);
    for (int i = 0; i < 4; i++)
        admit_count(&c, LOG_REFUSED);
    assert_int_equal(c.accepted, 1);
    assert_int_equal(c.duplicate, 2);
    assert_int_equal(c.held, 3);
    assert_int_equal(c.refused, 4);
    assert_int_equal(c.unavailable, 1);
    assert_int_equal(c.malformed, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_an_article_must_have),
        TEST(limits),
        TEST(the_configured_size),
        TEST(bytes_that_are_no_article),
        TEST(where_an_article_goes),
        cmocka_unit_test_setup_teardown(an_unknown_section_may_take_the_default, set_up_lenient,
                                        tear_down),
        TEST(a_quoted_section_is_cut_within_no_character),
        TEST(the_proposal),
        TEST(the_digest_is_of_the_content),
        TEST(short_of_memory),
        TEST(outcomes_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
