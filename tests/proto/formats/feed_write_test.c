#include "proto/formats/feed_write.h"

#include "proto/parse.h"
#include "proto/rules.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena *arena;
static struct rules rules;

/* 2031-04-09T00:00:00Z */
static const int64_t day = 1933459200LL * 1000000;

static int set_up(void **state) {
    (void)state;
    arena = arena_new(64 << 20);
    return arena == NULL || rules_defaults(arena, &rules) < 0 ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    arena = arena_free(arena);
    return 0;
}

static char *copy(const char *text) {
    return arena_strndup(arena, text, strlen(text));
}

static Article *make(const char *uri, const char *headline, const char *text) {
    Article *x = article_new(arena);
    x->uri = copy(uri);
    x->headline = copy(headline);
    x->version = 1;
    x->kind = KIND_ARTICLE;
    assert_int_equal(article_add_block(arena, x, BLOCK_PARAGRAPH, text, strlen(text)), 0);
    return x;
}

static const char hostile[] =
    "]]> <script>alert(1)</script> & \"quotes\" 'too' \x01\x1f \xef\xbf\xbf 📰 港口";

/* A full article, a photo without headline, and one that tries to break out. */
static size_t make_items(struct feed_item items[3]) {
    Article *full = make("urn:x:full", "港口扩建 & the port", "First paragraph.");
    full->language = copy("zh-Hans");
    full->section = copy("economy");
    full->section_label = copy("经济");
    full->subheadline = copy("A subheadline");
    full->dateline = copy("HARTWELL");
    full->rights = copy("(c) The office");
    assert_int_equal(article_push_string(arena, &full->kicker, &full->n_kicker, "A kicker", 8), 0);
    assert_int_equal(article_push_string(arena, &full->byline, &full->n_byline, "Jane Doe", 8), 0);
    assert_int_equal(article_push_string(arena, &full->byline, &full->n_byline, "王禾", 6), 0);
    assert_int_equal(article_push_string(arena, &full->keywords, &full->n_keywords, "port", 4), 0);
    assert_int_equal(article_add_block(arena, full, BLOCK_CROSSHEAD, "A crosshead", 11), 0);
    assert_int_equal(article_add_block(arena, full, BLOCK_LIST_ITEM, "an item", 7), 0);
    assert_int_equal(article_add_block(arena, full, BLOCK_QUOTE, "a quote", 7), 0);
    Media *m = arena_alloc(arena, sizeof *m);
    newswire__v1__media__init(m);
    m->href = copy("https://office.example/a.jpg");
    m->media_type = copy("image/jpeg");
    m->size_bytes = 1234;
    assert_int_equal(article_push(arena, (void ***)&full->media, &full->n_media, m), 0);
    Article *photo = make("with blank/and%sign", "",
                          "The mayor opens the bridge; it is a long caption that goes on "
                          "and on, well beyond what a title should have.");
    photo->kind = KIND_PHOTO;
    Article *bad = make("urn:x:bad", hostile, hostile);
    assert_int_equal(article_push_string(arena, &bad->byline, &bad->n_byline, "<b>Eve</b>", 10), 0);
    items[0] = (struct feed_item){full, day, day + 3600 * 1000000LL, "https://office.example/full"};
    items[1] = (struct feed_item){photo, day - 1000000, day - 1000000, NULL};
    items[2] = (struct feed_item){bad, day - 2000000, day - 2000000, NULL};
    return 3;
}

static const struct feed_head head = {.id = "urn:newswire:feed:economy",
                                      .title = "经济 & more",
                                      .author = "The press office",
                                      .description = "All of it",
                                      .home_url = "https://office.example/",
                                      .self_url = "https://office.example/economy.atom",
                                      .language = "zh-Hans",
                                      .rights = "(c) The office",
                                      .updated_usec = 1933462800LL * 1000000};

static struct slice write_feed(enum feed_kind kind, const struct feed_head *h,
                               const struct feed_item *items, size_t n) {
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(feed_write(out, arena, kind, h, items, n), 0);
    fclose(out);
    struct slice bytes = slice_of(arena_strndup(arena, text, len));
    free(text);
    return bytes;
}

static struct parsed read_back(struct slice bytes) {
    struct parsed parsed;
    struct parse_fault fault;
    struct parse_input input = {.bytes = bytes, .name = ""};
    if (parse(arena, &rules, "feed", &input, &parsed, &fault) < 0)
        fail_msg("%s: %s\n%s", fault.fault.field, fault.fault.reason, bytes.data);
    return parsed;
}

static void what_is_written_is_read_again(void **state) {
    (void)state;
    struct feed_item items[3];
    size_t n = make_items(items);
    for (int kind = 0; kind < FEED_KINDS; kind++) {
        struct parsed p = read_back(write_feed((enum feed_kind)kind, &head, items, n));
        assert_int_equal(p.n_articles, 3);
        const Article *x = p.articles[0];
        assert_string_equal(x->uri, "urn:x:full");
        assert_string_equal(x->headline, "港口扩建 & the port");
        assert_int_equal(x->n_byline, 2);
        assert_string_equal(x->byline[1], "王禾");
        assert_string_equal(x->blocks[0]->text, "A kicker");
        assert_string_equal(x->blocks[1]->text, "A subheadline");
        assert_int_equal(x->blocks[3]->type, BLOCK_CROSSHEAD);
        assert_int_equal(x->blocks[4]->type, BLOCK_LIST_ITEM);
        assert_int_equal(x->blocks[5]->type, BLOCK_QUOTE);
        assert_int_equal(x->n_media, 1);
        assert_string_equal(p.articles[1]->uri, "urn:newswire:uri:with%20blank%2Fand%25sign");
        assert_non_null(strstr(p.articles[1]->headline, "…"));
        /* It came through as text. */
        assert_non_null(strstr(p.articles[2]->blocks[0]->text, "<script>alert(1)</script>"));
        assert_non_null(strstr(p.articles[2]->blocks[0]->text, "📰 港口"));
        assert_string_equal(p.articles[2]->byline[0], "<b>Eve</b>");
    }
}

static void an_empty_feed_is_whole(void **state) {
    (void)state;
    json_error_t error;
    struct slice json = write_feed(FEED_JSONFEED, &head, NULL, 0);
    json_t *feed = json_loadb((const char *)json.data, json.len, 0, &error);
    assert_non_null(feed);
    assert_int_equal(json_array_size(json_object_get(feed, "items")), 0);
    json_decref(feed);
    assert_non_null(strstr((const char *)write_feed(FEED_ATOM, &head, NULL, 0).data, "</feed>"));
    assert_non_null(
        strstr((const char *)write_feed(FEED_RSS, &head, NULL, 0).data, "</channel></rss>"));
}

static void kinds_have_names(void **state) {
    (void)state;
    assert_int_equal(feed_kind_find("jsonfeed"), FEED_JSONFEED);
    assert_true(feed_kind_find("netnews") < 0);
}

/* With WRITE_FEEDS=FOLDER, feeds for a validator. */
static void feeds_for_a_validator(void **state) {
    (void)state;
    const char *folder = getenv("WRITE_FEEDS");
    const struct feed_head bare = {
        .id = "urn:newswire:feed:x", .title = "Bare", .author = "Office", .updated_usec = day};
    struct feed_item items[3];
    size_t n = make_items(items);
    for (int kind = 0; kind < FEED_KINDS; kind++)
        for (int variant = 0; variant < 3; variant++) {
            char path[512];
            struct slice bytes = variant == 0   ? write_feed((enum feed_kind)kind, &head, items, n)
                                 : variant == 1 ? write_feed((enum feed_kind)kind, &bare, items, n)
                                                : write_feed((enum feed_kind)kind, &bare, NULL, 0);
            snprintf(path, sizeof path, "%s/%d%s", folder, variant, feed_kinds[kind].suffix);
            FILE *out = fopen(path, "we");
            assert_non_null(out);
            fwrite(bytes.data, 1, bytes.len, out);
            fclose(out);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_feed_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kinds_have_names, set_up, tear_down),
    };
    const struct CMUnitTest writing[] = {
        cmocka_unit_test_setup_teardown(feeds_for_a_validator, set_up, tear_down),
    };
    if (getenv("WRITE_FEEDS") != NULL)
        return cmocka_run_group_tests(writing, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
